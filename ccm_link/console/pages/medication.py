"""What a patient takes, beside the care plan: put on the list, taken off it, held against other sources."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from ccm_link.console import patient_head, plan_desk, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.plan_desk import Form
from ccm_link.console.posted import plan_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.words import plan_words
from ccm_link.console.words.plan_words import Said
from ccm_link.plan import care_plan, medication, plan_document
from ccm_link.plan.medication import Source

router = APIRouter(prefix="/patients/{patient_id}/plan/medication", include_in_schema=False)

_BACK = "/plan/medication"


@router.get("")
def medication_page(desk: AtDesk, patient_id: UUID, said: Said | None = None) -> HTMLResponse:
    """Show the list, and when it was held against other sources."""
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id, said=said.sentence if said else "")


@router.post("")
def add(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Put a medication on the list."""

    def deed(cur: Cursor, given: plan_inputs.AddMedication) -> Said:
        medication_id = medication.record(
            cur,
            desk.practice_id,
            patient_id,
            name=given.name,
            rxnorm_code=given.rxnorm_code,
            dose=given.dose,
            taken_from_on=given.taken_from_on,
            source=given.source,
            prescriber=given.prescriber or "",
            staff_id=desk.staff_id,
            at=desk.now,
        )
        after = {
            "name": trail.sha256_of(given.name),
            "dose": trail.sha256_of(given.dose),
            "rxnorm_code": given.rxnorm_code,
        }
        desk.changed(Resource.MEDICATION, medication_id, after=after, patient_id=patient_id)
        return Said.LISTED

    form = Form("medication", _refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.AddMedication, deed)


@router.post("/reconciliations")
def reconcile(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record that the list as it stands was held against other sources."""

    def deed(cur: Cursor, given: plan_inputs.ReconcileFields) -> Said:
        reconciliation_id = medication.reconcile(
            cur,
            desk.practice_id,
            patient_id,
            sources=given.sources,
            discrepancies=given.discrepancies,
            staff_id=desk.staff_id,
            at=desk.now,
        )
        after = {
            "sources": given.sources,
            "discrepancies": trail.sha256_of(given.discrepancies) if given.discrepancies else None,
        }
        desk.changed(Resource.MEDICATION, reconciliation_id, after=after, patient_id=patient_id)
        return Said.RECONCILED

    form = Form("reconcile", _refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.Reconcile, deed)


@router.post("/{medication_id}/end")
def end(desk: AtDesk, patient_id: UUID, medication_id: UUID, fields: Posted) -> Response:
    """Take a medication off the list."""

    def deed(cur: Cursor, given: plan_inputs.EndMedication) -> Said:
        medication.end(
            cur,
            desk.practice_id,
            patient_id,
            medication_id,
            ended_on=given.ended_on,
            reason=given.reason,
            staff_id=desk.staff_id,
            at=desk.now,
        )
        after = {"ended_at": desk.now, "reason": trail.sha256_of(given.reason)}
        before = {"ended_at": None}
        desk.changed(
            Resource.MEDICATION, medication_id, before=before, after=after, patient_id=patient_id
        )
        return Said.TAKEN_OFF

    form = Form(f"medication-{medication_id}", _refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.EndMedication, deed)


def _show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    head = patient_head.load(cur, desk, patient_id)
    listed = medication.of_patient(cur, desk.practice_id, patient_id)
    done = medication.reconciliations(cur, desk.practice_id, patient_id)
    in_force = care_plan.heads(cur, desk.practice_id, [patient_id], desk.now).get(patient_id)
    months = in_force.medication_months if in_force else plan_document.MEDICATION_MONTHS
    reviewed = medication.last_reviews(cur, desk.practice_id, [patient_id], desk.now)[patient_id]
    has_begun = reviewed.reconciled_at is not None or reviewed.discharged_at is not None
    desk.saw(patient_id, lines=len(listed), reconciliations=len(done))
    return desk.page(
        cur,
        "medication.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        listed=[one for one in listed if one.ended_at is None],
        ended=[one for one in listed if one.ended_at is not None],
        names={one.medication_id: f"{one.name}, {one.dose}" for one in listed},
        reconciliations=done,
        changes=medication.changes(done),
        # Where it was never looked at, it is due from when care began: the flags of the plan's page know that.
        clock=reviewed.clock(months, desk.now, desk.now) if has_begun else None,
        months=months,
        sources=[(f"from_{one}", plan_words.SOURCES[one]) for one in Source],
        said=said,
        refusal=refusal,
        **plan_desk.around(desk, cur, head, Resource.MEDICATION),
    )


def _refused(desk: Desk, cur: Cursor, patient_id: UUID, refusal: Refusal) -> HTMLResponse:
    return _show(desk, cur, patient_id, refusal=refusal)
