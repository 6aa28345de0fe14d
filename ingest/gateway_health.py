"""How gateways are, as they say themselves: the last word of each, a slim past, and what damaged outboxes took along.

A gateway's word about itself is a hint for whoever looks after it. Nothing about a patient depends on it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from firmware_profiles import wire_health
from firmware_profiles.errors import WireError
from firmware_profiles.wire_health import AdapterState, Health
from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "gateway_health")
_LONGEST_PAST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One word of a gateway about itself. Instants are aware UTC.

    Attributes:
        practice_id: Whose gateway it is.
        received_at: When it came.
        said_at: When the gateway said it, by its own clock.
        boot_id: New with every start of its process.
        waiting_records: Records without a receipt.
    """

    practice_id: UUID
    gateway_id: str
    received_at: datetime
    said_at: datetime
    boot_id: str
    waiting_records: int
    health: Health


@dataclass(frozen=True, slots=True)
class LastWord:
    """What a gateway said last.

    Attributes:
        health: None if this version cannot read it.
    """

    gateway_id: str
    received_at: datetime
    said_at: datetime
    boot_id: str
    waiting_records: int
    health: Health | None


@dataclass(frozen=True, slots=True)
class Past:
    """How a gateway was at one time; fields as in the wire format, None is unknown."""

    received_at: datetime
    boot_id: str
    waiting_records: int
    oldest_waiting_s: int | None
    outbox_bytes: int
    closed: str | None
    clock: str
    disk_free_bytes: int | None
    temperature_c: float | None
    resident_bytes: int | None
    adapters: int
    adapters_up: int


@dataclass(frozen=True, slots=True)
class SalvagedOutbox:
    """A repair of an outbox.

    Attributes:
        found_at: When the gateway found the damage, by its own clock, aware UTC.
        epoch: Of the damaged outbox; None if not even that could be read.
        reason: What was wrong, one word.
        saved: Records that live on under new numbers.
        highest_seq: The last number known to have been given; None if nobody knows how many there were.
        unsaved_count: Numbers whose rows could not be saved, arrived or not.
        named_count: How many of these the gateway named.
        lost_count: How many of the named have not arrived either.
        firsts: The first number of each run of them.
        lasts: The last of each, in the same order.
    """

    found_at: datetime
    epoch: str | None
    reason: str
    saved: int
    highest_seq: int | None
    unsaved_count: int
    named_count: int
    lost_count: int
    firsts: list[int]
    lasts: list[int]


@dataclass(frozen=True, slots=True)
class _LastRow:
    gateway_id: str
    received_at: datetime
    said_at: datetime
    boot_id: str
    waiting_records: int
    health: dict[str, Any]


def note(cur: Cursor, heartbeats: Collection[Heartbeat]) -> None:
    """Keep what gateways say of themselves; at most one word of each. Role ingest, in the scope of their practices."""
    if not heartbeats:
        return
    said = list(heartbeats)
    shared = {
        "practice_ids": [one.practice_id for one in said],
        "gateway_ids": [one.gateway_id for one in said],
        "received_ats": [one.received_at for one in said],
        "boot_ids": [one.boot_id for one in said],
        "waiting": [one.waiting_records for one in said],
    }
    members = [json.dumps(wire_health.members(one.health)) for one in said]
    said_ats = [one.said_at for one in said]
    cur.execute(_Q.note_last, shared | {"said_ats": said_ats, "healths": members})
    cur.execute(_Q.note_past, shared | _past_columns(said))
    _note_salvages(cur, said)


def last(cur: Cursor, practice_id: UUID, gateway_id: str | None = None) -> dict[str, LastWord]:
    """Return what each of a practice's gateways said last, or one of them, by gateway id."""
    asked = {"practice_id": practice_id, "gateway_id": gateway_id}
    return {
        row.gateway_id: LastWord(
            gateway_id=row.gateway_id,
            received_at=row.received_at,
            said_at=row.said_at,
            boot_id=row.boot_id,
            waiting_records=row.waiting_records,
            health=_read(row.health),
        )
        for row in statements.rows(cur, _LastRow, _Q.last, asked)
    }


def past(
    cur: Cursor, practice_id: UUID, gateway_id: str, since: datetime, limit: int = _LONGEST_PAST
) -> list[Past]:
    """Return how a gateway was since an instant (aware UTC), newest first, at most `limit` rows."""
    asked = {"practice_id": practice_id, "gateway_id": gateway_id, "since": since, "limit": limit}
    return statements.rows(cur, Past, _Q.past, asked)


def salvages(cur: Cursor, practice_id: UUID, gateway_id: str) -> list[SalvagedOutbox]:
    """Return the repairs of a gateway's outboxes, newest first."""
    asked = {"practice_id": practice_id, "gateway_id": gateway_id}
    return statements.rows(cur, SalvagedOutbox, _Q.salvages, asked)


def delete_past(cur: Cursor, before_at: datetime) -> int:
    """Delete the past of all gateways before an instant (aware UTC) and return how many rows; role scheduler."""
    return cur.execute(_Q.delete_past, {"before_at": before_at}).rowcount


def _read(members: dict[str, Any]) -> Health | None:
    try:
        return wire_health.read(members)
    except WireError:
        return None  # of another version than this, which is not wrong


def _past_columns(said: list[Heartbeat]) -> dict[str, list[Any]]:
    return {
        "oldest_waiting_s": [_oldest_waiting_s(one) for one in said],
        "outbox_bytes": [one.health.outbox.size_bytes for one in said],
        "closed": [one.health.outbox.closed for one in said],
        "clocks": [one.health.machine.clock for one in said],
        "disk_free_bytes": [one.health.machine.disk_free_bytes for one in said],
        "temperatures_c": [one.health.machine.temperature_c for one in said],
        "resident_bytes": [one.health.machine.resident_bytes for one in said],
        "adapters": [len(one.health.adapters) for one in said],
        "adapters_up": [
            sum(adapter.state is AdapterState.UP for adapter in one.health.adapters) for one in said
        ],
    }


def _oldest_waiting_s(one: Heartbeat) -> int | None:
    """Return how long the oldest record has waited; both ends are the gateway's clock, so that its error drops out."""
    oldest_at = one.health.outbox.oldest_waiting_at
    return None if oldest_at is None else max(0, int((one.said_at - oldest_at).total_seconds()))


def _note_salvages(cur: Cursor, said: list[Heartbeat]) -> None:
    found = [(one, salvage) for one in said for salvage in one.health.outbox.salvages]
    if not found:
        return
    cur.execute(
        _Q.note_salvages,
        {
            "practice_ids": [one.practice_id for one, _ in found],
            "gateway_ids": [one.gateway_id for one, _ in found],
            "found_ats": [salvage.found_at for _, salvage in found],
            "epochs": [salvage.epoch for _, salvage in found],
            "reasons": [salvage.reason for _, salvage in found],
            "saved": [salvage.saved for _, salvage in found],
            "highest_seqs": [salvage.highest_seq for _, salvage in found],
            "unsaved_counts": [salvage.unsaved_count for _, salvage in found],
            "unsaved": [_multirange(salvage.unsaved) for _, salvage in found],
            "reported_ats": [one.received_at for one, _ in found],
        },
    )


def _multirange(runs: tuple[tuple[int, int], ...]) -> str:
    return "{" + ",".join(f"[{first},{last}]" for first, last in runs) + "}"
