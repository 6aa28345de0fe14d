"""Wire format v1: what gateway and server say to each other, as JSON text. Both ends are here.

- **Batch** (gateway → ingest): records as the peripherals sent them, in outbox order.
- **Receipt** (ingest → gateway): which of them are safe. Only a receipt lets a gateway forget a
  record.
- **GatewayStatus** (gateway, or its last will → ingest): whether it is there, and how it is.

A record that breaks the format becomes a BadRecord and its neighbours live; a broken envelope is a
WireError. Fields we do not know are ignored, so that v1 can grow. The encoders read their own
output back before they hand it out: what leaves one end, the other can read. The same format as a
schema: `wire_v1.schema.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from firmware_profiles import (
    errors,
    strict_json,
    topics,
    wire_fields,
    wire_health,
    wire_plain,
    wire_record,
)
from firmware_profiles.errors import WireReason
from firmware_profiles.wire_fields import MAX_INTEGER, Fields
from firmware_profiles.wire_health import Health
from firmware_profiles.wire_record import (
    MAX_RAW_BYTES,
    Advisory,
    BadRecord,
    GatewayClock,
    Link,
    Record,
)

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "MAX_RAW_BYTES",
    "MAX_RECORDS",
    "VERSION",
    "Advisory",
    "BadRecord",
    "Batch",
    "GatewayClock",
    "GatewayStatus",
    "Health",
    "Link",
    "Receipt",
    "ReceiptItem",
    "ReceiptStatus",
    "Record",
    "decode_batch",
    "decode_receipt",
    "decode_status",
    "encode_batch",
    "encode_receipt",
    "encode_status",
]

VERSION: Final = 1
MAX_PAYLOAD_BYTES: Final = 256 * 1024  # of one message; the broker's limit stands above it
MAX_RECORDS: Final = 200  # of one batch; 200 ordinary ones take a third of the bytes above

_ENVELOPE_FIELD_COUNT: Final = 5  # of a batch: version, gateway_id, epoch, sent_at, records
_ENCODER: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_GATEWAY_ID: Final = re.compile(topics.GATEWAY_ID_PATTERN)
_EPOCH: Final = re.compile(r"[0-9a-f]{32}")
_BOOT_ID: Final = re.compile(r"[0-9a-f-]{8,36}")
_REASON: Final = re.compile(r"[a-z0-9_]{1,64}")


class ReceiptStatus(StrEnum):
    """What ingest did with a record. Each of them means: it is safe, forget it."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Batch:
    """One message of a gateway.

    Attributes:
        gateway_id: who sent it.
        epoch: the outbox the positions belong to, 32 hexadecimal digits; new with it.
        sent_at: gateway clock, aware, UTC.
        records: 1 to MAX_RECORDS.
        unknown_fields: fields of a later version that envelope and good records hold; they were ignored.
    """

    gateway_id: str
    epoch: str
    sent_at: datetime
    records: tuple[Record | BadRecord, ...]
    unknown_fields: int = 0


@dataclass(frozen=True, slots=True)
class ReceiptItem:
    """A run of outbox positions with one fate.

    Attributes:
        first_seq: first position.
        last_seq: last position, included.
        status: what ingest did with them.
        reason: why they are in quarantine, if they are.
    """

    first_seq: int
    last_seq: int
    status: ReceiptStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Ingest's word that records of one outbox epoch are safe."""

    epoch: str
    items: tuple[ReceiptItem, ...]


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """A gateway's word about itself.

    Attributes:
        online: False in the last will and after an orderly stop.
        boot_id: new with every start of the process, 8 to 36 hexadecimal digits and dashes.
        at: gateway clock, aware, UTC.
        waiting_records: records in the outbox without a receipt.
        health: how the gateway is; None in the last will, from a gateway of before, and from one of a later version.
    """

    online: bool
    boot_id: str
    at: datetime
    waiting_records: int
    health: Health | None = None


def encode_batch(batch: Batch) -> bytes:
    """Write a batch of good records.

    Raises:
        WireError: the batch, or a record in it, breaks the format, or the payload would be larger
            than MAX_PAYLOAD_BYTES (`too_large`: send fewer records).
    """
    payload = _payload(
        {
            "version": VERSION,
            "gateway_id": batch.gateway_id,
            "epoch": batch.epoch,
            "sent_at": wire_fields.time_text(batch.sent_at),
            "records": [wire_record.members(record) for record in batch.records],
        }
    )
    for record in decode_batch(payload, topic_gateway_id=batch.gateway_id).records:
        if isinstance(record, BadRecord):
            raise errors.WireError(record.reason, record.detail)
    return payload


def decode_batch(payload: bytes, *, topic_gateway_id: str) -> Batch:
    """Read a batch; an element that is not a record becomes a BadRecord in its place.

    Args:
        payload: the message's bytes, of any content.
        topic_gateway_id: the gateway in whose topic the message came; the broker vouches for that
            one.

    Raises:
        WireError: the envelope is broken, or names another gateway (`gateway_mismatch`).
    """
    if len(payload) <= MAX_PAYLOAD_BYTES and (plain := wire_plain.read(payload)) is not None:
        batch = Batch(*plain)
        if batch.gateway_id == topic_gateway_id and len(batch.records) <= MAX_RECORDS:
            return batch
    return _decode_strictly(payload, topic_gateway_id)


