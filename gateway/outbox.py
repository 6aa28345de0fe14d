"""The outbox: every record a peripheral sent, from its arrival until the server's receipt.

All calls come from one thread, the event loop's. They block for the length of a commit (about a millisecond on an
SD card's good day), and that is the point: when `append` returns, the record survives a power cut.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlcipher3 import dbapi2 as sqlite

from firmware_profiles import wire
from gateway import errors, outbox_database, outbox_file, published_mark, statements
from gateway.ballast import Ballast
from gateway.outbox_database import Row
from gateway.record import CapturedRecord

log = logging.getLogger(__name__)

_SQL: Final = statements.load()


class State(StrEnum):
    """Whether the gateway's duty for a record is done."""

    WAITING = "waiting"
    RECEIPTED = "receipted"


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One record in the outbox.

    Attributes:
        seq: its number in the epoch.
        record: what was captured.
        state: waiting until a receipt names it.
        attempts: how often it was published.
        published_at: last publication, gateway clock.
        receipt_status: what the server did with it, once receipted.
        receipt_reason: why it was quarantined, if it was.
        receipted_at: when the receipt arrived, gateway clock.
    """

    seq: int
    record: CapturedRecord
    state: State
    attempts: int
    published_at: datetime | None
    receipt_status: str | None
    receipt_reason: str | None
    receipted_at: datetime | None


class Outbox:
    """The open outbox of this process."""

    def __init__(self, folder: Path, now: datetime) -> None:
        """Open the outbox in a state folder, making or repairing it as needed.

        Raises:
            OutboxError: another process holds it, its key is exposed, or the disk refuses.
        """
        self._file = outbox_file.open_exclusively(folder, now)
        self._ballast = Ballast(folder)
        self._ballast.restore()
        self._highest_marked = published_mark.load(folder, self.epoch)

    @property
    def epoch(self) -> str:
        """Name this instance of the outbox: 32 hexadecimal digits."""
        return self._file.epoch

    @property
    def highest_seq(self) -> int:
        """Return the last number given."""
        return int(self._one("highest_seq")["highest"])

    @property
    def waiting_count(self) -> int:
        """Return how many records have no receipt yet."""
        return int(self._one("count_waiting")["waiting"])

    def append(self, record: CapturedRecord) -> int:
        """Store a record and return its number; when this returns, the record is on the disk.

        Raises:
            OutboxError: it is not stored: FULL (ask the peripheral again later) or FAILED.
        """
        if not self._ballast.is_held:
            raise errors.OutboxError(
                errors.StorageReason.FULL,
                "the disk is nearly full and takes no new record; free some space",
            )
        parameters = asdict(record) | {"received_at": _text(record.received_at)}
        try:
            return int(
                self._file.connection.execute(_SQL["append_record"], parameters).fetchone()["seq"]
            )
        except sqlite.Error as error:
            refused = outbox_database.refusal(error)
            if refused.reason is errors.StorageReason.FULL:
                self._ballast.release()
            raise refused from error

    def waiting(self, limit: int) -> list[OutboxRow]:
        """Return the oldest records without a receipt, oldest first."""
        return [_row(row) for row in self._all("load_waiting", {"limit": limit})]

    def mark_published(self, seqs: Sequence[int], at: datetime) -> None:
        """Note that records are being handed to the broker. To be called before that happens.

        1. The highest number goes, durably, to the mark outside the database. 2. The rows count an attempt.

        Raises:
            OutboxError: the disk refuses; the batch must not be sent.
        """
        if seqs and max(seqs) > self._highest_marked:
            try:
                published_mark.note(self._file.folder, self.epoch, max(seqs))
            except OSError as error:
                raise errors.OutboxError(errors.StorageReason.FAILED) from error
            self._highest_marked = max(seqs)
        self._write_many("mark_published", [{"seq": seq, "at": _text(at)} for seq in seqs])

    def apply_receipt(self, receipt: wire.Receipt, at: datetime) -> Counter[str]:
        """Close the rows that a receipt names and return how many got which status.

        A receipt for another epoch, or for numbers that were never given, is not for this outbox: nothing happens
        but a log line.

        Raises:
            OutboxError: the disk refuses; the rows stay waiting and are sent again, which does no harm.
        """
        if receipt.epoch != self.epoch:
            log.warning("receipt_of_other_epoch", extra={"epoch": receipt.epoch})
            return Counter()
        if any(item.last_seq > self.highest_seq for item in receipt.items):
            log.error("receipt_for_unknown_record", extra={"epoch": receipt.epoch})
            return Counter()
        counts: Counter[str] = Counter()
        for item in receipt.items:
            parameters = {
                "first_seq": item.first_seq,
                "last_seq": item.last_seq,
                "status": item.status,
                "reason": item.reason,
                "at": _text(at),
            }
            counts[item.status] += self._write_many("mark_receipted", [parameters])
        return counts

    def watermark(self, peripheral: str, profile_id: str) -> int | None:
        """Return the last sequence number that a meter has fully reported, or None."""
        rows = self._all("load_watermark", {"peripheral": peripheral, "profile_id": profile_id})
        return int(rows[0]["last_sequence"]) if rows else None

    def set_watermark(self, peripheral: str, profile_id: str, last_sequence: int) -> None:
        """Note how far a meter has reported.

        Raises:
            OutboxError: the disk refuses; the meter will be asked for known records again.
        """
        parameters = {
            "peripheral": peripheral,
            "profile_id": profile_id,
            "last_sequence": last_sequence,
        }
        self._write_many("set_watermark", [parameters])

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` rows receipted before an instant and return how many; take care of the ballast.

        Raises:
            OutboxError: the disk refuses.
        """
        deleted = self._write_many("prune_receipted", [{"before": _text(before), "limit": limit}])
        self._ballast.restore()
        return deleted

    def resend(self, since: datetime) -> int:
        """Let everything be sent again that was receipted since an instant, and return how many records wait now.

        For a server restored from a backup: what it was told after the backup, only gateways still have. What it
        knows already, it recognises.

        Raises:
            OutboxError: the disk refuses; nothing was changed.
        """
        return self._write_many("resend_receipted", [{"since": _text(since)}])

    def wipe(self) -> None:
        """Delete every record, waiting or not, for good. Nothing but `close` may follow.

        Raises:
            OSError: the disk refuses.
        """
        self._file.wipe()

    def close(self) -> None:
        """Close the files and let another process have them."""
        self._file.close()

    def _one(self, name: str) -> Row:
        return self._all(name, {})[0]

    def _all(self, name: str, parameters: Mapping[str, Any]) -> list[Row]:
        try:
            rows: list[Row] = self._file.connection.execute(_SQL[name], parameters).fetchall()
        except sqlite.Error as error:
            raise outbox_database.refusal(error) from error
        return rows

    def _write_many(self, name: str, parameters: Iterable[Mapping[str, Any]]) -> int:
        """Run one statement for each set of parameters in one transaction; returns the rows changed.

        These writes let the outbox drain, so on a full disk they may use the ballast.
        """
        rows = list(parameters)
        try:
            return self._transaction(name, rows)
        except sqlite.Error as error:
            refused = outbox_database.refusal(error)
            if refused.reason is not errors.StorageReason.FULL or not self._ballast.release():
                raise refused from error
        try:
            return self._transaction(name, rows)
        except sqlite.Error as error:
            raise outbox_database.refusal(error) from error

    def _transaction(self, name: str, rows: Sequence[Mapping[str, Any]]) -> int:
        connection = self._file.connection
        changed = 0
        connection.execute("begin immediate")
        try:
            for parameters in rows:
                changed += connection.execute(_SQL[name], parameters).rowcount
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
        return changed


