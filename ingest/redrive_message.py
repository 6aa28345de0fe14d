"""A quarantined record as the message that it came in, and what a second try makes of it. Pure.

Rows have three shapes: a peripheral's frame with what the gateway said about it, the text of one record that could not
be read, and a whole payload. Each becomes a message as it arrived, and takes the way of every message.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from firmware_profiles import wire, wire_fields
from firmware_profiles.errors import WireError
from firmware_profiles.wire import Batch, GatewayStatus, ReceiptStatus
from ingest import arrivals
from ingest.arrivals import Arrival, Opened
from ingest.quarantine import IngestReason
from ingest.receipts import Fate, Fates
from ingest.rows import QuarantineRow

log = logging.getLogger(__name__)


class To(StrEnum):
    """What became of a record that was sent through ingest again."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"  # for another reason, under which it is open now
    OUTDATED = "outdated"  # a status message: it says nothing about today


class Obstacle(StrEnum):
    """Why a record was not sent through ingest again; it stays open."""

    NO_GATEWAY = "no_gateway"
    GATEWAY_NOT_ACTIVE = "gateway_not_active"
    OTHER_PRACTICE = "other_practice"
    MESSAGE_UNKNOWN = "message_unknown"
    FAILED = "failed"


OBSTACLES: Final = {
    Obstacle.NO_GATEWAY: "Its topic names no gateway.",
    Obstacle.GATEWAY_NOT_ACTIVE: "Its gateway is not enrolled, or was revoked.",
    Obstacle.OTHER_PRACTICE: "Its gateway belongs to another practice.",
    Obstacle.MESSAGE_UNKNOWN: "When its message was sent is not known.",
    Obstacle.FAILED: "The try itself failed; the log of ingest says where.",
}


@dataclass(frozen=True, slots=True)
class Waiting(QuarantineRow):
    """An open record with what its message said.

    Attributes:
        sent_at: When the gateway sent the message, by its clock, aware UTC; None where that was not readable.
        packet_id: The broker's number for the delivery.
    """

    sent_at: datetime | None
    packet_id: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message that was sent through ingest again.

    Attributes:
        to: The best of what became of its records.
        reason: Why, where all are in quarantine.
        failed: (epoch, position, reason) of each record that is; (None, None, reason) for a message as a whole.
    """

    to: To
    reason: str | None
    failed: tuple[tuple[str | None, int | None, str], ...] = ()


def message_again(row: Waiting) -> Opened:
    """Build the message of a row again, as it arrived. Pure.

    A retained message says nothing about whether its gateway was heard just now, nor does this one.
    """
    payload = row.raw if row.outbox_epoch is None else _payload(row)
    arrival = Arrival(
        message_id=row.message_id,
        topic=row.topic,
        payload=payload,
        packet_id=row.packet_id,
        received_at=row.received_at,
        is_retained=True,
    )
    try:
        return arrivals.open_message(arrival)
    except Exception:  # a defect in reading is what the row may be held for; it is there still
        log.exception("message_unreadable")
        return Opened(arrival, row.gateway_id, None)


def outcome(opened: Opened, fates: Fates) -> Outcome:
    """Sum up what became of the records of a message. Pure."""
    match opened.content:
        case GatewayStatus():
            return Outcome(To.OUTDATED, None)
        case Batch() as batch:
            return _of_batch(batch, fates)
        case WireError() as error:
            return Outcome(To.QUARANTINED, error.reason, ((None, None, error.reason),))
        case None:
            failed = IngestReason.PROCESSING_FAILED
            return Outcome(To.QUARANTINED, failed, ((None, None, failed),))


def leaves_as(row: Waiting, opened: Opened, found: Outcome) -> To | None:
    """Return as what a row leaves the open list; None where it is held for the same reason as before.

    A record that fails for another reason has a row of that reason now, and so has each record of a message that can be
    read at last, and everything in the practice of a gateway that was unknown.
    """
    has_rows_of_their_own = row.outbox_epoch is None and isinstance(opened.content, Batch)
    is_held_as_before = found.to is To.QUARANTINED and found.reason == row.reason
    if is_held_as_before and row.practice_id is not None and not has_rows_of_their_own:
        return None
    return found.to


def _payload(row: Waiting) -> bytes:
    """Write a message with the one record, around the gateway's own text where nobody could read it."""
    text = row.raw.decode("utf-8", "replace")
    if row.record is not None:
        members = {**row.record, "seq": row.outbox_seq, "raw": row.raw.hex(), "decoded": None}
        text = json.dumps(members, separators=(",", ":"))
    envelope = {
        "version": wire.VERSION,
        "gateway_id": row.gateway_id,
        "epoch": row.outbox_epoch,
        "sent_at": wire_fields.time_text(row.sent_at or row.received_at),
    }
    head = json.dumps(envelope, separators=(",", ":")).removesuffix("}")
    return f'{head},"records":[{text}]}}'.encode()


def _of_batch(batch: Batch, fates: Fates) -> Outcome:
    found = [
        Fate(ReceiptStatus.QUARANTINED, getattr(record, "reason", None))
        if record.seq is None
        else fates[batch.gateway_id, batch.epoch, record.seq]
        for record in batch.records
    ]
    failed = tuple(
        (batch.epoch, record.seq, fate.reason or "")
        for record, fate in zip(batch.records, found, strict=True)
        if fate.status is ReceiptStatus.QUARANTINED
    )
    for status, to in ((ReceiptStatus.STORED, To.STORED), (ReceiptStatus.DUPLICATE, To.DUPLICATE)):
        if any(fate.status is status for fate in found):
            return Outcome(to, None, failed)
    return Outcome(To.QUARANTINED, failed[0][2], failed)
