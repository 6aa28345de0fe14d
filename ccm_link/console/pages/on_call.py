"""Who is on duty: the next days with their gaps, the shifts behind them, and forms for both kinds of shift."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts import errors, escalation, on_call
from alerts.on_call import Duty
from ccm_link.console import problems
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import escalation_inputs as posted
from ccm_link.console.posted import forms, input_types
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import calling_words, wording
from ingest import access, people
from ingest.people import Role

router = APIRouter(prefix="/escalation/on-call", include_in_schema=False)

_DAYS_AHEAD: Final = timedelta(days=14)
_NOT_SUITED: Final = (
    "Choose a care manager or clinician with an open account; the clinician on call is a clinician."
)


@router.get("")
def on_call_page(desk: AtDesk) -> HTMLResponse:
    """Show who is on duty in the next days."""
    with desk.transaction() as cur:
        return _show(desk, cur)


@router.post("/shifts")
def add_shift(desk: AtDesk, fields: Posted) -> Response:
    """Put somebody on duty once, from when until when."""
    given, complaints = forms.check(posted.AddShift, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal("shift", fields, complaints))
    with desk.transaction() as cur:
        zone = ZoneInfo(desk.practice(cur).time_zone)
        starts_at = input_types.local_instant(given.from_on, given.from_time, zone)
        ends_at = input_types.local_instant(given.until_on, given.until_time, zone)
        complaints = _unsuited(desk, cur, given.of(), given.staff_id)
        if starts_at is None:
            complaints["from_time"] = wording.SKIPPED_HOUR
        if ends_at is None:
            complaints["until_time"] = wording.SKIPPED_HOUR
        if starts_at is None or ends_at is None or complaints:
            return _show(desk, cur, Refusal("shift", fields, complaints))
        shift_id = escalation.add_shift(
            cur,
            desk.practice_id,
            given.of(),
            given.staff_id,
            starts_at=starts_at,
            ends_at=ends_at,
            added_by=desk.staff_id,
            at=desk.now,
        )
        after = {
            "duty": given.duty,
            "staff_id": given.staff_id,
            "starts_at": starts_at,
            "ends_at": ends_at,
        }
        desk.changed(Resource.ESCALATION, shift_id, after=after)
    return RedirectResponse("/escalation/on-call", 303)


@router.post("/weekly-shifts")
def add_weekly_shift(desk: AtDesk, fields: Posted) -> Response:
    """Put somebody on duty every so many weeks."""
    given, complaints = forms.check(posted.AddWeeklyShift, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal("weekly", fields, complaints))
    told = given.model_dump(exclude={"duty", "staff_id"})
    try:
        with desk.transaction() as cur:
            complaints = _unsuited(desk, cur, given.of(), given.staff_id)
            if complaints:
                return _show(desk, cur, Refusal("weekly", fields, complaints))
            shift_id = escalation.add_weekly_shift(
                cur,
                desk.practice_id,
                given.of(),
                given.staff_id,
                added_by=desk.staff_id,
                at=desk.now,
                **told,
            )
            after = {"duty": given.duty, "staff_id": given.staff_id, **told}
            desk.changed(Resource.ESCALATION, shift_id, after=after)
    except errors.BadShift as error:
        with desk.transaction() as cur:
            return _show(desk, cur, Refusal("weekly", fields, problem=problems.of_error(error)))
    return RedirectResponse("/escalation/on-call", 303)


@router.post("/{shift_id}/cancel")
def cancel(desk: AtDesk, shift_id: UUID, _fields: Posted) -> Response:
    """Cancel a shift of either kind."""
    with desk.transaction() as cur:
        if not escalation.cancel_shift(
            cur, desk.practice_id, shift_id, by=desk.staff_id, at=desk.now
        ):
            raise problems.Refused(problems.NOT_FOUND)
        desk.changed(Resource.ESCALATION, shift_id, before={"holds": True})
    return RedirectResponse("/escalation/on-call", 303)


def _unsuited(desk: Desk, cur: Cursor, duty: Duty, staff_id: UUID) -> dict[str, str]:
    """Return a complaint where somebody cannot be on a duty."""
    roles = {Role.CLINICIAN} if duty is Duty.CLINICIAN else access.CLINICAL
    is_suited = any(
        one.staff_id == staff_id and one.disabled_at is None and one.role in roles
        for one in people.staff(cur, desk.practice_id)
    )
    return {} if is_suited else {"staff_id": _NOT_SUITED}


def _show(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    schedule = escalation.schedule(cur, desk.practice_id, desk.now)
    until_at: datetime = desk.now + _DAYS_AHEAD
    staff = people.staff(cur, desk.practice_id)
    return desk.page(
        cur,
        "on_call.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        calendar=[
            (calling_words.DUTIES[duty], on_call.stretches(schedule, duty, desk.now, until_at))
            for duty in Duty
        ],
        schedule=schedule,
        names={one.staff_id: one.display_name for one in staff},
        duties=[(one.value, calling_words.DUTIES[one]) for one in Duty],
        candidates=[
            (str(one.staff_id), f"{one.display_name}, {wording.role(one.role)}")
            for one in staff
            if one.disabled_at is None and one.role in access.CLINICAL
        ],
        may_change=permissions.may(desk.who, Resource.ESCALATION, Action.CHANGE),
        calls=calling_words,
        refusal=refusal,
    )
