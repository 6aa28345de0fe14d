"""The person's running timer: stop it with a note, say when the work really ended, or throw it away with a reason."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link import time_log
from ccm_link.console import forms, input_types, inputs, problems, time_lines, wording
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.inputs import StopTimerForm
from ccm_link.errors import CcmLinkError

router = APIRouter(prefix="/timer", include_in_schema=False)


@router.get("")
def timer_page(desk: AtDesk) -> HTMLResponse:
    """Show the running timer, or that there is none."""
    return _show(desk)


@router.post("/stop")
def stop(desk: AtDesk, fields: Posted) -> Response:
    """Stop the timer and store its span."""
    given, complaints = forms.check(StopTimerForm, fields)
    if given is None:
        return _show(desk, Refusal("stop", fields, complaints))
    try:
        with desk.transaction() as cur:
            ended_at = _end(cur, desk, given)
            if given.ended is not None and ended_at is None:
                skipped = Refusal("stop", fields, {"ended": wording.SKIPPED_HOUR})
                return _page(desk, cur, skipped)
            stopped = time_log.stop_timer(
                cur,
                desk.practice_id,
                desk.staff_id,
                note=given.note,
                at=desk.now,
                limit=desk.timer_limit,
                ended_at=ended_at,
            )
            time_lines.ended(desk, stopped)
    except CcmLinkError as error:
        return _show(desk, Refusal("stop", fields, problem=problems.of_error(error)))
    task_id = getattr(stopped, "task_id", None)
    return RedirectResponse(f"/tasks/{task_id}?said=time-added" if task_id else "/time", 303)


@router.post("/discard")
def discard(desk: AtDesk, fields: Posted) -> Response:
    """Throw the timer away; that it ran, and why it does not count, is kept."""
    given, complaints = forms.check(inputs.DiscardTimer, fields)
    if given is None:
        return _show(desk, Refusal("discard", fields, complaints))
    try:
        with desk.transaction() as cur:
            discarded = time_log.discard_timer(
                cur, desk.practice_id, desk.staff_id, reason=given.reason, at=desk.now
            )
            time_lines.ended(desk, discarded)
    except CcmLinkError as error:
        return _show(desk, Refusal("discard", fields, problem=problems.of_error(error)))
    return RedirectResponse("/worklist", 303)


def _end(cur: Cursor, desk: Desk, given: StopTimerForm) -> datetime | None:
    """Return when the work ended by the practice's clocks; ``None`` where none was given or there was no such time."""
    if given.ended_on is None or given.ended is None:
        return None
    zone = ZoneInfo(desk.practice(cur).time_zone)
    return input_types.local_instant(given.ended_on, given.ended, zone)


def _show(desk: Desk, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    with desk.transaction() as cur:
        return _page(desk, cur, refusal)


def _page(desk: Desk, cur: Cursor, refusal: Refusal) -> HTMLResponse:
    running = time_log.running_timer(cur, desk.practice_id, desk.staff_id)
    desk.saw(*([] if running is None else [running.patient_id]))
    return desk.page(
        cur,
        "timer.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        is_long=running is not None and desk.now - running.started_at > desk.timer_limit,
        limit=desk.timer_limit,
        refusal=refusal,
    )
