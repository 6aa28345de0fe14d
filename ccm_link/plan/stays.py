"""Where patients were instead of at home: hospital, skilled nursing facility, emergency department.

A stay is recorded with who told of it, its end is said once, and one that was wrong is voided. A discharge opens a task
to speak with the patient within two business days. Instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from alerts.measures import Severity
from ccm_link import errors, store
from ccm_link.billing import intervals
from ccm_link.billing.intervals import Spans
from ccm_link.plan import business_days, plan_errors
from ccm_link.plan.plan_errors import TimeReason
from ccm_link.task import planned_tasks
from ccm_link.work import Origin
from ingest import named_queries
from ingest.people import Role

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.plan", "stays")
_LAST: Final = datetime.max.replace(tzinfo=UTC)


class Kind(StrEnum):
    """What kind of a stay it is."""

    INPATIENT = "inpatient"
    SKILLED_NURSING = "skilled_nursing"
    EMERGENCY = "emergency"

    @property
    def words(self) -> str:
        """What a person calls it."""
        return {
            Kind.INPATIENT: "Hospital stay",
            Kind.SKILLED_NURSING: "Skilled nursing facility",
            Kind.EMERGENCY: "Emergency department",
        }[self]


AWAY: Final = (Kind.INPATIENT, Kind.SKILLED_NURSING)
"""In these nobody is cared for from home, and seconds count for no program.

Source: CMS, "Frequently Asked Questions about Billing Medicare for Chronic Care Management" (2022-08): no time counts
    while the patient is an inpatient of a hospital or a skilled nursing facility; a visit to an emergency department
    makes nobody an inpatient.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """One stay.

    Attributes:
        source: who told of it.
        discharged_at: None while it goes on.
        contact_due_at: until when somebody has to speak with the patient after it; None while it goes on.
        is_contact_done: whether that task is completed; None where there is none.
        void_reason: why it counts for nothing.
    """

    stay_id: UUID
    patient_id: UUID
    kind: Kind
    facility: str
    source: str
    admitted_at: datetime
    discharged_at: datetime | None
    recorded_by: str
    recorded_at: datetime
    contact_due_at: datetime | None
    contact_task_id: UUID | None
    is_contact_done: bool | None
    voided_at: datetime | None
    voided_by: str | None
    void_reason: str | None


def record(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    kind: Kind,
    facility: str,
    source: str,
    admitted_at: datetime,
    discharged_at: datetime | None,
    zone: ZoneInfo,
    staff_id: UUID,
    at: datetime,
) -> UUID:
    """Record a stay and return its id; where it is over, the task to speak with the patient is opened.

    Args:
        cur: Of the role homevitals_console.
        practice_id: The practice.
        patient_id: Whose stay.
        kind: What kind of stay.
        facility: Where.
        source: Who told of it.
        admitted_at: When it began.
        discharged_at: When it ended; None: it goes on.
        zone: The practice's, by whose business days the task is due.
        staff_id: Who records it.
        at: Now.

    Raises:
        plan_errors.BadPlanTime: It begins in the future, or ends before it begins or in the future.
        plan_errors.OverlappingStay: The patient was somewhere else in that time.
        errors.UnknownSubject: The practice has no such patient.
    """
    _hold_together(admitted_at, discharged_at, at)
    with _refusals(cur):
        stay_id = store.scalar(
            cur,
            _Q.record,
            practice_id=practice_id,
            patient_id=patient_id,
            kind=kind,
            facility=facility,
            source=source,
            admitted_at=admitted_at,
            discharged_at=discharged_at,
            contact_due_at=discharged_at and business_days.contact_due_at(discharged_at, zone),
            staff_id=staff_id,
            at=at,
        )
    recorded = cast("UUID", stay_id)
    if discharged_at is not None:
        _open_contact(
            cur, practice_id, patient_id, recorded, discharged_at, zone, made_by=staff_id, at=at
        )
    return recorded


