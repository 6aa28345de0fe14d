"""The outbox's promises: stored means stored, numbers are never given twice, only a receipt ends the duty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware_profiles import wire
from firmware_profiles.wire_health import Closure
from gateway import ballast, errors, outbox_look
from gateway.outbox import Outbox
from gateway.outbox_limits import Limits
from gateway.outbox_rows import Acquaintance, State
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
    look = outbox_look.into(tmp_path / "state", 3)
    assert (look.epoch, [row.seq for row in look.rows]) == (outbox.epoch, [3, 4, 5])


def test_listing_says_so_when_there_is_no_outbox(tmp_path: Path) -> None:
    with pytest.raises(errors.OutboxError) as refused:
        outbox_look.into(tmp_path, 3)
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


SMALL = Limits(size_bytes=256 * 1024, age=timedelta(days=30))


def wide(number: int, captured: Captured) -> CapturedRecord:
    return replace(captured(number), raw=bytes(wire.MAX_RAW_BYTES))


@pytest.fixture
def small(tmp_path: Path, at: datetime) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "small", at, SMALL)
    yield opened
    opened.close()


def test_thirty_days_without_a_server_fit_into_ten_megabytes_when_twenty_readings_come_a_day(
    outbox: Outbox, captured: Captured, at: datetime, tmp_path: Path
) -> None:
    for number in range(30 * 20):
        outbox.append(replace(captured(number), received_at=at + timedelta(hours=1.2 * number)))
    files = sum(path.stat().st_blocks * 512 for path in (tmp_path / "state").iterdir())
    assert files < 10_000_000
    assert outbox.fill().size_bytes < 500_000
    assert outbox.closure(at + timedelta(days=30)) is None
    assert outbox.waiting_count == 600


def test_no_conversation_begins_when_what_waits_fills_the_room(
    small: Outbox, captured: Captured, at: datetime
) -> None:
    assert small.closure(at) is None
    count = 0
    while small.fill().size_bytes < SMALL.size_bytes:
        small.append(wide(count, captured))
        count += 1
    assert small.closure(at) is Closure.SIZE
    # One that has begun brings more than a meter remembers, and none of it is refused.
    for number in range(1000):
        small.append(wide(number, captured))
    with pytest.raises(errors.OutboxError, match="no room") as refused:
        append_for_ever(small, captured)
    assert refused.value.reason is errors.StorageReason.FULL
    # Nothing went to make room, and with receipts room comes back.
    waiting = small.waiting_count
    assert waiting > count + 1000
    small.mark_published(range(1, waiting + 1), at)
    small.apply_receipt(receipt(small, 1, waiting), at)
    assert small.closure(at) is None
    assert small.append(captured(1)) == waiting + 1


def test_receipted_rows_go_before_their_time_when_new_ones_need_the_room(
    small: Outbox, captured: Captured, at: datetime
) -> None:
    seqs = [small.append(wide(number, captured)) for number in range(400)]
    small.mark_published(seqs, at)
    small.apply_receipt(receipt(small, 1, 390), at)
    assert small.fill().size_bytes > SMALL.size_bytes / 2
    while small.closure(at) is None and small.highest_seq < 2000:
        small.append(wide(1, captured))
    assert small.closure(at) is Closure.SIZE
    assert small.waiting_count == small.highest_seq - 390  # each that has no receipt is there


def test_disk_is_what_is_full_when_not_even_room_can_be_made(
    small: Outbox, captured: Captured, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    while small.fill().size_bytes < SMALL.size_bytes:
        small.append(wide(1, captured))

    def refuse(*_: object) -> list[int]:
        raise errors.OutboxError(errors.StorageReason.FULL)

    monkeypatch.setattr(small, "_write", refuse)
    assert small.closure(at) is Closure.DISK


def test_no_conversation_begins_when_the_server_has_taken_nothing_for_too_long(
    small: Outbox, captured: Captured, at: datetime
) -> None:
    small.append(replace(captured(1), received_at=at))
    assert small.closure(at + timedelta(days=29)) is None
    assert small.closure(at + timedelta(days=31)) is Closure.AGE
    # The server answers again, but never for this one: the others go on.
    small.append(captured(2))
    small.mark_published([2], at)
    small.apply_receipt(receipt(small, 2, 2), at + timedelta(days=31))
    assert small.closure(at + timedelta(days=32)) is None
    assert small.closure(at + timedelta(days=62)) is Closure.AGE


def test_last_receipt_is_remembered_when_its_row_has_gone(
    small: Outbox, captured: Captured, at: datetime
) -> None:
    small.append(captured(1))
    small.mark_published([1], at)
    small.apply_receipt(receipt(small, 1, 1), at)
    assert small.prune(at + timedelta(days=9), limit=10) == 1
    assert small.fill().last_receipt_at == at


def test_age_is_nobody_s_guess_when_a_record_came_while_the_clock_was_unset(
    small: Outbox, captured: Captured, at: datetime
) -> None:
    unset = datetime(1970, 1, 1, tzinfo=UTC)
    clock = wire.GatewayClock.UNSYNCHRONISED
    small.append(replace(captured(1), received_at=unset, gateway_clock=clock))
    assert small.fill().oldest_waiting_at is None
    assert small.closure(at) is None


def test_record_that_finds_the_disk_full_is_kept_when_the_ballast_makes_room(
    outbox: Outbox, captured: Captured, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = outbox._file.connection
    pages = connection.execute("pragma page_count").fetchone()["page_count"]
    connection.execute(f"pragma max_page_count = {pages}")
    release = ballast.Ballast.release

    def make_room(reserve: ballast.Ballast) -> bool:
        connection.execute("pragma max_page_count = 100000")
        return release(reserve)

    monkeypatch.setattr(ballast.Ballast, "release", make_room)
    count = 0
    while outbox.closure(at) is None:
        assert outbox.append(captured(count)) == count + 1
        count += 1
    assert outbox.closure(at) is Closure.DISK
    assert outbox.waiting_count == count


def test_what_is_known_of_a_peripheral_stays_when_the_gateway_starts_again(
    tmp_path: Path, at: datetime
) -> None:
    first = Outbox(tmp_path, at)
    first.note_acquaintance(Acquaintance("AA:BB:CC:DD:EE:01", "cuff", at, -70, 80, at))
    later = at + timedelta(days=1)
    first.note_acquaintance(Acquaintance("AA:BB:CC:DD:EE:01", "cuff", later, None, None, None))
    first.close()
    second = Outbox(tmp_path, at)
    known = Acquaintance("AA:BB:CC:DD:EE:01", "cuff", later, -70, 80, at)
    assert second.acquaintances() == [known]
    assert outbox_look.into(tmp_path, 0).acquaintances == [known]
    second.close()


def test_outbox_of_before_can_be_looked_into_when_this_version_has_not_run_yet(
    tmp_path: Path, at: datetime, captured: Captured
) -> None:
    first = Outbox(tmp_path, at)
    first.append(captured(1))
    for table in ("last_receipt", "salvage", "unsaved", "acquaintance"):
        first._file.connection.execute(f"drop table {table}")
    first.close()
    look = outbox_look.into(tmp_path, 10)
    assert (len(look.rows), look.fill.waiting, look.salvages, look.acquaintances) == (1, 1, [], [])
    second = Outbox(tmp_path, at)  # and it is brought up to date without losing anything
    assert (second.epoch, second.waiting_count) == (look.epoch, 1)
    second.close()
