"""One task: why it is there, the work on it, what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from alerts import clock_breaches, episode
from alerts import store as alerts_store
from ccm_link.console import (
    called,
    patient_head,
    planned_deeds,
    problems,
    task_deeds,
    task_record,
    time_deeds,
    worked_months,
)
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, planned_inputs, task_inputs, time_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes.permissions import Resource
from ccm_link.console.words import month_words, planned_words, task_words, time_words, wording
from ccm_link.errors import CcmLinkError
from ccm_link.minutes import time_programs
from ccm_link.month import Month
from ccm_link.program import care_team
from ccm_link.task import cover, planned_tasks, task_history, tasks
from ccm_link.work import Task
from ingest import store
from ingest.rows import StoredReading

router = APIRouter(prefix="/tasks/{task_id}", include_in_schema=False)

Given = TypeVar("Given", bound=BaseModel)

# The newest breaches say what is to be done now; an episode that nobody closes can collect hundreds.
_MOST_BREACHES: Final = 5
_DRAFTED: Final = (
    "A note is drafted below from what was done. "
    "Read it, change it, complete the task: nothing is stored yet."
)


class Said(StrEnum):
    """What the page confirms after an action."""

    CLAIMED = "claimed"
    SNOOZE_ENDED = "snooze-ended"
    TIMER_STARTED = "timer-started"
    TIME_ADDED = "time-added"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        match self:
            case Said.CLAIMED:
                return "The task is yours."
            case Said.SNOOZE_ENDED:
                return "The task is in the worklist again."
            case Said.TIMER_STARTED:
                return "Your timer is running. It goes on when you leave this page."
            case Said.TIME_ADDED:
                return "The time is in the log."


@dataclass(frozen=True, slots=True)
class Breach:
    """A reading that breached the task's rule, what every rule said about it, and why it counts no more."""

    reading: StoredReading
    withdrawn: str  # "": it counts
    trace: dict[str, Any] | None  # None: not evaluated, which cannot be for a breach


@router.get("")
def task_page(desk: AtDesk, task_id: UUID, said: Said | None = None) -> HTMLResponse:
    """Show one task."""
    with desk.transaction() as cur:
        return _show(desk, cur, task_id, said=said.sentence if said else "")


@router.post("/claim")
def claim(desk: AtDesk, task_id: UUID, fields: Posted) -> Response:
    """Make the task the person's own."""
    return _decide(
        desk,
        task_id,
        "claim",
        fields,
        task_inputs.ClaimTask,
        task_deeds.claim,
        _address(task_id, Said.CLAIMED),
    )


@router.post("/release")
def release(desk: AtDesk, task_id: UUID, fields: Posted) -> Response:
    """Give the task back to the worklist."""
    return _decide(
        desk,
        task_id,
        "release",
        fields,
        task_inputs.ReleaseTask,
        task_deeds.release,
        "/worklist?said=released",
    )


@router.post("/assign")
def assign(desk: AtDesk, task_id: UUID, fields: Posted) -> Response:
    """Hand the task over to a colleague."""
    return _decide(
        desk,
        task_id,
        "assign",
        fields,
        task_inputs.AssignTask,
        task_deeds.assign,
        "/worklist?said=assigned",
    )


@router.post("/snooze")
def snooze(desk: AtDesk, task_id: UUID, fields: Posted) -> Response:
    """Let the task wait for one of the spans that its severity allows."""

    def wait(cur: Cursor, desk: Desk, task_id: UUID, given: task_inputs.SnoozeTaskForm) -> Task:
        until_at = desk.now + timedelta(minutes=given.wait_minutes)
        return task_deeds.snooze(cur, desk, task_id, given.row_version, until_at, given.reason)

    return _decide(
        desk, task_id, "snooze", fields, task_inputs.SnoozeTaskForm, wait, "/worklist?said=snoozed"
    )


@router.post("/snooze/end")
def end_snooze(desk: AtDesk, task_id: UUID, fields: Posted) -> Response:
    """Let the task be seen before its time."""
    return _decide(
        desk,
        task_id,
        "end-snooze",
        fields,
        task_inputs.EndSnooze,
        task_deeds.end_snooze,
        _address(task_id, Said.SNOOZE_ENDED),
    )


@router.post("/complete")
def complete(desk: AtDesk, task_id: UUID, fields: Posted) -> Response:
    """Complete the task and open what is to follow; the person's timer on it stops with the same note."""

    def done(
        cur: Cursor, desk: Desk, task_id: UUID, given: planned_inputs.CompleteTaskForm
    ) -> Task:
        wanted = given.wanted(desk.staff_id, planned_deeds.zone_of(cur, desk))
        return task_deeds.complete(cur, desk, task_id, given, wanted)

    return _decide(
        desk,
        task_id,
        "complete",
        fields,
        planned_inputs.CompleteTaskForm,
        done,
        "/worklist?said=completed",
    )


@router.post("/draft")
def draft(desk: AtDesk, task_id: UUID, fields: Posted) -> Response:
    """Draft the note of the completion from what was done. Nothing is stored: the person reads it and completes."""
    with desk.transaction() as cur:
        written = time_deeds.draft(cur, desk, task_id, fields)
        drafted = Refusal("complete", written)
        return _show(desk, cur, task_id, said=_DRAFTED, refusal=drafted, status=200)


