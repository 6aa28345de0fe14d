"""The outbox's promises: stored means stored, numbers are never given twice, only a receipt ends the duty."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from firmware_profiles import wire
from gateway import errors
from gateway import outbox as outbox_module
from gateway.outbox import Outbox, State
from gateway.record import CapturedRecord

Captured = Callable[[int], CapturedRecord]


def receipt(
    outbox: Outbox, first: int, last: int, status: wire.ReceiptStatus = wire.ReceiptStatus.STORED
) -> wire.Receipt:
    return wire.Receipt(outbox.epoch, (wire.ReceiptItem(first, last, status),))


def test_row_holds_what_was_captured_when_read_back(outbox: Outbox, captured: Captured) -> None:
    seq = outbox.append(captured(7))
    (row,) = outbox.waiting(10)
    assert (row.seq, row.record, row.state, row.attempts) == (seq, captured(7), State.WAITING, 0)


def test_numbers_are_gapless_and_not_reused_when_rows_were_pruned(
    outbox: Outbox, captured: Captured, at: datetime
) -> None:
    assert [outbox.append(captured(n)) for n in range(3)] == [1, 2, 3]
    outbox.mark_published([1, 2, 3], at)
    outbox.apply_receipt(receipt(outbox, 1, 3), at)
    assert outbox.prune(at + timedelta(days=1), limit=10) == 3
    assert outbox.highest_seq == 3
    assert outbox.append(captured(4)) == 4


def test_rows_and_epoch_stay_when_reopened(
    tmp_path: Path, captured: Captured, at: datetime
) -> None:
    first = Outbox(tmp_path, at)
    epoch = first.epoch
    first.append(captured(1))
    first.close()
    second = Outbox(tmp_path, at)
    assert (second.epoch, second.waiting_count) == (epoch, 1)
    assert second.append(captured(2)) == 2
    second.close()


def test_rows_leave_the_waiting_ones_when_receipted(
    outbox: Outbox, captured: Captured, at: datetime
) -> None:
    for number in range(4):
        outbox.append(captured(number))
    outbox.mark_published([1, 2, 3, 4], at)
    items = (
        wire.ReceiptItem(1, 2, wire.ReceiptStatus.STORED),
        wire.ReceiptItem(4, 4, wire.ReceiptStatus.QUARANTINED, "short_frame"),
    )
    counts = outbox.apply_receipt(wire.Receipt(outbox.epoch, items), at)
    assert counts == {"stored": 2, "quarantined": 1}
    assert [row.seq for row in outbox.waiting(10)] == [3]


@pytest.mark.parametrize(
    ("epoch", "last"),
    [pytest.param("0" * 32, 1, id="other-epoch"), pytest.param(None, 2, id="unknown-number")],
)
def test_receipt_is_ignored_when_it_is_not_for_this_outbox(
    outbox: Outbox, captured: Captured, at: datetime, epoch: str | None, last: int
) -> None:
    outbox.append(captured(1))
    outbox.mark_published([1], at)
    item = wire.ReceiptItem(1, last, wire.ReceiptStatus.STORED)
    assert not outbox.apply_receipt(wire.Receipt(epoch or outbox.epoch, (item,)), at)
    assert outbox.waiting_count == 1


def test_receipt_is_ignored_when_the_record_was_never_published(
    outbox: Outbox, captured: Captured, at: datetime
) -> None:
    outbox.append(captured(1))
    outbox.apply_receipt(receipt(outbox, 1, 1), at)
    assert outbox.waiting_count == 1


def test_waiting_rows_stay_when_pruning_however_old(
    outbox: Outbox, captured: Captured, at: datetime
) -> None:
    outbox.append(captured(1))
    outbox.append(captured(2))
    outbox.mark_published([1, 2], at)
    outbox.apply_receipt(receipt(outbox, 2, 2), at)
    assert outbox.prune(at, limit=10) == 0
    assert outbox.prune(at + timedelta(days=9), limit=10) == 1
    assert [row.seq for row in outbox.waiting(10)] == [1]


def test_pruning_stops_when_the_batch_is_full(
    outbox: Outbox, captured: Captured, at: datetime
) -> None:
    for number in range(5):
        outbox.append(captured(number))
    outbox.mark_published([1, 2, 3, 4, 5], at)
    outbox.apply_receipt(receipt(outbox, 1, 5), at)
    later = at + timedelta(days=1)
    assert [outbox.prune(later, limit=2) for _ in range(3)] == [2, 2, 1]


def test_watermark_is_the_last_one_set_when_asked_again(outbox: Outbox) -> None:
    assert outbox.watermark("A", "meter") is None
    outbox.set_watermark("A", "meter", 12)
    outbox.set_watermark("A", "meter", 4)  # a meter whose numbering started over
    assert outbox.watermark("A", "meter") == 4
    assert outbox.watermark("B", "meter") is None


def append_for_ever(outbox: Outbox, captured: Captured) -> None:
    while True:
        outbox.append(captured(0))


def test_no_new_record_is_taken_but_receipts_are_when_the_disk_is_full(
    outbox: Outbox, captured: Captured, at: datetime, tmp_path: Path
) -> None:
    connection = outbox._file.connection
    pages = connection.execute("pragma page_count").fetchone()["page_count"]
    connection.execute(f"pragma max_page_count = {pages + 1}")
    with pytest.raises(errors.OutboxError) as refused:
        append_for_ever(outbox, captured)
    assert refused.value.reason is errors.StorageReason.FULL
    stored = outbox.waiting_count
    assert not (tmp_path / "state" / "outbox.ballast").exists()
    # As if the ballast had made room: what is there may drain, nothing new comes in.
    connection.execute("pragma max_page_count = 100000")
    with pytest.raises(errors.OutboxError):
        outbox.append(captured(1))
    outbox.mark_published([1], at)
    outbox.apply_receipt(receipt(outbox, 1, 1), at)
    assert outbox.waiting_count == stored - 1
    outbox.prune(at, limit=1)  # housekeeping puts the ballast back when there is room
    assert outbox.append(captured(1)) == stored + 1


def test_listing_shows_the_newest_when_the_outbox_is_open_elsewhere(
    tmp_path: Path, outbox: Outbox, captured: Captured
) -> None:
    for number in range(5):
        outbox.append(captured(number))
    epoch, rows = outbox_module.latest(tmp_path / "state", 3)
    assert (epoch, [row.seq for row in rows]) == (outbox.epoch, [3, 4, 5])


def test_listing_says_so_when_there_is_no_outbox(tmp_path: Path) -> None:
    with pytest.raises(errors.OutboxError) as refused:
        outbox_module.latest(tmp_path, 3)
    assert refused.value.reason is errors.StorageReason.ABSENT


def test_only_what_was_receipted_since_then_waits_again_when_it_is_resent(
    outbox: Outbox, captured: Captured, at: datetime
) -> None:
    for number in range(3):
        outbox.append(captured(number))
    outbox.mark_published([1, 2, 3], at)
    outbox.apply_receipt(receipt(outbox, 1, 1), at - timedelta(seconds=1))
    outbox.apply_receipt(receipt(outbox, 2, 2, wire.ReceiptStatus.QUARANTINED), at)
    assert outbox.resend(at) == 2  # number 2, and 3, which waited anyway
    assert [row.seq for row in outbox.waiting(10)] == [2, 3]


def test_receipt_of_a_lost_database_ends_no_duty_when_records_are_resent(
    outbox: Outbox, captured: Captured, at: datetime
) -> None:
    for number in range(2):
        outbox.append(captured(number))
    outbox.mark_published([1, 2], at)
    outbox.apply_receipt(receipt(outbox, 1, 1), at)
    outbox.resend(at)
    # It waited at the broker: of a time that the restored database knows nothing of.
    assert outbox.apply_receipt(receipt(outbox, 1, 2), at) == {"stored": 0}
    outbox.mark_published([1, 2], at)
    assert outbox.apply_receipt(receipt(outbox, 1, 2), at) == {"stored": 2}
    assert outbox.waiting_count == 0
