"""Transtek's cuffs: Welch Allyn 1500 (RPM-BP100) and 1700 (H-BP100-SBP).

The cuff challenges whoever connects, and hangs up on a wrong response. The response is the challenge, exclusive-or a
password of four octets: half of the cuff's own Bluetooth address in the order of the air, which half depends on its
revision. In pairing mode the cuff hands the password out itself; that one counts from then on.

Each record is sent once: what the link has confirmed the cuff forgets. So a record is kept as the first act of its
arrival, and acknowledged to the cuff only then.

The vendor's application sets the clock to standard time all year round. We set it to the home's wall-clock time, as
for every other cuff, because this cuff hands its records to one host only: they carry the time we set.

Source: casebeer/welch-allyn-bp100-python@e4723ac, read from logs of the vendor's application and tried on two cuffs.
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from typing import Final

from firmware_profiles import blood_pressure, errors
from firmware_profiles.conversation import (
    Conversation,
    ConversationError,
    Listen,
    Pause,
    Remember,
    Situation,
    Write,
    home_time,
    next_notification,
)
from firmware_profiles.errors import FrameReason
from firmware_profiles.pulse import HIGHEST_BPM, LOWEST_BPM
from firmware_profiles.readings import BloodPressureReading, Result

COMMANDS: Final = "8a81"  # to the cuff
QUESTIONS: Final = "8a82"  # from the cuff
MEASUREMENTS: Final = "8a91"
RECORDS: Final = (MEASUREMENTS,)

PASSWORD, CHALLENGE, LEAVING = 0xA0, 0xA1, 0x22
SET_TIME, RESPONSE, SET_BROADCAST, GO_ON = 0x02, 0x20, 0x21, 0x22
# Any four octets: the cuff shows them in its name once it is paired.
BROADCAST: Final = b"HVTK"
EPOCH: Final = datetime(2010, 1, 1)  # noqa: DTZ001  # the cuff's clock knows no zone

_QUESTION_SIZE: Final = 5
_RECORD: Final = struct.Struct("<B H H H I H B B B B")
_HEADER: Final = 0x34
_MOTION, _IRREGULAR, _BATTERY_OK = 0x01, 0x04, 0x01
# The cuff sends for 30 to 60 s after a measurement; a host that answers is not kept waiting for longer than this.
_SILENCE_S: Final = 10.0
# The vendor's application leaves the cuff this long between its question and our answer.
_BREATH_S: Final = 0.01


def conversation(situation: Situation) -> Conversation:
    """Answer the cuff's challenge, set its clock, take its records.

    Raises:
        ConversationError: the cuff asked for nothing, or went on with nothing after our answer.
    """
    secret = situation.memory.get("password")
    guess = int.from_bytes(situation.memory.get("guess", b"\0"), "little")
    answered_with: bytes | None = None
    yield Listen(MEASUREMENTS, keeps_records=True)
    yield Listen(QUESTIONS)
    while heard := (yield from next_notification(_SILENCE_S, may_hang_up=True)):
        if heard.characteristic == MEASUREMENTS or heard.content[:1] == bytes([LEAVING]):
            if secret is None and answered_with is not None:
                secret = answered_with  # it went on: the password was right
                yield Remember("password", secret)
            if heard.characteristic == QUESTIONS:
                return
            yield Write(COMMANDS, bytes([GO_ON]))
        elif heard.content[:1] == bytes([PASSWORD]) and len(heard.content) >= _QUESTION_SIZE:
            secret = heard.content[1:_QUESTION_SIZE]
            yield Remember("password", secret)
            yield Write(COMMANDS, bytes([SET_BROADCAST]) + BROADCAST)
        elif heard.content[:1] == bytes([CHALLENGE]) and len(heard.content) >= _QUESTION_SIZE:
            if secret is None:
                # If this one is wrong the cuff hangs up on us: the next session takes the other.
                yield Remember("guess", bytes([1 - guess % 2]))
            answered_with = secret or guessed_password(situation.address, guess)
            yield Pause(_BREATH_S)
            challenge = heard.content[1:_QUESTION_SIZE]
            yield Write(COMMANDS, bytes([RESPONSE]) + response(challenge, answered_with))
            home = yield from home_time()
            yield Write(COMMANDS, bytes([SET_TIME]) + clock_setting(home.local))
            yield Write(COMMANDS, bytes([GO_ON]))
    if answered_with is None:
        raise ConversationError(
            "the cuff did not ask for its password; take a measurement next to the gateway, or hold its button to pair"
        )
    if secret is None:
        raise ConversationError(
            "the cuff did not accept the password; the other one it may have is tried next time"
        )


def guessed_password(address: str, guess: int) -> bytes:
    """Return one of the two passwords that a cuff has been seen to have.

    Args:
        address: its Bluetooth address, as printed on it.
        guess: 0, the last four octets in the order of the air (revision A, cuff that comes off); 1, the first four
            (revision B).
    """
    in_air_order = bytes.fromhex(address.replace(":", ""))[::-1]
    return in_air_order[:4] if guess % 2 else in_air_order[-4:]


def response(challenge: bytes, password: bytes) -> bytes:
    """Answer a challenge."""
    return bytes(one ^ other for one, other in zip(challenge, password, strict=True))


def clock_setting(local: datetime) -> bytes:
    """Write a naive wall-clock time as the cuff takes it: seconds since the beginning of 2010."""
    return struct.pack("<I", int((local - EPOCH).total_seconds()))


def encode(
    taken_at: datetime,
    systolic_mmhg: int,
    diastolic_mmhg: int,
    pulse_bpm: int,
    *,
    irregular: bool = False,
    moved: bool = False,
    battery_ok: bool = True,
) -> bytes:
    """Write a record as the cuff does; `taken_at` is naive, by its clock."""
    flags = _IRREGULAR * irregular | _MOTION * moved
    seconds = int((taken_at - EPOCH).total_seconds())
    return _RECORD.pack(
        _HEADER, systolic_mmhg, diastolic_mmhg, 0, seconds, pulse_bpm, 1, flags, 0, battery_ok
    )


def decode(raw: bytes) -> BloodPressureReading:
    """Read a record.

    Raises:
        FrameError: it is not one of 17 octets with the header that all known ones have, or its numbers are no person's.
    """
    if len(raw) != _RECORD.size:
        reason = FrameReason.SHORT_FRAME if len(raw) < _RECORD.size else FrameReason.TRAILING_BYTES
        raise errors.FrameError(reason, f"a record has {_RECORD.size} octets, this has {len(raw)}")
    header, systolic, diastolic, _, seconds, pulse, _, flags, _, device = _RECORD.unpack(raw)
    if header != _HEADER:
        raise errors.FrameError(FrameReason.RESERVED_VALUE, "the record has another header")
    blood_pressure.require_plausible(systolic, diastolic)
    has_pulse = LOWEST_BPM <= pulse <= HIGHEST_BPM
    return BloodPressureReading(
        # 0 is a clock that nobody has set.
        device_time=EPOCH + timedelta(seconds=seconds) if seconds else None,
        user_slot=None,
        result=Result.MEASURED,
        systolic_mmhg=float(systolic),
        diastolic_mmhg=float(diastolic),
        mean_arterial_mmhg=None,
        pulse_bpm=float(pulse) if has_pulse else None,
        qualifiers=tuple(
            name
            for name, is_so in (
                ("body_movement", flags & _MOTION),
                ("irregular_pulse", flags & _IRREGULAR),
                ("pulse_implausible", not has_pulse),
                ("battery_low", not device & _BATTERY_OK),
            )
            if is_so
        ),
    )
