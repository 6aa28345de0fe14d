"""OneTouch meters of the Verio family: Verio Flex, Verio Reflect, Select Plus Flex, Ultra Plus Flex.

The meter counts its tests over its whole life. Two numbers follow: the counter of tests, which also names each record,
and how many records it holds. We ask for records from the newest back to the last one that we have, or until we have as
many as the meter holds. A record's number lasts; its place in the memory, which the meter also knows, moves with every
new test, and is never used. A record does not tell its number: it is known again by its time and value.

A record is kept before it is acknowledged. The clock is set last, and only if it is a minute or more off: meters have
been seen to fall silent when commands follow the setting too fast, and then only the setting is lost.

Sources: xDrip (NightscoutFoundation/xDrip@24ab633, VerioHelper) and tidepool-org/uploader@0185809 (oneTouchVerioBLE),
which agree on requests, answers and the epoch; glucometers-tech/glucometer-protocols@d0234c5 (OneTouch Verio 2015) for
the meaning of the counter; tryVital/vital-ios (VerioGlucoseMeter) for the octets that readers hold to zero; JugglucoNG
(VerioSessionTest) for a packet that a meter sent.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from datetime import datetime, timedelta
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
    NoteReached,
    Pause,
    Situation,
    Write,
    home_time,
    next_notification,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.protocols import lifescan_frames
from firmware_profiles.readings import GlucoseReading, Result

SERVICE: Final = "af9df7a1-e595-11e3-96b4-0002a5d5c51b"
REQUESTS: Final = "af9df7a2-e595-11e3-96b4-0002a5d5c51b"  # to the meter
ANSWERS: Final = "af9df7a3-e595-11e3-96b4-0002a5d5c51b"  # from the meter
RECORDS: Final = (ANSWERS,)

READ_CLOCK, SET_CLOCK = b"\x20\x02", b"\x20\x01"
READ_COUNTER, READ_RECORD_COUNT, READ_RECORD = b"\x0a\x02\x06", b"\x27\x00", b"\xb3"
OK, NOT_ALLOWED, NOT_SUPPORTED, NO_SUCH_RECORD, FAILED = 0x06, 0x07, 0x08, 0x09, 0x0F
# 946684799 s after 1970 in both sources: one second before the year 2000.
EPOCH: Final = datetime(1999, 12, 31, 23, 59, 59)  # noqa: DTZ001  # the meter's clock knows no zone

# Time, value (mg/dL), control solution, tag, three octets that nobody has seen set in a reading.
_RECORD: Final = struct.Struct("<I H B B 3s")
_RECORD_SIZE: Final = _RECORD.size
# In the frame of an answer, after its head and the status.
_RECORD_AT, _TAG_AT = 5, 12
_NEVER_SET: Final = (bytes(_RECORD_SIZE), b"\xff" * _RECORD_SIZE)
_TIMES_OF_NO_CLOCK: Final = (0, 0xFFFF_FFFF)
# What the display shows as HI and LO. Source: the meters' owner's booklets, through Tidepool's checklist.
_HIGHEST_MG_DL, _LOWEST_MG_DL = 600, 20

# Both sources wait 2 s for a record and ask five times.
_ANSWER_TIMEOUT_S: Final = 2.0
_ATTEMPTS: Final = 5
# More notifications than any answer has: whoever sends them does not answer.
_MOST_PACKETS: Final = 64
# A test that gave no value has a number and does not count as held: the oldest record may lie so much further back.
_MOST_UNCOUNTED: Final = 32
# Below this the display, which shows no seconds, gains nothing.
_CLOCK_TOLERANCE_S: Final = 60.0
_AFTER_CLOCK_S: Final = 2.0


def conversation(situation: Situation) -> Conversation:
    """Read the clock and every record that we have not, then set the clock.

    Raises:
        ConversationError: the meter does not answer, or does not allow what we ask.
    """
    meter = _Meter()
    yield Listen(ANSWERS)
    shown = clock_time((yield from meter.number(READ_CLOCK, 4)))
    is_right = False
    if shown is not None:
        yield NoteClock(shown)
        home = yield from home_time()
        is_right = abs((home.local - shown).total_seconds()) < _CLOCK_TOLERANCE_S
    counter = yield from meter.number(READ_COUNTER, 4)
    held = yield from meter.number(READ_RECORD_COUNT, 2)
    known = situation.watermark
    # A counter behind ours is another meter's, or that of one that was reset.
    floor = known if known is not None and known <= counter else 0
    yield from _read_records(meter, counter, floor, held)
    yield NoteReached(counter)
    if not is_right:
        yield from meter.set_clock()


def _read_records(
    meter: _Meter, counter: int, floor: int, held: int
) -> Generator[Action, Answer, None]:
    """Keep the records from `counter` down to above `floor`, or all that the meter holds."""
    oldest = max(floor, counter - held - _MOST_UNCOUNTED) + 1
    found = 0
    for number in range(counter, oldest - 1, -1):
        if found == held:
            return
        found += yield from meter.keep_record(READ_RECORD + (number & 0xFFFF).to_bytes(2, "little"))


class _Meter:
    """The other side: asks it one thing after the other."""

    def __init__(self) -> None:
        self._last_answer = b""

    def number(self, request: bytes, size: int) -> Generator[Action, Answer, int]:
        """Ask for an unsigned number of so many octets."""
        frame, acknowledgement = yield from self._ask(request)
        yield _written(acknowledgement)
        status, content = _status_and_content(frame)
        if status != OK or len(content) != size:
            raise ConversationError("the meter answers in a way that this profile does not know")
        return int.from_bytes(content, "little")

    def keep_record(self, request: bytes) -> Generator[Action, Answer, bool]:
        """Ask for a record and keep it; return whether there is one that counts among those that the meter holds."""
        frame, acknowledgement = yield from self._ask(request)
        for _ in range(_ATTEMPTS - 1):
            if _status_and_content(frame)[0] != FAILED:
                break
            yield _written(acknowledgement)
            frame, acknowledgement = yield from self._ask(request)
        status, content = _status_and_content(frame)
        is_record = status == OK and bool(content) and content not in _NEVER_SET
        if is_record:
            yield Keep(ANSWERS, frame)
        yield _written(acknowledgement)
        # A test that gave no value has a number, but is not counted. Source: Tidepool.
        return is_record and content[4:6] != b"\0\0"

    def set_clock(self) -> Generator[Action, Answer, None]:
        """Set the clock to the home's wall-clock time; the next conversation will see whether it was taken."""
        local = (yield from home_time()).local
        answer = yield from self._ask_once(SET_CLOCK + clock_setting(local))
        if answer is not None:
            frame, acknowledgement = answer
            yield _written(acknowledgement)
            _status_and_content(frame)
        yield Pause(_AFTER_CLOCK_S)

    def _ask(self, request: bytes) -> Generator[Action, Answer, tuple[bytes, bytes]]:
        """Ask until there is an answer; return its frame, and what acknowledges its last packet."""
        for _ in range(_ATTEMPTS):
            answer = yield from self._ask_once(request)
            if answer is not None:
                return answer
        raise ConversationError(
            "the meter does not answer; switch its Bluetooth off and on, and keep it near the gateway"
        )

    def _ask_once(self, request: bytes) -> Generator[Action, Answer, tuple[bytes, bytes] | None]:
        for packet in lifescan_frames.packets(lifescan_frames.framed(request)):
            yield _written(packet)
        assembly = lifescan_frames.Assembly()
        was_heard = False
        for _ in range(_MOST_PACKETS):
            heard = yield from next_notification(_ANSWER_TIMEOUT_S)
            if heard is None:
                return None
            packet = heard.content
            was_heard |= lifescan_frames.is_acknowledgement(packet)
            if not lifescan_frames.is_content(packet):
                continue
            frame = assembly.add(packet)
            if frame is None:
                if assembly.is_begun:
                    yield _written(lifescan_frames.acknowledgement(packet))
            elif frame == self._last_answer and not was_heard:
                # It missed that we have this one. After it has heard the next question it means its answer to that.
                yield _written(lifescan_frames.acknowledgement(packet))
            elif _is_whole(frame):
                self._last_answer = frame
                return frame, lifescan_frames.acknowledgement(packet)
        return None


