"""What a patient's programs rest on, on the patient's page: what is attested, visits, what is billed beside."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from ccm_link.billing.rows import Requirement
from ccm_link.console import plan_desk, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.pages.enrolments import form
from ccm_link.console.plan_desk import Complaint
from ccm_link.console.posted import program_inputs as posted
from ccm_link.console.posted.forms import Posted
from ccm_link.console.program_rules import rules_on, today
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.words.program_words import Said
from ccm_link.program import (
    attestations,
    billed_beside,
    practitioner_visits,
    program_errors,
    requirements,
)
from ccm_link.program.attestations import NewAttestation
from ccm_link.program.billed_beside import NewBeside
from ccm_link.program.practitioner_visits import Visit
from ingest import people

router = APIRouter(prefix="/patients/{patient_id}/program", include_in_schema=False)


@router.post("/attestations")
def attest(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Vouch for something of the patient."""

    def deed(cur: Cursor, given: posted.Attest) -> Said:
        attest_it(desk, cur, given, patient_id)
        return Said.ATTESTED

    return plan_desk.take(desk, patient_id, fields, form("attest"), posted.Attest, deed)


@router.post("/visits")
def record_visit(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record a visit to a practitioner."""

    def deed(cur: Cursor, given: posted.RecordVisit) -> Said:
        patient = people.patient(cur, desk.practice_id, patient_id)
        if patient is None:
            raise program_errors.UnknownEnrolment
        visit = Visit(
            practitioner_id=given.practitioner_id,
            visited_on=given.visited_on,
            kind=given.visit_kind,
            was_discussed=given.was_discussed is not None,
        )
        visit_id = practitioner_visits.record(
            cur,
            desk.practice_id,
            patient_id,
            visit,
            born_on=patient.born_on,
            today=today(desk, cur),
            recorded_by=desk.who.display_name,
            at=desk.now,
        )
        after = {
            "practitioner_id": visit.practitioner_id,
            "visited_on": visit.visited_on,
            "kind": visit.kind,
            "was_discussed": visit.was_discussed,
        }
        desk.changed(Resource.PROGRAM, visit_id, after=after, patient_id=patient_id)
        return Said.VISIT_RECORDED

    return plan_desk.take(desk, patient_id, fields, form("visit"), posted.RecordVisit, deed)


@router.post("/visits/{visit_id}/withdraw")
def withdraw_visit(desk: AtDesk, patient_id: UUID, visit_id: UUID, fields: Posted) -> Response:
    """Withdraw a visit that was recorded by mistake."""

    def deed(cur: Cursor, given: posted.Withdraw) -> Said:
        practitioner_visits.withdraw(
            cur,
            desk.practice_id,
            patient_id,
            visit_id,
            reason=given.reason,
            withdrawn_by=desk.who.display_name,
            at=desk.now,
        )
        after = {"withdrawn_at": desk.now, "reason": trail.sha256_of(given.reason)}
        desk.changed(
            Resource.PROGRAM,
            visit_id,
            before={"withdrawn_at": None},
            after=after,
            patient_id=patient_id,
        )
        return Said.VISIT_WITHDRAWN

    named = form("withdraw", visit_id)
    return plan_desk.take(desk, patient_id, fields, named, posted.Withdraw, deed)


@router.post("/beside")
def record_beside(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record what else is billed or agreed on."""

    def deed(cur: Cursor, given: posted.RecordBeside) -> Said:
        rules = rules_on(desk, today(desk, cur))
        if given.what not in billed_beside.kinds(rules):
            raise Complaint(what="Choose one of the list.")
        new = NewBeside(
            what=given.what,
            by_whom=given.by_whom,
            from_on=given.from_on,
            until_on=given.until_on,
            source=given.source,
        )
        beside_id = billed_beside.record(
            cur,
            desk.practice_id,
            patient_id,
            new,
            recorded_by=desk.who.display_name,
            at=desk.now,
        )
        after = {
            "what": new.what,
            "by_whom": new.by_whom,
            "from_on": new.from_on,
            "until_on": new.until_on,
            "source": trail.sha256_of(new.source),
        }
        desk.changed(Resource.PROGRAM, beside_id, after=after, patient_id=patient_id)
        return Said.BESIDE_RECORDED

    return plan_desk.take(desk, patient_id, fields, form("beside"), posted.RecordBeside, deed)


@router.post("/beside/{beside_id}/end")
def end_beside(desk: AtDesk, patient_id: UUID, beside_id: UUID, fields: Posted) -> Response:
    """Say when it ended, or that it was recorded by mistake."""

    def deed(cur: Cursor, given: posted.EndBeside) -> Said:
        billed_beside.end(
            cur,
            desk.practice_id,
            patient_id,
            beside_id,
            until_on=given.until_on,
            reason=given.reason,
            ended_by=desk.who.display_name,
        )
        after = {"until_on": given.until_on, "reason": trail.sha256_of(given.reason)}
        desk.changed(
            Resource.PROGRAM,
            beside_id,
            before={"until_on": None},
            after=after,
            patient_id=patient_id,
        )
        return Said.BESIDE_ENDED

    named = form("end-beside", beside_id)
    return plan_desk.take(desk, patient_id, fields, named, posted.EndBeside, deed)


def attest_it(desk: Desk, cur: Cursor, given: posted.Attest, patient_id: UUID | None) -> None:
    """Store what somebody vouches for, of a patient or (None) of the practice, and tell the trail.

    Raises:
        Complaint: The tables have no such requirement, or it is none of the practice as a whole.
    """
    on = today(desk, cur)
    is_known = rules_on(desk, on).find(Requirement, given.requirement) is not None
    if not is_known or (patient_id is None and given.requirement not in requirements.OF_PRACTICE):
        raise Complaint(requirement="Choose one of the list.")
    new = NewAttestation(
        patient_id=patient_id,
        requirement=given.requirement,
        is_met=given.is_met == "yes",
        basis=given.basis,
        from_on=given.from_on,
        until_on=given.until_on,
    )
    attestation_id = attestations.attest(
        cur, desk.practice_id, new, today=on, attested_by=desk.who.display_name, at=desk.now
    )
    after = {
        "requirement": new.requirement,
        "is_met": new.is_met,
        "from_on": new.from_on,
        "until_on": new.until_on,
        "basis": trail.sha256_of(new.basis),
    }
    resource = Resource.PROGRAM if patient_id else Resource.PROGRAM_SET_UP
    desk.changed(resource, attestation_id, after=after, patient_id=patient_id)
