"""A task as FHIR's Task, and the alert that made it as DetectedIssue. Pure.

Source: FHIR R4 (4.0.1), Task and DetectedIssue: status, intent and priority are of required value sets.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from alerts.measures import Severity
from ccm_link import work
from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ccm_link.work import Disposition, Task, TaskStatus

_PRIORITIES: Final = {
    Severity.URGENT: "stat",
    Severity.CLINICAL: "urgent",
    Severity.OUTREACH: "routine",
    Severity.TECHNICAL: "routine",
}
_SEVERITIES: Final = {
    Severity.URGENT: "high",
    Severity.CLINICAL: "moderate",
    Severity.OUTREACH: "low",
    Severity.TECHNICAL: "low",
}
# What was closed without anything having been done about it.
_NOT_DONE: Final = frozenset(
    {Disposition.NOT_NEEDED, Disposition.DECLINED, Disposition.NO_LONGER_IN_CARE}
)


def task(known: Task, now: datetime) -> Json:
    """Return a task as it stands at an instant (aware)."""
    disposition = known.disposition
    why = None if disposition is None else codings.concept(text=disposition.replace("_", " "))
    is_alert = known.origin is work.Origin.ALERT
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
        focus=codings.reference("DetectedIssue", known.episode_id) if is_alert else None,
        authoredOn=codings.instant(known.opened_at),
        lastModified=None if known.completed_at is None else codings.instant(known.completed_at),
        performerType=_performer(known),
        owner=_owner(known),
        reasonCode=codings.concept(text=known.breach_sentence) if known.breach_sentence else None,
        note=[{"text": known.disposition_note}] if known.disposition_note else [],
        restriction=_restriction(known),
        **{"for": codings.reference("Patient", known.patient_id)},
    )


def detected_issue(known: Task, reading_ids: tuple[UUID, ...]) -> Json:
    """Return the alert of a task.

    Args:
        known: A task that an alert made.
        reading_ids: The readings that breached the rule, as far as they count.

    Raises:
        ValueError: No alert made it.
    """
    if known.episode_id is None:
        raise ValueError("no alert made this task")
    return codings.resource(
        "DetectedIssue",
        known.episode_id,
        identifier=[codings.uuid_identifier(known.episode_id)],
        status="final" if known.status is TaskStatus.COMPLETED else "preliminary",
        code=codings.concept(text=known.title),
        severity=_SEVERITIES[known.severity],
        patient=codings.reference("Patient", known.patient_id),
        identifiedDateTime=codings.instant(known.opened_at),
        implicated=[codings.reference("Observation", one) for one in reading_ids],
        detail=known.breach_sentence,
        mitigation=_mitigation(known),
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


def _mitigation(known: Task) -> list[Json]:
    if known.disposition is None or known.completed_at is None:
        return []
    return [
        {
            "action": codings.concept(text=known.disposition.replace("_", " ")),
            "date": codings.instant(known.completed_at),
        }
    ]
