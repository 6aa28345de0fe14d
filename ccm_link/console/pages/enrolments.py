"""The steps of a patient's way into a program, on the patient's page: each a form of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import Response

from ccm_link import local_days
from ccm_link.console import plan_desk, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.pages import patient_program
from ccm_link.console.plan_desk import Form
from ccm_link.console.posted import program_inputs as posted
from ccm_link.console.posted.forms import Posted
from ccm_link.console.program_rules import rules_on, today
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.words.program_words import Said
from ccm_link.program import (
    billing_practitioner,
    consent_script,
    consenting,
    enrolment,
    outreach,
    program_errors,
    requirements,
)
from ccm_link.program.consents import GivenBy, Method, Taken
from ccm_link.program.enrolment_states import Change, CloseReason, State
from ccm_link.program.outreach import NewAttempt
from ingest import people

router = APIRouter(prefix="/patients/{patient_id}/program/enrolments", include_in_schema=False)


def form(name: str, enrolment_id: UUID | None = None) -> Form:
    """Return a form of the page; that of an enrolment has its id in its name, for there may be several."""
    named = f"{name}-{enrolment_id}" if enrolment_id else name
    return Form(named, patient_program.show, "/program")


@router.post("")
def identify(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Note that a program would suit the patient."""

    def deed(cur: Cursor, given: posted.Identify) -> Said:
        requirements.of(given.program, rules_on(desk, today(desk, cur)))
        enrolment_id = enrolment.identify(
            cur,
            desk.practice_id,
            patient_id,
            given.program,
            reason=given.reason,
            made_by=desk.who.display_name,
            at=desk.now,
        )
        after = {"program": given.program, "state": State.IDENTIFIED}
        desk.changed(Resource.PROGRAM, enrolment_id, after=after, patient_id=patient_id)
        return Said.IDENTIFIED

    return plan_desk.take(desk, patient_id, fields, form("identify"), posted.Identify, deed)


@router.post("/{enrolment_id}/attempts")
def log_attempt(desk: AtDesk, patient_id: UUID, enrolment_id: UUID, fields: Posted) -> Response:
    """Log an attempt to reach the patient."""

    def deed(cur: Cursor, given: posted.LogAttempt) -> Said:
        attempt = NewAttempt(
            tried_at=_given_at(desk, cur, given.happened_on, given.happened_time),
            method=given.try_method,
            outcome=given.outcome,
            spoke_with=given.spoke_with,
            note=given.try_note,
            next_try_at=None
            if given.next_on is None or given.next_time is None
            else plan_desk.instant(desk, cur, "next_time", given.next_on, given.next_time),
        )
        outreach.log(cur, _change(desk, patient_id, enrolment_id, given.row_version), attempt)
        after = {
            "method": attempt.method,
            "outcome": attempt.outcome,
            "next_try_at": attempt.next_try_at,
            "note": trail.sha256_of(attempt.note),
        }
        _tell(desk, patient_id, enrolment_id, after)
        return Said.TRIED

    return plan_desk.take(
        desk, patient_id, fields, form("attempt", enrolment_id), posted.LogAttempt, deed
    )


@router.post("/{enrolment_id}/practitioner")
def set_practitioner(
    desk: AtDesk, patient_id: UUID, enrolment_id: UUID, fields: Posted
) -> Response:
    """Say who bills the program from now on."""

    def deed(cur: Cursor, given: posted.SetPractitioner) -> Said:
        change = _change(desk, patient_id, enrolment_id, given.row_version)
        needs_consent = billing_practitioner.replace(
            cur, change, given.biller_id, reason=given.reason
        )
        after = {"practitioner_id": given.biller_id, "reason": trail.sha256_of(given.reason)}
        _tell(desk, patient_id, enrolment_id, after)
        return Said.CONSENT_NEEDED if needs_consent else Said.PRACTITIONER_SET

    return plan_desk.take(
        desk, patient_id, fields, form("practitioner", enrolment_id), posted.SetPractitioner, deed
    )


@router.post("/{enrolment_id}/consent")
def take_consent(desk: AtDesk, patient_id: UUID, enrolment_id: UUID, fields: Posted) -> Response:
    """Write the patient's consent down."""

    def deed(cur: Cursor, given: posted._Consent) -> Said:
        held = enrolment.load(cur, desk.practice_id, patient_id, enrolment_id)
        patient = people.patient(cur, desk.practice_id, patient_id)
        if patient is None:
            raise program_errors.UnknownEnrolment
        taken = Taken(
            method=Method(given.consent_method),
            script=consent_script.in_force(cur, desk.practice_id, held.program),
            elements=given.told(),
            given_by=GivenBy(given.given_by),
            carer=given.carer,
            witness=given.witness,
            documented_at=_given_at(desk, cur, given.happened_on, given.happened_time),
            evidence=given.evidence,
        )
        consent_id = consenting.take(
            cur,
            _change(desk, patient_id, enrolment_id, given.row_version),
            taken,
            born_on=patient.born_on,
            zone=ZoneInfo(patient.time_zone),
        )
        after = {
            "consent_id": consent_id,
            "method": taken.method,
            "given_by": taken.given_by,
            "documented_at": taken.documented_at,
            "script": taken.script.origin,
            "script_version": taken.script.version,
        }
        _tell(desk, patient_id, enrolment_id, after)
        return Said.CONSENTED

    return plan_desk.take(
        desk, patient_id, fields, form("consent", enrolment_id), posted.TakeConsent, deed
    )


