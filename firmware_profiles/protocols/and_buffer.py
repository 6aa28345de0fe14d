"""A&D's one setting that matters here: whether a cuff keeps what it could not send.

It is read first and written only where it says “nothing is kept”: then the cuff holds nothing that a change could cost.
An answer that is not understood changes nothing.

A frame is its length, a kind (0 reads, 1 writes, 2 answers), a command and a value; it is written to the
characteristic, and the answer is read from there.

Sources: A&D UA-651BLE SDK V1.2, 2014-10-27, through a third-party digest (frames, commands A6 and D6, values of the
UA-651BLE); a digest of the decompiled app of Nipro (the same frames); public scripts for the UA-656BLE, which quote the
vendor's specification (its value).
"""

from __future__ import annotations

from typing import Final

from firmware_profiles.conversation import Conversation, Situation, Write, read

COMMANDS: Final = "233bf001-5a34-1b6d-975c-000d5690abe4"
RECORDS: Final[tuple[str, ...]] = ()

READ_SIZE: Final = b"\x02\x00\xd6"
SIZE_IS: Final = b"\x03\x02\xd6"
SET_SIZE: Final = b"\x03\x01\xa6"
_NOTHING_KEPT: Final = SIZE_IS + b"\x00"
# 30 records, and 200 in the younger model.
_UA_651_SIZE: Final = b"\x01"
_UA_656_SIZE: Final = b"\x02"


def size(name: str | None) -> bytes:
    """Return the value for the largest memory of the model that advertises under a name."""
    return _UA_656_SIZE if name is not None and "UA-656" in name else _UA_651_SIZE


def conversation(situation: Situation) -> Conversation:
    """Have the cuff keep what it cannot send, if it keeps nothing."""
    if COMMANDS not in situation.characteristics:
        return
    yield Write(COMMANDS, READ_SIZE)
    answer = yield from read(COMMANDS)
    if answer[: len(_NOTHING_KEPT)] == _NOTHING_KEPT:
        yield Write(COMMANDS, SET_SIZE + size(situation.name))
