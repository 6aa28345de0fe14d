"""Who may see a restricted patient: the care team, and for an hour whoever had to break the glass.

The walls of the database act on what is written here (ingest/migrations/0002_pre_walls.sql). Every function takes an
open cursor of the role homevitals_console whose transaction works for a member of staff.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg

from ingest import errors, named_queries, statements
from ingest.errors import AccessReason
from ingest.people import Role

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "access")

# Long enough for a call and what follows from it, short enough that nobody works on it for a day.
GRANT_LASTS: Final = timedelta(minutes=60)
# Two working days at most over a weekend; the person who asked still remembers why.
REVIEW_WITHIN: Final = timedelta(hours=72)
# Who may belong to a care team. The statements say the same.
CLINICAL: Final = frozenset({Role.CARE_MANAGER, Role.CLINICIAN})


class Why(StrEnum):
    """Why somebody needs emergency access."""

    EMERGENCY = "emergency"
    COVER = "cover"
    PATIENT_ASKS = "patient_asks"
    OTHER = "other"


class Verdict(StrEnum):
    """What a reviewer found."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


@dataclass(frozen=True, slots=True)
class HiddenRecord:
    """A patient whom a restriction hides: the practice's number for them and nothing else."""

    patient_id: UUID
    record_number: str


@dataclass(frozen=True, slots=True)
class Restriction:
    """A restriction that holds. ``is_hidden``: the member of staff who asks does not see the patient."""

    patient_id: UUID
    record_number: str
    display_name: str
    restricted_at: datetime
    reason: str
    restricted_by_name: str
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff, as somebody who can belong to a care team."""

    staff_id: UUID
    display_name: str
    role: Role

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Role(self.role))


@dataclass(frozen=True, slots=True)
class Member(Colleague):
    """A member of a care team."""

    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """Emergency access of one member of staff to one restricted patient. Times are aware UTC."""

    grant_id: UUID
    patient_id: UUID
    staff_id: UUID
    granted_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class EmergencyAccess:
    """A grant as its reviewer sees it; the patient by record number."""

    grant_id: UUID
    patient_id: UUID
    record_number: str
    staff_id: UUID
    staff_name: str
    reason: Why
    explanation: str
    granted_at: datetime
    expires_at: datetime
    review_due_at: datetime
    reviewed_at: datetime | None
    reviewed_by_name: str | None
    verdict: Verdict | None
    review_note: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", Why(self.reason))
        if self.verdict is not None:
            object.__setattr__(self, "verdict", Verdict(self.verdict))


def is_hidden(cur: Cursor, patient_id: UUID) -> bool:
    """Say whether a restriction hides a patient from the member of staff in force."""
    row = cur.execute(_Q.is_hidden, {"patient_id": patient_id}).fetchone()
    return row is not None and bool(row[0])


def hidden_records(cur: Cursor, practice_id: UUID) -> list[HiddenRecord]:
    """Return the record numbers of the patients whom restrictions hide from the member of staff in force."""
    return statements.rows(cur, HiddenRecord, _Q.hidden_records, {"practice_id": practice_id})


def find_hidden(cur: Cursor, practice_id: UUID, typed: str) -> list[UUID]:
    """Return the hidden patients whom an exact name (in any case of letters) or record number names."""
    parameters = {"practice_id": practice_id, "typed": typed}
    return [patient_id for (patient_id,) in cur.execute(_Q.find_hidden, parameters)]


def restrictions(cur: Cursor, practice_id: UUID) -> list[Restriction]:
    """Return the restrictions that hold, by record number."""
    return statements.rows(cur, Restriction, _Q.restrictions, {"practice_id": practice_id})


def clinical_staff(cur: Cursor, practice_id: UUID) -> list[Colleague]:
    """Return who can belong to a care team, by name."""
    return statements.rows(cur, Colleague, _Q.clinical_staff, {"practice_id": practice_id})


def care_team(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Member]:
    """Return who belongs to a patient's care team now, by name."""
    parameters = {"practice_id": practice_id, "patient_id": patient_id}
    return statements.rows(cur, Member, _Q.care_team, parameters)


def restrict(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    team: Collection[UUID],
    reason: str,
    by: UUID,
    at: datetime,
) -> None:
    """Limit a patient to a care team, from now on.

    1. Let the staff named join the care team, where they do not belong to it.
    2. Refuse a restriction that would leave nobody to look after the patient.
    3. Write the restriction.

    Raises:
        AccessRefused: it holds already, nobody would be left, or somebody named is no clinical staff.
    """
    cur.execute(_Q.lock_patient, {"patient_id": patient_id})
    members = {member.staff_id for member in care_team(cur, practice_id, patient_id)}
    for staff_id in sorted(set(team) - members):
        _join(cur, practice_id, patient_id, staff_id, by=by, at=at)
    if not members.union(team):
        raise errors.AccessRefused(AccessReason.NO_CARE_TEAM)
    parameters = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "reason": reason,
        "by": by,
        "at": at,
    }
    if cur.execute(_Q.restrict, parameters).fetchone() is None:
        raise errors.AccessRefused(AccessReason.RESTRICTED_ALREADY)


