"""The outbox: every record a peripheral sent, from its arrival until the server's receipt.

All calls come from one thread, the event loop's. They block for the length of a commit (about a millisecond on an
SD card's good day), and that is the point: when `append` returns, the record survives a power cut.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlcipher3 import dbapi2 as sqlite

from firmware_profiles import wire
from firmware_profiles.wire_health import Closure
from gateway import (
    errors,
    outbox_database,
    outbox_file,
    outbox_limits,
    outbox_rows,
    outbox_salvage,
    published_mark,
    statements,
)
from gateway.ballast import Ballast
from gateway.outbox_database import Row
from gateway.outbox_limits import Fill, Limits
from gateway.outbox_rows import Acquaintance, OutboxRow
from gateway.outbox_salvage import Salvage
from gateway.record import CapturedRecord

log = logging.getLogger(__name__)

_SQL: Final = statements.load()
_NO_OTHER_LIMITS: Final = Limits()
# Appended records between two looks at the size: together far smaller than the reserve.
_LOOK_EVERY: Final = 16
# Rows that are deleted at once when what is new needs their room.
_A_FEW: Final = {"limit": 200}

# A named statement and its parameters.
_Write = tuple[str, Mapping[str, Any]]


class Outbox:
    """The open outbox of this process."""

    def __init__(self, folder: Path, now: datetime, limits: Limits = _NO_OTHER_LIMITS) -> None:
        """Open the outbox in a state folder, making or repairing it as needed.

        Raises:
            OutboxError: another process holds it, its key is exposed, or the disk refuses.
        """
        self.limits: Final = limits
        self._file = outbox_file.open_exclusively(folder, now)
        self._ballast = Ballast(folder)
        self._ballast.restore()
        self._look_at_reserve()
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

        What comes in a conversation that has begun is taken for a good while beyond the limits, and the record that
        finds the disk full still gets the ballast's room: the peripheral may not have it any more.

        Raises:
            OutboxError: it is not stored: FULL (ask the peripheral again later) or FAILED.
        """
        if not self._ballast.is_held or not self._has_reserve:
            raise errors.OutboxError(
                errors.StorageReason.FULL,
                "there is no room for a new record; “homevitals-gateway doctor” says what to do",
            )
        parameters = asdict(record) | {"received_at": outbox_rows.text_of(record.received_at)}
        try:
            return self._append(parameters)
        except sqlite.Error as error:
            refused = outbox_database.refusal(error)
            if refused.reason is not errors.StorageReason.FULL or not self._ballast.release():
                raise refused from error
        try:
            return self._append(parameters)
        except sqlite.Error as error:
            raise outbox_database.refusal(error) from error

    def closure(self, now: datetime) -> Closure | None:
        """Say why no conversation with a peripheral may begin now, or None; receipted rows make room first.

        Raises:
            OutboxError: the disk refuses.
        """
        closed = outbox_limits.closure(self.fill(), self.limits, now)
        try:
            while closed is Closure.SIZE and self._write_many("prune_any_receipted", [_A_FEW]):
                log.warning("receipted_pruned_early")
                closed = outbox_limits.closure(self.fill(), self.limits, now)
        except errors.OutboxError as error:
            if error.reason is not errors.StorageReason.FULL:
                raise
            return Closure.DISK
        self._look_at_reserve()
        return closed

    def fill(self) -> Fill:
        """Return what the outbox holds now."""
        return outbox_rows.fill(self._file.connection, self._file.folder)

    def waiting(self, limit: int) -> list[OutboxRow]:
        """Return the oldest records without a receipt, oldest first."""
        return [outbox_rows.outbox_row(row) for row in self._all("load_waiting", {"limit": limit})]

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
        self._write_many(
            "mark_published", [{"seq": seq, "at": outbox_rows.text_of(at)} for seq in seqs]
        )

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
        writes: list[_Write] = [("note_receipt", {"at": outbox_rows.text_of(at)})]
        for item in receipt.items:
            parameters = {
                "first_seq": item.first_seq,
                "last_seq": item.last_seq,
                "status": item.status,
                "reason": item.reason,
                "at": outbox_rows.text_of(at),
            }
            writes.append(("mark_receipted", parameters))
        _, *changed = self._write(writes)
        counts: Counter[str] = Counter()
        for item, count in zip(receipt.items, changed, strict=True):
            counts[item.status] += count
        return counts

    def salvages(self) -> list[Salvage]:
        """Return the repairs in which this outbox took the place of a damaged one, oldest first."""
        return outbox_salvage.load(self._file.connection)

    def acquaintances(self) -> list[Acquaintance]:
        """Return what is known of each peripheral from its conversations."""
        return [outbox_rows.acquaintance(row) for row in self._all("load_acquaintances", {})]

    def note_acquaintance(self, known: Acquaintance) -> None:
        """Remember what a conversation told about a peripheral.

        Raises:
            OutboxError: the disk refuses.
        """
        parameters = asdict(known) | {
            "talked_at": outbox_rows.text_of(known.talked_at),
            "battery_at": None
            if known.battery_at is None
            else outbox_rows.text_of(known.battery_at),
        }
        self._write_many("note_acquaintance", [parameters])

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

    def recall(self, peripheral: str) -> dict[str, bytes]:
        """Return what is remembered about a peripheral, by name."""
        rows = self._all("recall", {"peripheral": peripheral})
        return {row["name"]: row["content"] for row in rows}

    def remember(self, peripheral: str, name: str, content: bytes) -> None:
        """Remember something about a peripheral until it is paired anew.

        Raises:
            OutboxError: the disk refuses.
        """
        parameters = {"peripheral": peripheral, "name": name, "content": content}
        self._write_many("remember", [parameters])

    def forget(self, peripheral: str) -> None:
        """Forget what is remembered about a peripheral, for it is paired anew; its records stay.

        Raises:
            OutboxError: the disk refuses.
        """
        self._write_many("forget", [{"peripheral": peripheral}])

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` rows receipted before an instant and return how many; take care of the ballast.

        Raises:
            OutboxError: the disk refuses.
        """
        deleted = self._write_many(
            "prune_receipted", [{"before": outbox_rows.text_of(before), "limit": limit}]
        )
        self._ballast.restore()
        return deleted

    def resend(self, since: datetime) -> int:
        """Let everything be sent again that was receipted since an instant, and return how many records wait now.

        For a server restored from a backup: what it was told after the backup, only gateways still have. What it
        knows already, it recognises.

        Raises:
            OutboxError: the disk refuses; nothing was changed.
        """
        return self._write_many("resend_receipted", [{"since": outbox_rows.text_of(since)}])

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

    def _append(self, parameters: Mapping[str, Any]) -> int:
        row = self._file.connection.execute(_SQL["append_record"], parameters).fetchone()
        seq = int(row["seq"])
        if seq % _LOOK_EVERY == 0:
            self._look_at_reserve()
        return seq

    def _look_at_reserve(self) -> None:
        allowed = self.limits.size_bytes + outbox_limits.RESERVE_BYTES
        self._has_reserve = outbox_rows.size_bytes(self._file.connection) <= allowed

    def _write_many(self, name: str, parameters: Iterable[Mapping[str, Any]]) -> int:
        """Run one statement for each set of parameters in one transaction; returns the rows changed."""
        return sum(self._write([(name, one) for one in parameters]))

    def _write(self, writes: Sequence[_Write]) -> list[int]:
        """Run statements in one transaction; returns how many rows each changed.

        These writes let the outbox drain, so on a full disk they may use the ballast.
        """
        try:
            return self._transaction(writes)
        except sqlite.Error as error:
            refused = outbox_database.refusal(error)
            if refused.reason is not errors.StorageReason.FULL or not self._ballast.release():
                raise refused from error
        try:
            return self._transaction(writes)
        except sqlite.Error as error:
            raise outbox_database.refusal(error) from error

    def _transaction(self, writes: Sequence[_Write]) -> list[int]:
        connection = self._file.connection
        connection.execute("begin immediate")
        try:
            changed = [
                int(connection.execute(_SQL[name], parameters).rowcount)
                for name, parameters in writes
            ]
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
        return changed
