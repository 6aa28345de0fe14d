"""The SQL of care management but for tasks: rows in, dataclasses out, no rules.

Every function takes an open cursor first and runs exactly one named statement of ``queries.sql``;
whoever opened the transaction commits it. The rules about who may do what, when, stand in
:mod:`ccm_link.time_log`; tasks have :mod:`ccm_link.task_store`, programs :mod:`ccm_link.enrolment`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString, TypeVar, cast
from uuid import UUID

import psycopg
from psycopg.rows import kwargs_row, scalar_row

from ccm_link import work
from ingest import named_queries

Q = named_queries.load("ccm_link")
Cursor = psycopg.Cursor[Any]
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTimer:
    """A timer about to be started."""

    practice_id: UUID
    staff_id: UUID
    patient_id: UUID
    task_id: UUID | None
    activity: work.Activity
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A time entry about to be stored."""

    practice_id: UUID
    staff_id: UUID
    patient_id: UUID
    task_id: UUID | None
    activity: work.Activity
    started_at: datetime
    ended_at: datetime
    note: str
    entered: work.Entered
    reason: str
    entered_at: datetime
    replaces: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Logged work that a span overlaps, in the practice's wall clock time (naive)."""

    activity: work.Activity
    started_wall: datetime
    ended_wall: datetime


def lock_person(cur: Cursor, staff_id: UUID) -> None:
    """Hold this person's other changes to their time back until the transaction ends."""
    cur.execute(Q.lock_person, {"staff_id": staff_id})


def timers_of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[work.Timer]:
    """Load the timers that run for a patient, whoever's they are."""
    return rows(
        cur, _timer, Q.load_timers_of_patient, practice_id=practice_id, patient_id=patient_id
    )


def insert_timer(cur: Cursor, timer: NewTimer) -> None:
    """Store a running timer.

    Raises:
        psycopg.errors.ForeignKeyViolation: No such patient, person, or task of that patient.
    """
    changed(cur, Q.insert_timer, **dataclasses.asdict(timer))


def timer(cur: Cursor, practice_id: UUID, staff_id: UUID) -> work.Timer | None:
    """Load a person's running timer."""
    return row(cur, _timer, Q.load_timer, practice_id=practice_id, staff_id=staff_id)


def delete_timer(cur: Cursor, running: work.Timer) -> bool:
    """Remove exactly this timer; False where it is gone."""
    return changed(
        cur,
        Q.delete_timer,
        practice_id=running.practice_id,
        staff_id=running.staff_id,
        started_at=running.started_at,
    )


def insert_discarded_timer(cur: Cursor, discarded: work.DiscardedTimer) -> None:
    """Keep what was thrown away, and why."""
    changed(
        cur,
        Q.insert_discarded_timer,
        **dataclasses.asdict(discarded.timer),
        discarded_at=discarded.discarded_at,
        reason=discarded.reason,
    )


def insert_time_entry(cur: Cursor, entry: NewEntry) -> UUID | None:
    """Store a time entry and return its id; None where the practice has no such person.

    Raises:
        psycopg.errors.ExclusionViolation: It overlaps another entry of the person.
        psycopg.errors.ForeignKeyViolation: No such patient, task of that patient, or old entry.
    """
    return cast("UUID | None", scalar(cur, Q.insert_time_entry, **dataclasses.asdict(entry)))


def time_entry(cur: Cursor, practice_id: UUID, entry_id: UUID) -> work.TimeEntry | None:
    """Load one time entry."""
    return row(cur, _time_entry, Q.load_time_entry, practice_id=practice_id, entry_id=entry_id)


def clash(cur: Cursor, staff_id: UUID, started_at: datetime, ended_at: datetime) -> Clash | None:
    """Load the earliest entry of a person that overlaps [started_at, ended_at)."""
    return row(
        cur, _clash, Q.load_clash, staff_id=staff_id, started_at=started_at, ended_at=ended_at
    )


def void_time_entry(
    cur: Cursor, practice_id: UUID, entry_id: UUID, *, voided_by: UUID, reason: str, at: datetime
) -> bool:
    """Void an entry; False where there is none that is not voided."""
    return changed(
        cur,
        Q.void_time_entry,
        practice_id=practice_id,
        entry_id=entry_id,
        voided_by=voided_by,
        reason=reason,
        at=at,
    )


def entries_of_month(cur: Cursor, practice_id: UUID, month_on: date) -> list[work.TimeEntry]:
    """Load every entry that touches the practice's calendar month, voided ones too."""
    return rows(
        cur, _time_entry, Q.load_entries_of_month, practice_id=practice_id, month_on=month_on
    )


def month_totals(
    cur: Cursor, practice_id: UUID, month_on: date, patient_id: UUID | None
) -> list[work.MonthTotal]:
    """Load the counted seconds of one patient, or of all who were enrolled in the month."""
    return rows(
        cur,
        work.MonthTotal,
        Q.load_month_totals,
        practice_id=practice_id,
        month_on=month_on,
        patient_id=patient_id,
    )


# Rows into dataclasses: the database's words become the closed sets of ccm_link.work.


def _timer(*, activity: str, **columns: Any) -> work.Timer:
    return work.Timer(activity=work.Activity(activity), **columns)


def _time_entry(*, activity: str, entered: str, **columns: Any) -> work.TimeEntry:
    return work.TimeEntry(
        activity=work.Activity(activity), entered=work.Entered(entered), **columns
    )


def _clash(*, activity: str, **columns: Any) -> Clash:
    return Clash(activity=work.Activity(activity), **columns)


def rows(
    cur: Cursor, make: Callable[..., _Row], statement: LiteralString, **parameters: Any
) -> list[_Row]:
    """Load what a statement finds, each row made by ``make``."""
    with cur.connection.cursor(row_factory=kwargs_row(make)) as rows:
        return rows.execute(statement, parameters).fetchall()


def row(
    cur: Cursor, make: Callable[..., _Row], statement: LiteralString, **parameters: Any
) -> _Row | None:
    """Load the first row that a statement finds."""
    with cur.connection.cursor(row_factory=kwargs_row(make)) as rows:
        return rows.execute(statement, parameters).fetchone()


def scalar(cur: Cursor, statement: LiteralString, **parameters: Any) -> object:
    """Load the first column of the first row."""
    with cur.connection.cursor(row_factory=scalar_row) as rows:
        return rows.execute(statement, parameters).fetchone()


def changed(cur: Cursor, statement: LiteralString, **parameters: Any) -> bool:
    """Run a statement that changes at most one row and tell whether it did."""
    cur.execute(statement, parameters)
    return cur.rowcount == 1
