"""What staff are for billing, from when until when."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.billing.facts import StaffRole
from ccm_link.console import problems, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, time_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import time_words
from ccm_link.errors import CcmLinkError
from ccm_link.local_days import Days
from ccm_link.minutes import credentials
from ccm_link.minutes.credentials import NewCredential
from ingest import people

router = APIRouter(prefix="/staff", include_in_schema=False)


@router.get("/credentials")
def credentials_page(desk: AtDesk) -> HTMLResponse:
    """Show what everybody is and was."""
    with desk.transaction() as cur:
        return _show(desk, cur)


@router.post("/{staff_id}/credentials")
def record(desk: AtDesk, staff_id: UUID, fields: Posted) -> Response:
    """Record what somebody is from a day on."""
    form = f"credential-{staff_id}"
    given, complaints = forms.check(time_inputs.RecordCredential, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            _known(cur, desk, staff_id)
            new = NewCredential(
                practice_id=desk.practice_id,
                staff_id=staff_id,
                credential=given.credential,
                billing_role=StaffRole(given.billing_role),
                npi=given.npi,
                employer=given.employer,
                supervisor_staff_id=given.supervisor_staff_id,
                may_bill=given.may_bill == "yes",
                exclusion_checked_on=given.exclusion_checked_on,
                from_at=_midnight(cur, desk, given.from_on),
            )
            credential_id = credentials.record(cur, new, recorded_by=desk.staff_id, at=desk.now)
            after = {
                "staff_id": staff_id,
                "credential": new.credential,
                "billing_role": new.billing_role,
                "employer": new.employer,
                "supervisor_staff_id": new.supervisor_staff_id,
                "may_bill": new.may_bill,
                "from_at": new.from_at,
            }
            desk.changed(Resource.CREDENTIAL, credential_id, after=after)
    except CcmLinkError as error:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal(form, fields, problem=problems.of_error(error)))
    return RedirectResponse("/staff/credentials", 303)


@router.post("/credentials/{credential_id}/end")
def end(desk: AtDesk, credential_id: UUID, fields: Posted) -> Response:
    """End what somebody was recorded as; on its own first day where that was a mistake."""
    form = f"end-{credential_id}"
    given, complaints = forms.check(time_inputs.EndCredential, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            until_at = _midnight(cur, desk, given.until_on)
            credentials.end(
                cur,
                desk.practice_id,
                credential_id,
                until_at=until_at,
                ended_by=desk.staff_id,
                reason=given.reason,
            )
            after = {"until_at": until_at, "reason": trail.sha256_of(given.reason)}
            desk.changed(Resource.CREDENTIAL, credential_id, before={"until_at": None}, after=after)
    except CcmLinkError as error:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal(form, fields, problem=problems.of_error(error)))
    return RedirectResponse("/staff/credentials", 303)


def _midnight(cur: Cursor, desk: Desk, day: date) -> datetime:
    """Return the instant at which a day began by the practice's clocks."""
    return Days(day, day, ZoneInfo(desk.practice(cur).time_zone)).from_at


def _known(cur: Cursor, desk: Desk, staff_id: UUID) -> None:
    if all(one.staff_id != staff_id for one in people.staff(cur, desk.practice_id)):
        raise problems.Refused(problems.NOT_FOUND)


def _show(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    staff = people.staff(cur, desk.practice_id)
    held = credentials.of_practice(cur, desk.practice_id)
    desk.saw(records=len(held))
    return desk.page(
        cur,
        "credentials.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        staff=staff,
        held={
            one.staff_id: [each for each in held if each.staff_id == one.staff_id] for one in staff
        },
        choices=[(one.value, words) for one, words in credentials.NAMES.items()],
        roles=time_words.roles(),
        supervisors=[("", "Nobody")] + [(str(one.staff_id), one.display_name) for one in staff],
        may_change=permissions.may(desk.who, Resource.CREDENTIAL, Action.CHANGE),
        refusal=refusal,
    )
