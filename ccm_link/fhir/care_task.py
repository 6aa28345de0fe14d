"""A task as FHIR's Task. Pure.

The alert that made it is no resource of ours: the task names it by its id, and tells what it found.

Source: FHIR R4 (4.0.1), Task: status, intent and priority are of required value sets.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from alerts.measures import Severity
from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ccm_link.work import Disposition, Task, TaskStatus

_PRIORITIES: Final = {
    Severity.URGENT: "stat",
    Severity.CLINICAL: "urgent",
    Severity.OUTREACH: "routine",
    Severity.TECHNICAL: "routine",
}
# What was closed without anything having been done about it.
_NOT_DONE: Final = frozenset(
    {Disposition.NOT_NEEDED, Disposition.DECLINED, Disposition.NO_LONGER_IN_CARE}
)


def task(known: Task, now: datetime) -> Json:
    """Return a task as it stands at an instant (aware)."""
    disposition = known.disposition
    why = None if disposition is None else codings.concept(text=disposition.replace("_", " "))
    return codings.resource(
        "Task",
        known.task_id,
        identifier=[codings.uuid_identifier(known.task_id)],
        status=_status(known, now),
        statusReason=why,
        businessStatus=codings.concept(text=_stands(known, now)),
        intent="order",
        priority=_PRIORITIES[known.severity],
        code=codings.concept(text=known.origin.replace("_", " ")),
        description=known.title,
        focus=_alert(known),
        authoredOn=codings.instant(known.opened_at),
        lastModified=None if known.completed_at is None else codings.instant(known.completed_at),
        performerType=_performer(known),
        owner=_owner(known),
        reasonCode=codings.concept(text=known.breach_sentence) if known.breach_sentence else None,
        note=[{"text": known.disposition_note}] if known.disposition_note else [],
        restriction=_restriction(known),
        **{"for": codings.reference("Patient", known.patient_id)},
    )


def _alert(known: Task) -> Json | None:
    return (
        None if known.episode_id is None else codings.named("DetectedIssue", known.episode_id, "")
    )


def _status(known: Task, now: datetime) -> str:
    if known.status is TaskStatus.COMPLETED:
        return "cancelled" if known.disposition in _NOT_DONE else "completed"
    if known.is_snoozed(now):
        return "on-hold"
    return "requested" if known.acknowledged_at is None else "in-progress"


def _stands(known: Task, now: datetime) -> str:
    if known.status is TaskStatus.COMPLETED:
        return "completed"
    if known.is_snoozed(now):
        return "waits until a time"
    if known.acknowledged_at is not None:
        return "taken on"
    return "waits for somebody" if known.owner_staff_id is None else "assigned"


def _performer(known: Task) -> list[Json]:
    role = known.candidate_role
    return [] if role is None else [codings.concept(text=role.replace("_", " "))]


def _owner(known: Task) -> Json | None:
    if known.owner_staff_id is None:
        return None
    return codings.named("Practitioner", known.owner_staff_id, known.owner_name or "")


def _restriction(known: Task) -> Json | None:
    return None if known.due_at is None else {"period": {"end": codings.instant(known.due_at)}}
