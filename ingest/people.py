"""Practices, staff and their sessions, patients, their peripherals and gateways in PostgreSQL.

Every function takes an open cursor; whoever opened the transaction commits it. Passwords are not
checked here: the store keeps the hash and never sees the password.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row

from ingest import errors, named_queries
from ingest.errors import RefusalReason

if TYPE_CHECKING:
    from typing import LiteralString

Cursor = psycopg.Cursor[Any]
_Row = TypeVar("_Row")

_Q: Final = named_queries.load("ingest")

# Source: 45 CFR 164.312(a)(2)(iii), automatic logoff; NIST SP 800-63B-4 (August 2025), AAL2:
# re-authentication at the latest after 24 hours and after an hour of inactivity. A practice's
# workstations are shared, hence shorter: a shift, and the time between two patients.
SESSION_IDLE: Final = timedelta(minutes=15)
SESSION_LIFETIME: Final = timedelta(hours=12)


class Role(StrEnum):
    """What a member of staff may do."""

    CARE_MANAGER = "care_manager"
    CLINICIAN = "clinician"
    OPERATOR = "operator"
    PRACTICE_ADMINISTRATOR = "practice_administrator"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Practice:
    """A tenant. ``time_zone`` (IANA) is the one in which months of care are counted."""

    practice_id: UUID
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class StaffAccount:
    """A local account that may sign in."""

    practice_id: UUID
    staff_id: UUID
    sign_in_name: str
    display_name: str
    role: Role
    password_argon2: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a living session belongs to."""

    staff_id: UUID
    practice_id: UUID
    display_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Patient:
    """A person at home. ``time_zone`` (IANA) is the one in which their days are counted."""

    practice_id: UUID
    patient_id: UUID
    display_name: str
    born_on: date
    record_number: str
    time_zone: str


def add_practice(cur: Cursor, *, name: str, time_zone: str) -> UUID:
    """Add a practice and return its id."""
    return _add(cur, _Q.add_practice, {"name": name, "time_zone": time_zone})


def practice(cur: Cursor, practice_id: UUID) -> Practice | None:
    """Return one practice."""
    return _first(cur, Practice, _Q.practice, {"practice_id": practice_id})


def practices(cur: Cursor) -> list[Practice]:
    """Return all practices by name."""
    return _rows(cur, Practice, _Q.practices, {})


