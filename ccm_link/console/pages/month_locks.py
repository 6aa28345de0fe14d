"""Locked months of the time log, and whether its hash chain is whole."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.console import problems
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.pages import time_log
from ccm_link.console.posted import forms, time_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.errors import CcmLinkError
from ccm_link.minutes import month_lock, time_chain
from ccm_link.month import Month
from ingest import access

router = APIRouter(prefix="/time", include_in_schema=False)

# What a page can wait for; the command checks all of it.
_LINKS_CHECKED: Final = 20_000


@router.get("/locks")
def locks_page(desk: AtDesk, month_of: Annotated[str, Query(alias="month")] = "") -> HTMLResponse:
    """Show the locked months, and what stands in the way of locking the next one."""
    with desk.transaction() as cur:
        return _show(desk, cur, month_of)


@router.post("/locks")
def lock(desk: AtDesk, fields: Posted) -> Response:
    """Lock a month for good."""
    given, complaints = forms.check(time_inputs.LockMonth, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show(desk, cur, "", Refusal("lock", fields, complaints))
    try:
        with desk.transaction() as cur:
            locked = month_lock.lock(
                cur,
                desk.practice_id,
                Month.parse(given.month),
                locked_by=desk.staff_id,
                at=desk.now,
            )
            after = {
                "month": locked.month,
                "chain_position": locked.chain_position,
                "chain_sha256": locked.chain_sha256,
            }
            desk.changed(Resource.MONTH_LOCK, given.month, after=after)
    except CcmLinkError as error:
        with desk.transaction() as cur:
            refusal = Refusal("lock", fields, problem=problems.of_error(error))
            return _show(desk, cur, given.month, refusal)
    return RedirectResponse("/time/locks", 303)


@router.get("/chain")
def chain_page(desk: AtDesk) -> HTMLResponse:
    """Check the chain of the practice's time log as far as a page can wait for it, and show what was found."""
    with desk.transaction() as cur:
        hidden = len(access.hidden_records(cur, desk.practice_id))
        verdict = time_chain.verify(
            cur, desk.practice_id, last=_LINKS_CHECKED, sees_all=hidden == 0
        )
        desk.saw(links=verdict.links, findings=len(verdict.findings))
        return desk.page(cur, "time_chain.html", verdict=verdict)


def _show(
    desk: Desk, cur: Cursor, month_of: str, refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    locks = month_lock.locks(cur, desk.practice_id)
    current = Month.of(desk.now, desk.practice(cur).time_zone)
    asked = time_log.asked(month_of, time_log.beside(current, -1))
    open_still = None
    if all(one.month != asked for one in locks):
        open_still = month_lock.left_open(cur, desk.practice_id, asked, desk.now)
    desk.saw(locks=len(locks))
    return desk.page(
        cur,
        "month_locks.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        locks=locks,
        month=asked,
        earlier=time_log.beside(asked, -1),
        left_open=open_still,
        may_lock=permissions.may(desk.who, Resource.MONTH_LOCK, Action.CHANGE),
        refusal=refusal,
    )
