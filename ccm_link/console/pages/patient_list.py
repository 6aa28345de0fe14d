"""The practice's patients in a list, and a new one added by hand."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.claim import month_states
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.pages import patients, record
from ccm_link.console.posted import forms, record_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import month_words
from ccm_link.month import Month
from ingest import access, people
from ingest.errors import RefusalReason, RefusedByStoreError
from ingest.standing import Standing

router = APIRouter(prefix="/patients", include_in_schema=False)

_FORM: Final = "add-patient"
_NOT_ACTIVE: Final = tuple(one for one in Standing if one is not Standing.ACTIVE)


@router.get("")
def patients_page(desk: AtDesk, said: patients.Said | None = None) -> HTMLResponse:
    """List the practice's active patients with how their current month stands."""
    with desk.transaction() as cur:
        return _show(desk, cur, said=said.sentence if said else "")


@router.post("")
def add(desk: AtDesk, fields: Posted) -> Response:
    """Add a patient, and lead to their record."""
    given, complaints = forms.check(record_inputs.AddPatient, fields)
    if given is None:
        return _refused(desk, Refusal(_FORM, fields, complaints))
    try:
        with desk.transaction() as cur:
            patient_id = people.add_patient(cur, desk.practice_id, **asdict(given.identity()))
            after = {"standing": Standing.ACTIVE}
            desk.changed(Resource.REGISTRY, patient_id, after=after, patient_id=patient_id)
    except RefusedByStoreError as error:
        if error.reason is not RefusalReason.ALREADY_THERE:
            raise
        return _refused(desk, Refusal(_FORM, fields, {"record_number": record.TAKEN}))
    return RedirectResponse(f"/patients/{patient_id}/record?said={record.Said.ADDED}", 303)


def _refused(desk: Desk, refusal: Refusal) -> Response:
    with desk.transaction() as cur:
        return _show(desk, cur, refusal=refusal)


def _show(
    desk: Desk, cur: Cursor, *, said: str = "", refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    practice = desk.practice(cur)
    this_month = Month.of(desk.now, practice.time_zone)
    kept = month_states.of_month(cur, desk.practice_id, this_month)
    listed = people.patients(cur, desk.practice_id)
    not_active = people.patients(cur, desk.practice_id, _NOT_ACTIVE)
    desk.saw(*(patient.patient_id for patient in listed), patients=len(listed))
    return desk.page(
        cur,
        "patients.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        patients=listed,
        not_active=len(not_active),
        restricted=access.hidden_records(cur, desk.practice_id),
        states={one.patient_id: one for one in kept},
        months=month_words,
        month=this_month,
        may_add=permissions.may(desk.who, Resource.REGISTRY, Action.CREATE),
        identity=None,
        said=said,
        refusal=refusal,
        nothing_refused=NOTHING_REFUSED,
    )
