"""The month's time log of the practice."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link import month, time_log
from ccm_link.console import forms, permissions, problems, states, time_inputs
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.permissions import Action, Resource
from ccm_link.errors import BadMonth, CcmLinkError
from ccm_link.month import Month
from ccm_link.time_entry import TimeEntry
from ingest import access

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
        totals = month.totals(cur, desk.practice_id, shown)
        entries = time_log.entries_of_month(cur, desk.practice_id, shown)
        desk.saw(
            *(total.patient_id for total in totals),
            *(entry.patient_id for entry in entries),
            month=shown,
            entries=len(entries),
        )
        return desk.page(
            cur,
            "time.html",
            month=shown,
            earlier=_beside(shown, -1),
            later=_beside(shown, 1) if shown < current else None,
            totals=totals,
            entries=entries,
            restricted_count=len(access.hidden_records(cur, desk.practice_id)),
            may_void=permissions.may(desk.who, Resource.TIME_LOG, Action.CHANGE),
        )


@router.get("/{entry_id}/void")
def void_page(desk: AtDesk, entry_id: UUID) -> HTMLResponse:
    """Show one entry and ask why it does not count."""
    return _show(desk, entry_id)


@router.post("/{entry_id}/void")
def void(desk: AtDesk, entry_id: UUID, fields: Posted) -> Response:
    """Void an entry: it stays in the log, struck through, and counts no longer."""
    given, complaints = forms.check(time_inputs.VoidEntry, fields)
    if given is None:
        return _show(desk, entry_id, Refusal("void", fields, complaints))
    try:
        with desk.transaction() as cur:
            before = _entry(cur, desk, entry_id)
            voided = time_log.void(
                cur,
                desk.practice_id,
                entry_id,
                voided_by=desk.staff_id,
                reason=given.reason,
                at=desk.now,
            )
            desk.changed(
                Resource.TIME_LOG,
                entry_id,
                before=states.time_entry(before),
                after=states.time_entry(voided),
                patient_id=voided.patient_id,
            )
            practice = desk.practice(cur)
    except CcmLinkError as error:
        return _show(desk, entry_id, Refusal("void", fields, problem=problems.of_error(error)))
    return RedirectResponse(f"/time?month={Month.of(voided.started_at, practice.time_zone)}", 303)


def _show(desk: Desk, entry_id: UUID, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    with desk.transaction() as cur:
        entry = _entry(cur, desk, entry_id)
        desk.saw(entry.patient_id, resource_id=entry_id)
        return desk.page(
            cur,
            "void.html",
            status=200 if refusal is NOTHING_REFUSED else refusal.status,
            entry=entry,
            refusal=refusal,
        )


def _entry(cur: Cursor, desk: Desk, entry_id: UUID) -> TimeEntry:
    entry = time_log.entry(cur, desk.practice_id, entry_id)
    if entry is None:
        raise problems.Refused(problems.NOT_FOUND)
    return entry


def _beside(of: Month, step: int) -> Month:
    """Return the month before (-1) or after (+1)."""
    day = of.first_on - timedelta(days=1) if step < 0 else of.first_on + timedelta(days=31)
    return Month(day.year, day.month)
