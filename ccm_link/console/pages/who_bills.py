"""Who bills: kind of site, numbers and address of the practice, names of practitioners, each kept as it was said."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.billing.rows import Site
from ccm_link.claim import practice_billing
from ccm_link.console import problems, surroundings, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, month_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.errors import CcmLinkError
from ccm_link.program import billing_practitioner

router = APIRouter(prefix="/month/who-bills", include_in_schema=False)

_PAGE: Final = "/month/who-bills"


@router.get("")
def page(desk: AtDesk) -> HTMLResponse:
    """Show what holds, and what was said before."""
    with desk.transaction() as cur:
        return _show(desk, cur)


@router.post("")
def say(desk: AtDesk, fields: Posted) -> Response:
    """Record what holds from a day on."""
    given, complaints = forms.check(month_inputs.WhoBills, fields)
    if given is not None and given.site not in dict(_sites(desk)):
        given, complaints = None, {"site": "Choose one of the list."}
    if given is None:
        return _refused(desk, Refusal("who-bills", fields, complaints))
    try:
        with desk.transaction() as cur:
            practice_billing.say(
                cur,
                desk.practice_id,
                given.said,
                recorded_by=desk.who.display_name,
                at=desk.now,
            )
            after = {"from_on": given.from_on, "site": given.site, "npi": given.npi}
            desk.changed(Resource.CLAIM, "who_bills", after=after)
    except CcmLinkError as error:
        return _refused(desk, Refusal("who-bills", fields, problem=problems.of_error(error)))
    return RedirectResponse(_PAGE, 303)


@router.post("/names")
def say_name(desk: AtDesk, fields: Posted) -> Response:
    """Record under which name a practitioner bills."""
    given, complaints = forms.check(month_inputs.BillingName, fields)
    if given is None:
        return _refused(desk, Refusal("names", fields, complaints))
    try:
        with desk.transaction() as cur:
            practice_billing.say_name(
                cur,
                desk.practice_id,
                given.staff_id,
                family_name=given.family_name,
                given_names=given.given_names,
                recorded_by=desk.who.display_name,
                at=desk.now,
            )
            after = {"name": trail.sha256_of(f"{given.family_name}, {given.given_names}")}
            desk.changed(Resource.CLAIM, given.staff_id, after=after)
    except CcmLinkError as error:
        return _refused(desk, Refusal("names", fields, problem=problems.of_error(error)))
    return RedirectResponse(_PAGE, 303)


def _refused(desk: Desk, refusal: Refusal) -> HTMLResponse:
    with desk.transaction() as cur:
        return _show(desk, cur, refusal)


def _show(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    today = desk.now.date()
    desk.saw(resource=Resource.MONTH)
    return desk.page(
        cur,
        "who_bills.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        held=practice_billing.in_force(cur, desk.practice_id, today),
        history=practice_billing.history(cur, desk.practice_id),
        sites=_sites(desk),
        people=practice_billing.practitioners(cur, desk.practice_id, today).values(),
        clinicians=[
            (one.staff_id, one.display_name)
            for one in billing_practitioner.candidates(cur, desk.practice_id)
        ],
        today=today,
        may_change=permissions.may(desk.who, Resource.CLAIM, Action.CHANGE),
        refusal=refusal,
    )


def _sites(desk: Desk) -> list[tuple[str, str]]:
    """Return the kinds of site that today's tables know, by name and title."""
    today, tables = desk.now.date(), surroundings.of(desk.request).tables
    rules = tables.book.on(today) if today.year in tables.book.years else None
    sites = [(one.row.name, one.row.title) for one in rules.of(Site)] if rules else []
    return sites or [(practice_billing.USUAL_SITE, practice_billing.USUAL_SITE)]
