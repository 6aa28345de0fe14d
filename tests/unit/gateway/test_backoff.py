"""Pauses between attempts."""

from __future__ import annotations

from datetime import UTC, datetime

from firmware_profiles import wire
from gateway import clock_quality
from gateway.backoff import Backoff


def test_pauses_grow_to_a_limit_and_start_over_when_something_succeeds() -> None:
    limits = [2.0, 4.0, 8.0, 16.0, 16.0]
    for _ in range(50):
        backoff = Backoff(shortest_s=1.0, longest_s=16.0)
        pauses = [backoff.after_failure_s() for _ in limits]
        assert all(1.0 <= pause <= limit for pause, limit in zip(pauses, limits, strict=True))
        backoff.reset()
        assert backoff.after_failure_s() <= 2.0


def test_pauses_differ_when_many_fail_together() -> None:
    firsts = {Backoff(shortest_s=1.0, longest_s=60.0).after_failure_s() for _ in range(20)}
    assert len(firsts) > 10


def test_clock_is_unsynchronised_when_it_stands_in_1970() -> None:
    assert clock_quality.judge(datetime(1970, 1, 1, tzinfo=UTC)) is wire.GatewayClock.UNSYNCHRONISED


def test_clock_is_never_called_wrong_when_it_may_be_right() -> None:
    judged = clock_quality.judge(datetime(2026, 11, 21, tzinfo=UTC))
    assert judged in {wire.GatewayClock.SYNCHRONISED, wire.GatewayClock.UNKNOWN}
