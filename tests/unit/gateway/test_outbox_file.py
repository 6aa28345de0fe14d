"""The outbox's files: one process, one key, and nothing lost when a disk or a power cut damages them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from gateway import errors, outbox_repair, outbox_salvage
from gateway.outbox import Outbox
from gateway.record import CapturedRecord

Captured = Callable[[int], CapturedRecord]

# Appends for ever; prints each number after its commit has returned.
_APPENDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from firmware_profiles import wire
from gateway.outbox import Outbox
from gateway.record import CapturedRecord

at = datetime(2026, 11, 21, tzinfo=UTC)
outbox = Outbox(Path(sys.argv[1]), at)
number = int(sys.argv[2])
while True:
    number += 1
    seq = outbox.append(CapturedRecord(
        "C4:65:1B:00:00:01", "standard-cuff", 1, "2a35", number.to_bytes(4, "big"), at,
        wire.GatewayClock.UNKNOWN, None, "UTC", wire.Link.ENCRYPTED,
    ))
    print(seq, number, flush=True)
"""


def test_every_acknowledged_record_is_there_when_the_process_is_killed_again_and_again(
    tmp_path: Path, at: datetime
) -> None:
    ledger: dict[int, int] = {}
    for round_number in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _APPENDER, str(tmp_path), str(round_number * 1_000_000)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(20 + 13 * round_number):
            seq, number = process.stdout.readline().split()
            ledger[int(seq)] = int(number)
        process.kill()
        # What it still wrote before it died counts as well.
        for line in process.stdout.read().splitlines():
            if len(line.split()) == 2 and line.endswith(line.split()[1]):
                seq, number = line.split()
                ledger.setdefault(int(seq), int(number))
        process.stdout.close()
        process.wait()
    outbox = Outbox(tmp_path, at)
    found = {row.seq: int.from_bytes(row.record.raw, "big") for row in outbox.waiting(1_000_000)}
    outbox.close()
    assert ledger.items() <= found.items()
    assert sorted(found) == list(range(1, len(found) + 1))


def test_second_process_is_refused_when_the_first_is_alive(tmp_path: Path, at: datetime) -> None:
    first = Outbox(tmp_path, at)
    with pytest.raises(errors.OutboxError) as refused:
        Outbox(tmp_path, at)
    assert refused.value.reason is errors.StorageReason.IN_USE
    first.close()
    Outbox(tmp_path, at).close()


def test_start_is_refused_when_others_may_read_the_key(tmp_path: Path, at: datetime) -> None:
    Outbox(tmp_path, at).close()
    (tmp_path / "outbox.key").chmod(0o640)
    with pytest.raises(errors.OutboxError, match="chmod 600") as refused:
        Outbox(tmp_path, at)
    assert refused.value.reason is errors.StorageReason.KEY_EXPOSED


def test_files_are_private_and_unreadable_without_the_key_when_written(
    tmp_path: Path, outbox: Outbox, captured: Captured
) -> None:
    outbox.append(captured(0x41424344))
    folder = tmp_path / "state"
    modes = {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir()}
    assert not any(modes.values()), modes
    assert not any(b"ABCD" in path.read_bytes() for path in folder.glob("outbox.db*"))


def _damage_header(folder: Path) -> None:
    path = folder / "outbox.db"
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])


def _lose_key(folder: Path) -> None:
    (folder / "outbox.key").unlink()


def _empty(folder: Path) -> None:
    (folder / "outbox.db").write_bytes(b"")


