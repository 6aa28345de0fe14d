"""What a practice says once for all its programs: its number for all hours, what it vouches for, its consent words."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from ccm_link.console import plan_desk, problems, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.pages.program_grounds import attest_it
from ccm_link.console.plan_desk import Complaint
from ccm_link.console.posted import forms
from ccm_link.console.posted import program_inputs as posted
from ccm_link.console.posted.forms import NOTHING_REFUSED, Fields, Posted, Refusal
from ccm_link.console.program_rules import rules_on, today
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import program_words
from ccm_link.console.words.program_words import Said
from ccm_link.errors import CcmLinkError
from ccm_link.program import after_hours, attestations, consent_script, requirements
from ccm_link.program.consent_script import Origin
from ingest import access, people

router = APIRouter(prefix="/program", include_in_schema=False)

_Model = TypeVar("_Model", bound=BaseModel)
_LATEST_CALLS = 100


@router.get("/practice")
def set_up_page(desk: AtDesk, said: Said | None = None) -> HTMLResponse:
    """Show what the practice says for all its programs."""
    with desk.transaction() as cur:
        return _show(desk, cur, said=said.sentence if said else "")


@router.post("/practice/line")
def set_line(desk: AtDesk, fields: Posted) -> Response:
    """Put another number for all hours in force."""

    def deed(cur: Cursor, given: posted.SetLine) -> Said:
        after_hours.set_line(
            cur,
            desk.practice_id,
            given.phone,
            former_version=given.based_on,
            set_by=desk.who.display_name,
            at=desk.now,
        )
        after = {"version": given.based_on + 1, "phone": trail.sha256_of(given.phone)}
        desk.changed(Resource.PROGRAM_SET_UP, "line", after=after)
        return Said.LINE_SET

    return _take(desk, fields, "line", posted.SetLine, deed, _show, "/program/practice")


@router.post("/practice/attestations")
def attest(desk: AtDesk, fields: Posted) -> Response:
    """Vouch for something of the practice as a whole."""

    def deed(cur: Cursor, given: posted.Attest) -> Said:
        attest_it(desk, cur, given, None)
        return Said.ATTESTED

    return _take(desk, fields, "attest", posted.Attest, deed, _show, "/program/practice")


@router.post("/practice/scripts/{program}")
def set_script(desk: AtDesk, program: str, fields: Posted) -> Response:
    """Put the practice's own words for a program in force."""

    def deed(cur: Cursor, given: posted._Script) -> Said:
        requirements.of(program, rules_on(desk, today(desk, cur)))
        version = consent_script.add(
            cur,
            desk.practice_id,
            program,
            given.words(),
            former_version=given.based_on,
            added_by=desk.who.display_name,
            at=desk.now,
        )
        desk.changed(Resource.PROGRAM_SET_UP, "script", after={"version": version})
        return Said.SCRIPT_SET

    name = f"script-{program}" if program in consent_script.shipped() else "script"
    return _take(desk, fields, name, posted.SetScript, deed, _show, "/program/practice")


@router.get("/after-hours")
def calls_page(desk: AtDesk, said: Said | None = None) -> HTMLResponse:
    """Show the last calls outside of the practice's hours."""
    with desk.transaction() as cur:
        return _show_calls(desk, cur, said=said.sentence if said else "")


@router.post("/after-hours")
def log_call(desk: AtDesk, fields: Posted) -> Response:
    """Log a call."""

    def deed(cur: Cursor, given: posted.LogCall) -> Said:
        patient_id = None
        if given.call_record is not None:
            patient_id = after_hours.patient_of_record(cur, desk.practice_id, given.call_record)
            if patient_id is None:
                raise Complaint(call_record="No patient of yours has this record number.")
        answered_at = (
            None
            if given.answered_on is None or given.answered_time is None
            else plan_desk.instant(
                desk, cur, "answered_time", given.answered_on, given.answered_time
            )
        )
        contact = after_hours.NewContact(
            patient_id=patient_id,
            called_at=plan_desk.instant(
                desk, cur, "called_time", given.called_on, given.called_time
            ),
            caller=given.caller,
            answered_by=given.answered_by,
            answered_at=answered_at,
            said=given.said,
        )
        contact_id = after_hours.log(
            cur, desk.practice_id, contact, recorded_by=desk.who.display_name, at=desk.now
        )
        after = {
            "called_at": contact.called_at,
            "answered_by": contact.answered_by,
            "answered_at": contact.answered_at,
            "said": trail.sha256_of(contact.said),
        }
        desk.changed(Resource.PROGRAM, contact_id, after=after, patient_id=contact.patient_id)
        return Said.CALL_LOGGED

    return _take(desk, fields, "call", posted.LogCall, deed, _show_calls, "/program/after-hours")


def _take(
    desk: Desk,
    fields: Fields,
    form: str,
    model: type[_Model],
    deed: Callable[[Cursor, _Model], StrEnum],
    show: Callable[[Desk, Cursor, Refusal], Response],
    back: str,
) -> Response:
    """Check a posted form and do what it asks for, or show its page again with what is wrong."""
    given, complaints = forms.check(model, fields)
    if given is None:
        refusal = Refusal(form, fields, complaints)
    else:
        try:
            with desk.transaction() as cur:
                said = deed(cur, given)
            return RedirectResponse(f"{back}?said={said}", 303)
        except CcmLinkError as error:
            refusal = Refusal(form, fields, problem=problems.of_error(error))
        except Complaint as wrong:
            refusal = Refusal(form, fields, wrong.fields)
    with desk.transaction() as cur:
        return show(desk, cur, refusal)


def _show(
    desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED, *, said: str = ""
) -> HTMLResponse:
    on = today(desk, cur)
    rules = rules_on(desk, on)
    return desk.page(
        cur,
        "program_set_up.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        line=after_hours.line(cur, desk.practice_id),
        attestations=attestations.of_practice(cur, desk.practice_id),
        titles={
            name: requirements.title_of(name, rules) for name in sorted(requirements.OF_PRACTICE)
        },
        scripts=[
            (name, title, consent_script.in_force(cur, desk.practice_id, name))
            for name, title in program_words.programs(rules)
        ],
        own=Origin.PRACTICE,
        today=on,
        may_change=permissions.may(desk.who, Resource.PROGRAM_SET_UP, Action.CHANGE),
        said=said,
        refusal=refusal,
    )


def _show_calls(
    desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED, *, said: str = ""
) -> HTMLResponse:
    calls = after_hours.latest(cur, desk.practice_id, limit=_LATEST_CALLS)
    about = [one.patient_id for one in calls if one.patient_id]
    desk.saw(*about, resource=Resource.PROGRAM, calls=len(calls))
    return desk.page(
        cur,
        "after_hours.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        calls=calls,
        line=after_hours.line(cur, desk.practice_id),
        colleagues=[
            (str(one.staff_id), one.display_name)
            for one in people.staff(cur, desk.practice_id)
            if one.role in access.CLINICAL and one.disabled_at is None
        ],
        may_change=permissions.may(desk.who, Resource.PROGRAM, Action.CHANGE),
        said=said,
        refusal=refusal,
    )
