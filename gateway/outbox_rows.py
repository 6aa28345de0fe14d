"""What stands in the outbox's rows, as the rest of the gateway sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlcipher3 import dbapi2 as sqlite

from firmware_profiles import wire
from gateway import statements
from gateway.ballast import Ballast
from gateway.outbox_database import Row
from gateway.outbox_limits import Fill
from gateway.record import CapturedRecord

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


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """What is known of a peripheral from its conversations. Instants are aware UTC, of the gateway's clock.

    Attributes:
        peripheral: Bluetooth address, upper case with colons.
        profile_id: device profile that led the last conversation.
        talked_at: end of the last conversation that ended well.
        rssi_dbm: how loud it was before it, dBm; None if nobody said.
        battery_percent: last level read from it; None if it never told.
        battery_at: when that was.
    """

    peripheral: str
    profile_id: str
    talked_at: datetime
    rssi_dbm: int | None
    battery_percent: int | None
    battery_at: datetime | None


def text_of(at: datetime) -> str:
    """Write an instant at one fixed width, so that text order is time order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def outbox_row(row: Row) -> OutboxRow:
    """Return a row of the table of records."""
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


def acquaintance(row: Row) -> Acquaintance:
    """Return a row of the table of acquaintances."""
    return Acquaintance(
        peripheral=row["peripheral"],
        profile_id=row["profile_id"],
        talked_at=datetime.fromisoformat(row["talked_at"]),
        rssi_dbm=row["rssi_dbm"],
        battery_percent=row["battery_percent"],
        battery_at=_at(row["battery_at"]),
    )


def size_bytes(connection: sqlite.Connection) -> int:
    """Return the room that rows take in the database; pages of deleted rows are free for new ones."""
    return int(connection.execute(_SQL["size"]).fetchone()["size_bytes"])


def fill(connection: sqlite.Connection, folder: Path) -> Fill:
    """Return what the outbox of a state folder holds.

    Raises:
        Error: it cannot be read.
    """
    row = connection.execute(_SQL["fill"]).fetchone()
    return Fill(
        waiting=row["waiting"],
        oldest_waiting_at=_at(row["oldest_waiting_at"]),
        last_receipt_at=_at(row["last_receipt_at"]),
        size_bytes=size_bytes(connection),
        has_disk=Ballast(folder).has_room,
    )


def _at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