def end_restriction(cur: Cursor, practice_id: UUID, patient_id: UUID, at: datetime) -> None:
    """Let all clinical staff of the practice see the patient again.

    Raises:
        AccessRefused: no restriction holds.
    """
    parameters = {"practice_id": practice_id, "patient_id": patient_id, "at": at}
    if cur.execute(_Q.end_restriction, parameters).fetchone() is None:
        raise errors.AccessRefused(AccessReason.NOT_RESTRICTED)


def join_care_team(
    cur: Cursor, practice_id: UUID, patient_id: UUID, staff_id: UUID, *, by: UUID, at: datetime
) -> None:
    """Add a colleague to a care team; nobody adds themselves, for that would be access without a reason.

    Raises:
        AccessRefused: the person is ``by``, belongs to it already, or is no clinical staff.
    """
    if staff_id == by:
        raise errors.AccessRefused(AccessReason.ONESELF)
    cur.execute(_Q.lock_patient, {"patient_id": patient_id})
    _join(cur, practice_id, patient_id, staff_id, by=by, at=at)


def leave_care_team(
    cur: Cursor, practice_id: UUID, patient_id: UUID, staff_id: UUID, at: datetime
) -> None:
    """Take somebody off a care team.

    Raises:
        AccessRefused: the person does not belong to it, or is the last one of a restricted patient.
    """
    cur.execute(_Q.lock_patient, {"patient_id": patient_id})
    parameters = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "staff_id": staff_id,
        "at": at,
    }
    if cur.execute(_Q.leave_care_team, parameters).fetchone() is None:
        raise errors.AccessRefused(AccessReason.LAST_MEMBER)


def sole_care(cur: Cursor, practice_id: UUID, staff_id: UUID) -> int:
    """Return how many restricted patients would have nobody if this person's account were closed."""
    cur.execute(_Q.count_sole_care, {"practice_id": practice_id, "staff_id": staff_id})
    row = cur.fetchone()
    return 0 if row is None else int(row[0])


def grant(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    staff_id: UUID,
    reason: Why,
    explanation: str,
    at: datetime,
) -> Grant:
    """Grant emergency access for :data:`GRANT_LASTS`; a later request makes a grant of its own.

    Raises:
        AccessRefused: no restriction hides the patient from the member of staff in force.
    """
    parameters = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "staff_id": staff_id,
        "reason": reason,
        "explanation": explanation,
        "at": at,
        "expires_at": at + GRANT_LASTS,
        "review_due_at": at + REVIEW_WITHIN,
    }
    found = statements.rows(cur, Grant, _Q.grant_emergency_access, parameters)
    if not found:
        raise errors.AccessRefused(AccessReason.NOT_HIDDEN)
    return found[0]


def grants_in_force(cur: Cursor, practice_id: UUID, staff_id: UUID, at: datetime) -> list[Grant]:
    """Return the emergency access through which alone a member of staff sees patients, one for each patient."""
    parameters = {"practice_id": practice_id, "staff_id": staff_id, "at": at}
    return statements.rows(cur, Grant, _Q.grants_in_force, parameters)


def emergency_accesses(cur: Cursor, practice_id: UUID, limit: int) -> list[EmergencyAccess]:
    """Return what has to be reviewed, first what is due first; then what was reviewed, newest first."""
    parameters = {"practice_id": practice_id, "limit": limit}
    return statements.rows(cur, EmergencyAccess, _Q.emergency_accesses, parameters)


def unreviewed(cur: Cursor, practice_id: UUID, at: datetime) -> tuple[int, int]:
    """Return how many grants wait for a review, and how many of them longer than they should."""
    row = cur.execute(_Q.count_unreviewed, {"practice_id": practice_id, "at": at}).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def review(
    cur: Cursor,
    practice_id: UUID,
    grant_id: UUID,
    *,
    verdict: Verdict,
    note: str,
    by: UUID,
    at: datetime,
) -> UUID:
    """Write down what a reviewer found, once; return the patient's id.

    Raises:
        AccessRefused: there is no such grant, it was reviewed already, or it is the reviewer's own.
    """
    parameters = {
        "practice_id": practice_id,
        "grant_id": grant_id,
        "verdict": verdict,
        "note": note,
        "by": by,
        "at": at,
    }
    row = cur.execute(_Q.review_emergency_access, parameters).fetchone()
    if row is None:
        raise errors.AccessRefused(AccessReason.NOT_TO_REVIEW)
    return UUID(str(row[0]))


def _join(
    cur: Cursor, practice_id: UUID, patient_id: UUID, staff_id: UUID, *, by: UUID, at: datetime
) -> None:
    parameters = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "staff_id": staff_id,
        "by": by,
        "at": at,
    }
    if cur.execute(_Q.join_care_team, parameters).fetchone() is None:
        raise errors.AccessRefused(AccessReason.NO_CANDIDATE)
