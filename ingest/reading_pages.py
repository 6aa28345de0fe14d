"""Readings as programs fetch them: page by page in the order of time, and the latest of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg

from firmware_profiles.readings import Kind
from ingest import named_queries, store
from ingest.rows import StoredReading

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "reading_pages")

# An undated reading that came in longer ago says nothing about now.
_UNDATED_WITHIN: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which reading a page begins. Two may have been measured at the same instant, so the id decides."""

    measured_at: datetime
    reading_id: UUID


@dataclass(frozen=True, slots=True)
class Page:
    """Some readings, oldest first, and the place behind them where more follow."""

    readings: tuple[StoredReading, ...]
    next_place: Place | None


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest readings of one kind.

    Attributes:
        with_number: The last one that carries numbers.
        whatever_came: The last measurement, also one without a number.
        undated: The last arrival, within 90 days, of those of which is only known that they were measured before it.
    """

    with_number: StoredReading | None
    whatever_came: StoredReading | None
    undated: StoredReading | None


def page(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    kind: Kind,
    from_at: datetime,
    until_at: datetime,
    *,
    after: Place | None,
    limit: int,
) -> Page:
    """Return at most ``limit`` measurements from ``from_at`` until before ``until_at``, in one round trip."""
    found = store.stored_readings(
        cur,
        _Q.page,
        {
            "practice_id": practice_id,
            "patient_id": patient_id,
            "kind": kind,
            "from_at": from_at if after is None else after.measured_at,
            "after_id": None if after is None else after.reading_id,
            "until_at": until_at,
            "limit": limit + 1,
        },
    )
    readings = tuple(found[:limit])
    more = len(found) > limit
    last = readings[-1] if more else None
    return Page(readings, None if last is None else Place(last.measured_at, last.reading_id))


def latest(
    cur: Cursor, practice_id: UUID, patient_id: UUID, kinds: Sequence[Kind], now: datetime
) -> dict[Kind, Latest]:
    """Return the latest readings of each kind; ``now`` is aware."""
    asked = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "kinds": list(kinds),
        "since_at": now - _UNDATED_WITHIN,
    }
    with_number, whatever_came, undated = (
        {one.kind: one for one in store.stored_readings(cur, statement, asked)}
        for statement in (_Q.latest_with_number, _Q.latest, _Q.latest_undated)
    )
    return {
        kind: Latest(with_number.get(kind), whatever_came.get(kind), undated.get(kind))
        for kind in kinds
    }
