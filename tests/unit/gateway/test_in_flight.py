"""When a record is published again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.in_flight import InFlight
from gateway.outbox import Outbox
from gateway.outbox_rows import OutboxRow
from gateway.record import CapturedRecord


def rows(outbox: Outbox, captured: Callable[[int], CapturedRecord], count: int) -> list[OutboxRow]:
    for number in range(count):
        outbox.append(captured(number))
    return outbox.waiting(1000)


def test_row_is_due_once_then_after_the_pause_when_no_receipt_comes(
    outbox: Outbox, captured: Callable[[int], CapturedRecord]
) -> None:
    stored = rows(outbox, captured, 1)
    flights = InFlight(resend_after_s=10.0)
    assert flights.due(stored, 0.0) == stored
    flights.published([1], 0.0)
    assert flights.due(stored, 7.0) == []
    assert flights.due(stored, 12.6) == stored


def test_pause_doubles_up_to_a_quarter_hour_when_receipts_stay_away() -> None:
    flights = InFlight(resend_after_s=10.0)
    pauses = []
    for _ in range(9):
        flights.published([1], 0.0)
        due_at_s = flights.next_due_at_s()
        assert due_at_s is not None
        pauses.append(due_at_s)
    assert 7.5 <= pauses[0] <= 12.5
    assert 15.0 <= pauses[1] <= 25.0
    assert all(pause <= 900 * 1.25 for pause in pauses)
    assert pauses[-1] >= 900 * 0.75


def test_new_rows_come_first_when_old_ones_are_due_again(
    outbox: Outbox, captured: Callable[[int], CapturedRecord]
) -> None:
    stored = rows(outbox, captured, 4)
    flights = InFlight(resend_after_s=1.0)
    flights.published([1, 2], 0.0)
    assert [row.seq for row in flights.due(stored, 100.0)] == [3, 4, 1, 2]


def test_everything_is_due_at_once_when_the_connection_was_new(
    outbox: Outbox, captured: Callable[[int], CapturedRecord], at: datetime
) -> None:
    stored = rows(outbox, captured, 2)
    flights = InFlight(resend_after_s=1000.0)
    flights.published([1, 2], 0.0)
    flights.forget_all()
    assert flights.due(stored, 0.0) == stored
    assert flights.next_due_at_s() is None


def test_receipted_numbers_are_forgotten_when_only_others_still_wait() -> None:
    flights = InFlight(resend_after_s=1.0)
    flights.published([1, 2, 3], 0.0)
    flights.keep_only([3])
    assert len(flights) == 1
