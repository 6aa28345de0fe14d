"""The month's time log of the practice, one entry with all that happened to it, voiding, amending."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.billing.facts import StaffRole
from ccm_link.claim import month_facts
from ccm_link.console import problems, states, time_deeds, trail, worked_months
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, time_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import month_words, time_words, wording
from ccm_link.errors import BadMonth, CcmLinkError
from ccm_link.minutes import month_lock, time_amendments, time_decisions, time_log, time_programs
from ccm_link.minutes.time_entry import TimeEntry
from ccm_link.month import Month
from ingest import access

router = APIRouter(prefix="/time", include_in_schema=False)


@router.get("")
def time_page(desk: AtDesk, month_of: Annotated[str, Query(alias="month")] = "") -> HTMLResponse:
    """Show a calendar month's entries and what they come to; without one, the current month's."""
    with desk.transaction() as cur:
        current = Month.of(desk.now, desk.practice(cur).time_zone)
        shown = asked(month_of, current)
        entries = time_log.entries_of_month(cur, desk.practice_id, shown)
        names = {entry.patient_id: entry.patient_name for entry in entries}
        desk.saw(
            *names,
            month=shown,
            entries=len(entries),
        )
        return desk.page(
            cur,
            "time.html",
            month=shown,
            earlier=beside(shown, -1),
            later=beside(shown, 1) if shown < current else None,
            names=names,
            meters=worked_months.meters_of(desk, cur, list(names)[: month_facts.CHUNK], shown),
            months=month_words,
            entries=entries,
            titles=time_programs.titles(desk.now),
            counted_already=time_decisions.counted_already(entries),
            before_consent=time_log.outside_care(cur, desk.practice_id, shown),
            conflicts=time_decisions.conflicts(cur, desk.practice_id, shown),
            is_locked=month_lock.is_locked(cur, desk.practice_id, shown),
            restricted_count=len(access.hidden_records(cur, desk.practice_id)),
            may_void=permissions.may(desk.who, Resource.TIME_LOG, Action.CHANGE),
        )


@router.get("/{entry_id}")
def entry_page(desk: AtDesk, entry_id: UUID) -> HTMLResponse:
    """Show one entry with its amendments."""
    with desk.transaction() as cur:
        return _show_entry(desk, cur, entry_id)


@router.get("/{entry_id}/void")
def void_page(desk: AtDesk, entry_id: UUID) -> HTMLResponse:
    """Show one entry and ask why it does not count."""
    return _show_void(desk, entry_id)


@router.post("/{entry_id}/void")
def void(desk: AtDesk, entry_id: UUID, fields: Posted) -> Response:
    """Void an entry: it stays in the log, struck through, and counts no longer."""
    given, complaints = forms.check(time_inputs.VoidEntry, fields)
    if given is None:
        return _show_void(desk, entry_id, Refusal("void", fields, complaints))
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
        return _show_void(desk, entry_id, Refusal("void", fields, problem=problems.of_error(error)))
    return RedirectResponse(f"/time?month={Month.of(voided.started_at, practice.time_zone)}", 303)


@router.post("/{entry_id}/amendments")
def amend(desk: AtDesk, entry_id: UUID, fields: Posted) -> Response:
    """Say what an entry of a locked month should have been; it counts once another person approved it."""
    given, complaints = forms.check(time_inputs.Amendment, fields)
    if given is None:
        with desk.transaction() as cur:
            return _show_entry(desk, cur, entry_id, Refusal("amend", fields, complaints))
    try:
        with desk.transaction() as cur:
            entry = _entry(cur, desk, entry_id)
            span = time_deeds.span_of_day(given, ZoneInfo(desk.practice(cur).time_zone))
            if isinstance(span, str):
                skipped = Refusal("amend", fields, {span: wording.SKIPPED_HOUR})
                return _show_entry(desk, cur, entry_id, skipped)
            becomes = time_amendments.Becomes(
                program=time_programs.resolve(
                    cur, desk.practice_id, entry.patient_id, given.program, span[0]
                ),
                activity=given.activity,
                contact=given.made,
                billing_role=StaffRole(given.billing_role),
                started_at=span[0],
                ended_at=span[1],
            )
            amendment_id = time_amendments.amend(
                cur,
                desk.practice_id,
                entry_id,
                becomes,
                is_withdrawn=given.is_withdrawn == "yes",
                note=given.note,
                reason=given.reason,
                amended_by=desk.staff_id,
                at=desk.now,
            )
            after = {
                "entry_id": entry_id,
                "is_withdrawn": given.is_withdrawn == "yes",
                "started_at": span[0],
                "ended_at": span[1],
                "program": becomes.program,
                "reason": trail.sha256_of(given.reason),
            }
            desk.changed(Resource.TIME_LOG, amendment_id, after=after, patient_id=entry.patient_id)
    except CcmLinkError as error:
        with desk.transaction() as cur:
            refusal = Refusal("amend", fields, problem=problems.of_error(error))
            return _show_entry(desk, cur, entry_id, refusal)
    return RedirectResponse(f"/time/{entry_id}", 303)


def asked(month_of: str, otherwise: Month) -> Month:
    """Return the month that an address asks for.

    Raises:
        Refused: 422; it is none.
    """
    try:
        return Month.parse(month_of) if month_of else otherwise
    except BadMonth as error:
        raise problems.Refused(problems.of_error(error)) from None


def beside(of: Month, step: int) -> Month:
    """Return the month before (-1) or after (+1)."""
    day = of.first_on - timedelta(days=1) if step < 0 else of.first_on + timedelta(days=31)
    return Month(day.year, day.month)


def _show_entry(
    desk: Desk, cur: Cursor, entry_id: UUID, refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    entry = _entry(cur, desk, entry_id)
    desk.saw(entry.patient_id, resource_id=entry_id)
    offered = time_programs.offered(cur, desk.practice_id, entry.patient_id, entry.started_at)
    titles = time_programs.titles(entry.started_at)
    is_locked = month_lock.is_span_locked(cur, desk.practice_id, entry.started_at, entry.ended_at)
    return desk.page(
        cur,
        "time_entry.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        entry=entry,
        amendments=time_amendments.of_entry(cur, desk.practice_id, entry_id),
        counted=time_amendments.as_counted(cur, desk.practice_id, entry_id),
        is_locked=is_locked,
        may_change=permissions.may(desk.who, Resource.TIME_LOG, Action.CHANGE),
        titles=titles,
        programs=time_words.programs(offered, titles),
        activities=time_words.activities(),
        roles=[*time_words.roles(), ("unknown", "Not known")],
        refusal=refusal,
    )


def _show_void(desk: Desk, entry_id: UUID, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
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