def discharge(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    stay_id: UUID,
    *,
    discharged_at: datetime,
    zone: ZoneInfo,
    staff_id: UUID,
    at: datetime,
) -> None:
    """Say when a stay ended, and open the task to speak with the patient.

    Raises:
        plan_errors.BadPlanTime: It ends before it began, or in the future.
        plan_errors.StayChanged: It has ended or is void already, or is not the patient's.
        plan_errors.OverlappingStay: The patient was somewhere else by then.
    """
    here = of_patient(cur, practice_id, patient_id)
    stay = next((one for one in here if one.stay_id == stay_id), None)
    if stay is None or stay.voided_at or stay.discharged_at:
        raise plan_errors.StayChanged
    _hold_together(stay.admitted_at, discharged_at, at)
    with _refusals(cur):
        ended = store.scalar(
            cur,
            _Q.discharge,
            practice_id=practice_id,
            patient_id=patient_id,
            stay_id=stay_id,
            discharged_at=discharged_at,
            contact_due_at=business_days.contact_due_at(discharged_at, zone),
            staff_id=staff_id,
            at=at,
        )
    if ended is None:
        raise plan_errors.StayChanged
    _open_contact(
        cur, practice_id, patient_id, stay_id, discharged_at, zone, made_by=staff_id, at=at
    )


def void(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    stay_id: UUID,
    *,
    staff_id: UUID,
    reason: str,
    at: datetime,
) -> None:
    """Let a stay that was recorded wrongly count for nothing; a task that it opened stays with who has it.

    Raises:
        plan_errors.StayChanged: It is void already, or is not the patient's.
    """
    voided = store.scalar(
        cur,
        _Q.void,
        practice_id=practice_id,
        patient_id=patient_id,
        stay_id=stay_id,
        staff_id=staff_id,
        reason=reason,
        at=at,
    )
    if voided is None:
        raise plan_errors.StayChanged


def of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Stay]:
    """Return all stays that were ever recorded of a patient, the newest first."""
    return store.rows(cur, _stay, _Q.of_patient, practice_id=practice_id, patient_id=patient_id)


def away(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID], span: Spans
) -> Mapping[UUID, Spans]:
    """Return the seconds of a span in which patients were inpatients; who never was is not in it.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: The practice.
        patient_ids: Whose stays.
        span: Of what time, such as a month (`ccm_link.billing.periods.span_of_month`).
    """
    if not span:
        return {}
    rows = cur.execute(
        _Q.away,
        {
            "practice_id": practice_id,
            "patient_ids": list(patient_ids),
            "kinds": list(AWAY),
            "from_at": span[0].from_at,
            "until_at": span[-1].until_at,
        },
    ).fetchall()
    found: dict[UUID, list[intervals.Span]] = {}
    for patient_id, admitted_at, discharged_at in rows:
        of_stay = intervals.between(admitted_at, discharged_at or _LAST)
        found.setdefault(patient_id, []).extend(of_stay)
    return {
        patient_id: intervals.common(intervals.union(spans), span)
        for patient_id, spans in found.items()
    }


def _open_contact(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    stay_id: UUID,
    discharged_at: datetime,
    zone: ZoneInfo,
    *,
    made_by: UUID,
    at: datetime,
) -> None:
    """Open the task of a discharge, once for each stay."""
    task_id = planned_tasks.open_task(
        cur,
        practice_id,
        patient_id,
        origin=Origin.TRANSITION,
        title="Speak with the patient after the discharge",
        severity=Severity.CLINICAL,
        due_at=business_days.contact_due_at(discharged_at, zone),
        candidate_role=Role.CARE_MANAGER,
        made_by=made_by,
        reason="Within two business days: how it is going, the medication, the next appointments.",
        at=at,
        subject=str(stay_id),
    )
    store.changed(
        cur, _Q.set_contact_task, practice_id=practice_id, stay_id=stay_id, task_id=task_id
    )


def _hold_together(admitted_at: datetime, discharged_at: datetime | None, at: datetime) -> None:
    if max(admitted_at, discharged_at or admitted_at) > at:
        raise plan_errors.BadPlanTime(TimeReason.IN_THE_FUTURE)
    if discharged_at is not None and discharged_at <= admitted_at:
        raise plan_errors.BadPlanTime(TimeReason.ENDS_BEFORE_START)


@contextmanager
def _refusals(cur: Cursor) -> Iterator[None]:
    """Say in our own words what a constraint refused, and leave the transaction usable."""
    try:
        with cur.connection.transaction():
            yield
    except psycopg.errors.ExclusionViolation:
        raise plan_errors.OverlappingStay from None
    except psycopg.errors.ForeignKeyViolation:
        raise errors.UnknownSubject from None


def _stay(*, kind: str, **columns: Any) -> Stay:
    return Stay(kind=Kind(kind), **columns)
