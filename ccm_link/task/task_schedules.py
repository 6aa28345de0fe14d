"""Schedules of tasks: work that comes again for one patient, or for everybody in a program, set up and ended by people.

The scheduler opens what is due (:mod:`ccm_link.task.scheduled_tasks`). A schedule is never changed: whoever wants
another one ends it and sets up the next. Days are the practice's own; instants are aware UTC.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from alerts.measures import Severity
from ccm_link import errors, store
from ccm_link.errors import ScheduleReason
from ccm_link.minutes import time_log
from ccm_link.task import planned_tasks, task_store
from ccm_link.task.recurrence import Recurrence, Unit
from ingest import access, named_queries
from ingest.people import Role

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.task", "task_schedules")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """What is to come again, when, and for whom.

    Attributes:
        patient_id: For this patient; None: for everybody in the program.
        program: As long as the patient is in it; None: whatever programs the patient is in.
        candidate_role: Whose the tasks can be; None: anybody's of a clinical role.
        owner_staff_id: Whose they are; None: nobody's.
        to_care_manager: Whether they are the care manager's whom the patient's team names, where it names one.
        due_after_days: How many days after theirs they are due.
        due_time: At what time of the practice's clocks.
    """

    practice_id: UUID
    patient_id: UUID | None
    program: str | None
    title: str
    why: str
    severity: Severity
    candidate_role: Role | None
    owner_staff_id: UUID | None
    to_care_manager: bool
    every: int
    unit: Unit
    first_on: date
    until_on: date | None
    due_after_days: int
    due_time: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule as people look at it; the fields are those of :class:`NewSchedule`, and who made and ended it.

    ``ended_by_name`` is None where it goes on, and where it ended with the patient's standing.
    """

    schedule_id: UUID
    patient_id: UUID | None
    program: str | None
    title: str
    why: str
    severity: Severity
    candidate_role: Role | None
    owner_staff_id: UUID | None
    owner_name: str | None
    to_care_manager: bool
    every: int
    unit: Unit
    first_on: date
    until_on: date | None
    due_after_days: int
    due_time: time
    made_by_name: str
    made_at: datetime
    ended_at: datetime | None
    ended_by_name: str | None
    end_reason: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity", Severity(self.severity))
        object.__setattr__(self, "unit", Unit(self.unit))
        if self.candidate_role is not None:
            object.__setattr__(self, "candidate_role", Role(self.candidate_role))

    @property
    def recurrence(self) -> Recurrence:
        """Return its days."""
        return Recurrence(self.first_on, self.every, self.unit, self.until_on)


def set_up(cur: Cursor, wanted: NewSchedule, *, made_by: UUID, today: date, at: datetime) -> UUID:
    """Set a schedule up, and return its id.

    Args:
        cur: Of the role homevitals_console.
        wanted: What, when, for whom.
        made_by: Who does it.
        today: The practice's day.
        at: Now.

    Raises:
        errors.BadSchedule: It is for nobody, or its days cannot be.
        errors.BadTask: Its severity or group is none of a planned task.
        errors.MissingWords: Its title is empty.
        errors.UnknownColleague: Its owner works with no patients here, or may not see the patient.
        errors.UnknownSubject: The practice has no such patient.
    """
    wanted = dataclasses.replace(wanted, title=time_log.words(wanted.title), why=wanted.why.strip())
    planned_tasks.check_kind(wanted.severity, wanted.candidate_role)
    if wanted.patient_id is None and wanted.program is None:
        raise errors.BadSchedule(ScheduleReason.NOBODY)
    if wanted.until_on is not None and wanted.until_on < wanted.first_on:
        raise errors.BadSchedule(ScheduleReason.NEVER)
    if wanted.first_on < today:
        raise errors.BadSchedule(ScheduleReason.LONG_AGO)
    if wanted.first_on > today + planned_tasks.FARTHEST:
        raise errors.BadSchedule(ScheduleReason.TOO_FAR)
    if wanted.owner_staff_id is not None:
        able = (
            access.clinical_staff(cur, wanted.practice_id)
            if wanted.patient_id is None
            else task_store.colleagues(cur, wanted.practice_id, wanted.patient_id)
        )
        if wanted.owner_staff_id not in {colleague.staff_id for colleague in able}:
            raise errors.UnknownColleague
    try:
        with cur.connection.transaction():
            schedule_id = store.scalar(
                cur, _Q.set_up, **dataclasses.asdict(wanted), made_by=made_by, at=at
            )
    except psycopg.errors.ForeignKeyViolation:
        raise errors.UnknownSubject from None
    return cast("UUID", schedule_id)


def end(
    cur: Cursor,
    practice_id: UUID,
    schedule_id: UUID,
    *,
    patient_id: UUID | None,
    staff_id: UUID,
    reason: str,
    at: datetime,
) -> None:
    """End a schedule; tasks that it opened stay.

    Args:
        cur: Of the role homevitals_console.
        practice_id: The practice.
        schedule_id: Which one.
        patient_id: Of whom; None: it is a program's.
        staff_id: Who ends it.
        reason: Why.
        at: Now.

    Raises:
        errors.ScheduleEnded: It is ended already, or there is none.
        errors.MissingWords: The reason is empty.
    """
    ended = store.changed(
        cur,
        _Q.end_schedule,
        practice_id=practice_id,
        schedule_id=schedule_id,
        patient_id=patient_id,
        staff_id=staff_id,
        reason=time_log.words(reason),
        at=at,
    )
    if not ended:
        raise errors.ScheduleEnded


def end_all(cur: Cursor, practice_id: UUID, patient_id: UUID, *, reason: str, at: datetime) -> None:
    """End all schedules of one patient alone, who died or is cared for elsewhere; tasks that they opened stay."""
    cur.execute(
        _Q.end_all,
        {"practice_id": practice_id, "patient_id": patient_id, "reason": reason, "at": at},
    )


def of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Schedule]:
    """Return the schedules of one patient alone, what holds first."""
    return store.rows(
        cur, Schedule, _Q.load_of_patient, practice_id=practice_id, patient_id=patient_id
    )


def of_programs(cur: Cursor, practice_id: UUID) -> list[Schedule]:
    """Return the schedules for everybody in a program, what holds first."""
    return store.rows(cur, Schedule, _Q.load_of_patient, practice_id=practice_id, patient_id=None)


def programs(cur: Cursor, practice_id: UUID, at: datetime) -> list[str]:
    """Return the programs in which somebody is, by the names that the billing tables give them."""
    cur.execute(_Q.programs, {"practice_id": practice_id, "at": at})
    return [name for (name,) in cur.fetchall()]
