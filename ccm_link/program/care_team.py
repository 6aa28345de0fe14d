"""Who cares for a patient: the named care manager, colleagues, and people and services outside of the practice.

It says who is asked and told. Who may look at a restricted patient is another matter (:mod:`ingest.access`), which this
respects: nobody is named who would not see the patient. Who bills stands with the enrolment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, cast
from uuid import UUID

from psycopg.rows import tuple_row

from ccm_link import store
from ccm_link.program import program_errors
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "care_team")


class TeamRole(StrEnum):
    """As what somebody cares for a patient."""

    CARE_MANAGER = (
        "care_manager"  # the one whom the patient knows by name: a colleague, one at a time
    )
    NURSE = "nurse"
    MEDICAL_ASSISTANT = "medical_assistant"
    PHARMACIST = "pharmacist"
    CLINICIAN = "clinician"
    SPECIALIST = "specialist"
    PHARMACY = "pharmacy"
    HOME_HEALTH_AGENCY = "home_health_agency"
    HOSPICE = "hospice"
    COMMUNITY_SERVICE = "community_service"
    THERAPIST = "therapist"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who cares for a patient, from when until when (aware UTC).

    Attributes:
        staff_id: a colleague; None: somebody outside.
        name: of the person; "" where only the organisation is known.
        until_at: None: until now.
    """

    member_id: UUID
    role: TeamRole
    staff_id: UUID | None
    name: str
    organisation: str
    phone: str
    note: str
    from_at: datetime
    until_at: datetime | None
    added_by: str
    ended_by: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", TeamRole(self.role))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A person or service outside of the practice; name or organisation is there."""

    name: str = ""
    organisation: str = ""
    phone: str = ""
    note: str = ""


def name_care_manager(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    staff_id: UUID,
    *,
    added_by: str,
    at: datetime,
) -> UUID:
    """Name the patient's care manager, in the place of whoever was; return the member's id.

    Raises:
        program_errors.AlreadyRecorded: It is this colleague already, or somebody else was named in this very instant.
        program_errors.NotSuited: The colleague cannot be.
    """
    named = {"practice_id": practice_id, "patient_id": patient_id, "at": at}
    if care_manager_of(cur, practice_id, [patient_id], at).get(patient_id) == staff_id:
        raise program_errors.AlreadyRecorded
    store.changed(cur, _Q.end_care_manager, **named, ended_by=added_by)
    return add_colleague(
        cur, practice_id, patient_id, TeamRole.CARE_MANAGER, staff_id, added_by=added_by, at=at
    )


def add_colleague(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    role: TeamRole,
    staff_id: UUID,
    *,
    added_by: str,
    at: datetime,
) -> UUID:
    """Add a colleague to a patient's team, and return the member's id.

    Raises:
        program_errors.AlreadyRecorded: The colleague stands there already in this role.
        program_errors.NotSuited: No clinical role, no open account, or not of those who see a restricted patient.
    """
    suited = store.scalar(
        cur, _Q.is_suited, practice_id=practice_id, patient_id=patient_id, staff_id=staff_id
    )
    if not suited:
        raise program_errors.NotSuited
    return _add(cur, practice_id, patient_id, role, staff_id, Outside(), added_by, at)


def add_outside(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    role: TeamRole,
    outside: Outside,
    *,
    added_by: str,
    at: datetime,
) -> UUID:
    """Add somebody outside of the practice to a patient's team, and return the member's id.

    Raises:
        program_errors.AlreadyRecorded: The same stands there already in this role.
        program_errors.NotSuited: The care manager is a colleague; and nobody is nobody.
    """
    if role is TeamRole.CARE_MANAGER or not (outside.name or outside.organisation):
        raise program_errors.NotSuited
    return _add(cur, practice_id, patient_id, role, None, outside, added_by, at)


def end(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    member_id: UUID,
    *,
    ended_by: str,
    at: datetime,
) -> None:
    """Note that somebody cares for the patient no more.

    Raises:
        program_errors.AlreadyEnded: That was noted before, or the patient has none under this id.
    """
    ended = store.changed(
        cur,
        _Q.end_member,
        practice_id=practice_id,
        patient_id=patient_id,
        member_id=member_id,
        ended_by=ended_by,
        at=at,
    )
    if not ended:
        raise program_errors.AlreadyEnded


def of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[Member]:
    """Return all who ever cared for a patient, those who do first, and the care manager first of them."""
    return store.rows(cur, Member, _Q.of_patient, practice_id=practice_id, patient_id=patient_id)


def care_manager_of(
    cur: store.Cursor, practice_id: UUID, patient_ids: Collection[UUID] | None, at: datetime
) -> Mapping[UUID, UUID]:
    """Return each patient's named care manager; who has none, or one whose account is closed, is left out.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose.
        patient_ids: Which; None: all of the practice.
        at: The instant, aware.
    """
    asked = {
        "practice_id": practice_id,
        "patient_ids": None if patient_ids is None else list(patient_ids),
        "at": at,
    }
    with cur.connection.cursor(row_factory=tuple_row) as rows:
        return dict(rows.execute(_Q.care_managers, asked).fetchall())


def _add(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    role: TeamRole,
    staff_id: UUID | None,
    outside: Outside,
    added_by: str,
    at: datetime,
) -> UUID:
    member_id = store.scalar(
        cur,
        _Q.add,
        practice_id=practice_id,
        patient_id=patient_id,
        role=role,
        staff_id=staff_id,
        name=outside.name,
        organisation=outside.organisation,
        phone=outside.phone,
        note=outside.note,
        at=at,
        added_by=added_by,
    )
    if member_id is None:
        raise program_errors.AlreadyRecorded
    return cast("UUID", member_id)
