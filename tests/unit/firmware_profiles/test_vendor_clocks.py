"""Clocks that are set in a vendor's way."""

from __future__ import annotations

from datetime import datetime

import pytest

from firmware_profiles.conversation import (
    ConversationError,
    Listen,
    NoteClock,
    Notification,
    Situation,
    Write,
)
from firmware_profiles.protocols import caresens_clock, contour_clock
from tests.protocol_leader import Led

ADDRESS = "AA:BB:CC:00:00:01"


def test_contour_is_told_utc_and_the_offset_of_the_home() -> None:
    # 2026-07-01 12:30:00 UTC, four hours behind it.
    led = Led(lambda _: []).lead(contour_clock.conversation(Situation(ADDRESS)))
    assert led.written == [bytes.fromhex("01 ea07 07 01 0c 1e 00 10ff")]


@pytest.mark.parametrize("clock", caresens_clock.CLOCKS)
def test_caresens_clock_is_noted_then_set_twice(clock: str) -> None:
    shown = datetime(2026, 7, 1, 8, 2, 11)  # noqa: DTZ001

    def meter(action: Write | Listen) -> list[Notification]:
        is_question = isinstance(action, Write) and action.content[4:] == bytes(7)
        answer = bytes.fromhex("c0030100 ea07 07 01 08 02 0b")
        return [Notification(clock, answer)] if is_question else []

    situation = Situation(ADDRESS, characteristics=frozenset({clock, "2a18"}))
    led = Led(meter).lead(caresens_clock.conversation(situation))
    setting = Write(clock, bytes.fromhex("c0030100 ea07 07 01 08 1e 00"))
    assert led.events[2:] == [NoteClock(shown), setting, setting]


@pytest.mark.parametrize(
    "answer", [None, b"", b"\xc0\x03", bytes(11), bytes.fromhex("c0030100ffff0d0101010101")]
)
def test_caresens_clock_is_set_when_the_meter_does_not_tell_it(answer: bytes | None) -> None:
    def meter(action: Write | Listen) -> list[Notification]:
        return (
            [] if answer is None or isinstance(action, Listen) else [Notification("fff1", answer)]
        )

    situation = Situation(ADDRESS, characteristics=frozenset({"fff1"}))
    led = Led(meter).lead(caresens_clock.conversation(situation))
    assert not any(isinstance(event, NoteClock) for event in led.events)
    assert len(led.written) == 3


def test_meter_without_either_clock_is_another_meter() -> None:
    with pytest.raises(ConversationError):
        Led(lambda _: []).lead(caresens_clock.conversation(Situation(ADDRESS)))
