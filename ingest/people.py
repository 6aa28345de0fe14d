"""Practices, their staff, people at home, patients, their peripherals and gateways in PostgreSQL.

Every function takes an open cursor of a transaction that works for the practice (:mod:`ingest.tenancy`); whoever opened
it commits. :mod:`ingest.credentials` has how people prove who they are, :mod:`ingest.session_store` their sessions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from ingest import named_queries, statements, tenancy
from ingest.standing import Standing

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "people")


class Role(StrEnum):
    """What a person may do; the last two are people at home, each of whom sees one patient."""

    CARE_MANAGER = "care_manager"
    CLINICIAN = "clinician"
    OPERATOR = "operator"
    PRACTICE_ADMINISTRATOR = "practice_administrator"
    AUDITOR = "auditor"
    PATIENT = "patient"
    CARER = "carer"


HOME_ROLES: Final = frozenset({Role.PATIENT, Role.CARER})
STAFF_ROLES: Final = frozenset(Role) - HOME_ROLES


class SignedInBy(StrEnum):
    """How the person of a session proved who they are."""

    PASSWORD = "password"  # noqa: S105 - a word, not a password
    PASSWORD_AND_TOTP = "password_and_totp"  # noqa: S105
    OPENID_PROVIDER = "openid_provider"
    ONE_TIME_CODE = "one_time_code"


@dataclass(frozen=True, slots=True)
class Practice:
    """A tenant.

    Attributes:
        practice_id: Its id.
        slug: Its short name: what people write after the “@” when they sign in.
        name: Its name.
        time_zone: IANA name of the zone in which months of care are counted.
    """

    practice_id: UUID
    slug: str
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A member of staff, as an administrator sees the account."""

    practice_id: UUID
    staff_id: UUID
    sign_in_name: str
    display_name: str
    role: Role
    has_password: bool
    has_second_factor: bool
    is_linked: bool  # to an identity at the practice's OpenID provider
    disabled_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Role(self.role))


@dataclass(frozen=True, slots=True)
class HomePerson:
    """A patient or a carer, as somebody who signs in."""

    practice_id: UUID
    person_id: UUID
    patient_id: UUID
    role: Role
    display_name: str
    disabled_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Role(self.role))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a living session belongs to.

    Attributes:
        practice_id: The one practice that the person sees.
        role: What the person may do, as of now.
        display_name: Name as of now.
        staff_id: The member of staff; None for a person at home.
        person_id: The person at home; None for staff.
        patient_id: The one patient whom a person at home sees; None for staff.
        session_mark: What tells the session's events apart in the audit trail; it opens nothing.
        signed_in_by: How the person proved who they are.
        proved_at: When they last did, aware UTC.
    """

    practice_id: UUID
    role: Role
    display_name: str
    staff_id: UUID | None
    person_id: UUID | None
    patient_id: UUID | None
    session_mark: str
    signed_in_by: SignedInBy
    proved_at: datetime


@dataclass(frozen=True, slots=True)
class Patient:
    """A person at home.

    Attributes:
        display_name: The whole name, as pages and lists show it.
        record_number: The practice's own number for the patient.
        time_zone: IANA name of the zone in which their days are counted.
        standing: Whether the practice cares for them now.
        standing_since: Since when, aware UTC; None: active since the beginning.
        family_name, given_names: As claims and other systems want them; None: not known apart.
        administrative_gender: Of FHIR R4: male, female, other, unknown; None: nobody asked.
        birth_sex: Of US Core: F, M, OTH, ASKU (asked, not told), UNK; None: nobody asked.
        language: BCP 47; None: nobody asked.
    """

    practice_id: UUID
    patient_id: UUID
    display_name: str
    born_on: date
    record_number: str
    time_zone: str
    standing: Standing
    standing_since: datetime | None
    family_name: str | None
    given_names: str | None
    administrative_gender: str | None
    birth_sex: str | None
    language: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "standing", Standing(self.standing))


def add_practice(cur: Cursor, *, slug: str, name: str, time_zone: str) -> UUID:
    """Add a practice and return its id; from here on the transaction works for it.

    Raises:
        RefusedByStoreError: the slug is taken or malformed.
    """
    practice_id = uuid4()
    tenancy.enter(cur, tenancy.Scope((practice_id,)))
    return statements.add(
        cur,
        _Q.add_practice,
        {"practice_id": practice_id, "slug": slug, "name": name, "time_zone": time_zone},
    )


def practice(cur: Cursor, practice_id: UUID) -> Practice | None:
    """Return one practice."""
    return statements.first(cur, Practice, _Q.practice, {"practice_id": practice_id})


def practice_by_slug(cur: Cursor, slug: str) -> Practice | None:
    """Return the practice of a short name; the cursor is the entrance's."""
    return statements.first(cur, Practice, _Q.practice_by_slug, {"slug": slug})


def practices(cur: Cursor) -> list[Practice]:
    """Return the practices that the cursor may see, by name: the entrance's sees all, for set-up."""
    return statements.rows(cur, Practice, _Q.practices, {})


