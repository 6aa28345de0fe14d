"""Minutes that another system has logged: taken as its own entries, once each, for people and patients that we know.

A system has a token of its own, may do nothing but this, and belongs to one practice. What it reports is held to the
same rules as what a person enters by hand; where it overlaps other work, a person decides which of the two counts.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from ccm_link import link_errors
from ccm_link.link_errors import ReportReason
from ccm_link.minutes import time_log, time_programs, time_store
from ccm_link.minutes.contact import Contact
from ccm_link.minutes.time_entry import Entered, TimeEntry
from ccm_link.work import Activity
from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.minutes", "external_time")

_PREFIX: Final = "hvx_"  # so that whoever finds one somewhere can tell what it is
_TOKEN_BYTES: Final = 32  # drawn: a hash that is quick to make is as good as a slow one


@dataclass(frozen=True, slots=True)
class System:
    """A system at the door."""

    practice_id: UUID
    system_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class KnownSystem:
    """A system that is not revoked. Times are aware UTC; ``reported`` counts entries."""

    system_id: UUID
    name: str
    added_at: datetime
    reported: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Whom a system means by an id of its own."""

    system_id: UUID
    external_id: str
    staff_id: UUID
    staff_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One entry as a system reports it.

    Attributes:
        external_id: The entry's id in that system; the same one is the same entry for ever.
        record_number: The patient's, in the practice.
        staff_id: Who did the work, by the system's own id; None: by ``npi``.
        npi: National Provider Identifier; None: by ``staff_id``.
        started_at: Aware.
        ended_at: Aware; before it nothing overlaps, for the span is half open.
        program: A program of the tables, “none”, or "" for the only one that the patient is in.
        is_late: The system knows that the month is locked.
        content: The report in one spelling, to tell another one under the same id.
    """

    external_id: str
    record_number: str
    staff_id: str | None
    npi: str | None
    started_at: datetime
    ended_at: datetime
    program: str
    activity: Activity
    made: Contact
    note: str
    is_late: bool
    content: bytes


def issue(
    cur: Cursor, practice_id: UUID, name: str, *, added_by: UUID, at: datetime
) -> tuple[UUID, str]:
    """Let a system in; return its id and its token, which is kept nowhere and shown once."""
    token = _PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    asked = {
        "practice_id": practice_id,
        "name": time_log.words(name),
        "token_sha256": _sha256(token),
        "added_by": added_by,
        "at": at,
    }
    return statements.add(cur, _Q.add_system, asked), token


def revoke(cur: Cursor, practice_id: UUID, system_id: UUID, *, by: UUID, at: datetime) -> None:
    """Let a system in no more; what it has reported stays.

    Raises:
        link_errors.UnknownSystem: There is none, or it is revoked already.
    """
    asked = {"practice_id": practice_id, "system_id": system_id, "by": by, "at": at}
    if not statements.changed(cur, _Q.revoke, asked):
        raise link_errors.UnknownSystem


def who(cur: Cursor, token: str) -> System | None:
    """Return the system that a token belongs to. Role: ``homevitals_entrance``."""
    return statements.first(cur, System, _Q.who, {"token_sha256": _sha256(token)})


def systems(cur: Cursor, practice_id: UUID) -> list[KnownSystem]:
    """Return the systems of a practice that are not revoked."""
    return statements.rows(cur, KnownSystem, _Q.systems, {"practice_id": practice_id})


def people(cur: Cursor, practice_id: UUID) -> list[KnownPerson]:
    """Return whom the systems of a practice mean by their ids."""
    return statements.rows(cur, KnownPerson, _Q.people, {"practice_id": practice_id})


def say_who(
    cur: Cursor,
    practice_id: UUID,
    system_id: UUID,
    external_id: str,
    staff_id: UUID,
    *,
    by: UUID,
    at: datetime,
) -> None:
    """Say whom a system means by an id of its own.

    Raises:
        link_errors.UnknownSystem: There is none, or it is revoked.
        errors.RefusedByStoreError: The practice has no such person.
    """
    asked = {
        "practice_id": practice_id,
        "system_id": system_id,
        "external_id": external_id,
        "staff_id": staff_id,
        "by": by,
        "at": at,
    }
    if not statements.changed(cur, _Q.say_who, asked):
        raise link_errors.UnknownSystem


def report(cur: Cursor, system: System, told: Report, at: datetime) -> tuple[TimeEntry, bool]:
    """Take an entry that a system reports; return it, and whether it is new.

    1. Hold other reports of the system back, also one that comes twice at once.
    2. The same report again is the entry of before.
    3. Find patient and person; store the entry, and under which id it was reported.

    Raises:
        link_errors.UnknownSystem: It was revoked in this moment.
        link_errors.ReportDiffers: Something else was reported under this id before.
        link_errors.ReportVoided: It was voided.
        link_errors.BadReport: Patient or person are not known.
        errors.TimeLogError: The time log does not take such an entry.
    """
    named = _held(cur, system, told.external_id)
    named |= {"content_sha256": hashlib.sha256(told.content).digest(), "at": at}
    before = cur.execute(_Q.reported_before, named).fetchone()
    if before is not None:
        entry_id, is_same = before
        if not is_same:
            raise link_errors.ReportDiffers
        return _standing(cur, system, entry_id), False
    patient_id = _patient(cur, system, told)
    entry = time_log.add_reported(
        cur,
        time_store.NewEntry(
            practice_id=system.practice_id,
            staff_id=_person(cur, system, told),
            patient_id=patient_id,
            task_id=None,
            program=time_programs.resolve(
                cur, system.practice_id, patient_id, told.program, told.started_at
            ),
            activity=told.activity,
            contact=told.made,
            started_at=told.started_at,
            ended_at=told.ended_at,
            note=told.note,
            entered=Entered.EXTERNAL,
            reason=f"Reported by {system.name}.",
            entered_at=at,
            is_late=told.is_late,
        ),
    )
    cur.execute(_Q.remember, named | {"entry_id": entry.entry_id})
    return entry, True


def void(cur: Cursor, system: System, external_id: str, *, reason: str, at: datetime) -> TimeEntry:
    """Void an entry that the same system reported; in the log it is voided by the person whose work it was said to be.

    Raises:
        link_errors.UnknownSystem: It was revoked in this moment.
        link_errors.BadReport: It has reported nothing under this id.
        errors.EntryVoided: It is voided already.
        time_errors.MonthLocked: Its month is locked.
    """
    named = _held(cur, system, external_id)
    before = cur.execute(_Q.reported_before, named | {"content_sha256": b""}).fetchone()
    found = None if before is None else time_log.entry(cur, system.practice_id, before[0])
    if found is None:
        raise link_errors.BadReport(ReportReason.UNKNOWN_ENTRY)
    return time_log.void(
        cur,
        system.practice_id,
        found.entry_id,
        voided_by=found.staff_id,
        reason=f"Voided by {system.name}: {time_log.words(reason)}",
        at=at,
    )


def note_conflict(cur: Cursor, system: System, at: datetime) -> None:
    """Note for an operator that a system reported one id with two contents."""
    asked = {"practice_id": system.practice_id, "at": at, "detail": f"system {system.system_id}"}
    cur.execute(_Q.note_conflict, asked)


def _held(cur: Cursor, system: System, external_id: str) -> dict[str, Any]:
    named: dict[str, Any] = {
        "practice_id": system.practice_id,
        "system_id": system.system_id,
        "external_id": external_id,
    }
    if cur.execute(_Q.hold_system, named).fetchone() is None:
        raise link_errors.UnknownSystem
    return named


def _standing(cur: Cursor, system: System, entry_id: UUID) -> TimeEntry:
    entry = time_log.entry(cur, system.practice_id, entry_id)
    if entry is None or entry.voided_at is not None:
        raise link_errors.ReportVoided
    return entry


def _patient(cur: Cursor, system: System, told: Report) -> UUID:
    asked = {"practice_id": system.practice_id, "record_number": told.record_number}
    found = cur.execute(_Q.patient_of, asked).fetchone()
    if found is None:
        raise link_errors.BadReport(ReportReason.UNKNOWN_PATIENT)
    return UUID(str(found[0]))


def _person(cur: Cursor, system: System, told: Report) -> UUID:
    """Return who did the work; one person alone, or nobody."""
    if told.staff_id is not None:
        named = {
            "practice_id": system.practice_id,
            "system_id": system.system_id,
            "external_id": told.staff_id,
        }
        cur.execute(_Q.by_external_id, named)
    else:
        number = {"practice_id": system.practice_id, "npi": told.npi, "at": told.started_at}
        cur.execute(_Q.by_npi, number)
    found = cur.fetchall()
    if len(found) != 1:
        raise link_errors.BadReport(ReportReason.UNKNOWN_STAFF)
    ((staff_id,),) = found
    return UUID(str(staff_id))


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
