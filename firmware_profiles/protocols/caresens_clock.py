"""The clock of i-SENS' CareSens meters (ReliOn Premier too): asked for, then set to the home's wall-clock time.

Records come over the standard's Glucose Service; only the clock is proprietary. The meter answers the question with
what it shows. It is slow to confirm a setting, so nobody waits for that; and some need the setting twice.

Sources: tidepool-org/uploader@3651507, bluetoothLEDriver.js (question, answer, no wait for the confirmation, both
characteristics: protocol 1.4 and 1.5); xDrip (NightscoutFoundation/xDrip@c2a0ba1, caresens/TimeTx, written twice).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from firmware_profiles import errors
from firmware_profiles.conversation import (
    Conversation,
    ConversationError,
    Listen,
    NoteClock,
    Situation,
    Write,
    home_time,
    next_notification,
)
from firmware_profiles.gatt_time import DATE_TIME_SIZE, DateTime

# Protocol 1.5 and 1.4.
CLOCKS: Final = ("c4dea3bc-5a9d-11e9-8647-d663bd873d93", "fff1")
RECORDS: Final[tuple[str, ...]] = ()

_COMMAND: Final = b"\xc0\x03\x01\x00"
_QUESTION: Final = _COMMAND + bytes(DATE_TIME_SIZE)
_ANSWER_TIMEOUT_S: Final = 5.0


def conversation(situation: Situation) -> Conversation:
    """Note what the meter's clock shows, then set it.

    Raises:
        ConversationError: it has neither of the characteristics.
    """
    clock = next((one for one in CLOCKS if one in situation.characteristics), None)
    if clock is None:
        raise ConversationError("the meter has no clock that this profile knows")
    yield Listen(clock)
    yield Write(clock, _QUESTION)
    answer = yield from next_notification(_ANSWER_TIMEOUT_S)
    shown = None if answer is None else shown_time(answer.content)
    if shown is not None:
        yield NoteClock(shown)
    for _ in range(2):
        home = yield from home_time()
        yield Write(clock, setting(home.local))


def setting(local: datetime) -> bytes:
    """Write a naive wall-clock time as the meter takes it."""
    return _COMMAND + DateTime.of(local).to_bytes()


def shown_time(answer: bytes) -> datetime | None:
    """Return the naive time in an answer, or None if it holds none."""
    try:
        return DateTime.from_bytes(answer[len(_COMMAND) :]).wall_clock()
    except errors.FrameError:
        return None
