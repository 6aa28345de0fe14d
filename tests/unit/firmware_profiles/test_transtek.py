"""Transtek's cuffs: passwords, records that are sent once, and what their octets mean."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.conversation import (
    ConversationError,
    Keep,
    Listen,
    Notification,
    Situation,
    Write,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.protocols import transtek
from firmware_profiles.readings import BloodPressureReading, Result
from tests.protocol_leader import HOME_TIME, Led

ADDRESS = "12:34:56:78:90:AB"
REVISION_A, REVISION_B = bytes.fromhex("78563412"), bytes.fromhex("ab907856")
AT = datetime(2026, 7, 1, 8, 15, 30)  # noqa: DTZ001
RECORDS = [transtek.encode(AT, 141, 87, 66), transtek.encode(AT, 128, 79, 61)]


@dataclass
class Cuff:
    """A cuff's side: asks, checks, sends once."""

    password: bytes = REVISION_A
    is_pairing: bool = False
    records: list[bytes] = field(default_factory=lambda: list(RECORDS))
    asks: bool = True
    listened: set[str] = field(default_factory=set)

    def __call__(self, action: Write | Listen) -> list[Notification] | None:
        if isinstance(action, Listen):
            self.listened.add(action.characteristic)
            if not self.asks or self.listened != {transtek.QUESTIONS, transtek.MEASUREMENTS}:
                return []
            return self._ask(transtek.PASSWORD) if self.is_pairing else self._challenge()
        assert action.characteristic == transtek.COMMANDS
        command, content = action.content[0], action.content[1:]
        if command == transtek.SET_BROADCAST:
            return self._challenge()
        if command == transtek.RESPONSE:
            return [] if content == transtek.response(b"\1\2\3\4", self.password) else None
        if command == transtek.GO_ON:
            if self.records:
                return [Notification(transtek.MEASUREMENTS, self.records.pop(0))]
            return self._ask(transtek.LEAVING)
        return []

    def _ask(self, question: int) -> list[Notification]:
        content = self.password if question == transtek.PASSWORD else b""
        return [Notification(transtek.QUESTIONS, bytes([question]) + content)]

    @staticmethod
    def _challenge() -> list[Notification]:
        return [Notification(transtek.QUESTIONS, bytes([transtek.CHALLENGE]) + b"\1\2\3\4")]


def hold(cuff: Cuff, memory: dict[str, bytes] | None = None) -> Led:
    led = Led(cuff, memory=dict(memory or {}))
    return led.lead(transtek.conversation(Situation(ADDRESS, memory=dict(led.memory))))


def test_records_are_kept_before_they_are_acknowledged_and_the_clock_is_set() -> None:
    led = hold(Cuff())
    assert led.kept == RECORDS
    acknowledged = [
        position
        for position, event in enumerate(led.events)
        if isinstance(event, Write) and event.content == bytes([transtek.GO_ON])
    ]
    kept = [position for position, event in enumerate(led.events) if isinstance(event, Keep)]
    assert acknowledged[1] > kept[0]
    assert acknowledged[2] > kept[1]
    seconds = (HOME_TIME.local - transtek.EPOCH).total_seconds()
    assert bytes([transtek.SET_TIME]) + int(seconds).to_bytes(4, "little") in led.written
    assert led.memory["password"] == REVISION_A


@pytest.mark.parametrize(("guess", "password"), [(0, REVISION_A), (1, REVISION_B), (2, REVISION_A)])
def test_guesses_are_those_of_both_revisions(guess: int, password: bytes) -> None:
    assert transtek.guessed_password(ADDRESS, guess) == password


def test_other_password_is_tried_in_the_next_session() -> None:
    cuff = Cuff(password=REVISION_B)
    led = Led(cuff)
    with pytest.raises(EOFError):
        led.lead(transtek.conversation(Situation(ADDRESS)))
    assert "password" not in led.memory
    again = hold(Cuff(password=REVISION_B), led.memory)
    assert again.kept == RECORDS
    assert again.memory["password"] == REVISION_B


def test_password_handed_out_in_pairing_mode_counts_from_then_on() -> None:
    led = hold(Cuff(password=b"abcd", is_pairing=True))
    assert led.memory["password"] == b"abcd"
    assert led.kept == RECORDS
    assert hold(Cuff(password=b"abcd"), led.memory).kept == RECORDS


def test_technician_is_told_when_the_cuff_asks_for_nothing() -> None:
    with pytest.raises(ConversationError, match="hold its button"):
        hold(Cuff(asks=False))


def test_record_means_what_the_cuff_showed() -> None:
    # The layout of the driver's description, with numbers of our own.
    raw = bytes.fromhex("34 8d00 5700 0000") + (3600).to_bytes(4, "little")
    raw += bytes.fromhex("4200 01 05 00 00")
    assert transtek.decode(raw) == BloodPressureReading(
        device_time=datetime(2010, 1, 1, 1),  # noqa: DTZ001
        user_slot=None,
        result=Result.MEASURED,
        systolic_mmhg=141.0,
        diastolic_mmhg=87.0,
        mean_arterial_mmhg=None,
        pulse_bpm=66.0,
        qualifiers=("body_movement", "irregular_pulse", "battery_low"),
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", FrameReason.SHORT_FRAME),
        (RECORDS[0][:-1], FrameReason.SHORT_FRAME),
        (RECORDS[0] + b"\0", FrameReason.TRAILING_BYTES),
        (b"\x35" + RECORDS[0][1:], FrameReason.RESERVED_VALUE),
        (transtek.encode(AT, 87, 141, 66), FrameReason.IMPOSSIBLE_VALUE),
        (transtek.encode(AT, 0, 0, 0), FrameReason.IMPOSSIBLE_VALUE),
    ],
)
def test_refuses_what_is_no_record(raw: bytes, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as refused:
        transtek.decode(raw)
    assert refused.value.reason is reason


@given(st.binary(max_size=40))
def test_raises_nothing_but_our_error(raw: bytes) -> None:
    with contextlib.suppress(FrameError):
        transtek.decode(raw)


@given(
    st.datetimes(datetime.fromisoformat("2010-01-02"), datetime.fromisoformat("2140-01-01")).map(
        lambda at: at.replace(microsecond=0)
    ),
    st.integers(10, 400),
    st.integers(10, 400),
    st.integers(10, 400),
)
def test_reads_what_it_wrote(at: datetime, one: int, other: int, pulse: int) -> None:
    reading = transtek.decode(transtek.encode(at, max(one, other), min(one, other), pulse))
    assert (reading.device_time, reading.pulse_bpm) == (at, pulse)
    assert (reading.systolic_mmhg, reading.diastolic_mmhg) == (max(one, other), min(one, other))
