"""The SQL of timers and time entries: rows in, dataclasses out, no rules.

Every function takes an open cursor first and runs one named statement; whoever opened the transaction commits it. The
rules about who may do what, when, stand in :mod:`ccm_link.minutes.timers` and :mod:`ccm_link.minutes.time_log`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from ccm_link import store
from ccm_link.billing.facts import StaffRole
from ccm_link.minutes.contact import Contact
from ccm_link.minutes.time_entry import DroppedTime, Entered, TimeEntry, Timer
from ccm_link.store import Cursor
from ccm_link.work import Activity
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.minutes", "time_store")

# Signs of work are written down no oftener: they come with every click.
_SIGN_GRAIN: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTimer:
    """A timer about to be started."""

    practice_id: UUID
    staff_id: UUID
    patient_id: UUID
    task_id: UUID | None
    program: str | None
    activity: Activity
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """A time entry about to be stored; see :class:`ccm_link.minutes.time_entry.TimeEntry`."""

    practice_id: UUID
    staff_id: UUID
    patient_id: UUID
    task_id: UUID | None
    program: str | None
    activity: Activity
    contact: Contact
    started_at: datetime
    ended_at: datetime
    note: str
    entered: Entered
    reason: str
    entered_at: datetime
    timer_id: UUID | None = None
    claims_dropped_id: UUID | None = None
    replaces: UUID | None = None
    is_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Logged work that a span overlaps, in the practice's wall clock time (naive)."""

    activity: Activity
    started_wall: datetime
    ended_wall: datetime


def insert_timer(cur: Cursor, timer: NewTimer) -> None:
    """Store a running timer.

    Raises:
        psycopg.errors.ForeignKeyViolation: No such patient, person, or task of that patient.
    """
    store.changed(cur, _Q.insert_timer, **dataclasses.asdict(timer))


def timer(cur: Cursor, practice_id: UUID, staff_id: UUID) -> Timer | None:
    """Load a person's timer, also one that waits."""
    return store.row(
        cur, _timer, _Q.timers, practice_id=practice_id, staff_id=staff_id, patient_id=None
    )


def timers_of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Timer]:
    """Load the timers for a patient, whoever's they are, also those that wait."""
    return store.rows(
        cur, _timer, _Q.timers, practice_id=practice_id, staff_id=None, patient_id=patient_id
    )


def segments(cur: Cursor, of: Timer) -> list[tuple[datetime, datetime]]:
    """Load the closed spans of a timer, oldest first."""
    found = store.rows(cur, dict[str, Any], _Q.segments, **_whose(of))
    return [(one["started_at"], one["ended_at"]) for one in found]


def close_segment(cur: Cursor, of: Timer, ended_at: datetime) -> None:
    """Keep the span that ran until an instant; one without a second is not kept."""
    store.changed(cur, _Q.close_segment, **_whose(of), ended_at=ended_at)


def pause_timer(cur: Cursor, of: Timer, at: datetime, *, is_idle: bool) -> bool:
    """Let a timer wait; False where it waits already."""
    return store.changed(cur, _Q.pause_timer, **_whose(of), at=at, is_idle=is_idle)


def resume_timer(cur: Cursor, of: Timer, at: datetime) -> bool:
    """Let a timer run again; False where it runs already."""
    return store.changed(cur, _Q.resume_timer, **_whose(of), at=at)


def is_sign_due(cur: Cursor, practice_id: UUID, staff_id: UUID, at: datetime) -> bool:
    """Tell whether a timer of a person runs whose last sign of work is not quite fresh."""
    return bool(
        store.scalar(
            cur,
            _Q.is_sign_due,
            practice_id=practice_id,
            staff_id=staff_id,
            at=at,
            grain=_SIGN_GRAIN,
        )
    )


def note_sign(cur: Cursor, of: Timer, at: datetime) -> None:
    """Keep a sign of work."""
    store.changed(cur, _Q.note_sign, **_whose(of), at=at)


def insert_dropped(
    cur: Cursor, of: Timer, from_at: datetime, until_at: datetime, idle: timedelta
) -> None:
    """Keep seconds of a timer in which nothing was seen."""
    store.changed(
        cur,
        _Q.insert_dropped,
        **_whose(of),
        from_at=from_at,
        until_at=until_at,
        idle_limit_s=int(idle.total_seconds()),
    )


def dropped(cur: Cursor, practice_id: UUID, staff_id: UUID, since: datetime) -> list[DroppedTime]:
    """Load what was dropped of a person's timers since an instant, the newest first."""
    return store.rows(
        cur, DroppedTime, _Q.dropped, practice_id=practice_id, staff_id=staff_id, since=since
    )


