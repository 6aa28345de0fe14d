"""What the JSON API answers with. Times are RFC 3339 in UTC; units stand in the names."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from alerts.measures import Severity
from ccm_link import work
from ccm_link.billing.facts import StaffRole
from ccm_link.minutes.contact import Counterpart, Method, Outcome
from ccm_link.minutes.time_decisions import Kind
from ccm_link.minutes.time_entry import Entered
from ccm_link.work import Activity, Disposition, Origin, TaskEventKind, TaskStatus
from ingest.people import Role


class Answer(BaseModel):
    """What every answer is made like."""

    # Answers are made of the packages' own dataclasses, so that a field cannot be named differently here.
    model_config = ConfigDict(from_attributes=True, extra="ignore")


class Session(Answer):
    """Who signed in."""

    display_name: str
    role: Role


class Owner(Answer):
    """Whose task it is."""

    staff_id: UUID
    display_name: str


class Task(Answer):
    """A task. ``row_version`` goes into every change of it; ``owner`` is null while it is nobody's.

    ``acknowledged_at``: since when the owner has taken it on; null where it was only assigned. ``snoozed_until``: it
    waits while this is to come. ``returned_at``: when a breach soon after its completion last opened it again.
    ``in_range_at``: when the newest reading was measured that breaches nothing, if no breach is newer: a mark only.
    Of a task that no alert made ``episode_id`` and ``breached_at`` are null, and ``breach_sentence`` says why it is to
    be done. ``candidate_role``: whose it can be; null: anybody's of a clinical role. ``due_at``: null where it has no
    time. ``overdue_at``: when the clock found it overdue. ``follows_task_id``: the task whose completion opened it.
    """

    task_id: UUID
    patient_id: UUID
    patient_name: str
    record_number: str
    episode_id: UUID | None
    origin: Origin
    title: str
    severity: Severity
    status: TaskStatus
    candidate_role: Role | None
    owner: Owner | None
    opened_at: datetime
    due_at: datetime | None
    overdue_at: datetime | None
    breach_count: int
    breached_at: datetime | None
    breach_sentence: str
    is_late: bool
    is_of_reading: bool
    acknowledged_at: datetime | None
    snoozed_until: datetime | None
    escalated_at: datetime | None
    returned_at: datetime | None
    return_count: int
    in_range_at: datetime | None
    completed_at: datetime | None
    disposition: Disposition | None
    disposition_note: str | None
    follows_task_id: UUID | None
    row_version: int

    @classmethod
    def of(cls, task: work.Task) -> Self:
        """Return a task as the API shows it."""
        return cls.model_validate(_flat(task) | {"owner": _owner(task)})


class TaskEvent(Answer):
    """One line of a task's history; nobody's where the alert rules did it, or the clock.

    ``disposition``: what it was completed with. ``until_at``: until when it was snoozed. ``owner_name``: to whom it was
    assigned, or from whom it fell back.
    """

    at: datetime
    event: TaskEventKind
    staff_name: str | None
    note: str
    disposition: Disposition | None
    until_at: datetime | None
    owner_name: str | None


class Breach(Answer):
    """A reading that breached the task's rule, with the trace of all rules that were asked.

    ``withdrawn_because``: why it counts no more, where it turned out to be somebody else's or was read wrongly.
    """

    reading_id: UUID
    measured_at: datetime
    sentence: str
    withdrawn_because: str | None
    trace: dict[str, Any] | None


class TaskWithHistory(Task):
    """A task with what led to it and what was done, oldest first."""

    events: list[TaskEvent]
    breaches: list[Breach]


class Worklist(Answer):
    """The tasks of a tab. ``counts`` has those of every tab, also beyond the list; ``open_count`` all that are open.

    ``hidden_count`` are those of restricted patients whom the person does not see; they are not in ``open_count``.
    """

    open_count: int
    hidden_count: int
    counts: dict[str, int]
    last_reading_stored_at: datetime | None
    tasks: list[Task]


class Timer(Answer):
    """The person's timer. ``paused_at``: since when it waits; ``is_idle``: because nothing was seen for too long."""

    timer_id: UUID
    patient_id: UUID
    task_id: UUID | None
    program: str | None
    activity: Activity
    started_at: datetime
    paused_at: datetime | None
    is_idle: bool


class TimeEntry(Answer):
    """An interval of somebody's work, from ``started_at`` until before ``ended_at``.

    ``billing_role``: what the person was at its beginning, as far as it was recorded. ``is_approved``: null while
    nobody has approved or refused it. ``is_late``: its month was locked when it was added.
    """

    entry_id: UUID
    staff_id: UUID
    credential: str
    billing_role: StaffRole
    patient_id: UUID
    task_id: UUID | None
    program: str | None
    activity: Activity
    method: Method
    counterpart: Counterpart
    outcome: Outcome
    started_at: datetime
    ended_at: datetime
    zone: str
    seconds: int
    note: str
    entered: Entered
    reason: str
    needs_approval: bool
    is_approved: bool | None
    is_late: bool
    voided_at: datetime | None


class StoppedTimer(Answer):
    """What became of the timer: its spans as time entries, of which ``entry`` is the last; none: nothing was worked.

    ``dropped_s``: in which nothing was seen of the person for too long; they are in no entry.
    """

    entry: TimeEntry | None
    entries: list[TimeEntry]
    dropped_s: int


class TimeEntries(Answer):
    """The entries of a calendar month of the practice; ``is_locked``: nothing of it is added or voided any more."""

    month: str
    is_locked: bool
    entries: list[TimeEntry]


class TimeConflict(Answer):
    """Seconds from ``from_at`` until before ``until_at`` that two entries claim; undecided they count for neither."""

    kind: Kind
    entry_ids: list[UUID]
    from_at: datetime
    until_at: datetime
    seconds: int
    is_undecided: bool
    counting_entry_id: UUID | None


class TimeConflicts(Answer):
    """The conflicts of a calendar month of the practice, oldest first."""

    month: str
    conflicts: list[TimeConflict]


class ProblemDocument(BaseModel):
    """Why something was refused (RFC 9457). ``fields`` says what is wrong with which field, never what was sent."""

    title: str
    status: int
    detail: str
    what_to_do: str
    reason: str | None = None
    fields: dict[str, str] | None = None


# What an operation may answer instead of what was asked for.
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ProblemDocument} for status in (401, 403, 404, 409, 422, 429)
}


def _flat(task: work.Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in work.Task.__dataclass_fields__}


def _owner(task: work.Task) -> dict[str, Any] | None:
    if task.owner_staff_id is None:
        return None
    return {"staff_id": task.owner_staff_id, "display_name": task.owner_name}
