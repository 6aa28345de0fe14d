"""What a person vouches for, of one patient or of the whole practice; what was said last holds, and nothing is changed.

The names are those that the billing tables give to what has to be there. A day counts in the practice's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, cast
from uuid import UUID

from ccm_link import store
from ccm_link.program import program_errors
from ccm_link.program.program_errors import DayReason
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "attestations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """One of them.

    Attributes:
        patient_id: None: it is about the practice as a whole.
        requirement: by the name that the billing tables give it.
        is_met: False: a person says that it is not there.
        basis: what that rests on.
        until_on: the last day; None: until something else is said.
    """

    attestation_id: UUID
    patient_id: UUID | None
    requirement: str
    is_met: bool
    basis: str
    from_on: date
    until_on: date | None
    attested_by: str
    attested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttestation:
    """What somebody is about to vouch for; the attributes as in :class:`Attestation`."""

    patient_id: UUID | None
    requirement: str
    is_met: bool
    basis: str
    from_on: date
    until_on: date | None


def attest(
    cur: store.Cursor,
    practice_id: UUID,
    new: NewAttestation,
    *,
    today: date,
    attested_by: str,
    at: datetime,
) -> UUID:
    """Store what somebody vouches for, and return its id.

    Args:
        cur: Open cursor.
        practice_id: The practice.
        new: What it is.
        today: In the practice's days; nobody vouches for what is to come.
        attested_by: Who.
        at: Now.

    Raises:
        program_errors.AlreadyRecorded: The same was said last.
        program_errors.BadDay: It begins in the future, or ends before it begins.
    """
    if new.from_on > today:
        raise program_errors.BadDay(DayReason.IN_THE_FUTURE)
    if new.until_on is not None and new.until_on < new.from_on:
        raise program_errors.BadDay(DayReason.ENDS_BEFORE_START)
    attestation_id = store.scalar(
        cur,
        _Q.attest,
        practice_id=practice_id,
        patient_id=new.patient_id,
        requirement=new.requirement,
        is_met=new.is_met,
        basis=new.basis,
        from_on=new.from_on,
        until_on=new.until_on,
        attested_by=attested_by,
        at=at,
    )
    if attestation_id is None:
        raise program_errors.AlreadyRecorded
    return cast("UUID", attestation_id)


def of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[Attestation]:
    """Return all that was ever said of a patient, the newest first."""
    return store.rows(
        cur, Attestation, _Q.of_patient, practice_id=practice_id, patient_id=patient_id
    )


def of_practice(cur: store.Cursor, practice_id: UUID) -> list[Attestation]:
    """Return all that was ever said of the practice as a whole, the newest first."""
    return store.rows(cur, Attestation, _Q.of_practice, practice_id=practice_id)
