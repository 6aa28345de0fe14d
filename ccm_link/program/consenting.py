"""Taking a patient's consent, and having it taken back: register and enrolment change together."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link import store
from ccm_link.program import consents, enrolment, program_errors
from ccm_link.program.consents import Method, Taken
from ccm_link.program.enrolment_states import (
    BEFORE_CONSENT,
    IN_CARE,
    Change,
    CloseReason,
    Event,
    State,
)
from ccm_link.program.program_errors import ConsentReason


def take(cur: store.Cursor, change: Change, taken: Taken, *, born_on: date, zone: ZoneInfo) -> UUID:
    """Write a consent down, and return its id.

    1. Refuse what cannot be a consent, and a closed enrolment.
    2. A first consent takes the enrolment to :attr:`State.CONSENTED`. A later one is for another practitioner, or
       writes down how one was taken that was carried over; any other is refused, for one is in force.
    3. Store it, for the practitioner who bills now.

    Args:
        cur: Open cursor.
        change: Who, when, which row.
        taken: As it was taken.
        born_on: The patient's birthday.
        zone: Of the patient's days.

    Raises:
        program_errors.ProgramError: AlreadyRecorded, BadConsent, EnrolmentChanged, NoPractitioner, NoSuchStep.
    """
    consents.check(taken, born_on=born_on, zone=zone, at=change.at)
    now = enrolment.load(cur, change.practice_id, change.patient_id, change.enrolment_id)
    if now.practitioner_id is None:
        raise program_errors.NoPractitioner
    if now.state in BEFORE_CONSENT:
        enrolment.advance(
            cur,
            change,
            State.CONSENTED,
            asks_for_plan=False,
            consent_documented_at=taken.documented_at,
        )
    else:
        _renew(cur, change, now)
    return consents.add(cur, change, taken, now.practitioner_id)


def take_back(
    cur: store.Cursor, change: Change, *, revoked_at: datetime, reason: str, zone: ZoneInfo
) -> datetime:
    """Note that a patient took the consent back, close the enrolment, and return when it is over: its month's end.

    Args:
        cur: Open cursor.
        change: Who, when, which row.
        revoked_at: When the patient said so, aware; now or before.
        reason: In the patient's words.
        zone: The practice's.

    Raises:
        program_errors.ProgramError: BadConsent, EnrolmentChanged, NoConsent, NoSuchStep, UnknownEnrolment.
    """
    if revoked_at > change.at:
        raise program_errors.BadConsent(ConsentReason.REVOKED_IN_THE_FUTURE)
    register = consents.of_patient(cur, change.practice_id, change.patient_id)
    held = consents.in_force(register, change.enrolment_id)
    if held is None:
        raise program_errors.NoConsent
    if revoked_at < held.documented_at:
        raise program_errors.BadConsent(ConsentReason.REVOKED_BEFORE_GIVEN)
    ended_at = consents.holds_until(revoked_at, zone)
    enrolment.close(cur, change, CloseReason.OPTED_OUT, ended_at=ended_at, words=reason)
    consents.revoke(cur, change, held.consent_id, revoked_at=revoked_at, reason=reason)
    return ended_at


def _renew(cur: store.Cursor, change: Change, now: enrolment.Enrolment) -> None:
    """Make room for another consent of an enrolment that had one."""
    if now.state not in IN_CARE:
        raise program_errors.NoSuchStep
    register = consents.of_patient(cur, change.practice_id, change.patient_id)
    held = consents.in_force(register, change.enrolment_id)
    if held is not None and held.method is not Method.NOT_RECORDED:
        raise program_errors.AlreadyRecorded
    enrolment.touch(cur, change, next_try_at=now.next_try_at)
    if held is not None:
        consents.supersede(cur, change)
    enrolment.add_event(cur, change, Event.CONSENT_RENEWED, now.state, now.state, "")
