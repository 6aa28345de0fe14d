"""What a patient has, on the patient's page: record a condition, end one."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from ccm_link import errors
from ccm_link.console import patient_head, problems, trail
from ccm_link.console.desk import AtDesk, Desk
from ccm_link.console.pages import patients
from ccm_link.console.posted import forms, inputs
from ccm_link.console.posted.forms import Posted, Refusal
from ccm_link.console.routes.permissions import Resource
from ccm_link.registry import conditions

router = APIRouter(prefix="/patients/{patient_id}/conditions", include_in_schema=False)


class _Form(StrEnum):
    """The forms' names, which begin the ids of their fields."""

    RECORD = "condition"
    END = "end-condition"


@router.post("")
def record(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record that the patient has a condition."""
    given, complaints = forms.check(inputs.RecordCondition, fields)
    if given is None:
        return _refused(desk, patient_id, Refusal(_Form.RECORD, fields, complaints))
    try:
        with desk.transaction() as cur:
            patient_head.load(cur, desk, patient_id)
            condition_id = conditions.record(
                cur,
                desk.practice_id,
                patient_id,
                given.diagnosis,
                source=given.source,
                recorded_by=desk.who.display_name,
                at=desk.now,
            )
            after = {"diagnosis": given.diagnosis, "source": trail.sha256_of(given.source)}
            desk.changed(Resource.CONDITION, condition_id, after=after, patient_id=patient_id)
    except errors.ConditionError as error:
        refusal = Refusal(_Form.RECORD, fields, problem=problems.of_error(error))
        return _refused(desk, patient_id, refusal)
    return RedirectResponse(f"/patients/{patient_id}?said={patients.Said.CONDITION_RECORDED}", 303)


@router.post("/{condition_id}/end")
def end(desk: AtDesk, patient_id: UUID, condition_id: UUID, fields: Posted) -> Response:
    """End a condition."""
    form = f"{_Form.END}-{condition_id}"
    given, complaints = forms.check(inputs.EndCondition, fields)
    if given is None:
        return _refused(desk, patient_id, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            patient_head.load(cur, desk, patient_id)
            conditions.end(
                cur,
                desk.practice_id,
                patient_id,
                condition_id,
                ended_by=desk.who.display_name,
                reason=given.reason,
                at=desk.now,
            )
            after = {"ended_at": desk.now, "reason": trail.sha256_of(given.reason)}
            desk.changed(
                Resource.CONDITION,
                condition_id,
                before={"ended_at": None},
                after=after,
                patient_id=patient_id,
            )
    except errors.ConditionError as error:
        return _refused(desk, patient_id, Refusal(form, fields, problem=problems.of_error(error)))
    return RedirectResponse(f"/patients/{patient_id}?said={patients.Said.CONDITION_ENDED}", 303)


def _refused(desk: Desk, patient_id: UUID, refusal: Refusal) -> Response:
    with desk.transaction() as cur:
        return patients.show(desk, cur, patient_id, refusal=refusal)
