"""Two practices with events in the audit trail, for tests of sealing, checking and asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from ingest import audit, audit_sealer, tenancy
from ingest.audit import Action, Agent, AgentKind, Event, Kind
from ingest.tenancy import NOBODYS

ONE, OTHER = UUID(int=0x1000), UUID(int=0x2000)
PATIENT, SECOND_PATIENT = UUID(int=0xA), UUID(int=0xB)
STAFF = UUID(int=0x5)
BEGUN_AT = datetime(2026, 11, 12, 8, tzinfo=UTC)
SEALED_AT = datetime(2026, 11, 12, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 12, 12, 1, tzinfo=UTC)


def event(number: int, practice_id: UUID = ONE, **changes: Any) -> Event:
    """Event number n of a practice, n minutes after the trail begins; its id tells its number."""
    made = Event(
        practice_id=practice_id,
        event_id=UUID(int=(practice_id.int << 64) + number),
        at=BEGUN_AT + timedelta(minutes=number),
        kind=Kind.READ,
        action=Action.READ,
        agent=Agent(AgentKind.STAFF, str(STAFF), "clinician", "192.0.2.7", "0123456789abcdef"),
        patient_ids=(PATIENT,),
        resource="patient_page",
        resource_id=str(PATIENT),
        detail={"readings": number, "ratio": 0.1, "deep": {"ü": ["نور", None, True, 1e22]}},
    )
    return replace(made, **changes)


def record(database: Any, events: Sequence[Event], role: str = "homevitals_console") -> None:
    """Record events, each in a transaction of its own practice."""
    with psycopg.connect(database.conninfo(role), autocommit=True) as connection:
        for made in events:
            with tenancy.transaction(connection, made.practice_id) as cur:
                audit.record(cur, [made])


def sealer(database: Any) -> psycopg.Connection[Any]:
    """Connect as the sealer does."""
    return psycopg.connect(
        database.conninfo("homevitals_sealer"), autocommit=True, options="-c timezone=UTC"
    )


def seal_all(database: Any, at: datetime = SEALED_AT) -> int:
    """Seal until the queue is empty; return how many."""
    with sealer(database) as connection:
        total = 0
        while sealed := audit_sealer.seal(connection, at):
            total += sealed
        return total


def filled(database: Any, count: int = 8) -> None:
    """Seal some events of two practices and of nobody."""
    for practice_id in (ONE, OTHER, NOBODYS):
        record(database, [event(number, practice_id) for number in range(1, count + 1)])
    assert seal_all(database) == 3 * count


def links(database: Any, practice_id: UUID = ONE) -> list[tuple[int, UUID]]:
    """Return positions and event ids of a chain, in its order."""
    with psycopg.connect(database.conninfo("postgres")) as connection:
        return connection.execute(
            "select position, event_id from ingest.audit_link where practice_id = %s order by position",
            (practice_id,),
        ).fetchall()


def pending(database: Any) -> int:
    """Return how many events wait."""
    with psycopg.connect(database.conninfo("postgres")) as connection:
        row = connection.execute("select count(*) from ingest.audit_pending").fetchone()
        assert row is not None
        return int(row[0])