def latest(folder: Path, limit: int) -> tuple[str, list[OutboxRow]]:
    """Return the epoch and the newest records, oldest first, of an outbox that may be in use.

    Raises:
        OutboxError: there is no outbox in the folder, or it cannot be read.
    """
    connection = outbox_file.open_for_reading(folder)
    try:
        epoch = connection.execute(_SQL["load_instance"]).fetchone()["epoch"]
        rows = connection.execute(_SQL["load_latest"], {"limit": limit}).fetchall()
    except sqlite.Error as error:
        raise outbox_database.refusal(error) from error
    finally:
        connection.close()
    return epoch, [_row(row) for row in reversed(rows)]


def _text(at: datetime) -> str:
    # One fixed width, so that text order is time order.
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _row(row: Row) -> OutboxRow:
    record = CapturedRecord(
        peripheral=row["peripheral"],
        profile_id=row["profile_id"],
        profile_version=row["profile_version"],
        characteristic=row["characteristic"],
        raw=row["raw"],
        received_at=datetime.fromisoformat(row["received_at"]),
        gateway_clock=wire.GatewayClock(row["gateway_clock"]),
        device_clock_offset_s=row["device_clock_offset_s"],
        time_zone=row["time_zone"],
        link=wire.Link(row["link"]),
    )
    return OutboxRow(
        seq=row["seq"],
        record=record,
        state=State(row["state"]),
        attempts=row["attempts"],
        published_at=_at(row["published_at"]),
        receipt_status=row["receipt_status"],
        receipt_reason=row["receipt_reason"],
        receipted_at=_at(row["receipted_at"]),
    )