def _written(packet: bytes) -> Write:
    # Some readers wait for the link's confirmation and some do not: whichever way the meter offers.
    return Write(REQUESTS, packet, response=None)


def _is_whole(frame: bytes) -> bool:
    try:
        return bool(lifescan_frames.message_of(frame))
    except FrameError:
        return False  # it stays unacknowledged, and is asked for again


def _status_and_content(frame: bytes) -> tuple[int, bytes]:
    message = lifescan_frames.message_of(frame)
    status, content = message[0], message[1:]
    if status == NOT_ALLOWED:
        raise ConversationError(
            "the meter does not allow it: it has lost its bond; delete that on both sides and pair again"
        )
    if status == NOT_SUPPORTED:
        raise ConversationError(
            "the meter does not know what it was asked: this profile is not for it"
        )
    return status, content


def clock_time(seconds: int) -> datetime | None:
    """Return the naive wall-clock time that a number of seconds means, or None if no clock was set."""
    return None if seconds in _TIMES_OF_NO_CLOCK else EPOCH + timedelta(seconds=seconds)


def clock_setting(local: datetime) -> bytes:
    """Write a naive wall-clock time as the meter takes it."""
    return struct.pack("<I", int((local - EPOCH).total_seconds()))


def encode(
    taken_at: datetime, glucose_mg_dl: int, *, control_solution: bool = False, tag: int = 0
) -> bytes:
    """Write the answer with a record as the meter does; `taken_at` is naive, by its clock."""
    seconds = int((taken_at - EPOCH).total_seconds())
    record = _RECORD.pack(seconds, glucose_mg_dl, control_solution, tag, bytes(3))
    return lifescan_frames.framed(bytes([OK]) + record)


