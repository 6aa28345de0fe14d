"""How much the outbox may hold, and when it says that it holds enough. Pure.

Nothing without a receipt is ever deleted to make room. What is full says so before a conversation begins: the
peripheral keeps its records and is asked again when there is room.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from firmware_profiles.wire_health import Closure

# A conversation that has begun may bring so much beyond the limit: a thousand records and more, the memory of a meter.
# What a peripheral has handed over it may have forgotten.
RESERVE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What is enough.

    Attributes:
        size_bytes: of rows in the database; the files hold a few MB beside them.
        age: how long a record may wait while nothing at all is receipted.
    """

    size_bytes: int = 64 * 1024 * 1024
    age: timedelta = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Fill:
    """What the outbox holds at one moment. Instants are aware, of the gateway's clock.

    Attributes:
        waiting: records without a receipt.
        oldest_waiting_at: arrival of the oldest of them; None if nothing waits, or only what came while the clock
            stood before this software existed.
        last_receipt_at: when the server last took something; None if never.
        size_bytes: room that rows take.
        has_disk: whether the file system has room, and the ballast is in place.
    """

    waiting: int
    oldest_waiting_at: datetime | None
    last_receipt_at: datetime | None
    size_bytes: int
    has_disk: bool


def closure(fill: Fill, limits: Limits, now: datetime) -> Closure | None:
    """Say why no conversation may begin, or None.

    A single record that the server never answers closes nothing while the server takes others.
    """
    if not fill.has_disk:
        return Closure.DISK
    if fill.size_bytes >= limits.size_bytes:
        return Closure.SIZE
    if fill.oldest_waiting_at is not None:
        since = max(fill.oldest_waiting_at, fill.last_receipt_at or fill.oldest_waiting_at)
        if now - since > limits.age:
            return Closure.AGE
    return None


def words(closed: Closure, limits: Limits) -> str:
    """Say to a technician what is full and what to do."""
    match closed:
        case Closure.SIZE:
            return (
                f"the outbox holds {limits.size_bytes / 2**20:.0f} MiB of records without a receipt and takes no more:"
                " find out why the server sends no receipts, or raise outbox_max_mib"
            )
        case Closure.AGE:
            return (
                f"the server has taken nothing for {limits.age.days} days while records wait, so no more are taken:"
                " find out why it sends no receipts, or raise outbox_max_days"
            )
        case Closure.DISK:
            return "the disk is nearly full, so no new records are taken: free space on it"
