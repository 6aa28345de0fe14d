"""Who pays for a patient and under which numbers they are known elsewhere: forms of the patient's record."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from ccm_link.console import trail
from ccm_link.console.desk import AtDesk, Cursor
from ccm_link.console.pages import record
from ccm_link.console.pages.record import Said
from ccm_link.console.patient_head import PatientHead
from ccm_link.console.posted import record_inputs as inputs
from ccm_link.console.posted.forms import Posted
from ccm_link.console.routes.permissions import Resource
from ccm_link.registry import coverage, patient_identifiers

router = APIRouter(prefix="/patients/{patient_id}/record", include_in_schema=False)


@router.post("/identifiers")
def add_identifier(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record a number under which the patient is known elsewhere."""

    def deed(cur: Cursor, _head: PatientHead, given: inputs.AddIdentifier) -> Said:
        identifier_id = patient_identifiers.add(
            cur,
            desk.practice_id,
            patient_id,
            given.identifier_kind,
            given.system or "",
            given.number,
            recorded_by=desk.who.display_name,
            at=desk.now,
        )
        after = {"kind": given.identifier_kind}
        desk.changed(Resource.REGISTRY, identifier_id, after=after, patient_id=patient_id)
        return Said.RECORDED

    return record.do(desk, patient_id, "identifier", inputs.AddIdentifier, fields, deed)


@router.post("/identifiers/{identifier_id}/end")
def end_identifier(desk: AtDesk, patient_id: UUID, identifier_id: UUID, fields: Posted) -> Response:
    """End a number."""

    def deed(cur: Cursor, _head: PatientHead, given: inputs.EndIdentifier) -> Said:
        patient_identifiers.end(
            cur,
            desk.practice_id,
            patient_id,
            identifier_id,
            ended_by=desk.who.display_name,
            reason=given.reason,
            at=desk.now,
        )
        desk.changed(
            Resource.REGISTRY,
            identifier_id,
            before={"ended_at": None},
            after={"ended_at": desk.now, "reason": trail.sha256_of(given.reason)},
            patient_id=patient_id,
        )
        return Said.ENDED

    form = f"end-identifier-{identifier_id}"
    return record.do(desk, patient_id, form, inputs.EndIdentifier, fields, deed)


@router.post("/coverage")
def add_coverage(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record a payer."""

    def deed(cur: Cursor, _head: PatientHead, given: inputs.AddCoverage) -> Said:
        coverage_id = coverage.add(
            cur,
            desk.practice_id,
            patient_id,
            given.new_coverage(),
            recorded_by=desk.who.display_name,
            at=desk.now,
        )
        after = {
            "kind": given.coverage_kind,
            "rank": given.rank,
            "covered_from": given.covered_from,
            "covered_until": given.covered_until,
        }
        desk.changed(Resource.REGISTRY, coverage_id, after=after, patient_id=patient_id)
        return Said.RECORDED

    return record.do(desk, patient_id, "coverage", inputs.AddCoverage, fields, deed)


@router.post("/coverage/{coverage_id}/end")
def end_coverage(desk: AtDesk, patient_id: UUID, coverage_id: UUID, fields: Posted) -> Response:
    """Say which day is a payer's last."""

    def deed(cur: Cursor, _head: PatientHead, given: inputs.EndCoverage) -> Said:
        coverage.end_on(
            cur,
            desk.practice_id,
            patient_id,
            coverage_id,
            given.covered_until,
            ended_by=desk.who.display_name,
            at=desk.now,
        )
        desk.changed(
            Resource.REGISTRY,
            coverage_id,
            before={},
            after={"covered_until": given.covered_until},
            patient_id=patient_id,
        )
        return Said.ENDED

    form = f"end-coverage-{coverage_id}"
    return record.do(desk, patient_id, form, inputs.EndCoverage, fields, deed)


@router.post("/coverage/{coverage_id}/withdraw")
def withdraw_coverage(
    desk: AtDesk, patient_id: UUID, coverage_id: UUID, fields: Posted
) -> Response:
    """Withdraw a payer that never was."""

    def deed(cur: Cursor, _head: PatientHead, given: inputs.Withdraw) -> Said:
        coverage.withdraw(
            cur,
            desk.practice_id,
            patient_id,
            coverage_id,
            why=given.reason,
            withdrawn_by=desk.who.display_name,
            at=desk.now,
        )
        desk.changed(
            Resource.REGISTRY,
            coverage_id,
            before={"withdrawn_at": None},
            after={"withdrawn_at": desk.now, "reason": trail.sha256_of(given.reason)},
            patient_id=patient_id,
        )
        return Said.WITHDRAWN

    form = f"withdraw-coverage-{coverage_id}"
    return record.do(desk, patient_id, form, inputs.Withdraw, fields, deed)
