"""Readings follow the assignments of their peripheral: whose they are is found again when an assignment changes.

Changes of assignments leave work (ingest/assignments.py). It is done in small transactions of a connection of its own,
so that taking in new readings never waits for it; each new version points at the one before and is evaluated.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

import psycopg

from firmware_profiles.readings import Kind
from ingest import (
    corrections,
    named_queries,
    statements,
    store,
    tenancy,
    time_ordered_id,
)
from ingest.corrections import Cause, Correction
from ingest.directory import Assignment, Peripheral
from ingest.rows import StoredReading

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]
Cursor: TypeAlias = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "attribution")

POLL_S: Final = 1.0
"""How long a change of an assignment may wait before its readings follow."""

_BATCH: Final = 200  # readings of one look: a transaction of some ten milliseconds
_LONGEST_RETRY: Final = timedelta(minutes=10)
_DETAIL: Final = "an assignment of the peripheral was made, ended or corrected"


@dataclass(frozen=True, slots=True)
class Work:
    """A slot of a peripheral whose readings have to be looked at.

    Attributes:
        from_at: Where the look goes on, aware UTC.
        after_id: The last reading looked at among those measured at that instant.
        until_at: Where it ends, aware UTC; None for the end of time.
        made_by: Who changed an assignment of the slot last.
        attempts: Looks that failed.
    """

    queue_id: int
    practice_id: UUID
    peripheral_id: UUID
    user_slot: int | None
    from_at: datetime
    after_id: UUID
    until_at: datetime | None
    made_by: str
    attempts: int


def reattributed(
    readings: Sequence[StoredReading], peripheral: Peripheral, at: datetime
) -> list[tuple[StoredReading, StoredReading]]:
    """Return which readings get a new version, and that version. Pure, but for the ids that it draws.

    Args:
        readings: Of the peripheral; versions that count.
        peripheral: With its assignments that count.
        at: Now, aware UTC.
    """
    wanted = []
    for reading in readings:
        assignment = peripheral.assignment_of(
            reading.user_slot, reading.measured_at, reading.time_quality
        )
        patient_id = None if assignment is None else assignment.patient_id
        if patient_id == reading.patient_id:
            continue
        new = reading._replace(
            reading_id=time_ordered_id.new(),
            patient_id=patient_id,
            measured_day=None if assignment is None else assignment.day_of(reading.measured_at),
            stored_at=at,
            version=reading.version + 1,
        )
        wanted.append((reading, new))
    return wanted


def follow(connection: Connection, at: datetime, batch_size: int = _BATCH) -> bool:
    """Do a part of the oldest work in one transaction; several workers may do so at once.

    1. Take work that no other worker holds.
    2. Look at its next readings in a savepoint; what fails is postponed and stops no other.

    Args:
        connection: Of the role ``homevitals_ingest``, in autocommit mode.
        at: Now, aware UTC.
        batch_size: Readings at a time.

    Returns:
        False where nothing was due.
    """
    with connection.transaction(), connection.cursor() as cur:
        work = statements.first(cur, Work, _Q.take_work, {"at": at})
        if work is None:
            return False
        try:
            with tenancy.transaction(connection, work.practice_id) as inner:
                _look(inner, work, at, batch_size)
        except Exception as error:  # the top loop: one poisoned item must not stop the others
            if connection.broken:
                raise
            _postpone(cur, work, at, _kind(error))
            log.error(  # noqa: TRY400 - a database's message would repeat the row
                "attribution_failed", extra={"queue_id": work.queue_id, "error": _kind(error)}
            )
    return True


def _look(cur: Cursor, work: Work, at: datetime, batch_size: int) -> None:
    """Look at the next readings of a slot.

    1. Wait for others who look at the same peripheral.
    2. Find the readings and the assignments as they are now, and decide.
    3. Put new versions in place. Where somebody else replaced one meanwhile, the look is repeated from here.
    4. Go on behind the last reading, or finish.
    """
    cur.execute(_Q.lock_peripheral, {"peripheral_id": work.peripheral_id})
    which = {"practice_id": work.practice_id, "peripheral_id": work.peripheral_id}
    assignments = statements.rows(cur, Assignment, _Q.assignments_in_force, which)
    readings = store.stored_readings(
        cur,
        _Q.readings_of_slot,
        which
        | {
            "user_slot": work.user_slot,
            "from_at": work.from_at,
            "after_id": work.after_id,
            "until_at": work.until_at,
            "limit": batch_size,
            "kinds": list(Kind),
        },
    )
    wanted = reattributed(readings, Peripheral(work.peripheral_id, tuple(assignments)), at)
    correction = Correction(work.practice_id, uuid4(), at, Cause.ASSIGNMENT, work.made_by, _DETAIL)
    replaced = corrections.replace(cur, correction, wanted)
    if replaced:
        log.info("readings_reattributed", extra={"count": replaced})
    if replaced < len(wanted):
        _postpone(cur, work, at, "corrected_meanwhile")
    elif len(readings) == batch_size:
        last = readings[-1]
        place = {"from_at": last.measured_at, "after_id": last.reading_id}
        cur.execute(_Q.move_on, place | {"queue_id": work.queue_id})
    else:
        cur.execute(_Q.finish_work, {"queue_id": work.queue_id})


def _postpone(cur: Cursor, work: Work, at: datetime, why: str) -> None:
    retry_at = at + min(timedelta(seconds=2 ** min(work.attempts + 1, 12)), _LONGEST_RETRY)
    parameters = {"queue_id": work.queue_id, "retry_at": retry_at, "last_error": why}
    cur.execute(_Q.postpone_work, parameters)


def _kind(error: BaseException) -> str:
    """Name an error without its message, which may repeat what was in the row."""
    if isinstance(error, psycopg.Error):
        return f"{type(error).__name__} {error.sqlstate or ''}".strip()
    return type(error).__name__
