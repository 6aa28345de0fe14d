"""What is due by schedules: opened by the clock, one task for each patient, also where days were missed.

Any number of schedulers may do it at once: a day of a schedule has one task for each patient, by a unique key. After a
time in which nothing ran, or in which the former task stayed open, only the last day gets its task, which says how many
went by before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import class_row

from ccm_link import store, work
from ccm_link.task import recurrence, task_store
from ccm_link.task.recurrence import Recurrence, Unit
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.task", "scheduled_tasks")

MOST_AT_ONCE: Final = 500
"""Tasks that are opened in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A schedule that has begun and is not ended, as the clock needs it."""

    schedule_id: UUID
    patient_id: UUID | None
    program: str | None
    title: str
    why: str
    severity: str
    candidate_role: str | None
    every: int
    unit: Unit
    first_on: date
    until_on: date | None
    due_after_days: int
    due_time: time
    made_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", Unit(self.unit))

    @property
    def recurrence(self) -> Recurrence:
        """Return its days."""
        return Recurrence(self.first_on, self.every, self.unit, self.until_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """For whom a task is to be opened."""

    patient_id: UUID
    since_at: datetime  # in the program, or under the schedule, and active
    made_on: date | None  # the last day that had a task
    owner_staff_id: UUID | None


def in_force(cur: Cursor, practice_id: UUID, zone: ZoneInfo, at: datetime) -> list[InForce]:
    """Return the schedules of a practice that have begun and are not ended."""
    asked = {"practice_id": practice_id, "today": at.astimezone(zone).date(), "at": at}
    return store.rows(cur, InForce, _Q.load_in_force, **asked)


def open_due(
    cur: Cursor, practice_id: UUID, schedule: InForce, zone: ZoneInfo, at: datetime
) -> int:
    """Open what is due by one schedule.

    1. Find the last of its days until today, and for whom no task was opened for it.
    2. Store each task once, due so many days after that day by the practice's clocks, and its event.

    Args:
        cur: In a transaction that works for the practice, of the role homevitals_scheduler.
        practice_id: The practice.
        schedule: Which one.
        zone: The practice's.
        at: Now, aware.

    Returns:
        How many patients were looked at; :data:`MOST_AT_ONCE` says that there may be more.
    """
    today = at.astimezone(zone).date()
    occurs_on = schedule.recurrence.latest(today)
    if occurs_on is None:
        return 0
    asked = {
        "practice_id": practice_id,
        "schedule_id": schedule.schedule_id,
        "patient_id": schedule.patient_id,
        "program": schedule.program,
        "made_at": schedule.made_at,
        "occurs_on": occurs_on,
        "day_ends_at": recurrence.instant(occurs_on + timedelta(days=1), time(), zone),
        "at": at,
        "limit": MOST_AT_ONCE,
    }
    with cur.connection.cursor(row_factory=class_row(_Due)) as rows:
        found = rows.execute(_Q.load_due, asked).fetchall()
    due_on = occurs_on + timedelta(days=schedule.due_after_days)
    for due in found:
        why = _why(schedule, due, occurs_on, zone)
        opened = store.scalar(
            cur,
            _Q.open_task,
            practice_id=practice_id,
            patient_id=due.patient_id,
            subject=f"{schedule.schedule_id}:{due.patient_id}:{occurs_on}",
            title=schedule.title,
            why=why,
            severity=schedule.severity,
            candidate_role=schedule.candidate_role,
            owner_staff_id=due.owner_staff_id,
            opened_at=at,
            due_at=recurrence.instant(due_on, schedule.due_time, zone),
            schedule_id=schedule.schedule_id,
            occurs_on=occurs_on,
        )
        if opened is None:
            continue
        task_store.add_event(
            cur,
            practice_id,
            cast("UUID", opened),
            work.TaskEventKind.OPENED,
            staff_id=None,
            at=at,
            note=why,
            owner_staff_id=due.owner_staff_id,
        )
    return len(found)


def _why(schedule: InForce, due: _Due, occurs_on: date, zone: ZoneInfo) -> str:
    """Return why a task is there, and how many days went by without one."""
    after = due.made_on or due.since_at.astimezone(zone).date() - timedelta(days=1)
    missed = schedule.recurrence.count_between(after, occurs_on)
    if not missed:
        return schedule.why
    days = "1 earlier day" if missed == 1 else f"{missed} earlier days"
    return f"{schedule.why} {days} of the schedule went by without a task.".strip()
