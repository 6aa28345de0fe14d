"""Systems that report minutes of care: let one in, whose token is shown once; whom it means; let it in no more."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link import link_errors
from ccm_link.console import problems, trail
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.json_api import external_time_api
from ccm_link.console.posted import forms, link_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes.permissions import Resource
from ccm_link.minutes import external_time
from ingest import people
from ingest.errors import RefusedByStoreError

router = APIRouter(prefix="/external-systems", include_in_schema=False)

_PAGE = "/external-systems"


@router.get("")
def systems_page(desk: AtDesk) -> HTMLResponse:
    """Show all systems, and whom each means by its ids."""
    with desk.transaction() as cur:
        return _show(desk, cur)


@router.post("")
def add(desk: AtDesk, fields: Posted) -> Response:
    """Let a system in, and show its token this once."""
    given, complaints = forms.check(link_inputs.AddSystem, fields)
    with desk.transaction() as cur:
        if given is None:
            return _show(desk, cur, Refusal("system", fields, complaints))
        system_id, token = external_time.issue(
            cur, desk.practice_id, given.name, added_by=desk.staff_id, at=desk.now
        )
        desk.changed(
            Resource.EXTERNAL_SYSTEM, system_id, after={"name": trail.sha256_of(given.name)}
        )
        return desk.page(
            cur,
            "external_token.html",
            name=given.name,
            token=token,
            api_address=external_time_api.PREFIX,
        )


@router.post("/{system_id}/people")
def say_who(desk: AtDesk, system_id: UUID, fields: Posted) -> Response:
    """Say whom a system means by an id of its own."""
    form = f"who-{system_id}"
    given, complaints = forms.check(link_inputs.SayWho, fields)
    if given is None:
        return _refused(desk, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            external_time.say_who(
                cur,
                desk.practice_id,
                system_id,
                given.external_id,
                given.meant_staff_id,
                by=desk.staff_id,
                at=desk.now,
            )
            after = {
                "external_id": trail.sha256_of(given.external_id),
                "staff_id": given.meant_staff_id,
            }
            desk.changed(Resource.EXTERNAL_SYSTEM, system_id, before={}, after=after)
    except RefusedByStoreError:
        return _refused(desk, Refusal(form, fields, {"meant_staff_id": "Choose one of the list."}))
    except link_errors.LinkError as error:
        return _refused(desk, Refusal(form, fields, problem=problems.of_error(error)))
    return RedirectResponse(_PAGE, 303)


@router.post("/{system_id}/revoke")
def revoke(desk: AtDesk, system_id: UUID, _fields: Posted) -> Response:
    """Let a system in no more."""
    try:
        with desk.transaction() as cur:
            external_time.revoke(cur, desk.practice_id, system_id, by=desk.staff_id, at=desk.now)
            desk.changed(Resource.EXTERNAL_SYSTEM, system_id, before={"holds": True})
    except link_errors.LinkError as error:
        return _refused(desk, Refusal("revoke", problem=problems.of_error(error)))
    return RedirectResponse(_PAGE, 303)


def _refused(desk: Desk, refusal: Refusal) -> HTMLResponse:
    with desk.transaction() as cur:
        return _show(desk, cur, refusal)


def _show(desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    known = external_time.people(cur, desk.practice_id)
    return desk.page(
        cur,
        "external_systems.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        systems=[
            (one, [person for person in known if person.system_id == one.system_id])
            for one in external_time.systems(cur, desk.practice_id)
        ],
        staff=[
            (str(one.staff_id), one.display_name)
            for one in people.staff(cur, desk.practice_id)
            if one.disabled_at is None
        ],
        refusal=refusal,
    )
