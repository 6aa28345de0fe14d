"""Who may see one patient's readings from home: the patient, carers; their one-time codes."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.console import patient_head, problems
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes.permissions import Resource
from ingest import audit, one_time_code, people, session_store
from ingest.audit import Kind
from ingest.errors import RefusalReason, RefusedByStoreError
from ingest.one_time_code import Purpose
from ingest.people import HomePerson, Role

router = APIRouter(prefix="/patients/{patient_id}/home", include_in_schema=False)

_THERE = "The patient has an account already. Close it first, or add a carer."


@router.get("")
def accounts_page(desk: AtDesk, patient_id: UUID) -> HTMLResponse:
    """Show who may sign in from home."""
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id)


@router.post("")
def add(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Let a patient or carer sign in, and show their first code."""
    given, complaints = forms.check(inputs.AddHomePerson, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show(desk, cur, patient_id, Refusal("home", fields, complaints))
    try:
        with desk.transaction() as cur:
            patient_head.load(cur, desk, patient_id)
            person_id = people.add_home_person(
                cur,
                desk.practice_id,
                patient_id,
                role=Role(given.role),
                display_name=given.display_name,
                added_by=desk.staff_id,
                at=desk.now,
            )
            after = {"role": given.role}
            desk.changed(Resource.HOME_ACCOUNT, person_id, after=after, patient_id=patient_id)
            return _show_code(desk, cur, _person(desk, cur, patient_id, person_id))
    except RefusedByStoreError as error:
        if error.reason is not RefusalReason.ALREADY_THERE:
            raise
        with desk.transaction() as cur:
            return _show(desk, cur, patient_id, Refusal("home", fields, {"role": _THERE}))


@router.post("/{person_id}/code")
def issue_code(desk: AtDesk, patient_id: UUID, person_id: UUID, _fields: Posted) -> Response:
    """Show a new code to sign in with; earlier ones are void."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        person = _person(desk, cur, patient_id, person_id)
        if person.disabled_at is not None:
            raise problems.Refused(problems.NOT_FOUND)
        return _show_code(desk, cur, person)


@router.post("/{person_id}/disable")
def disable(desk: AtDesk, patient_id: UUID, person_id: UUID, _fields: Posted) -> Response:
    """Close an account for good; whoever is signed in with it is out at the next request."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        person = _person(desk, cur, patient_id, person_id)
        people.disable_home_person(cur, desk.practice_id, person_id, desk.now)
        desk.changed(
            Resource.HOME_ACCOUNT, person_id, before={"role": person.role}, patient_id=patient_id
        )
        for token_sha256 in session_store.end_sessions(cur, desk.practice_id, person_id=person_id):
            desk.did(
                Kind.SESSION_ENDED,
                patient_id,
                resource_id=person_id,
                ended=audit.session_mark(token_sha256),
            )
    return RedirectResponse(f"/patients/{patient_id}/home", 303)


def _person(desk: Desk, cur: Cursor, patient_id: UUID, person_id: UUID) -> HomePerson:
    person = people.home_person(cur, desk.practice_id, person_id)
    if person is None or person.patient_id != patient_id:
        raise problems.Refused(problems.NOT_FOUND)
    return person


def _show_code(desk: Desk, cur: Cursor, person: HomePerson) -> HTMLResponse:
    code = one_time_code.issue(
        cur,
        desk.practice_id,
        Purpose.HOME_SIGN_IN,
        person.person_id,
        created_by=desk.staff_id,
        at=desk.now,
    )
    desk.did(
        Kind.CODE_ISSUED,
        person.patient_id,
        resource_id=person.person_id,
        action=audit.Action.CREATE,
    )
    return desk.page(cur, "home_code.html", person=person, code=code)


def _show(
    desk: Desk, cur: Cursor, patient_id: UUID, refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    patient = patient_head.load(cur, desk, patient_id)
    found = people.home_people(cur, desk.practice_id, patient_id)
    desk.saw(patient_id, accounts=len(found))
    return desk.page(
        cur,
        "home_accounts.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        patient=patient,
        found=found,
        roles=[("patient", "The patient"), ("carer", "Somebody who cares for the patient")],
        refusal=refusal,
    )
