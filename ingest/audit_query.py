"""Questions to the audit trail, page by page behind a key, and as a stream for the export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from ingest import named_queries
from ingest.audit import Action, Agent, AgentKind, Event, Kind, Outcome, Purpose

Cursor = psycopg.Cursor[Any]

MAX_ROWS: Final = 500
_ROWS_AT_ONCE: Final = 1000
_Q: Final = named_queries.load("ingest", "audit_query")


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page ended: the next one begins behind it, whatever was added meanwhile."""

    at: datetime
    event_id: UUID


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events of a practice.

    Attributes:
        from_at: Aware; included.
        until_at: Aware; not included.
        patient_id: Only events about this patient.
        staff_id: Only events of this member of staff.
        kinds: Only these; empty for all.
    """

    from_at: datetime
    until_at: datetime
    patient_id: UUID | None = None
    staff_id: UUID | None = None
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One event as the auditor sees it.

    Attributes:
        event: The event.
        agent_name: Name, as it is today, of the person who did it; "" where it was nobody known.
        position: Place in the practice's chain; None while it waits for the sealer, a second or so.
    """

    event: Event
    agent_name: str
    position: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """One event as the patient sees it: who did what sort of thing, and nothing about other patients."""

    event_id: UUID
    at: datetime
    kind: Kind
    action: Action
    outcome: Outcome
    agent_kind: AgentKind
    agent_id: str
    agent_role: str
    agent_name: str
    purpose: Purpose
    resource: str


def page(
    cur: Cursor, practice_id: UUID, wanted: Wanted, *, behind: Key | None, limit: int
) -> tuple[list[Row], Key | None]:
    """Return events of a practice, newest first, and the key of the next page; None behind the last one.

    Args:
        cur: In the scope of a signed-in person of the practice, or of a service working for it.
        practice_id: Whose events.
        wanted: Which ones.
        behind: The key that the page before returned.
        limit: 1 to 500 rows.
    """
    parameters = {
        "staff_id": None if wanted.staff_id is None else str(wanted.staff_id),
        "kinds": [kind.value for kind in wanted.kinds] or None,
        "patient_id": wanted.patient_id,
    }
    rows, key = _fetch(cur, _Q.page, practice_id, wanted, behind, limit, parameters)
    return [Row(_event(row), row["agent_name"], row["position"]) for row in rows], key


def who_looked(
    cur: Cursor, practice_id: UUID, wanted: Wanted, *, behind: Key | None, limit: int
) -> tuple[list[Look], Key | None]:
    """Return what was done with the data of the patient that is wanted, newest first, and the key of the next page.

    Args:
        cur: In the scope of the patient, of a carer, or of staff who answer them.
        practice_id: Whose patient.
        wanted: Has to name the patient; kinds and staff are not looked at.
        behind: The key that the page before returned.
        limit: 1 to 500 rows.

    Raises:
        ValueError: no patient is named.
    """
    if wanted.patient_id is None:
        raise ValueError("say whose data was looked at")
    parameters = {"patient_id": wanted.patient_id}
    rows, key = _fetch(cur, _Q.who_looked, practice_id, wanted, behind, limit, parameters)
    return [_look(row) for row in rows], key


def practice_by_slug(cur: Cursor, slug: str) -> UUID | None:
    """Return the id of the practice with this short name."""
    row = cur.execute(_Q.practice_by_slug, {"slug": slug}).fetchone()
    return None if row is None else row[0]


def in_order(
    connection: psycopg.Connection[Any], practice_id: UUID, wanted: Wanted
) -> Iterator[Event]:
    """Yield the events of a practice and a time, oldest first, while the transaction at hand is open."""
    with connection.cursor("audit_in_order", row_factory=dict_row) as cur:
        cur.itersize = _ROWS_AT_ONCE
        cur.execute(
            _Q.in_order,
            {
                "practice_id": practice_id,
                "from_at": wanted.from_at,
                "until_at": wanted.until_at,
            },
        )
        for row in cur:
            yield _event(row)


def _fetch(
    cur: Cursor,
    statement: Any,
    practice_id: UUID,
    wanted: Wanted,
    behind: Key | None,
    limit: int,
    parameters: Mapping[str, Any],
) -> tuple[list[Mapping[str, Any]], Key | None]:
    if not 1 <= limit <= MAX_ROWS:
        raise ValueError(f"a page has 1 to {MAX_ROWS} rows")
    with cur.connection.cursor(row_factory=dict_row) as by_name:
        rows = by_name.execute(
            statement,
            {
                "practice_id": practice_id,
                "from_at": wanted.from_at,
                "until_at": wanted.until_at,
                "before_at": None if behind is None else behind.at,
                "before_id": None if behind is None else behind.event_id,
                "limit": limit + 1,  # one more tells whether there is a next page
                **parameters,
            },
        ).fetchall()
    if len(rows) <= limit:
        return list(rows), None
    last = rows[limit - 1]
    return list(rows[:limit]), Key(last["at"], last["event_id"])


def _event(row: Mapping[str, Any]) -> Event:
    return Event(
        practice_id=row["practice_id"],
        event_id=row["event_id"],
        at=row["at"],
        kind=Kind(row["kind"]),
        action=Action(row["action"]),
        outcome=Outcome(row["outcome"]),
        agent=Agent(
            AgentKind(row["agent_kind"]),
            row["agent_id"],
            row["agent_role"],
            row["network"],
            row["session"],
        ),
        purpose=Purpose(row["purpose"]),
        patient_ids=tuple(row["patient_ids"]),
        resource=row["resource"],
        resource_id=row["resource_id"],
        detail=row["detail"],
    )


def _look(row: Mapping[str, Any]) -> Look:
    return Look(
        event_id=row["event_id"],
        at=row["at"],
        kind=Kind(row["kind"]),
        action=Action(row["action"]),
        outcome=Outcome(row["outcome"]),
        agent_kind=AgentKind(row["agent_kind"]),
        agent_id=row["agent_id"],
        agent_role=row["agent_role"],
        agent_name=row["agent_name"],
        purpose=Purpose(row["purpose"]),
        resource=row["resource"],
    )