@router.post("/timer")
def start_timer(desk: AtDesk, task_id: UUID, fields: Posted) -> Response:
    """Start the person's timer on the task; a running one is stored first."""
    given, complaints = forms.check(time_inputs.StartTimer, fields)
    if given is None:
        return _refused(desk, task_id, Refusal("timer", fields, complaints))
    try:
        with desk.transaction() as cur:
            task = task_record.load(cur, desk, task_id)
            time_deeds.start(cur, desk, task.patient_id, task_id, given)
    except CcmLinkError as error:
        return _refused(desk, task_id, Refusal("timer", fields, problem=problems.of_error(error)))
    return RedirectResponse(_address(task_id, Said.TIMER_STARTED), 303)


@router.post("/time")
def add_time(desk: AtDesk, task_id: UUID, fields: Posted) -> Response:
    """Log a span of work on the task that no timer held; its times are the practice's."""
    given, complaints = forms.check(time_inputs.TimeEntryForm, fields)
    if given is None:
        return _refused(desk, task_id, Refusal("time", fields, complaints))
    try:
        with desk.transaction() as cur:
            task = task_record.load(cur, desk, task_id)
            zone = ZoneInfo(desk.practice(cur).time_zone)
            span = time_deeds.span_of_day(given, zone)
            if isinstance(span, str):
                skipped = {span: wording.SKIPPED_HOUR}
                return _show(desk, cur, task_id, refusal=Refusal("time", fields, skipped))
            time_deeds.add(cur, desk, task.patient_id, task_id, given, span)
    except CcmLinkError as error:
        return _refused(desk, task_id, Refusal("time", fields, problem=problems.of_error(error)))
    return RedirectResponse(_address(task_id, Said.TIME_ADDED), 303)


def _decide(
    desk: Desk,
    task_id: UUID,
    form: str,
    fields: Posted,
    model: type[Given],
    deed: Callable[[Cursor, Desk, UUID, Given], Task],
    leads_to: str,
) -> Response:
    """Check a form, do what it says and lead on; or show the page again with what is wrong."""
    given, complaints = forms.check(model, fields)
    if given is None:
        return _refused(desk, task_id, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            deed(cur, desk, task_id, given)
    except CcmLinkError as error:
        return _refused(desk, task_id, Refusal(form, fields, problem=problems.of_error(error)))
    return RedirectResponse(leads_to, 303)


def _address(task_id: UUID, said: Said) -> str:
    return f"/tasks/{task_id}?said={said}"


def _refused(desk: Desk, task_id: UUID, refusal: Refusal) -> HTMLResponse:
    """Show the task as it is now, with what was typed kept and what is wrong said."""
    with desk.transaction() as cur:
        return _show(desk, cur, task_id, refusal=refusal)


def _show(
    desk: Desk,
    cur: Cursor,
    task_id: UUID,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
    status: int | None = None,
) -> HTMLResponse:
    task = task_record.load(cur, desk, task_id)
    events = tasks.events(cur, desk.practice_id, task_id)
    episode_events = task_record.episode_events(cur, desk, task)
    found = episode.breaches(episode_events)
    breaches = [
        Breach(reading, one.withdrawn, alerts_store.trace_of(cur, desk.practice_id, one.reading_id))
        for one in found[: -_MOST_BREACHES - 1 : -1]
        if (reading := store.reading(cur, desk.practice_id, one.reading_id)) is not None
    ]
    able = tasks.colleagues(cur, desk.practice_id, task.patient_id)
    manager = care_team.care_manager_of(cur, desk.practice_id, [task.patient_id], desk.now)
    desk.saw(
        task.patient_id,
        resource=Resource.TASK,
        resource_id=task_id,
        breaches=len(breaches),
    )
    return desk.page(
        cur,
        "task.html",
        status=status or (200 if refusal is NOTHING_REFUSED else refusal.status),
        task=task,
        patient=patient_head.load(cur, desk, task.patient_id),
        breaches=breaches,
        all_breaches=len(found),
        told=task.episode_id and clock_breaches.of_episode(cur, desk.practice_id, task.episode_id),
        follows=task.follows_task_id and tasks.task(cur, desk.practice_id, task.follows_task_id),
        follow_ups=planned_tasks.follow_ups(cur, desk.practice_id, task_id),
        history=task_history.in_order(events, episode_events),
        last_event=events[-1] if events else None,
        for_whom=planned_words.for_whom(able, desk.staff_id, manager.get(task.patient_id)),
        colleagues=[
            (one.staff_id, f"{one.display_name}, {wording.role(one.role)}")
            for one in able
            if one.staff_id not in {desk.staff_id, task.owner_staff_id}
        ],
        waits=task_words.waits(task.severity),
        is_snoozed=task.is_snoozed(desk.now),
        meters=worked_months.meters(
            worked_months.work_out(
                desk,
                cur,
                task.patient_id,
                Month.of(desk.now, desk.practice(cur).time_zone),
            )
        ),
        months=month_words,
        programs=time_words.programs(
            time_programs.offered(cur, desk.practice_id, task.patient_id, desk.now),
            time_programs.titles(desk.now),
        ),
        activities=time_words.activities(),
        dispositions=[(one, wording.disposition(one)) for one in task.dispositions],
        **called.shown(cur, desk, task.episode_id),
        stands_in_for=cover.stands_in_for(cur, desk.practice_id, desk.staff_id, desk.now),
        grant=patient_head.grant(cur, desk, task.patient_id),
        said=said,
        refusal=refusal,
    )
