"""Times in which silence is expected: a journey, a stay in hospital, work on a gateway or in the practice.

Rules about silence and technical matters call nobody in them, and say so; rules about readings do not know of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import kwargs_row

from alerts import errors
from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("alerts", "silence_windows")

LONGEST: Final = timedelta(days=92)
"""A quarter; ours. Whoever is away for longer is looked at again before that goes on."""


class Cause(StrEnum):
    """Why silence is expected."""

    TRAVEL = "travel"
    HOSPITAL = "hospital"
    MAINTENANCE = "maintenance"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom a window is about: one patient, one gateway, or the whole practice."""

    patient_id: UUID | None = None
    gateway_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceWindow:
    """One window.

    Attributes:
        patient_id: whose; None with `gateway_id` too: everybody's.
        gateway_id: of whose homes.
        from_at: aware UTC.
        until_at: aware UTC, excluded; earlier than it was meant to be where somebody ended it.
        reason: what the person who set it wrote.
    """

    window_id: UUID
    patient_id: UUID | None
    gateway_id: str | None
    from_at: datetime
    until_at: datetime
    cause: Cause
    reason: str
    set_by: str

    def is_about(self, patient_id: UUID, gateway_ids: Collection[str]) -> bool:
        """Tell whether it covers a patient, whose home has these gateways."""
        if self.patient_id is not None:
            return self.patient_id == patient_id
        return self.gateway_id is None or self.gateway_id in gateway_ids

    def overlaps(self, from_at: datetime, until_at: datetime) -> bool:
        """Tell whether it covers a part of a time; aware, the end excluded."""
        return self.from_at < until_at and from_at < self.until_at

    def covers(self, at: datetime) -> bool:
        """Tell whether it covers an instant, aware."""
        return self.from_at <= at < self.until_at


def of_practice(cur: Cursor, practice_id: UUID, after: datetime) -> list[SilenceWindow]:
    """Return all windows of a practice that end after an instant, aware, those that have not begun too."""
    return _load(cur, practice_id, None, after)


def of_patient(
    cur: Cursor, practice_id: UUID, patient_id: UUID, after: datetime
) -> list[SilenceWindow]:
    """Return the windows of a patient and of the whole practice that end after an instant, aware."""
    return _load(cur, practice_id, patient_id, after)


def of_fleet(cur: Cursor, practice_id: UUID, after: datetime) -> list[SilenceWindow]:
    """Return the windows of gateways and of the whole practice that end after an instant, aware."""
    return [one for one in _load(cur, practice_id, None, after) if one.patient_id is None]


def add(
    cur: Cursor,
    practice_id: UUID,
    whom: Whom,
    *,
    from_at: datetime,
    until_at: datetime,
    cause: Cause,
    reason: str,
    set_by: str,
    at: datetime,
) -> UUID:
    """Set a window and return its id.

    Args:
        cur: Open cursor of the console.
        practice_id: Whose.
        whom: About whom.
        from_at: Aware.
        until_at: Aware, excluded.
        cause: Why, in a word.
        reason: Why, as a person says it.
        set_by: Who.
        at: Now, aware.

    Raises:
        errors.BadWindow: It ends before it begins or before now, lasts too long, or says no reason.
        RefusedByStoreError: The practice has no such patient or gateway.
    """
    lasts = until_at - from_at
    if not timedelta() < lasts <= LONGEST or until_at <= at or not reason.strip():
        raise errors.BadWindow
    parameters = {
        "practice_id": practice_id,
        "patient_id": whom.patient_id,
        "gateway_id": whom.gateway_id,
        "from_at": from_at,
        "until_at": until_at,
        "cause": cause,
        "reason": reason,
        "set_by": set_by,
        "at": at,
    }
    return statements.add(cur, _Q.add, parameters)


def end(cur: Cursor, practice_id: UUID, window_id: UUID, *, ended_by: str, at: datetime) -> bool:
    """End a window before its time; False where it is over or was ended."""
    which = {"practice_id": practice_id, "window_id": window_id, "ended_by": ended_by, "at": at}
    return statements.changed(cur, _Q.end, which)


def _load(
    cur: Cursor, practice_id: UUID, patient_id: UUID | None, after: datetime
) -> list[SilenceWindow]:
    asked = {"practice_id": practice_id, "patient_id": patient_id, "after": after}
    with cur.connection.cursor(row_factory=kwargs_row(_window)) as rows:
        return rows.execute(_Q.load, asked).fetchall()


def _window(*, cause: str, **columns: Any) -> SilenceWindow:
    return SilenceWindow(cause=Cause(cause), **columns)