def add_staff(
    cur: Cursor,
    practice_id: UUID,
    *,
    sign_in_name: str,
    display_name: str,
    role: Role,
    password_argon2: str | None = None,
) -> UUID:
    """Add an account and return the staff id.

    Args:
        cur: Open cursor.
        practice_id: Where the person works.
        sign_in_name: Unique in the practice: a small letter, then small letters, digits, ``.``, ``_``, ``-``.
        display_name: How colleagues know the person.
        role: One of :data:`STAFF_ROLES`.
        password_argon2: Hash of a password; None leaves that to an invitation.

    Raises:
        RefusedByStoreError: the sign-in name is taken in the practice or malformed, the role is no role of staff, or
            there is no such practice.
    """
    return statements.add(
        cur,
        _Q.add_staff,
        {
            "practice_id": practice_id,
            "sign_in_name": sign_in_name,
            "display_name": display_name,
            "role": role,
            "password_argon2": password_argon2,
        },
    )


def staff(cur: Cursor, practice_id: UUID) -> list[StaffMember]:
    """Return all accounts of the practice's staff by name, disabled ones too."""
    return statements.rows(cur, StaffMember, _Q.staff, {"practice_id": practice_id})


def change_role(
    cur: Cursor, practice_id: UUID, staff_id: UUID, *, former_role: Role, role: Role
) -> bool:
    """Give a member of staff another role, in force at their next request; False where theirs is not the former one.

    Raises:
        RefusedByStoreError: the role is no role of staff.
    """
    parameters = {
        "practice_id": practice_id,
        "staff_id": staff_id,
        "former_role": former_role,
        "role": role,
    }
    return statements.changed(cur, _Q.change_role, parameters)


def disable_staff(cur: Cursor, practice_id: UUID, staff_id: UUID, at: datetime) -> bool:
    """Close an account for good; False where there is none that is open. Its sessions end at their next request."""
    parameters = {"practice_id": practice_id, "staff_id": staff_id, "at": at}
    return statements.changed(cur, _Q.disable_staff, parameters)


def add_home_person(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    role: Role,
    display_name: str,
    added_by: UUID,
    at: datetime,
) -> UUID:
    """Let a patient or a carer sign in from home; return the person's id.

    Args:
        cur: Open cursor.
        practice_id: The patient's practice.
        patient_id: Whom the person sees.
        role: One of :data:`HOME_ROLES`.
        display_name: Whom the page greets.
        added_by: The member of staff who checked who the person is.
        at: Now, aware UTC.

    Raises:
        RefusedByStoreError: the patient has an account already, the role is none of people at home, or the practice
            lacks patient or staff.
    """
    return statements.add(
        cur,
        _Q.add_home_person,
        {
            "practice_id": practice_id,
            "patient_id": patient_id,
            "role": role,
            "display_name": display_name,
            "added_by": added_by,
            "at": at,
        },
    )


def home_people(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[HomePerson]:
    """Return who may see one patient's readings from home, first added first, disabled ones too."""
    whose = {"practice_id": practice_id, "patient_id": patient_id}
    return statements.rows(cur, HomePerson, _Q.home_people, whose)


def home_person(cur: Cursor, practice_id: UUID, person_id: UUID) -> HomePerson | None:
    """Return one person at home."""
    parameters = {"practice_id": practice_id, "person_id": person_id}
    return statements.first(cur, HomePerson, _Q.home_person, parameters)


def disable_home_person(cur: Cursor, practice_id: UUID, person_id: UUID, at: datetime) -> bool:
    """Close an account at home for good; False where there is none that is open."""
    parameters = {"practice_id": practice_id, "person_id": person_id, "at": at}
    return statements.changed(cur, _Q.disable_home_person, parameters)


def add_patient(
    cur: Cursor,
    practice_id: UUID,
    *,
    display_name: str,
    born_on: date,
    record_number: str,
    time_zone: str,
    family_name: str | None = None,
    given_names: str | None = None,
    administrative_gender: str | None = None,
    birth_sex: str | None = None,
    language: str | None = None,
) -> UUID:
    """Add a patient, who is active, and return the id; arguments as in :class:`Patient`.

    Raises:
        RefusedByStoreError: the practice has a patient with that record number, or there is no such
            practice.
    """
    return statements.add(
        cur,
        _Q.add_patient,
        {
            "practice_id": practice_id,
            "display_name": display_name,
            "born_on": born_on,
            "record_number": record_number,
            "time_zone": time_zone,
            "family_name": family_name,
            "given_names": given_names,
            "administrative_gender": administrative_gender,
            "birth_sex": birth_sex,
            "language": language,
        },
    )


def patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> Patient | None:
    """Return one patient of the practice, or None if it has no such patient."""
    return statements.first(
        cur, Patient, _Q.patient, {"practice_id": practice_id, "patient_id": patient_id}
    )


def patients(
    cur: Cursor, practice_id: UUID, standings: Collection[Standing] = (Standing.ACTIVE,)
) -> list[Patient]:
    """Return the practice's patients by name: those who are active, where nothing else is asked for."""
    asked = {"practice_id": practice_id, "standings": list(standings)}
    return statements.rows(cur, Patient, _Q.patients, asked)


def add_peripheral(
    cur: Cursor, practice_id: UUID, *, bluetooth_address: str, profile_id: str
) -> UUID:
    """Add a peripheral and return its id.

    Raises:
        RefusedByStoreError: the practice has a peripheral with that address, the address is not of
            the form ``AA:BB:CC:DD:EE:FF``, or there is no such practice.
    """
    return statements.add(
        cur,
        _Q.add_peripheral,
        {
            "practice_id": practice_id,
            "bluetooth_address": bluetooth_address,
            "profile_id": profile_id,
        },
    )
