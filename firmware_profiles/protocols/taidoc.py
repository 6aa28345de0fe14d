"""TaiDoc's own protocol, of FORA and TaiDoc cuffs and meters: eight octets asked, eight answered.

A frame is 51, command, four octets, A3 from the host or A5 from the device, and the sum of the first seven. The device
wakes at a first command and may answer it late, twice or with an unasked 54: what does not answer the question is
passed over. Record 0 is the newest, so an index says nothing about a record; the newest record of the last session is
remembered, and the next session asks until it meets that one. Nothing is ever cleared.

A record is two answers, its time (25) and its value (26); what the value means depends on the model (24). So a record
is kept as these three answers and, for a device with several users, the user asked for. It is the same whenever it is
read.

Sources: glucometers-tech/glucometerutils@54e8272, td42xx.py (frames, clock, dates, meal marks);
YentingChia-Ultron/Ultron-esp32BLE@e04dc29, foraBP.c (cuffs); advmeds-service/advmeds-bluetooth-lib@0e83080 (which
models write what, ketone); markchuang56/iOS-Demo@52c4f8b, ForaD40.h (users, kind, irregular pulse). No vendor document.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from datetime import datetime
from enum import IntEnum
from typing import Final

from firmware_profiles import errors
from firmware_profiles.conversation import (
    Action,
    Answer,
    Conversation,
    ConversationError,
    Keep,
    Listen,
    NoteClock,
    Remember,
    Situation,
    Write,
    home_time,
    next_notification,
)
from firmware_profiles.errors import FrameReason
from firmware_profiles.protocols import taidoc_record
from firmware_profiles.readings import Decoded

CHANNEL: Final = "00001524-1212-efde-1523-785feabcd123"
RECORDS: Final = (CHANNEL,)

START, FROM_HOST, FROM_DEVICE = 0x51, 0xA3, 0xA5
FRAME_SIZE: Final = 8
_ANSWER_TIMEOUT_S: Final = 2.0
# The first command only wakes the device; two within ten seconds are asked for.
_ATTEMPTS: Final = 4
# The FORA D40 keeps four people apart; the others answer for user 0.
_USERS: Final = {taidoc_record.D40: (1, 2, 3, 4)}
# None remembers more; an answer above it is a misread one.
_MAX_RECORDS: Final = 1000


class Command(IntEnum):
    """What the host asks for."""

    READ_CLOCK = 0x23
    READ_MODEL = 0x24
    READ_RECORD_TIME = 0x25
    READ_RECORD_VALUE = 0x26
    COUNT_RECORDS = 0x2B
    SET_CLOCK = 0x33
    SWITCH_OFF = 0x50


def conversation(situation: Situation) -> Conversation:
    """Ask for the model, the clock and what is new; set the clock; switch the device off.

    Raises:
        ConversationError: the device does not answer.
    """
    yield Listen(CHANNEL)
    model_answer = yield from _ask(Command.READ_MODEL)
    shown = taidoc_record.minute_of((yield from _ask(Command.READ_CLOCK)))
    if shown is not None:
        yield NoteClock(shown)
    home = yield from home_time()
    yield from _ask(Command.SET_CLOCK, clock_setting(home.local))
    for user in _USERS.get(taidoc_record.model(model_answer), (0,)):
        yield from _take_new(situation, model_answer, user)
    yield Write(CHANNEL, frame(Command.SWITCH_OFF))


def _take_new(situation: Situation, model_answer: bytes, user: int) -> Conversation:
    """Keep one user's records that came after the newest one of the last session, oldest first."""
    name = f"newest of user {user}"
    known = situation.memory.get(name)
    count_answer = yield from _ask(Command.COUNT_RECORDS, struct.pack("<BBBB", user, 0, 0, 0))
    count = struct.unpack_from("<H", count_answer, 2)[0]
    if count > _MAX_RECORDS:
        raise ConversationError("the device says that it holds more records than it can")
    found: list[bytes] = []
    for index in range(count):
        selection = struct.pack("<HBB", index, 0, user)
        time_answer = yield from _ask(Command.READ_RECORD_TIME, selection)
        value_answer = yield from _ask(Command.READ_RECORD_VALUE, selection)
        raw = model_answer + time_answer + value_answer + bytes([user])
        if raw == known:
            break
        found.append(raw)
    for raw in reversed(found):
        yield Keep(CHANNEL, raw)
    if found:
        yield Remember(name, found[0])


def _ask(command: Command, content: bytes = bytes(4)) -> Generator[Action, Answer, bytes]:
    """Ask until the device answers what it was asked; return the whole answer."""
    for _ in range(_ATTEMPTS):
        yield Write(CHANNEL, frame(command, content))
        while heard := (yield from next_notification(_ANSWER_TIMEOUT_S)):
            if is_sound(heard.content) and heard.content[1] == command:
                return heard.content
    raise ConversationError("the device does not answer; switch it on next to the gateway")


def frame(command: int, content: bytes = bytes(4), direction: int = FROM_HOST) -> bytes:
    """Return a frame with its sum."""
    body = struct.pack("<BB4sB", START, command, content, direction)
    return body + bytes([sum(body) & 0xFF])


def is_sound(answer: bytes) -> bool:
    """Whether octets are a whole frame of the device's."""
    return (
        len(answer) == FRAME_SIZE
        and answer[0] == START
        and answer[6] == FROM_DEVICE
        and answer[7] == sum(answer[:7]) & 0xFF
    )


def clock_setting(local: datetime) -> bytes:
    """Write a naive wall-clock time as the device takes it, to the minute."""
    return taidoc_record.packed_minute(local)


def decode(raw: bytes) -> Decoded:
    """Read a record.

    Raises:
        FrameError: it is not three sound answers and a user, it is of a model or a kind that nobody has described, or
            its numbers are no person's.
    """
    size = 3 * FRAME_SIZE + 1
    if len(raw) != size:
        reason = FrameReason.SHORT_FRAME if len(raw) < size else FrameReason.TRAILING_BYTES
        raise errors.FrameError(reason, f"a record has {size} octets, this has {len(raw)}")
    answers = [raw[at : at + FRAME_SIZE] for at in range(0, 3 * FRAME_SIZE, FRAME_SIZE)]
    commands = [Command.READ_MODEL, Command.READ_RECORD_TIME, Command.READ_RECORD_VALUE]
    if not all(map(is_sound, answers)) or [answer[1] for answer in answers] != commands:
        raise errors.FrameError(FrameReason.RESERVED_VALUE, "an answer in the record is not sound")
    return taidoc_record.reading(*answers, user=raw[-1] or None)
