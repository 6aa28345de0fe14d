"""Calls outside of the practice's hours: the number that patients call at any time, and who answered which call.

Source: AAPC, frequently asked questions on chronic care management, and other guides: patients reach a clinician for
urgent needs at all hours, and an answering machine alone is not enough. Who is on duty stands in :mod:`alerts.on_call`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from ccm_link import store
from ccm_link.program import program_errors
from ccm_link.program.program_errors import DayReason
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "after_hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The number in force, with its version; none is ever changed."""

    version: int
    phone: str
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """A call as somebody writes it down. Instants are aware.

    Attributes:
        patient_id: who it was about; None: nobody of ours, or not known.
        caller: who called.
        answered_by: staff id; None: nobody answered.
        answered_at: when; None: likewise.
        said: what it was about, and what was done.
    """

    patient_id: UUID | None
    called_at: datetime
    caller: str
    answered_by: UUID | None
    answered_at: datetime | None
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(NewContact):
    """The same as it was recorded, with names for a page."""

    contact_id: UUID
    patient_name: str | None
    answered_by_name: str | None
    recorded_by: str
    recorded_at: datetime


def line(cur: store.Cursor, practice_id: UUID) -> Line | None:
    """Return the number that patients call at any hour; None: the practice has none here."""
    return store.row(cur, Line, _Q.line, practice_id=practice_id)


def set_line(
    cur: store.Cursor,
    practice_id: UUID,
    phone: str,
    *,
    former_version: int,
    set_by: str,
    at: datetime,
) -> None:
    """Put another number in force.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        phone: The number, as patients dial it.
        former_version: The one that was looked at; 0: there was none.
        set_by: Who.
        at: Now.

    Raises:
        program_errors.ProgramConflict: Somebody else set one meanwhile.
    """
    done = store.changed(
        cur,
        _Q.set_line,
        practice_id=practice_id,
        phone=phone,
        former_version=former_version,
        set_by=set_by,
        at=at,
    )
    if not done:
        raise program_errors.ProgramConflict


def patient_of_record(cur: store.Cursor, practice_id: UUID, record_number: str) -> UUID | None:
    """Return the patient whose record has a number; None: nobody visible."""
    found = store.scalar(
        cur, _Q.patient_of_record, practice_id=practice_id, record_number=record_number
    )
    return cast("UUID | None", found)


def log(
    cur: store.Cursor, practice_id: UUID, contact: NewContact, *, recorded_by: str, at: datetime
) -> UUID:
    """Write a call down, and return its id.

    Raises:
        program_errors.AlreadyRecorded: The same call is written down already.
        program_errors.BadDay: It lies in the future, or was answered before it came.
        program_errors.NotSuited: Whoever answered is no clinical colleague.
    """
    answered_at = contact.answered_at
    if contact.called_at > at or (answered_at is not None and answered_at > at):
        raise program_errors.BadDay(DayReason.IN_THE_FUTURE)
    if answered_at is not None and answered_at < contact.called_at:
        raise program_errors.BadDay(DayReason.ENDS_BEFORE_START)
    answered_by = contact.answered_by
    if (answered_by is None) != (answered_at is None) or (
        answered_by is not None
        and not store.scalar(cur, _Q.is_clinical, practice_id=practice_id, staff_id=answered_by)
    ):
        raise program_errors.NotSuited
    contact_id = store.scalar(
        cur,
        _Q.log,
        practice_id=practice_id,
        patient_id=contact.patient_id,
        called_at=contact.called_at,
        caller=contact.caller,
        answered_by=answered_by,
        answered_at=answered_at,
        said=contact.said,
        recorded_by=recorded_by,
        at=at,
    )
    if contact_id is None:
        raise program_errors.AlreadyRecorded
    return cast("UUID", contact_id)


def latest(cur: store.Cursor, practice_id: UUID, *, limit: int) -> list[Contact]:
    """Return the last calls of whoever is visible, the newest first."""
    return store.rows(cur, Contact, _Q.latest, practice_id=practice_id, limit=limit)
