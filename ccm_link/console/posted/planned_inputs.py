"""What may be posted about planned tasks, schedules and cover; as in :mod:`ccm_link.console.posted.inputs`."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Final, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from alerts.measures import Severity
from ccm_link.console.posted.input_types import (
    FewWords,
    Instant,
    LocalDay,
    LocalTime,
    RequestKey,
    Words,
    readable,
    written,
)
from ccm_link.console.posted.inputs import Input
from ccm_link.console.posted.task_inputs import CompleteTask
from ccm_link.task import recurrence
from ccm_link.task.planned_tasks import NextTask
from ccm_link.task.recurrence import Unit
from ingest.people import Role

END_OF_WORK: Final = time(17)
"""When what is due on a day is due, where nobody says a time: while somebody is still there."""

ME, ANYBODY, CARE_MANAGER = "me", "anybody", "the_care_manager"

Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(readable),
]
_UUID: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CHOOSE: Final = "Choose one of the list."
ForWhom = Annotated[
    str, written(f"{ME}|{ANYBODY}|{Role.CARE_MANAGER}|{Role.CLINICIAN}|{_UUID}", _CHOOSE)
]
ForWhomOfProgram = Annotated[
    str, written(f"{CARE_MANAGER}|{ANYBODY}|{Role.CARE_MANAGER}|{Role.CLINICIAN}|{_UUID}", _CHOOSE)
]
PlannedSeverity = Literal[Severity.CLINICAL, Severity.OUTREACH, Severity.TECHNICAL]
Group = Literal[Role.CARE_MANAGER, Role.CLINICIAN]
ProgramName = Annotated[str, written("[a-z][a-z_]{1,39}", _CHOOSE)]
Every = Annotated[
    int, written("[1-9][0-9]?", "Write a whole number from 1 to 60."), Field(ge=1, le=60)
]
DaysUntilDue = Annotated[
    int, written("[0-9]{1,3}", "Write a number of days from 0 to 365."), Field(ge=0, le=365)
]


def owner_of(for_whom: str, asking: UUID) -> UUID | None:
    """Return whose a task is to be by what was chosen; None: nobody's yet."""
    if for_whom == ME:
        return asking
    return None if group_of(for_whom) or for_whom in {ANYBODY, CARE_MANAGER} else UUID(for_whom)


def group_of(for_whom: str) -> Role | None:
    """Return which group can have a task by what was chosen; None: everybody of a clinical role."""
    return Role(for_whom) if for_whom in {Role.CARE_MANAGER, Role.CLINICIAN} else None


def due_at(due_on: date | None, due_time: time, zone: ZoneInfo) -> datetime | None:
    """Return until when something is due that is to be done until a time of a day; None: whenever there is time."""
    return None if due_on is None else recurrence.instant(due_on, due_time, zone)


class OpenTask(Input):
    """What is to be done, until when, by whom; sent again under the same key, it is opened once."""

    title: Title
    reason: FewWords = ""
    severity: PlannedSeverity
    due_at: Instant | None = None
    candidate_role: Group | None = None
    owner_staff_id: UUID | None = None

    def wanted(self) -> NextTask:
        """Return the task."""
        return NextTask(
            title=self.title,
            severity=self.severity,
            due_at=self.due_at,
            reason=self.reason,
            candidate_role=self.candidate_role,
            owner_staff_id=self.owner_staff_id,
        )


class OpenTaskForm(Input):
    """The same from the page, by the practice's clocks; the key was drawn with the page."""

    form_key: RequestKey
    title: Title
    reason: FewWords = ""
    severity: PlannedSeverity
    due_on: LocalDay | None = None
    due_time: LocalTime = END_OF_WORK
    for_whom: ForWhom

    def wanted(self, asking: UUID, zone: ZoneInfo) -> NextTask:
        """Return the task."""
        return NextTask(
            title=self.title,
            severity=self.severity,
            due_at=due_at(self.due_on, self.due_time, zone),
            reason=self.reason,
            candidate_role=group_of(self.for_whom),
            owner_staff_id=owner_of(self.for_whom, asking),
        )


class CompleteTaskAndFollow(CompleteTask):
    """What became of the task, and what is to follow it, if anything is."""

    follow_up: OpenTask | None = None


class CompleteTaskForm(CompleteTask):
    """The same from the page; without a title nothing follows."""

    next_title: Title | None = None
    next_reason: FewWords = ""
    next_severity: PlannedSeverity = Severity.CLINICAL
    next_due_on: LocalDay | None = None
    next_due_time: LocalTime = END_OF_WORK
    next_for_whom: ForWhom = ME

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.next_title is None and (self.next_reason or self.next_due_on):
            raise ValueError("Say what is to follow, or leave all of it empty.")
        return self

    def wanted(self, asking: UUID, zone: ZoneInfo) -> NextTask | None:
        """Return what is to follow."""
        if self.next_title is None:
            return None
        return NextTask(
            title=self.next_title,
            severity=self.next_severity,
            due_at=due_at(self.next_due_on, self.next_due_time, zone),
            reason=self.next_reason,
            candidate_role=group_of(self.next_for_whom),
            owner_staff_id=owner_of(self.next_for_whom, asking),
        )


class ScheduleForm(Input):
    """What comes again for one patient: how often, from when until when, and how long there is time for it."""

    title: Title
    reason: FewWords = ""
    severity: PlannedSeverity
    for_whom: ForWhom
    every: Every = 1
    unit: Unit
    first_on: LocalDay
    until_on: LocalDay | None = None
    due_after_days: DaysUntilDue = 0
    due_time: LocalTime = END_OF_WORK


class ProgramScheduleForm(ScheduleForm):
    """The same for everybody in a program."""

    program: ProgramName
    for_whom: ForWhomOfProgram


class NoFields(Input):
    """Nothing: the address says it all."""


class EndSchedule(Input):
    """Why a schedule ends."""

    reason: Words


class CoverForm(Input):
    """Who is away, who stands in, from which day until which, both included, by the practice's clocks."""

    staff_id: UUID
    covered_by: UUID
    from_on: LocalDay
    until_on: LocalDay


class HandOverForm(Input):
    """Whose open tasks go to whom, and why."""

    from_staff_id: UUID
    to_whom: Annotated[str, written(f"{ANYBODY}|{_UUID}", _CHOOSE)]
    note: Words
