"""What patients take: a list whose lines are ended and never changed, and when it was held against other sources.

There is no checking of interactions: it takes a source of knowledge that a site has to plug in, and this version has no
place for one. Instants are aware UTC, days are the patient's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from ccm_link import errors, store
from ccm_link.plan import plan_errors, review_clock, stays
from ccm_link.plan.plan_errors import TimeReason
from ccm_link.plan.review_clock import ReviewClock
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.plan", "medication")

DAYS_AFTER_DISCHARGE: Final = timedelta(days=30)
"""Until so many days after a discharge the list is reconciled, whenever it would be due otherwise.

Source: NCQA HEDIS measure year 2025, Medication Reconciliation Post-Discharge: on the day of discharge through 30 days
    after it.
"""


class Source(StrEnum):
    """What a list was held against."""

    PATIENT = "patient"
    CARER = "carer"
    PACKAGES_AT_HOME = "packages_at_home"
    PHARMACY = "pharmacy"
    DISCHARGE_PAPERS = "discharge_papers"
    HEALTH_RECORD = "health_record"
    OTHER_PRACTICE = "other_practice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Medication:
    """One line of the list.

    Attributes:
        rxnorm_code: RXCUI; None: not coded.
        dose: as it is written, with how often.
        taken_from_on: None: unknown.
        source: where it is known from.
        prescriber: "": unknown.
        ended_at: None while it stands on the list.
        ended_on: last day on which it was taken; None: unknown, or it still is.
    """

    medication_id: UUID
    patient_id: UUID
    name: str
    rxnorm_code: str | None
    dose: str
    taken_from_on: date | None
    source: str
    prescriber: str
    recorded_by: str
    recorded_at: datetime
    ended_at: datetime | None
    ended_on: date | None
    ended_by: str | None
    end_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The list was held against other sources.

    Attributes:
        medication_ids: what stood on it afterwards.
        discrepancies: what did not agree; "": nothing was found.
    """

    reconciliation_id: UUID
    patient_id: UUID
    reconciled_at: datetime
    reconciled_by: str
    sources: tuple[Source, ...]
    medication_ids: tuple[UUID, ...]
    discrepancies: str


