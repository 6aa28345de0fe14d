"""What the JSON API answers with. Times are RFC 3339 in UTC; units stand in the names."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from alerts.rules import Severity
from ccm_link import work
from ccm_link.work import Activity, Disposition, Entered, TaskEventKind, TaskStatus
from firmware_profiles.readings import Kind, Result
from ingest import rows
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.people import Role


class _Answer(BaseModel):
    # Answers are made of the packages' own dataclasses, so that a field cannot be named differently here.
    model_config = ConfigDict(from_attributes=True, extra="ignore")


class Session(_Answer):
    """Who signed in."""

    display_name: str
    role: Role


class Owner(_Answer):
    """Whose task it is."""

    staff_id: UUID
    display_name: str


class Task(_Answer):
    """A task. ``row_version`` goes into every change of it; ``owner`` is null while nobody has claimed it."""

    task_id: UUID
    patient_id: UUID
    patient_name: str
    record_number: str
    episode_id: UUID
    title: str
    severity: Severity
    status: TaskStatus
    owner: Owner | None
    opened_at: datetime
    due_at: datetime
    breach_count: int
    breached_at: datetime
    breach_sentence: str
    completed_at: datetime | None
    disposition: Disposition | None
    disposition_note: str | None
    row_version: int

    @classmethod
    def of(cls, task: work.Task) -> Self:
        """Return a task as the API shows it."""
        return cls.model_validate(_flat(task) | {"owner": _owner(task)})


class TaskEvent(_Answer):
    """One line of a task's history; nobody's where the alert rules did it."""

    at: datetime
    event: TaskEventKind
    staff_name: str | None
    note: str


class Breach(_Answer):
    """A reading that breached the task's rule, with the trace of all rules that were asked."""

    reading_id: UUID
    measured_at: datetime
    sentence: str
    trace: dict[str, Any] | None


class TaskWithHistory(Task):
    """A task with what led to it and what was done, oldest first."""

    events: list[TaskEvent]
    breaches: list[Breach]


class Worklist(_Answer):
    """The open tasks: urgent first, then what is due first. ``open_count`` also counts those beyond the list.

    ``hidden_count`` are those of restricted patients whom the person does not see; they are not in ``open_count``.
    """

    open_count: int
    hidden_count: int
    last_reading_stored_at: datetime | None
    tasks: list[Task]


class Timer(_Answer):
    """The person's running timer."""

    patient_id: UUID
    task_id: UUID | None
    activity: Activity
    started_at: datetime


class TimeEntry(_Answer):
    """An interval of somebody's work, from ``started_at`` until before ``ended_at``."""

    entry_id: UUID
    staff_id: UUID
    patient_id: UUID
    task_id: UUID | None
    activity: Activity
    started_at: datetime
    ended_at: datetime
    seconds: int
    note: str
    entered: Entered
    reason: str


class StoppedTimer(_Answer):
    """What became of the timer: a time entry, or nothing where it ran less than a second."""

    entry: TimeEntry | None


class Reading(_Answer):
    """A measurement. Numbers are null where ``result`` is not ``measured``."""

    reading_id: UUID
    kind: Kind
    result: Result
    measured_at: datetime
    time_method: TimeMethod
    time_quality: TimeQuality
    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    mean_arterial_mmhg: float | None
    pulse_bpm: float | None
    glucose_mg_dl: float | None
    qualifiers: tuple[str, ...]
    stored_at: datetime


class Readings(_Answer):
    """A patient's measurements of one kind, oldest first."""

    readings: list[Reading]

    @classmethod
    def of(cls, found: list[rows.StoredReading]) -> Self:
        """Return readings as the API shows them."""
        return cls(readings=[Reading.model_validate(reading) for reading in found])


class ProblemDocument(BaseModel):
    """Why something was refused (RFC 9457). ``fields`` says what is wrong with which field, never what was sent."""

    title: str
    status: int
    detail: str
    what_to_do: str
    reason: str | None = None
    fields: dict[str, str] | None = None


def _flat(task: work.Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in work.Task.__dataclass_fields__}


def _owner(task: work.Task) -> dict[str, Any] | None:
    if task.owner_staff_id is None:
        return None
    return {"staff_id": task.owner_staff_id, "display_name": task.owner_name}
