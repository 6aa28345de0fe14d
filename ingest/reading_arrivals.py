"""What was stored lately, for whoever waits for it: first that it is there, then what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from ingest import named_queries, statements, store
from ingest.rows import StoredReading

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "reading_arrivals")


@dataclass(frozen=True, slots=True)
class Arrival:
    """That a reading was stored: where it is in the series, whose it is, and when it was stored (aware UTC)."""

    reading_id: UUID
    measured_at: datetime
    patient_id: UUID
    stored_at: datetime


def listen(connection: psycopg.Connection[Any]) -> None:
    """Let a connection in autocommit mode be told when readings were stored."""
    connection.execute(_Q.listen)


def stored_since(cur: Cursor, practice_id: UUID, since_at: datetime, limit: int) -> list[Arrival]:
    """Return what was stored for patients of a practice at an instant or later, in that order."""
    asked = {"practice_id": practice_id, "since_at": since_at, "limit": limit}
    return statements.rows(cur, Arrival, _Q.stored_since, asked)


def arrived(cur: Cursor, practice_id: UUID, arrivals: Sequence[Arrival]) -> list[StoredReading]:
    """Return those of the readings that still count and that the transaction's scope may see, in the same order."""
    if not arrivals:
        return []
    measured_ats = [one.measured_at for one in arrivals]
    return store.stored_readings(
        cur,
        _Q.arrived,
        {
            "practice_id": practice_id,
            "reading_ids": [one.reading_id for one in arrivals],
            "measured_ats": measured_ats,
            "first_at": min(measured_ats),
            "last_at": max(measured_ats),
        },
    )