def identity(raw: bytes) -> bytes:
    """Return what of a record never changes: not the tag, which its user may set later, nor the checksum."""
    return raw[_RECORD_AT:_TAG_AT] + raw[_TAG_AT + 1 : _RECORD_AT + _RECORD_SIZE]


def decode(raw: bytes) -> GlucoseReading:
    """Read the answer with a record.

    Raises:
        FrameError: it is not a whole one, or says something that nobody has explained.
    """
    message = lifescan_frames.message_of(raw)
    if len(message) != 1 + _RECORD_SIZE:
        reason = (
            FrameReason.SHORT_FRAME if len(message) <= _RECORD_SIZE else FrameReason.TRAILING_BYTES
        )
        raise errors.FrameError(reason, f"a record has {_RECORD_SIZE} octets after its status")
    if message[0] != OK:
        raise errors.FrameError(FrameReason.RESERVED_VALUE, "the answer is a refusal")
    seconds, glucose_mg_dl, control_solution, _, unexplained = _RECORD.unpack(message[1:])
    if control_solution > 1 or any(unexplained):
        raise errors.FrameError(
            FrameReason.RESERVED_VALUE, "octets are set whose meaning is not known"
        )
    result = _result(glucose_mg_dl, is_control=bool(control_solution))
    device_time = clock_time(seconds)
    return GlucoseReading(
        sequence_number=None,
        base_time=device_time,
        device_time=device_time,
        result=result,
        glucose_mg_dl=float(glucose_mg_dl) if result is Result.MEASURED else None,
        qualifiers=(),
        context_follows=False,
    )


def _result(glucose_mg_dl: int, *, is_control: bool) -> Result:
    if is_control:
        return Result.CONTROL_SOLUTION
    if glucose_mg_dl == 0:
        return Result.NOT_MEASURABLE
    if glucose_mg_dl > _HIGHEST_MG_DL:
        return Result.ABOVE_RANGE
    return Result.BELOW_RANGE if glucose_mg_dl < _LOWEST_MG_DL else Result.MEASURED
