"""The outbox for people and programs: state of each record, never its content in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from gateway.outbox import OutboxRow


def as_json(epoch: str, rows: Sequence[OutboxRow]) -> str:
    """Write the epoch and its rows as a JSON object; the bytes as hexadecimal."""
    return json.dumps({"epoch": epoch, "records": [_members(row) for row in rows]}, indent=1)


def as_table(rows: Sequence[OutboxRow]) -> str:
    """Write rows as lines: number, arrival, peripheral, characteristic, state."""
    lines = [
        f"{row.seq:>8}  {row.record.received_at:%Y-%m-%d %H:%M:%S}Z  {row.record.peripheral}"
        f"  {row.record.characteristic}  {row.receipt_status or row.state}"
        for row in rows
    ]
    return "\n".join(lines) if lines else "the outbox is empty"


def _members(row: OutboxRow) -> dict[str, object]:
    return {
        "seq": row.seq,
        "peripheral": row.record.peripheral,
        "profile_id": row.record.profile_id,
        "profile_version": row.record.profile_version,
        "characteristic": row.record.characteristic,
        "raw": row.record.raw.hex(),
        "received_at": _text(row.record.received_at),
        "device_clock_offset_s": row.record.device_clock_offset_s,
        "state": row.state,
        "attempts": row.attempts,
        "published_at": _text(row.published_at),
        "receipt_status": row.receipt_status,
        "receipt_reason": row.receipt_reason,
        "receipted_at": _text(row.receipted_at),
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