def _decode_strictly(payload: bytes, topic_gateway_id: str) -> Batch:
    members, elements = strict_json.split(payload, "records", max_bytes=MAX_PAYLOAD_BYTES)
    envelope = _envelope(members)
    gateway_id = envelope.text("gateway_id", _GATEWAY_ID, "a gateway id")
    if gateway_id != topic_gateway_id:
        raise errors.WireError(
            WireReason.GATEWAY_MISMATCH,
            "gateway_id is not that of the topic: look for a forged or misrouted message",
        )
    epoch = envelope.text("epoch", _EPOCH, "32 hexadecimal digits")
    sent_at = envelope.instant("sent_at")
    _require_length(envelope.get("records"), "records", len(elements))
    records = tuple(wire_record.read(element) for element in elements)
    # All fields that we know have to be there, so what exceeds their number is unknown.
    known = sum(wire_record.FIELD_COUNT for record in records if isinstance(record, Record))
    found = sum(
        len(element.node)
        for element, record in zip(elements, records, strict=True)
        if isinstance(record, Record) and isinstance(element.node, dict)
    )
    return Batch(
        gateway_id=gateway_id,
        epoch=epoch,
        sent_at=sent_at,
        records=records,
        unknown_fields=len(members) - _ENVELOPE_FIELD_COUNT + found - known,
    )


def encode_receipt(receipt: Receipt) -> bytes:
    """Write a receipt.

    Raises:
        WireError: the receipt breaks the format.
    """
    if len(receipt.items) == 1:
        (item,) = receipt.items
        plain = wire_plain.receipt(
            receipt.epoch, item.first_seq, item.last_seq, item.status, item.reason
        )
        if plain is not None:
            return plain
    payload = _payload(
        {
            "version": VERSION,
            "epoch": receipt.epoch,
            "items": [
                {
                    "first_seq": item.first_seq,
                    "last_seq": item.last_seq,
                    "status": item.status,
                    "reason": item.reason,
                }
                for item in receipt.items
            ],
        }
    )
    decode_receipt(payload)
    return payload


def decode_receipt(payload: bytes) -> Receipt:
    """Read a receipt.

    Raises:
        WireError: it breaks the format; a receipt is believed whole or not at all.
    """
    members = strict_json.parse_object(payload, max_bytes=MAX_PAYLOAD_BYTES)
    envelope = _envelope(members)
    epoch = envelope.text("epoch", _EPOCH, "32 hexadecimal digits")
    nodes = envelope.get("items")
    items = nodes if isinstance(nodes, list) else []
    _require_length(nodes, "items", len(items))
    return Receipt(epoch=epoch, items=tuple(_receipt_item(node) for node in items))


def encode_status(status: GatewayStatus) -> bytes:
    """Write a gateway's status.

    Raises:
        WireError: the status breaks the format.
    """
    health = None if status.health is None else wire_health.members(status.health)
    payload = _payload(
        {
            "version": VERSION,
            "online": status.online,
            "boot_id": status.boot_id,
            "at": wire_fields.time_text(status.at),
            "waiting_records": status.waiting_records,
            "health": health,
        }
    )
    decode_status(payload)
    return payload


def decode_status(payload: bytes) -> GatewayStatus:
    """Read a gateway's status.

    Raises:
        WireError: it breaks the format.
    """
    envelope = _envelope(strict_json.parse_object(payload, max_bytes=MAX_PAYLOAD_BYTES))
    health = envelope.get_if_there("health")
    return GatewayStatus(
        online=envelope.flag("online"),
        boot_id=envelope.text("boot_id", _BOOT_ID, "8 to 36 hexadecimal digits and dashes"),
        at=envelope.instant("at"),
        waiting_records=envelope.whole("waiting_records", 0, MAX_INTEGER),
        health=None if health is None else wire_health.read(health),
    )


def _receipt_item(node: object) -> ReceiptItem:
    fields = Fields(node, "an item")
    first_seq = fields.whole("first_seq", 1, MAX_INTEGER)
    return ReceiptItem(
        first_seq=first_seq,
        last_seq=fields.whole("last_seq", first_seq, MAX_INTEGER),
        status=fields.choice("status", ReceiptStatus),
        reason=fields.text_or_null("reason", _REASON, "1 to 64 of a-z, 0-9 and underscore"),
    )


def _envelope(members: dict[str, object]) -> Fields:
    envelope = Fields(members, "the payload")
    if envelope.whole("version", 0, MAX_INTEGER) != VERSION:
        raise errors.WireError(
            WireReason.WRONG_VERSION, f"version must be {VERSION}; update the older of both ends"
        )
    return envelope


def _require_length(node: object, name: str, length: int) -> None:
    if not isinstance(node, list):
        raise errors.WireError(WireReason.WRONG_TYPE, f"{name} must be an array")
    if not 1 <= length <= MAX_RECORDS:
        raise errors.WireError(
            WireReason.OUT_OF_RANGE, f"{name} must hold from 1 to {MAX_RECORDS} elements"
        )


def _payload(members: Mapping[str, object]) -> bytes:
    try:
        text = _ENCODER.encode(members)
    except ValueError:
        raise errors.WireError(WireReason.NOT_FINITE, "a number is not finite") from None
    except TypeError:
        raise errors.WireError(
            WireReason.WRONG_TYPE, "a field has a type that JSON does not have"
        ) from None
    return text.encode("ascii")