@router.post("/{enrolment_id}/consent/take-back")
def take_back(desk: AtDesk, patient_id: UUID, enrolment_id: UUID, fields: Posted) -> Response:
    """Note that the patient took the consent back."""

    def deed(cur: Cursor, given: posted.TakeBack) -> Said:
        revoked_at = _given_at(desk, cur, given.happened_on, given.happened_time)
        ended_at = consenting.take_back(
            cur,
            _change(desk, patient_id, enrolment_id, given.row_version),
            revoked_at=revoked_at,
            reason=given.reason,
            zone=_zone(desk, cur),
        )
        after = {
            "state": State.CLOSED,
            "close_reason": CloseReason.OPTED_OUT,
            "revoked_at": revoked_at,
            "ended_at": ended_at,
            "reason": trail.sha256_of(given.reason),
        }
        _tell(desk, patient_id, enrolment_id, after)
        return Said.TAKEN_BACK

    return plan_desk.take(
        desk, patient_id, fields, form("take-back", enrolment_id), posted.TakeBack, deed
    )


@router.post("/{enrolment_id}/step")
def take_step(desk: AtDesk, patient_id: UUID, enrolment_id: UUID, fields: Posted) -> Response:
    """Take the next step, if all that it asks for is there."""

    def deed(cur: Cursor, given: posted.Step) -> Said:
        to_state = State(given.to_state)
        on = today(desk, cur)
        rules = rules_on(desk, on)
        shown = next(
            (
                one
                for one in patient_program.enrolments(desk, cur, patient_id, rules, on)
                if one.held.enrolment_id == enrolment_id
            ),
            None,
        )
        if shown is None:
            raise program_errors.UnknownEnrolment
        program = requirements.of(shown.held.program, rules)
        missing = requirements.missing_for(to_state, shown.asked)
        if shown.consent is None:
            missing = ["a consent to the practitioner who bills now", *missing]
        enrolment.advance(
            cur,
            _change(desk, patient_id, enrolment_id, given.row_version),
            to_state,
            asks_for_plan=requirements.asks_for_plan(program),
            missing=missing,
        )
        _tell(desk, patient_id, enrolment_id, {"state": to_state})
        return Said.STEP_TAKEN

    return plan_desk.take(desk, patient_id, fields, form("step", enrolment_id), posted.Step, deed)


@router.post("/{enrolment_id}/close")
def close(desk: AtDesk, patient_id: UUID, enrolment_id: UUID, fields: Posted) -> Response:
    """Close the enrolment: today, or with a day before."""

    def deed(cur: Cursor, given: posted.Close) -> Said:
        ended_at = desk.now
        if given.close_on is not None:
            ended_at = _end_of(given.close_on, _zone(desk, cur), desk.now)
        reason = CloseReason(given.close_reason)
        change = _change(desk, patient_id, enrolment_id, given.row_version)
        enrolment.close(cur, change, reason, ended_at=ended_at, words=given.close_words)
        after = {
            "state": State.CLOSED,
            "close_reason": reason,
            "ended_at": ended_at,
            "reason": trail.sha256_of(given.close_words),
        }
        _tell(desk, patient_id, enrolment_id, after)
        return Said.CLOSED

    return plan_desk.take(desk, patient_id, fields, form("close", enrolment_id), posted.Close, deed)


def _end_of(last_on: date, zone: ZoneInfo, now: datetime) -> datetime:
    """Return the end of a day, or now if it is today's; a day to come stays in the future, to be refused."""
    end_at = local_days.Days(last_on, last_on, zone).until_at
    is_today = last_on == now.astimezone(zone).date()
    return now if is_today else end_at


def _given_at(desk: Desk, cur: Cursor, day: date | None, wall: time | None) -> datetime:
    if day is None or wall is None:
        return desk.now
    return plan_desk.instant(desk, cur, "happened_time", day, wall)


def _zone(desk: Desk, cur: Cursor) -> ZoneInfo:
    return ZoneInfo(desk.practice(cur).time_zone)


def _change(desk: Desk, patient_id: UUID, enrolment_id: UUID, row_version: int) -> Change:
    return Change(
        practice_id=desk.practice_id,
        patient_id=patient_id,
        enrolment_id=enrolment_id,
        row_version=row_version,
        made_by=desk.who.display_name,
        at=desk.now,
    )


def _tell(desk: Desk, patient_id: UUID, enrolment_id: UUID, after: Mapping[str, object]) -> None:
    desk.changed(Resource.PROGRAM, enrolment_id, after=after, patient_id=patient_id)
