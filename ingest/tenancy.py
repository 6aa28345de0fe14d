"""For whom a transaction works: the walls of the database show it these practices and persons, and nothing else.

Whoever opens a transaction on tables of practices enters a scope first; without one no row is visible and none can be
written. The settings are local to the transaction, so a pooled connection carries nothing over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "tenancy")

# The practice of what belongs to none: audit events about unknown names, for example. No practice can have this id.
NOBODYS: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Scope:
    """Who may be seen.

    Attributes:
        practice_ids: One practice for a person; those of a batch for ingest.
        staff_id: The signed-in member of staff, from whom restricted patients are hidden; None for services.
        patient_id: The one patient whom a person at home may see; None for staff and services.
        at: The instant at which emergency access has to be in force, aware; None for the database's now.
    """

    practice_ids: tuple[UUID, ...]
    staff_id: UUID | None = None
    patient_id: UUID | None = None
    at: datetime | None = None


def enter(cur: Cursor, scope: Scope) -> None:
    """Let the open transaction work for a scope, until it ends or enters another."""
    cur.execute(
        _Q.enter,
        {
            "practice_ids": list(scope.practice_ids),
            "staff_id": scope.staff_id,
            "patient_id": scope.patient_id,
            "at": scope.at,
        },
    )


@contextmanager
def transaction(connection: psycopg.Connection[Any], *practice_ids: UUID) -> Iterator[Cursor]:
    """Open a transaction (or a savepoint in one) of a service that works for these practices."""
    with connection.transaction(), connection.cursor() as cur:
        enter(cur, Scope(practice_ids))
        yield cur