@dataclass(frozen=True, slots=True)
class ListChange:
    """What became of the list from one reconciliation to the next, by ids of its lines."""

    put_on: frozenset[UUID]
    taken_off: frozenset[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReview:
    """When the list was last looked at.

    Attributes:
        reconciled_at: None: never.
        discharged_at: when a stay in a hospital or nursing facility last ended; None: none is known.
        time_zone: the practice's.
    """

    patient_id: UUID
    time_zone: str
    reconciled_at: datetime | None
    discharged_at: datetime | None

    def due_on(self, months: int, since: datetime) -> date:
        """Return the last day on which the next review is in time, in the practice's days.

        Args:
            months: after so many months it is due again.
            since: from when on it is counted where there was no review: when the patient was enrolled, aware.
        """
        zone = ZoneInfo(self.time_zone)
        last_at = self.reconciled_at or since
        due_on = review_clock.months_after(last_at.astimezone(zone).date(), months)
        if self.discharged_at is not None and self.discharged_at > last_at:
            after_stay = (self.discharged_at + DAYS_AFTER_DISCHARGE).astimezone(zone).date()
            return min(due_on, after_stay)
        return due_on

    def clock(self, months: int, since: datetime, now: datetime) -> ReviewClock:
        """Return how the next review stands."""
        today = now.astimezone(ZoneInfo(self.time_zone)).date()
        return review_clock.clock(self.due_on(months, since), today)


def changes(done: Sequence[Reconciliation]) -> Mapping[UUID, ListChange]:
    """Return by reconciliation what became of the list since the one before; all is new to the first. Pure.

    Args:
        done: A patient's, the newest first.
    """
    found = {}
    for place, one in enumerate(done):
        before = frozenset(done[place + 1].medication_ids if place + 1 < len(done) else ())
        after = frozenset(one.medication_ids)
        found[one.reconciliation_id] = ListChange(after - before, before - after)
    return found


def record(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    name: str,
    rxnorm_code: str | None,
    dose: str,
    taken_from_on: date | None,
    source: str,
    prescriber: str,
    staff_id: UUID,
    at: datetime,
) -> UUID:
    """Put a medication on the list and return the line's id.

    Raises:
        plan_errors.MedicationListed: Exactly this stands on it.
        errors.UnknownSubject: The practice has no such patient.
    """
    try:
        with cur.connection.transaction():
            medication_id = store.scalar(
                cur,
                _Q.record,
                practice_id=practice_id,
                patient_id=patient_id,
                name=name,
                rxnorm_code=rxnorm_code,
                dose=dose,
                taken_from_on=taken_from_on,
                source=source,
                prescriber=prescriber,
                staff_id=staff_id,
                at=at,
            )
    except psycopg.errors.ForeignKeyViolation:
        raise errors.UnknownSubject from None
    if medication_id is None:
        raise plan_errors.MedicationListed
    return cast("UUID", medication_id)


def end(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    medication_id: UUID,
    *,
    ended_on: date | None,
    reason: str,
    staff_id: UUID,
    at: datetime,
) -> None:
    """Take a line off the list: it is taken no more, in this dose no more, or never was.

    Raises:
        plan_errors.MedicationEnded: It is off the list already, or the patient has none under this id.
        plan_errors.BadPlanTime: The last day lies before the first.
    """
    try:
        with cur.connection.transaction():
            ended = store.scalar(
                cur,
                _Q.end_medication,
                practice_id=practice_id,
                patient_id=patient_id,
                medication_id=medication_id,
                ended_on=ended_on,
                reason=reason,
                staff_id=staff_id,
                at=at,
            )
    except psycopg.errors.CheckViolation:
        raise plan_errors.BadPlanTime(TimeReason.ENDS_BEFORE_START) from None
    if ended is None:
        raise plan_errors.MedicationEnded


def of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Medication]:
    """Return all that was ever on a patient's list, what stands on it first."""
    return store.rows(
        cur, Medication, _Q.of_patient, practice_id=practice_id, patient_id=patient_id
    )


def reconcile(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    sources: Collection[Source],
    discrepancies: str,
    staff_id: UUID,
    at: datetime,
) -> UUID:
    """Record that the list as it stands was held against other sources; return the record's id.

    Raises:
        errors.MissingWords: No source is named.
    """
    if not sources:
        raise errors.MissingWords
    reconciliation_id = store.scalar(
        cur,
        _Q.reconcile,
        practice_id=practice_id,
        patient_id=patient_id,
        sources=[one for one in Source if one in sources],
        discrepancies=discrepancies,
        staff_id=staff_id,
        at=at,
    )
    return cast("UUID", reconciliation_id)


def reconciliations(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Reconciliation]:
    """Return when a patient's list was held against other sources, the newest first."""
    return store.rows(
        cur, _reconciliation, _Q.reconciliations, practice_id=practice_id, patient_id=patient_id
    )


def last_reviews(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID] | None, at: datetime
) -> Mapping[UUID, LastReview]:
    """Return of each patient when the list was last looked at; None: of all patients of the practice."""
    found = store.rows(
        cur,
        LastReview,
        _Q.last_reviews,
        practice_id=practice_id,
        patient_ids=None if patient_ids is None else list(patient_ids),
        kinds=list(stays.AWAY),
        at=at,
    )
    return {one.patient_id: one for one in found}


def _reconciliation(
    *, sources: Sequence[str], medication_ids: Sequence[UUID], **columns: Any
) -> Reconciliation:
    return Reconciliation(
        sources=tuple(map(Source, sources)), medication_ids=tuple(medication_ids), **columns
    )
