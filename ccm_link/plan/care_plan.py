"""Care plans: a draft that anybody of the care team writes on, and versions that a clinician signs and nobody changes.

The newest signed version is in force. It is reviewed in time, with no new version where nothing has to change, and
given to the patient; both are kept beside it. Instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.types.json import Jsonb

from ccm_link import errors, store
from ccm_link.plan import plan_document, plan_errors, review_clock
from ccm_link.plan.plan_document import PlanDocument
from ccm_link.plan.review_clock import ReviewClock
from ingest import named_queries
from ingest.people import Role

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.plan", "care_plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan that is being written.

    Attributes:
        row_version: goes into every form; an older one is refused.
    """

    plan_id: UUID
    patient_id: UUID
    document: PlanDocument
    row_version: int
    begun_at: datetime
    begun_by: str
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A signed plan."""

    plan_id: UUID
    patient_id: UUID
    version: int
    document: PlanDocument
    signed_at: datetime
    signed_by_id: UUID
    signed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Somebody found that a version still holds."""

    plan_id: UUID
    version: int
    reviewed_at: datetime
    reviewed_by: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is known of the version in force at an instant.

    Attributes:
        reviewed_at: when it was last found to hold; None: not since it was signed.
        shared_at: when this version was first given to the patient or a carer; None: not yet.
        time_zone: of the practice, in whose days a review is due.
    """

    patient_id: UUID
    plan_id: UUID
    version: int
    signed_at: datetime
    signed_by_id: UUID
    signed_by: str
    review_months: int
    medication_months: int
    time_zone: str
    reviewed_at: datetime | None
    shared_at: datetime | None

    @property
    def review_due_on(self) -> date:
        """Return the last day, in the practice's days, on which the next review is in time."""
        seen_at = max(self.signed_at, self.reviewed_at or self.signed_at)
        seen_on = seen_at.astimezone(ZoneInfo(self.time_zone)).date()
        return review_clock.months_after(seen_on, self.review_months)

    def review_clock(self, now: datetime) -> ReviewClock:
        """Return how the next review stands."""
        return review_clock.clock(
            self.review_due_on, now.astimezone(ZoneInfo(self.time_zone)).date()
        )


def heads(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID] | None, at: datetime
) -> Mapping[UUID, Head]:
    """Return the version in force of each patient who has one.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose patients.
        patient_ids: Which; None: all of the practice.
        at: The instant, aware; what was recorded later counts for nothing.
    """
    found = store.rows(
        cur,
        Head,
        _Q.heads,
        practice_id=practice_id,
        patient_ids=None if patient_ids is None else list(patient_ids),
        at=at,
    )
    return {one.patient_id: one for one in found}


def begin(
    cur: Cursor, practice_id: UUID, patient_id: UUID, *, staff_id: UUID, at: datetime
) -> UUID:
    """Begin a draft, as a copy of the version in force where there is one; return its id.

    Raises:
        plan_errors.DraftThere: The patient has one.
        errors.UnknownSubject: The practice has no such patient.
    """
    signed = versions(cur, practice_id, patient_id)
    document = signed[0].document if signed else PlanDocument()
    try:
        with cur.connection.transaction():
            plan_id = store.scalar(
                cur,
                _Q.begin,
                practice_id=practice_id,
                patient_id=patient_id,
                document=Jsonb(plan_document.as_json(document)),
                staff_id=staff_id,
                at=at,
            )
    except psycopg.errors.ForeignKeyViolation:
        raise errors.UnknownSubject from None
    if plan_id is None:
        raise plan_errors.DraftThere
    return cast("UUID", plan_id)


def draft(cur: Cursor, practice_id: UUID, patient_id: UUID) -> Draft | None:
    """Return the draft; None where there is none."""
    return store.row(cur, _draft, _Q.draft, practice_id=practice_id, patient_id=patient_id)


def change(
    cur: Cursor,
    practice_id: UUID,
    looked_at: Draft,
    document: PlanDocument,
    *,
    staff_id: UUID,
    at: datetime,
) -> None:
    """Put another document into a draft.

    Raises:
        plan_errors.StaleDraft: Somebody changed it after it was looked at, or it is none any more.
    """
    changed = store.scalar(
        cur,
        _Q.change,
        practice_id=practice_id,
        patient_id=looked_at.patient_id,
        document=Jsonb(plan_document.as_json(document)),
        row_version=looked_at.row_version,
        staff_id=staff_id,
        at=at,
    )
    if changed is None:
        raise plan_errors.StaleDraft


def sign(
    cur: Cursor, practice_id: UUID, looked_at: Draft, *, staff_id: UUID, role: Role, at: datetime
) -> int:
    """Sign a draft: from now on it is the version in force; return its number.

    Source: Noridian, care management questions and answers, 2017: the billing practitioner establishes the plan;
        nurses may revise and monitor it, not originate it.

    Raises:
        plan_errors.NotAClinician: Somebody of another role wants to sign.
        plan_errors.PlanNotReady: Something is missing that a plan needs.
        plan_errors.StaleDraft: Somebody changed it after it was looked at, or it is none any more.
    """
    if role is not Role.CLINICIAN:
        raise plan_errors.NotAClinician
    if missing := plan_document.lacks(looked_at.document):
        raise plan_errors.PlanNotReady(missing)
    row = cur.execute(
        _Q.sign,
        {
            "practice_id": practice_id,
            "patient_id": looked_at.patient_id,
            "row_version": looked_at.row_version,
            "staff_id": staff_id,
            "role": role,
            "at": at,
        },
    ).fetchone()
    if row is None:
        raise plan_errors.StaleDraft
    _, version = row
    return int(version)


def discard(
    cur: Cursor, practice_id: UUID, looked_at: Draft, *, staff_id: UUID, reason: str, at: datetime
) -> None:
    """Discard a draft; it is kept, and never becomes a version.

    Raises:
        plan_errors.StaleDraft: Somebody changed it after it was looked at, or it is none any more.
    """
    discarded = store.scalar(
        cur,
        _Q.discard,
        practice_id=practice_id,
        patient_id=looked_at.patient_id,
        row_version=looked_at.row_version,
        staff_id=staff_id,
        reason=reason,
        at=at,
    )
    if discarded is None:
        raise plan_errors.StaleDraft


def versions(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Version]:
    """Return all signed versions, the one in force first."""
    return store.rows(cur, _version, _Q.versions, practice_id=practice_id, patient_id=patient_id)


def review(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    plan_id: UUID,
    *,
    staff_id: UUID,
    note: str,
    at: datetime,
) -> None:
    """Record that the version in force was looked through and holds as it is.

    Raises:
        plan_errors.NoPlan: It is not in force.
    """
    added = store.scalar(
        cur,
        _Q.add_review,
        practice_id=practice_id,
        patient_id=patient_id,
        plan_id=plan_id,
        staff_id=staff_id,
        note=note,
        at=at,
    )
    if added is None:
        raise plan_errors.NoPlan


def reviews(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Review]:
    """Return the reviews of all versions, the newest first."""
    return store.rows(cur, Review, _Q.reviews, practice_id=practice_id, patient_id=patient_id)


def _draft(*, document: Mapping[str, Any], **columns: Any) -> Draft:
    return Draft(document=plan_document.from_json(document), **columns)


def _version(*, document: Mapping[str, Any], **columns: Any) -> Version:
    return Version(document=plan_document.from_json(document), **columns)
