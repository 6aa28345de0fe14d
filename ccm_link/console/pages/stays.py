"""Stays of a patient away from home, beside the care plan: recorded, ended, voided."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from ccm_link.console import patient_head, plan_desk, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.plan_desk import Form
from ccm_link.console.posted import plan_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.words.plan_words import Said
from ccm_link.plan import stays

router = APIRouter(prefix="/patients/{patient_id}/plan/stays", include_in_schema=False)

_BACK = "/plan/stays"


@router.get("")
def stays_page(desk: AtDesk, patient_id: UUID, said: Said | None = None) -> HTMLResponse:
    """Show the stays."""
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id, said=said.sentence if said else "")


@router.post("")
def record(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record a stay, one that goes on or one that is over."""

    def deed(cur: Cursor, given: plan_inputs.RecordStay) -> Said:
        admitted_at = plan_desk.instant(
            desk, cur, "admitted_time", given.admitted_on, given.admitted_time
        )
        discharged_at = None
        if given.discharged_on is not None and given.discharged_time is not None:
            discharged_at = plan_desk.instant(
                desk, cur, "discharged_time", given.discharged_on, given.discharged_time
            )
        stay_id = stays.record(
            cur,
            desk.practice_id,
            patient_id,
            kind=given.stay_kind,
            facility=given.facility,
            source=given.source,
            admitted_at=admitted_at,
            discharged_at=discharged_at,
            zone=ZoneInfo(desk.practice(cur).time_zone),
            staff_id=desk.staff_id,
            at=desk.now,
        )
        after = {
            "kind": given.stay_kind,
            "admitted_at": admitted_at,
            "discharged_at": discharged_at,
        }
        desk.changed(Resource.STAY, stay_id, after=after, patient_id=patient_id)
        return Said.STAY_RECORDED if discharged_at is None else Said.DISCHARGED

    form = Form("stay", _refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.RecordStay, deed)


@router.post("/{stay_id}/discharge")
def discharge(desk: AtDesk, patient_id: UUID, stay_id: UUID, fields: Posted) -> Response:
    """Say when a stay ended; a task to speak with the patient is opened."""

    def deed(cur: Cursor, given: plan_inputs.Discharge) -> Said:
        discharged_at = plan_desk.instant(
            desk, cur, "discharged_time", given.discharged_on, given.discharged_time
        )
        stays.discharge(
            cur,
            desk.practice_id,
            patient_id,
            stay_id,
            discharged_at=discharged_at,
            zone=ZoneInfo(desk.practice(cur).time_zone),
            staff_id=desk.staff_id,
            at=desk.now,
        )
        before, after = {"discharged_at": None}, {"discharged_at": discharged_at}
        desk.changed(Resource.STAY, stay_id, before=before, after=after, patient_id=patient_id)
        return Said.DISCHARGED

    form = Form(f"discharge-{stay_id}", _refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.Discharge, deed)


@router.post("/{stay_id}/void")
def void(desk: AtDesk, patient_id: UUID, stay_id: UUID, fields: Posted) -> Response:
    """Let a stay that was recorded wrongly count for nothing."""

    def deed(cur: Cursor, given: plan_inputs.VoidStay) -> Said:
        stays.void(
            cur,
            desk.practice_id,
            patient_id,
            stay_id,
            staff_id=desk.staff_id,
            reason=given.reason,
            at=desk.now,
        )
        before = {"voided_at": None}
        after = {"voided_at": desk.now, "reason": trail.sha256_of(given.reason)}
        desk.changed(Resource.STAY, stay_id, before=before, after=after, patient_id=patient_id)
        return Said.STAY_VOIDED

    form = Form(f"void-{stay_id}", _refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.VoidStay, deed)


def _show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    head = patient_head.load(cur, desk, patient_id)
    found = stays.of_patient(cur, desk.practice_id, patient_id)
    desk.saw(patient_id, stays=len(found))
    return desk.page(
        cur,
        "stays.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        stays=found,
        said=said,
        refusal=refusal,
        **plan_desk.around(desk, cur, head, Resource.STAY),
    )


def _refused(desk: Desk, cur: Cursor, patient_id: UUID, refusal: Refusal) -> HTMLResponse:
    return _show(desk, cur, patient_id, refusal=refusal)
