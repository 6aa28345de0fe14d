"""The month's time log of the practice."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link import month, time_log
from ccm_link.console import forms, inputs, permissions, problems
from ccm_link.console.desk import AtDesk, Desk
from ccm_link.console.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.errors import BadMonth, CcmLinkError
from ccm_link.month import Month

router = APIRouter(prefix="/time", include_in_schema=False)


@router.get("")
def time_page(desk: AtDesk, month_of: Annotated[str, Query(alias="month")] = "") -> HTMLResponse:
    """Show a calendar month's entries and totals; without one, the current month's."""
    with desk.transaction() as cur:
        current = Month.of(desk.now, desk.practice(cur).time_zone)
        try:
            shown = Month.parse(month_of) if month_of else current
        except BadMonth as error:
            raise problems.Refused(problems.of_error(error)) from None
        return desk.page(
            cur,
            "time.html",
            month=shown,
            earlier=_beside(shown, -1),
            later=_beside(shown, 1) if shown < current else None,
            totals=month.totals(cur, desk.practice_id, shown),
            entries=time_log.entries_of_month(cur, desk.practice_id, shown),
            may_void=permissions.may(desk.who, "POST /time/{entry_id}/void"),
        )


@router.get("/{entry_id}/void")
def void_page(desk: AtDesk, entry_id: UUID) -> HTMLResponse:
    """Show one entry and ask why it does not count."""
    return _show(desk, entry_id)


@router.post("/{entry_id}/void")
def void(desk: AtDesk, entry_id: UUID, fields: Posted) -> Response:
    """Void an entry: it stays in the log, struck through, and counts no longer."""
    given, complaints = forms.check(inputs.VoidEntry, fields)
    if given is None:
        return _show(desk, entry_id, Refusal("void", fields, complaints))
    try:
        with desk.transaction() as cur:
            voided = time_log.void(
                cur,
                desk.practice_id,
                entry_id,
                voided_by=desk.staff_id,
                reason=given.reason,
                at=desk.now,
            )
            practice = desk.practice(cur)
    except CcmLinkError as error:
        return _show(desk, entry_id, Refusal("void", fields, problem=problems.of_error(error)))
    return RedirectResponse(f"/time?month={Month.of(voided.started_at, practice.time_zone)}", 303)


def _show(desk: Desk, entry_id: UUID, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    with desk.transaction() as cur:
        entry = time_log.entry(cur, desk.practice_id, entry_id)
        if entry is None:
            raise problems.Refused(problems.NOT_FOUND)
        return desk.page(
            cur,
            "void.html",
            status=200 if refusal is NOTHING_REFUSED else refusal.status,
            entry=entry,
            refusal=refusal,
        )


def _beside(of: Month, step: int) -> Month:
    """Return the month before (-1) or after (+1)."""
    day = of.first_on - timedelta(days=1) if step < 0 else of.first_on + timedelta(days=31)
    return Month(day.year, day.month)
