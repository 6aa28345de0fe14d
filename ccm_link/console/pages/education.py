"""What a patient and carers were taught, and which devices were set up with them, beside the care plan."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from ccm_link.console import patient_head, plan_desk
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.plan_desk import Form
from ccm_link.console.posted import plan_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.words.plan_words import Said
from ccm_link.plan import device_set_ups, education

router = APIRouter(prefix="/patients/{patient_id}/plan/education", include_in_schema=False)

_BACK = "/plan/education"


@router.get("")
def education_page(desk: AtDesk, patient_id: UUID, said: Said | None = None) -> HTMLResponse:
    """Show lessons and devices."""
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id, said=said.sentence if said else "")


@router.post("")
def teach(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record a lesson."""

    def deed(cur: Cursor, given: plan_inputs.TeachFields) -> Said:
        taught_at = plan_desk.instant(desk, cur, "taught_time", given.taught_on, given.taught_time)
        education_id = education.record(
            cur,
            desk.practice_id,
            patient_id,
            topic=given.topic,
            method=given.taught_how,
            learner=given.learner,
            teach_back=given.teach_back == "yes",
            points=given.points,
            note=given.note,
            taught_at=taught_at,
            staff_id=desk.staff_id,
            at=desk.now,
        )
        after = {"topic": given.topic, "taught_at": taught_at, "teach_back": given.teach_back}
        desk.changed(Resource.EDUCATION, education_id, after=after, patient_id=patient_id)
        return Said.TAUGHT

    form = Form("education", _refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.Teach, deed)


@router.post("/set-ups")
def set_up(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record that a device was set up and its use taught."""

    def deed(cur: Cursor, given: plan_inputs.SetUpDevice) -> Said:
        set_up_at = plan_desk.instant(desk, cur, "set_up_time", given.set_up_on, given.set_up_time)
        taught_at = plan_desk.instant(desk, cur, "taught_time", given.taught_on, given.taught_time)
        set_up_id = device_set_ups.record(
            cur,
            desk.practice_id,
            patient_id,
            given.peripheral_id,
            learner=given.learner,
            set_up_at=set_up_at,
            taught_at=taught_at,
            staff_id=desk.staff_id,
            at=desk.now,
        )
        after = {"peripheral_id": given.peripheral_id, "set_up_at": set_up_at}
        desk.changed(Resource.EDUCATION, set_up_id, after=after, patient_id=patient_id)
        return Said.SET_UP

    form = Form("set-up", _refused, _BACK)
    return plan_desk.take(desk, patient_id, fields, form, plan_inputs.SetUpDevice, deed)


def _show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    head = patient_head.load(cur, desk, patient_id)
    taught = education.of_patient(cur, desk.practice_id, patient_id)
    set_ups = device_set_ups.of_patients(cur, desk.practice_id, [patient_id], desk.now)
    devices = device_set_ups.devices(cur, desk.practice_id, patient_id, desk.now)
    desk.saw(patient_id, lessons=len(taught), devices=len(devices))
    return desk.page(
        cur,
        "education.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        taught=taught,
        set_ups=set_ups.get(patient_id, ()),
        devices=devices,
        said=said,
        refusal=refusal,
        **plan_desk.around(desk, cur, head, Resource.EDUCATION),
    )


def _refused(desk: Desk, cur: Cursor, patient_id: UUID, refusal: Refusal) -> HTMLResponse:
    return _show(desk, cur, patient_id, refusal=refusal)