def delete_timer(cur: Cursor, of: Timer) -> bool:
    """Remove exactly this timer with its spans; False where it is gone."""
    return store.changed(cur, _Q.delete_timer, **_whose(of), timer_id=of.timer_id)


def insert_discarded(cur: Cursor, of: Timer, reason: str, worked_s: int, at: datetime) -> None:
    """Keep what was thrown away, and why."""
    store.changed(
        cur,
        _Q.insert_discarded,
        **_whose(of),
        patient_id=of.patient_id,
        task_id=of.task_id,
        activity=of.activity,
        started_at=of.started_at,
        discarded_at=at,
        reason=reason,
        timer_id=of.timer_id,
        program=of.program,
        worked_s=worked_s,
    )


def insert_entry(cur: Cursor, entry: NewEntry) -> UUID | None:
    """Store a time entry and return its id; None where the practice has no such person.

    Raises:
        psycopg.errors.ExclusionViolation: It overlaps another entry of the person.
        psycopg.errors.CheckViolation: Its month is locked, constraint ``month_is_locked``.
        psycopg.errors.UniqueViolation: The dropped seconds are claimed already.
        psycopg.errors.ForeignKeyViolation: No such patient, task of that patient, or old entry.
    """
    columns = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
    contact = columns.pop("contact")
    return cast(
        "UUID | None",
        store.scalar(
            cur,
            _Q.insert_entry,
            **columns,
            method=contact.method,
            counterpart=contact.counterpart,
            outcome=contact.outcome,
        ),
    )


def entry(cur: Cursor, practice_id: UUID, entry_id: UUID) -> TimeEntry | None:
    """Load one time entry."""
    return store.row(cur, _entry, _Q.entry, practice_id=practice_id, entry_id=entry_id)


def entries_of_month(cur: Cursor, practice_id: UUID, month_on: date) -> list[TimeEntry]:
    """Load every entry that touches the practice's calendar month, voided ones too."""
    return store.rows(cur, _entry, _Q.entries_of_month, practice_id=practice_id, month_on=month_on)


def outside_care(cur: Cursor, practice_id: UUID, month_on: date) -> set[UUID]:
    """Load the entries of a month that began when their patient was not in their program with a documented consent."""
    found = store.rows(
        cur, dict[str, Any], _Q.outside_care, practice_id=practice_id, month_on=month_on
    )
    return {one["entry_id"] for one in found}


def entries_of_task(
    cur: Cursor, practice_id: UUID, patient_id: UUID, task_id: UUID, staff_id: UUID
) -> list[TimeEntry]:
    """Load what one person worked on a task, oldest first."""
    return store.rows(
        cur,
        _entry,
        _Q.entries_of_task,
        practice_id=practice_id,
        patient_id=patient_id,
        task_id=task_id,
        staff_id=staff_id,
    )


def clash(
    cur: Cursor, practice_id: UUID, staff_id: UUID, started_at: datetime, ended_at: datetime
) -> Clash | None:
    """Load the earliest entry of a person that overlaps [started_at, ended_at)."""
    return store.row(
        cur,
        _clash,
        _Q.clash,
        practice_id=practice_id,
        staff_id=staff_id,
        started_at=started_at,
        ended_at=ended_at,
    )


def void_entry(
    cur: Cursor, practice_id: UUID, entry_id: UUID, *, voided_by: UUID, reason: str, at: datetime
) -> bool:
    """Void an entry; False where there is none that is not voided.

    Raises:
        psycopg.errors.CheckViolation: Its month is locked, constraint ``month_is_locked``.
    """
    return store.changed(
        cur,
        _Q.void_entry,
        practice_id=practice_id,
        entry_id=entry_id,
        voided_by=voided_by,
        reason=reason,
        at=at,
    )


def _whose(of: Timer) -> dict[str, UUID]:
    return {"practice_id": of.practice_id, "staff_id": of.staff_id}


# Rows into dataclasses: the database's words become closed sets.


def _timer(*, activity: str, **columns: Any) -> Timer:
    return Timer(activity=Activity(activity), **columns)


def _entry(
    *,
    activity: str,
    entered: str,
    billing_role: str,
    method: str,
    counterpart: str,
    outcome: str,
    **columns: Any,
) -> TimeEntry:
    return TimeEntry(
        activity=Activity(activity),
        entered=Entered(entered),
        billing_role=StaffRole(billing_role),
        contact=Contact.of(method, counterpart, outcome),
        **columns,
    )


def _clash(*, activity: str, **columns: Any) -> Clash:
    return Clash(activity=Activity(activity), **columns)
