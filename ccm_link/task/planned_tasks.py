"""Tasks that no alert made: opened by a person, or by what else care management has to think of.

Opening is safe to repeat: whoever names a ``subject`` (a stay, a day of a schedule, the form that a person sent) gets
one task of it, however often it is asked for. Instants are aware.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from alerts.measures import Severity
from ccm_link import errors, store
from ccm_link.minutes import time_log
from ccm_link.task import task_store
from ccm_link.work import Origin, Task, TaskEventKind, TaskStatus
from ingest import named_queries
from ingest.people import Role

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.task", "planned_tasks")

GROUPS: Final[Mapping[Role, str]] = MappingProxyType(
    {Role.CARE_MANAGER: "care managers", Role.CLINICIAN: "clinicians"}
)
"""Whose a task can be that is nobody's yet; without a group it is everybody's who works with patients."""

SEVERITIES: Final = (Severity.CLINICAL, Severity.OUTREACH, Severity.TECHNICAL)
"""What a planned task can be. Urgent is for alerts alone: people are called for it, day and night."""

FARTHEST: Final = timedelta(days=731)
"""Two years: what is farther away is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A task that the completion of another one opened."""

    task_id: UUID
    title: str
    status: TaskStatus

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", TaskStatus(self.status))


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTask:
    """What is to follow a task; the fields are those of :func:`open_task`."""

    title: str
    severity: Severity
    due_at: datetime | None
    reason: str = ""
    candidate_role: Role | None = None
    owner_staff_id: UUID | None = None


def open_task(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    origin: Origin,
    title: str,
    severity: Severity,
    due_at: datetime | None,
    candidate_role: Role | None = None,
    owner_staff_id: UUID | None = None,
    made_by: UUID | None,
    reason: str,
    at: datetime,
    subject: str | None = None,
    follows_task_id: UUID | None = None,
) -> UUID:
    """Open a task for a patient, or find the one that was opened of the same subject.

    1. Store the task; where one of this origin and subject is there, open or completed, leave it as it is.
    2. Record the event.

    Args:
        cur: In a transaction that works for the practice, of the role homevitals_console.
        practice_id: The practice.
        patient_id: Whom it is about.
        origin: What makes it; never an alert, whose tasks come from the evaluator.
        title: What is to be done.
        severity: One of :data:`SEVERITIES`.
        due_at: Until when; None: whenever there is time.
        candidate_role: Whose it can be, one of :data:`GROUPS`; None: anybody's of a clinical role.
        owner_staff_id: Whose it is, who takes it on by claiming it, or has where they open it; None: nobody's yet.
        made_by: The member of staff who opens it; None: the clock, or a program.
        reason: Why, in a sentence that stands under the title; may be empty.
        at: Now.
        subject: What it is about, as its origin names it; None where nothing repeats it.
        follows_task_id: The patient's task whose completion opens it.

    Returns:
        The task's id.

    Raises:
        errors.BadTask: The severity or the group is none of a planned task.
        errors.MissingWords: The title is empty.
        errors.UnknownColleague: The owner may not see the patient.
        errors.UnknownSubject: The practice has no such patient, or that one has no such former task.
    """
    title = time_log.words(title)
    check_kind(severity, candidate_role)
    if origin is Origin.ALERT:
        raise errors.BadTask(errors.BadTaskReason.ALERT)
    if owner_staff_id is not None:
        able = task_store.colleagues(cur, practice_id, patient_id)
        if owner_staff_id not in {colleague.staff_id for colleague in able}:
            raise errors.UnknownColleague
    is_own = owner_staff_id is not None and owner_staff_id == made_by
    asked = {"practice_id": practice_id, "origin": origin, "subject": subject}
    try:
        with cur.connection.transaction():
            opened = store.scalar(
                cur,
                _Q.open_task,
                **asked,
                patient_id=patient_id,
                title=title,
                why=reason.strip(),
                severity=severity,
                candidate_role=candidate_role,
                owner_staff_id=owner_staff_id,
                made_by=made_by,
                opened_at=at,
                due_at=due_at,
                acknowledged_at=at if is_own else None,
                follows_task_id=follows_task_id,
            )
    except psycopg.errors.ForeignKeyViolation:
        raise errors.UnknownSubject from None
    if opened is None:
        return cast("UUID", store.scalar(cur, _Q.id_of_subject, **asked))
    task_id = cast("UUID", opened)
    task_store.add_event(
        cur,
        practice_id,
        task_id,
        TaskEventKind.OPENED,
        staff_id=made_by,
        at=at,
        note=reason.strip(),
        owner_staff_id=owner_staff_id,
    )
    return task_id


def check_kind(severity: Severity, candidate_role: Role | None) -> None:
    """Refuse what no planned task can be.

    Raises:
        errors.BadTask: The severity or the group is none of a planned task.
    """
    if severity not in SEVERITIES:
        raise errors.BadTask(errors.BadTaskReason.URGENT)
    if candidate_role is not None and candidate_role not in GROUPS:
        raise errors.BadTask(errors.BadTaskReason.GROUP)


def check_due(due_at: datetime | None, at: datetime) -> None:
    """Refuse a due time that a person cannot mean. Pure.

    Raises:
        errors.BadTask: It is over, or beyond :data:`FARTHEST`.
    """
    if due_at is not None and due_at <= at:
        raise errors.BadTask(errors.BadTaskReason.PAST)
    if due_at is not None and due_at > at + FARTHEST:
        raise errors.BadTask(errors.BadTaskReason.TOO_FAR)


def open_next(cur: Cursor, former: Task, wanted: NextTask, *, made_by: UUID, at: datetime) -> UUID:
    """Open what is to follow a task that was just completed; the history of that one tells of it.

    Raises:
        errors.BadTask, errors.MissingWords, errors.UnknownColleague: As in :func:`open_task` and :func:`check_due`.
    """
    check_due(wanted.due_at, at)
    task_id = open_task(
        cur,
        former.practice_id,
        former.patient_id,
        origin=Origin.FOLLOW_UP,
        title=wanted.title,
        severity=wanted.severity,
        due_at=wanted.due_at,
        candidate_role=wanted.candidate_role,
        owner_staff_id=wanted.owner_staff_id,
        made_by=made_by,
        reason=wanted.reason,
        at=at,
        subject=subject_of_next(former),
        follows_task_id=former.task_id,
    )
    task_store.add_event(
        cur,
        former.practice_id,
        former.task_id,
        TaskEventKind.FOLLOWED_UP,
        staff_id=made_by,
        at=at,
        note=wanted.title,
    )
    return task_id


def subject_of_next(former: Task) -> str:
    """Return what a follow-up is about; a task that comes back can be completed again, and followed by another one."""
    return f"{former.task_id}:{former.row_version}"


def opened_before(cur: Cursor, practice_id: UUID, origin: Origin, subject: str) -> UUID | None:
    """Return the task that was opened of a subject, if there is one."""
    found = store.scalar(
        cur, _Q.id_of_subject, practice_id=practice_id, origin=origin, subject=subject
    )
    return cast("UUID | None", found)


def follow_ups(cur: Cursor, practice_id: UUID, task_id: UUID) -> list[FollowUp]:
    """Return the tasks that the completion of one opened, oldest first."""
    return store.rows(cur, FollowUp, _Q.follow_ups, practice_id=practice_id, task_id=task_id)
