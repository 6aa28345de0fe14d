"""Who is in the care management program, from the consent on until the end."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from ccm_link import errors, store, work

PROGRAM: Final = "ccm"
"""Chronic care management, the one program so far."""


def enrol(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    consent_documented_at: datetime,
    enrolled_by: str,
) -> None:
    """Enrol a patient from the instant at which the consent was documented.

    Earlier minutes never count.

    Source: CMS MLN909188 "Chronic Care Management Services" (2025): consent, verbal or written, is
        documented before care management is furnished.

    Raises:
        errors.AlreadyEnrolled: The patient has an open enrolment.
    """
    if not store.insert_enrolment(cur, practice_id, patient_id, consent_documented_at, enrolled_by):
        raise errors.AlreadyEnrolled


def end(cur: store.Cursor, practice_id: UUID, patient_id: UUID, ended_at: datetime) -> None:
    """End the patient's open enrolment; minutes from ``ended_at`` on no longer count.

    Raises:
        errors.NotEnrolled: There is no open enrolment that began before ``ended_at``.
    """
    if not store.end_enrolment(cur, practice_id, patient_id, ended_at):
        raise errors.NotEnrolled


def is_enrolled(cur: store.Cursor, practice_id: UUID, patient_id: UUID, at: datetime) -> bool:
    """Tell whether an enrolment covers the instant ``at``."""
    return store.is_enrolled(cur, practice_id, patient_id, at)


def enrolments_of_patient(
    cur: store.Cursor, practice_id: UUID, patient_id: UUID
) -> list[work.Enrolment]:
    """Return a patient's enrolments, oldest first."""
    return store.enrolments(cur, practice_id, patient_id)
