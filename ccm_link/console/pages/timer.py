"""The person's timer: let it wait, stop it with a note, throw it away, claim back what was dropped of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.console import problems, time_deeds, time_lines
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, input_types, time_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.posted.time_inputs import StopTimerForm
from ccm_link.console.words import time_words, wording
from ccm_link.errors import CcmLinkError
from ccm_link.minutes import time_programs, timers
from ccm_link.minutes.time_entry import Timer

router = APIRouter(prefix="/timer", include_in_schema=False)


class Said(StrEnum):
    """What the page confirms after an action."""

    PAUSED = "paused"
    RESUMED = "resumed"
    SEEN = "seen"
    STOPPED = "stopped"
    CLAIMED = "claimed"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        match self:
            case Said.PAUSED:
                return "Your timer waits."
            case Said.RESUMED:
                return "Your timer runs again."
            case Said.SEEN:
                return "Your timer goes on."
            case Said.STOPPED:
                return "The time is in the log. Look below at what was not counted."
            case Said.CLAIMED:
                return "The seconds are in the log, as time that was entered by hand."


@router.get("")
def timer_page(desk: AtDesk, said: Said | None = None) -> HTMLResponse:
    """Show the timer, or that there is none, and what was dropped lately."""
    with desk.transaction() as cur:
        return _page(desk, cur, said=said.sentence if said else "")


@router.post("/stop")
def stop(desk: AtDesk, fields: Posted) -> Response:
    """Stop the timer and store its spans."""
    given, complaints = forms.check(StopTimerForm, fields)
    if given is None:
        return _show(desk, Refusal("stop", fields, complaints))
    try:
        with desk.transaction() as cur:
            ended_at = _end(cur, desk, given)
            if given.ended is not None and ended_at is None:
                skipped = Refusal("stop", fields, {"ended": wording.SKIPPED_HOUR})
                return _page(desk, cur, skipped)
            ended = time_deeds.stop(cur, desk, given, ended_at)
    except CcmLinkError as error:
        return _show(desk, Refusal("stop", fields, problem=problems.of_error(error)))
    if ended.timer.dropped_s:
        return RedirectResponse(f"/timer?said={Said.STOPPED}", 303)
    task_id = ended.timer.task_id if ended.entries else None
    return RedirectResponse(f"/tasks/{task_id}?said=time-added" if task_id else "/time", 303)


@router.post("/discard")
def discard(desk: AtDesk, fields: Posted) -> Response:
    """Throw the timer away; that it ran, and why it does not count, is kept."""
    given, complaints = forms.check(time_inputs.DiscardTimer, fields)
    if given is None:
        return _show(desk, Refusal("discard", fields, complaints))
    try:
        with desk.transaction() as cur:
            discarded = timers.discard(
                cur, desk.practice_id, desk.staff_id, reason=given.reason, at=desk.now
            )
            time_lines.ended(desk, discarded)
    except CcmLinkError as error:
        return _show(desk, Refusal("discard", fields, problem=problems.of_error(error)))
    return RedirectResponse("/worklist", 303)


@router.post("/pause")
def pause(desk: AtDesk, _fields: Posted) -> Response:
    """Let the timer wait."""
    return _turn(desk, time_deeds.pause, Said.PAUSED)


@router.post("/resume")
def resume(desk: AtDesk, _fields: Posted) -> Response:
    """Let the timer run again."""
    return _turn(desk, time_deeds.resume, Said.RESUMED)


@router.post("/pulse")
def pulse(desk: AtDesk, _fields: Posted) -> Response:
    """Say that one is still at work, for whoever's page does not say so by itself."""
    return _turn(desk, time_deeds.known, Said.SEEN)


@router.get("/dropped/{dropped_id}")
def dropped_page(desk: AtDesk, dropped_id: UUID) -> HTMLResponse:
    """Ask what was done in seconds that were dropped."""
    return _claim(desk, dropped_id)


@router.post("/dropped/{dropped_id}")
def claim(desk: AtDesk, dropped_id: UUID, fields: Posted) -> Response:
    """Claim dropped seconds back, by hand and with a reason."""
    given, complaints = forms.check(time_inputs.ClaimDropped, fields)
    if given is None:
        return _claim(desk, dropped_id, Refusal("claim", fields, complaints))
    try:
        with desk.transaction() as cur:
            time_deeds.claim_dropped(cur, desk, dropped_id, given)
    except CcmLinkError as error:
        return _claim(desk, dropped_id, Refusal("claim", fields, problem=problems.of_error(error)))
    return RedirectResponse(f"/timer?said={Said.CLAIMED}", 303)


def _turn(desk: Desk, deed: Callable[[Cursor, Desk], Timer], said: Said) -> Response:
    try:
        with desk.transaction() as cur:
            timer = deed(cur, desk)
            desk.saw(timer.patient_id)
    except CcmLinkError as error:
        return _show(desk, Refusal("turn", problem=problems.of_error(error)))
    return RedirectResponse("/timer" if timer.is_idle else f"/timer?said={said}", 303)


def _end(cur: Cursor, desk: Desk, given: StopTimerForm) -> datetime | None:
    """Return when the work ended by the practice's clocks; ``None`` where none was given or there was no such time."""
    if given.ended_on is None or given.ended is None:
        return None
    zone = ZoneInfo(desk.practice(cur).time_zone)
    return input_types.local_instant(given.ended_on, given.ended, zone)


def _show(desk: Desk, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    with desk.transaction() as cur:
        return _page(desk, cur, refusal)


def _page(
    desk: Desk, cur: Cursor, refusal: Refusal = NOTHING_REFUSED, said: str = ""
) -> HTMLResponse:
    timer = timers.running(cur, desk.practice_id, desk.staff_id)
    dropped = timers.dropped(cur, desk.practice_id, desk.staff_id, desk.now)
    seen = [one.patient_id for one in (timer, *dropped) if one is not None]
    desk.saw(*seen, dropped=len(dropped))
    limits = desk.timer_limits
    return desk.page(
        cur,
        "timer.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        is_long=timer is not None
        and timer.paused_at is None
        and desk.now - timer.running_at > limits.longest,
        limits=limits,
        titles=time_programs.titles(desk.now),
        dropped=dropped,
        said=said,
        refusal=refusal,
    )


def _claim(desk: Desk, dropped_id: UUID, refusal: Refusal = NOTHING_REFUSED) -> HTMLResponse:
    with desk.transaction() as cur:
        try:
            dropped = time_deeds.dropped_time(cur, desk, dropped_id)
        except CcmLinkError:
            raise problems.Refused(problems.NOT_FOUND) from None
        desk.saw(dropped.patient_id, resource_id=dropped_id)
        offered = time_programs.offered(cur, desk.practice_id, dropped.patient_id, dropped.from_at)
        return desk.page(
            cur,
            "timer_dropped.html",
            status=200 if refusal is NOTHING_REFUSED else refusal.status,
            dropped=dropped,
            programs=time_words.programs(offered, time_programs.titles(dropped.from_at)),
            activities=time_words.activities(),
            refusal=refusal,
        )