def add_staff(
    cur: Cursor,
    practice_id: UUID,
    *,
    sign_in_name: str,
    display_name: str,
    role: Role,
    password_argon2: str,
) -> UUID:
    """Add a local account, given the argon2 hash of its password, and return the staff id.

    Raises:
        RefusedByStoreError: the sign-in name is taken (in any practice), or there is no such
            practice.
    """
    return _add(
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


def find_staff(cur: Cursor, sign_in_name: str) -> StaffAccount | None:
    """Return the account that may sign in under a name; None if there is none or it is disabled."""
    with cur.connection.cursor(row_factory=dict_row) as found:
        row = found.execute(_Q.find_staff, {"sign_in_name": sign_in_name}).fetchone()
    return None if row is None else StaffAccount(**row | {"role": Role(row["role"])})


def open_session(cur: Cursor, staff: StaffAccount, token_sha256: bytes, at: datetime) -> None:
    """Open a session for a member of staff; only the SHA-256 of the cookie's token is stored."""
    cur.execute(
        _Q.open_session,
        {
            "token_sha256": token_sha256,
            "practice_id": staff.practice_id,
            "staff_id": staff.staff_id,
            "at": at,
        },
    )


def session(cur: Cursor, token_sha256: bytes, at: datetime) -> SignedIn | None:
    """Return whose session it is and keep it alive, in one statement.

    None if there is no such session, the account was disabled, nobody used it for
    :data:`SESSION_IDLE`, or it is older than :data:`SESSION_LIFETIME`.
    """
    parameters = {"token_sha256": token_sha256, "at": at, **_ended_since(at)}
    with cur.connection.cursor(row_factory=dict_row) as found:
        row = found.execute(_Q.use_session, parameters).fetchone()
    return None if row is None else SignedIn(**row | {"role": Role(row["role"])})


def close_session(cur: Cursor, token_sha256: bytes) -> None:
    """End a session; no error if it had ended already."""
    cur.execute(_Q.close_session, {"token_sha256": token_sha256})


def delete_ended_sessions(cur: Cursor, at: datetime) -> int:
    """Delete the sessions that can never be used again; return how many."""
    cur.execute(_Q.delete_ended_sessions, _ended_since(at))
    return cur.rowcount


def add_patient(
    cur: Cursor,
    practice_id: UUID,
    *,
    display_name: str,
    born_on: date,
    record_number: str,
    time_zone: str,
) -> UUID:
    """Add a patient and return the id.

    Raises:
        RefusedByStoreError: the practice has a patient with that record number, or there is no such
            practice.
    """
    return _add(
        cur,
        _Q.add_patient,
        {
            "practice_id": practice_id,
            "display_name": display_name,
            "born_on": born_on,
            "record_number": record_number,
            "time_zone": time_zone,
        },
    )


def patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> Patient | None:
    """Return one patient of the practice, or None if it has no such patient."""
    return _first(cur, Patient, _Q.patient, {"practice_id": practice_id, "patient_id": patient_id})


def patients(cur: Cursor, practice_id: UUID) -> list[Patient]:
    """Return the practice's patients by name."""
    return _rows(cur, Patient, _Q.patients, {"practice_id": practice_id})


def add_gateway(cur: Cursor, practice_id: UUID, *, gateway_id: str, label: str) -> None:
    """Add a gateway under the id that stands in its certificate.

    Raises:
        RefusedByStoreError: the id is taken (in any practice) or malformed, or there is no such
            practice.
    """
    parameters = {"gateway_id": gateway_id, "practice_id": practice_id, "label": label}
    with _refusals():
        cur.execute(_Q.add_gateway, parameters)


def add_peripheral(
    cur: Cursor, practice_id: UUID, *, bluetooth_address: str, profile_id: str
) -> UUID:
    """Add a peripheral and return its id.

    Raises:
        RefusedByStoreError: the practice has a peripheral with that address, the address is not of
            the form ``AA:BB:CC:DD:EE:FF``, or there is no such practice.
    """
    return _add(
        cur,
        _Q.add_peripheral,
        {
            "practice_id": practice_id,
            "bluetooth_address": bluetooth_address,
            "profile_id": profile_id,
        },
    )


def assign(
    cur: Cursor,
    practice_id: UUID,
    *,
    peripheral_id: UUID,
    user_slot: int | None,
    patient_id: UUID,
    valid_from: datetime,
    assigned_by: str,
    valid_until: datetime | None = None,
) -> UUID:
    """Give one user slot of a peripheral to a patient and return the assignment's id.

    Args:
        cur: Open cursor.
        practice_id: The practice of peripheral and patient.
        peripheral_id: Which cuff or glucometer.
        user_slot: Which of its users; None for a peripheral that does not tell them apart.
        patient_id: Whose measurements they are.
        valid_from: First instant, aware.
        assigned_by: Who says so.
        valid_until: Instant from which it is no longer so, aware; None leaves it open.

    Raises:
        RefusedByStoreError: somebody else has the slot in that time, or the practice lacks
            peripheral or patient.
    """
    return _add(
        cur,
        _Q.assign,
        {
            "practice_id": practice_id,
            "peripheral_id": peripheral_id,
            "user_slot": user_slot,
            "patient_id": patient_id,
            "valid_from": valid_from,
            "valid_until": valid_until,
            "assigned_by": assigned_by,
        },
    )


def _ended_since(at: datetime) -> dict[str, datetime]:
    return {"idle_since": at - SESSION_IDLE, "created_since": at - SESSION_LIFETIME}


def _add(cur: Cursor, query: LiteralString, parameters: Mapping[str, Any]) -> UUID:
    with _refusals():
        row = cur.execute(query, parameters).fetchone()
    if row is None:
        raise errors.StoreError
    (added_id,) = row
    return UUID(str(added_id))


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Say in our own words what a constraint refused; the database's own would repeat the row."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise _refusal("there is one already", error, RefusalReason.ALREADY_THERE) from None
    except psycopg.errors.ForeignKeyViolation as error:
        raise _refusal(
            "it names something that the practice does not have",
            error,
            RefusalReason.UNKNOWN_REFERENCE,
        ) from None
    except psycopg.errors.ExclusionViolation as error:
        raise _refusal(
            "another patient has the peripheral in that time; end that assignment first",
            error,
            RefusalReason.OVERLAPPING_ASSIGNMENT,
        ) from None
    except psycopg.errors.CheckViolation as error:
        raise _refusal(
            "a field is malformed or out of range", error, RefusalReason.IMPOSSIBLE
        ) from None


def _refusal(
    message: str, error: psycopg.Error, reason: RefusalReason
) -> errors.RefusedByStoreError:
    return errors.RefusedByStoreError(f"{message} ({error.diag.constraint_name})", reason)


def _first(
    cur: Cursor, row_class: type[_Row], query: LiteralString, parameters: Mapping[str, Any]
) -> _Row | None:
    found = _rows(cur, row_class, query, parameters)
    return found[0] if found else None


def _rows(
    cur: Cursor, row_class: type[_Row], query: LiteralString, parameters: Mapping[str, Any]
) -> list[_Row]:
    with cur.connection.cursor(row_factory=class_row(row_class)) as found:
        return found.execute(query, parameters).fetchall()
