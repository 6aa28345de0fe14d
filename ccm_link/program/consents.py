"""The consent register: how each patient agreed to each program, and took that back.

Rows are added, never changed but for that they are superseded or taken back, once.

Source:
    CMS, MLN909188 Chronic Care Management (2025), and the American Academy of Family Physicians on it: before the
    service, verbal or written, documented, once, and again only when the billing practitioner changes. That it can be
    taken back at any time with effect at the end of the calendar month, and what has to be told: guides agree. For
    remote monitoring it may be taken when the service starts. Our reading: the month is the practice's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link import local_days, store
from ccm_link.billing import periods
from ccm_link.month import Month
from ccm_link.program import consent_script, program_errors
from ccm_link.program.consent_script import Script
from ccm_link.program.enrolment_states import Change
from ccm_link.program.program_errors import ConsentReason
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "consents")

# Who was asked in the evening is written down in the morning. What is entered later has to stand somewhere else
# already; the database says the same.
_ENTERED_WITHIN: Final = timedelta(days=1)


class Method(StrEnum):
    """How a patient agreed."""

    VERBAL = "verbal"
    WRITTEN = "written"
    ELECTRONIC = "electronic"
    NOT_RECORDED = "not_recorded"  # only of what was carried over


class GivenBy(StrEnum):
    """Who agreed."""

    PATIENT = "patient"
    CARER = "carer"  # who may decide for the patient
    NOT_RECORDED = "not_recorded"  # only of what was carried over


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A consent as somebody writes it down.

    Attributes:
        elements: names of what the patient was told.
        carer: who agreed for the patient, and why they may; "" where the patient did.
        witness: who was there besides; may be "".
        documented_at: seconds before it never count. Aware.
        evidence: where it is documented, for what was more than a day ago; else "".
    """

    method: Method
    script: Script
    elements: frozenset[str]
    given_by: GivenBy
    carer: str
    witness: str
    documented_at: datetime
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A row of the register. Times are aware UTC.

    Attributes:
        practitioner_id: who bills by it; None: not recorded.
        superseded_at: another one is needed, or was written down, since then.
        revoked_at: when the patient took it back; it holds until the end of that month.
    """

    practice_id: UUID
    consent_id: UUID
    enrolment_id: UUID
    patient_id: UUID
    practitioner_id: UUID | None
    practitioner_name: str | None
    method: Method
    script: consent_script.Origin | None
    script_version: int | None
    elements: tuple[str, ...]
    given_by: GivenBy
    carer: str
    taken_by: str
    witness: str
    documented_at: datetime
    recorded_at: datetime
    evidence: str
    superseded_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    revoke_reason: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "method", Method(self.method))
        object.__setattr__(self, "given_by", GivenBy(self.given_by))
        object.__setattr__(self, "elements", tuple(self.elements))
        if self.script is not None:
            object.__setattr__(self, "script", consent_script.Origin(self.script))

    @property
    def is_in_force(self) -> bool:
        """Whether it is neither superseded nor taken back."""
        return self.superseded_at is None and self.revoked_at is None


def check(taken: Taken, *, born_on: date, zone: ZoneInfo, at: datetime) -> None:
    """Check a consent before it is stored.

    Args:
        taken: As it was written down.
        born_on: The patient's birthday.
        zone: Of the patient's days.
        at: Now, aware.

    Raises:
        program_errors.BadConsent: with what is wrong.
    """
    if taken.documented_at > at:
        raise program_errors.BadConsent(ConsentReason.IN_THE_FUTURE)
    if taken.documented_at.astimezone(zone).date() < born_on:
        raise program_errors.BadConsent(ConsentReason.BEFORE_BIRTH)
    if taken.elements != taken.script.names:
        raise program_errors.BadConsent(ConsentReason.NOT_ALL_TOLD)
    if (taken.given_by is GivenBy.CARER) != bool(taken.carer):
        raise program_errors.BadConsent(ConsentReason.NO_CARER)
    if at - taken.documented_at > _ENTERED_WITHIN and not taken.evidence:
        raise program_errors.BadConsent(ConsentReason.NO_EVIDENCE)


def holds_until(revoked_at: datetime, zone: ZoneInfo) -> datetime:
    """Return until when a consent holds that was taken back: the end of the practice's calendar month (excluded).

    Args:
        revoked_at: When the patient said so, aware.
        zone: The practice's.
    """
    month = Month.of(revoked_at, zone.key)
    return local_days.Days(month.first_on, periods.last_day_of(month), zone).until_at


def in_force(consents: Iterable[Consent], enrolment_id: UUID) -> Consent | None:
    """Return the consent by which an enrolment goes on; None: another one is needed."""
    return next(
        (one for one in consents if one.enrolment_id == enrolment_id and one.is_in_force), None
    )


def of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[Consent]:
    """Return all of a patient, the newest first."""
    return store.rows(cur, Consent, _Q.of_patient, practice_id=practice_id, patient_id=patient_id)


def carry_over(cur: store.Cursor, change: Change) -> None:
    """Write down a consent that was documented elsewhere at the instant of the change."""
    store.changed(
        cur,
        _Q.carry_over,
        practice_id=change.practice_id,
        enrolment_id=change.enrolment_id,
        patient_id=change.patient_id,
        made_by=change.made_by,
        at=change.at,
    )


def add(cur: store.Cursor, change: Change, taken: Taken, practitioner_id: UUID) -> UUID:
    """Store a consent that was checked, and return its id.

    Raises:
        psycopg.errors.UniqueViolation: Another one is in force for the enrolment.
    """
    consent_id = store.scalar(
        cur,
        _Q.add,
        practice_id=change.practice_id,
        enrolment_id=change.enrolment_id,
        patient_id=change.patient_id,
        practitioner_id=practitioner_id,
        method=taken.method,
        script=taken.script.origin,
        script_version=taken.script.version,
        elements=sorted(taken.elements),
        given_by=taken.given_by,
        carer=taken.carer,
        taken_by=change.made_by,
        witness=taken.witness,
        documented_at=taken.documented_at,
        recorded_at=change.at,
        evidence=taken.evidence,
    )
    return cast("UUID", consent_id)


def supersede(cur: store.Cursor, change: Change) -> bool:
    """End the consent in force because another one is needed; return whether there was one."""
    superseded = store.scalar(
        cur,
        _Q.supersede,
        practice_id=change.practice_id,
        enrolment_id=change.enrolment_id,
        at=change.at,
    )
    return superseded is not None


def revoke(
    cur: store.Cursor, change: Change, consent_id: UUID, *, revoked_at: datetime, reason: str
) -> None:
    """Take a consent back.

    Raises:
        program_errors.NoConsent: It is not in force, or was given later.
    """
    revoked = store.scalar(
        cur,
        _Q.revoke,
        practice_id=change.practice_id,
        enrolment_id=change.enrolment_id,
        consent_id=consent_id,
        revoked_at=revoked_at,
        revoked_by=change.made_by,
        reason=reason,
    )
    if revoked is None:
        raise program_errors.NoConsent
