"""The outbox for people and programs: state of each record, never its content in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from gateway import durations, outbox_limits
from gateway.outbox_limits import Limits
from gateway.outbox_look import Look
from gateway.outbox_rows import OutboxRow
from gateway.outbox_salvage import Salvage


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


def summary(look: Look, limits: Limits, now: datetime) -> list[str]:
    """Say in lines what waits and since when, how much more may, what the server took last, what was ever lost."""
    fill = look.fill
    oldest = (
        ""
        if fill.oldest_waiting_at is None
        else f", the oldest for {_age(fill.oldest_waiting_at, now)}"
    )
    last = "never" if fill.last_receipt_at is None else f"{_age(fill.last_receipt_at, now)} ago"
    lines = [
        f"waiting for a receipt: {fill.waiting}{oldest}",
        f"last receipt: {last}",
        f"size: {fill.size_bytes / 2**20:.1f} of {limits.size_bytes / 2**20:.0f} MiB",
    ]
    closed = outbox_limits.closure(fill, limits, now)
    if closed is not None:
        lines.append(f"closed: {outbox_limits.words(closed, limits)}")
    return lines + [salvage(one) for one in look.salvages]


def summary_as_json(look: Look, limits: Limits, now: datetime) -> str:
    """Write the same as a JSON object."""
    closed = outbox_limits.closure(look.fill, limits, now)
    return json.dumps(
        {
            "epoch": look.epoch,
            "waiting": look.fill.waiting,
            "oldest_waiting_at": _text(look.fill.oldest_waiting_at),
            "last_receipt_at": _text(look.fill.last_receipt_at),
            "size_bytes": look.fill.size_bytes,
            "size_limit_bytes": limits.size_bytes,
            "age_limit_days": limits.age.total_seconds() / 86_400,
            "closed": closed,
            "salvages": [
                {
                    "epoch": one.epoch,
                    "found_at": _text(one.found_at),
                    "reason": one.reason,
                    "saved": one.saved,
                    "highest_seq": one.highest_seq,
                    "unsaved": one.unsaved,
                }
                for one in look.salvages
            ],
        },
        indent=1,
    )


def salvage(one: Salvage) -> str:
    """Say what a repair saved and which numbers it could not."""
    start = f"repaired on {one.found_at:%Y-%m-%d} ({one.reason}): {one.saved} records saved"
    if one.highest_seq is None:
        return f"{start}; nobody knows how many there were"
    if not one.unsaved:
        return f"{start}, none lost"
    runs = ", ".join(
        f"{first}" if first == last else f"{first} to {last}" for first, last in one.unsaved
    )
    return f"{start}; not saved: number {runs} of the old outbox. The server's page says which it never got"


def _age(since: datetime, now: datetime) -> str:
    return durations.words(now - since)


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