@pytest.mark.parametrize("damage", [_damage_header, _lose_key, _empty])
def test_damaged_file_is_kept_and_a_new_epoch_begins_when_nothing_is_readable(
    tmp_path: Path,
    at: datetime,
    captured: Captured,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = Outbox(tmp_path, at)
    epoch = first.epoch
    first.append(captured(1))
    first.close()
    damage(tmp_path)
    damaged = (tmp_path / "outbox.db").read_bytes()
    second = Outbox(tmp_path, at)
    assert second.epoch != epoch
    assert second.waiting_count == 0
    (repair,) = second.salvages()
    # Nothing was ever published, so nobody knows how many there were.
    assert (repair.saved, repair.highest_seq, repair.unsaved) == (0, None, ())
    second.close()
    (aside,) = tmp_path.glob("outbox.db.damaged-*")
    assert aside.read_bytes() == damaged
    assert "outbox_damaged" in {
        record.msg for record in caplog.records if record.levelname == "ERROR"
    }


def test_readable_rows_are_saved_when_a_page_is_damaged(
    tmp_path: Path, at: datetime, captured: Captured
) -> None:
    first = Outbox(tmp_path, at)
    epoch = first.epoch
    for number in range(400):
        first.append(captured(number))
    first.set_watermark("A", "meter", 9)
    first.close()
    path = tmp_path / "outbox.db"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF  # one flipped bit pattern in one page of rows
    path.write_bytes(content)
    second = Outbox(tmp_path, at)
    saved = {row.record.raw for row in second.waiting(1000)}
    assert second.epoch != epoch
    assert 300 < len(saved) < 400
    assert saved <= {captured(number).raw for number in range(400)}
    assert second.watermark("A", "meter") == 9
    (repair,) = second.salvages()
    assert (repair.epoch, repair.found_at, repair.reason) == (epoch, at, "bad_pages")
    assert (repair.highest_seq, repair.saved) == (400, len(saved))
    lost = {n for first, last in repair.unsaved for n in range(first, last + 1)}
    assert lost == {n + 1 for n in range(400) if captured(n).raw not in saved}
    assert repair.unsaved_count == 400 - len(saved)
    second.close()
    third = Outbox(tmp_path, at)
    assert third.salvages() == [repair]  # until the end of this outbox
    third.close()


def test_new_epoch_begins_when_commits_that_were_published_have_vanished(
    tmp_path: Path, at: datetime, captured: Captured
) -> None:
    folder = tmp_path / "live"
    first = Outbox(folder, at)
    for number in range(5):
        first.append(captured(number))
    first._file.connection.execute("pragma wal_checkpoint(truncate)")
    for number in range(5, 10):
        first.append(captured(number))
    first.mark_published(list(range(1, 11)), at)
    # A copy without its write-ahead log: what a torn log looks like after a power cut.
    cut = tmp_path / "cut"
    cut.mkdir()
    for name in ("outbox.db", "outbox.key", "outbox.mark"):
        shutil.copy2(folder / name, cut / name)
    second = Outbox(cut, at)
    assert second.epoch != first.epoch
    assert len(second.waiting(100)) == 5
    (repair,) = second.salvages()
    assert (repair.epoch, repair.highest_seq) == (first.epoch, 10)
    assert repair.unsaved == ((6, 10),)
    first.close()
    second.close()


def test_same_epoch_goes_on_when_a_power_cut_left_the_log_whole(
    tmp_path: Path, at: datetime, captured: Captured
) -> None:
    folder = tmp_path / "live"
    first = Outbox(folder, at)
    for number in range(5):
        first.append(captured(number))
    first.mark_published([1, 2, 3, 4, 5], at)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    second = Outbox(copy, at)
    assert (second.epoch, second.waiting_count) == (first.epoch, 5)
    first.close()
    second.close()


def test_start_is_refused_when_a_newer_version_wrote_the_outbox(
    tmp_path: Path, at: datetime
) -> None:
    first = Outbox(tmp_path, at)
    first._file.connection.execute("update instance set layout = 2")
    first.close()
    with pytest.raises(errors.OutboxError) as refused:
        Outbox(tmp_path, at)
    assert refused.value.reason is errors.StorageReason.NEWER
    assert not list(tmp_path.glob("*.damaged-*"))


def test_repair_is_finished_when_it_was_cut_off_between_its_renames(
    tmp_path: Path, at: datetime, captured: Captured
) -> None:
    first = Outbox(tmp_path, at)
    first.append(captured(1))
    first.close()
    (tmp_path / "outbox.db").rename(tmp_path / outbox_repair._REPAIRED_NAME)
    (tmp_path / "outbox.db-wal").write_bytes(b"damaged log")
    second = Outbox(tmp_path, at)
    assert second.waiting_count == 1
    second.close()
    assert [path.read_bytes() for path in tmp_path.glob("outbox.db.damaged-*-wal")] == [
        b"damaged log"
    ]


def test_nothing_can_be_read_again_when_the_outbox_was_wiped(
    tmp_path: Path, at: datetime, captured: Captured
) -> None:
    first = Outbox(tmp_path, at)
    epoch = first.epoch
    for number in range(50):
        first.append(captured(number))
    first.wipe()
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"outbox.lock", "outbox.ballast", "outbox.mark"}
    with pytest.raises(errors.OutboxError):  # nobody comes in between
        Outbox(tmp_path, at)
    first.close()
    second = Outbox(tmp_path, at)
    assert second.epoch != epoch
    assert second.highest_seq == 0
    second.close()


def test_numbers_are_known_from_the_mark_when_nothing_else_is_readable(
    tmp_path: Path, at: datetime, captured: Captured
) -> None:
    first = Outbox(tmp_path, at)
    for number in range(3):
        first.append(captured(number))
    first.mark_published([1, 2], at)
    first.close()
    _damage_header(tmp_path)
    second = Outbox(tmp_path, at)
    (repair,) = second.salvages()
    assert (repair.epoch, repair.highest_seq, repair.unsaved) == (first.epoch, 2, ((1, 2),))
    second.close()


@pytest.mark.parametrize(
    ("saved", "highest", "holes"),
    [
        ([], 0, ()),
        ([], 3, ((1, 3),)),
        ([1, 2, 3], 3, ()),
        ([2, 5, 6], 9, ((1, 1), (3, 4), (7, 9))),
        ([4], 2, ((1, 3),)),
    ],
)
def test_holes_are_the_numbers_between_what_was_saved(
    saved: list[int], highest: int, holes: tuple[tuple[int, int], ...]
) -> None:
    assert outbox_salvage.holes(saved, max(highest, *saved, 0)) == holes
