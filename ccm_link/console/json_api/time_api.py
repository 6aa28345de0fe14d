"""The JSON API of time: one's timer, and spans that no timer held."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query

from ccm_link import repeated_requests
from ccm_link.console import patient_head, time_deeds
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.json_api import api_models
from ccm_link.console.posted import input_types, time_inputs
from ccm_link.minutes import month_lock, time_decisions, time_log
from ccm_link.month import Month
from ccm_link.repeated_requests import KeyedRequest

router = APIRouter(prefix="/api/v1", responses=api_models.REFUSALS)


@router.post("/timer/stop")
def stop_timer(desk: AtDesk, given: time_inputs.StopTimer) -> api_models.StoppedTimer:
    """Stop one's timer and store its spans."""
    with desk.transaction() as cur:
        ended = time_deeds.stop(cur, desk, given, given.ended_at)
    entries = [api_models.TimeEntry.model_validate(one) for one in ended.entries]
    return api_models.StoppedTimer(
        entry=entries[-1] if entries else None,
        entries=entries,
        dropped_s=ended.timer.dropped_s,
    )


@router.post("/timer/pause")
def pause_timer(desk: AtDesk, _given: time_inputs.TurnTimer) -> api_models.Timer:
    """Let one's timer wait."""
    with desk.transaction() as cur:
        return api_models.Timer.model_validate(time_deeds.pause(cur, desk))


@router.post("/timer/resume")
def resume_timer(desk: AtDesk, _given: time_inputs.TurnTimer) -> api_models.Timer:
    """Let one's timer run again."""
    with desk.transaction() as cur:
        return api_models.Timer.model_validate(time_deeds.resume(cur, desk))


@router.post("/timer/pulse")
def pulse(desk: AtDesk, _given: time_inputs.TurnTimer) -> api_models.Timer:
    """Say that one is at work: where nothing is seen for too long, the timer is cut at the last sign and waits."""
    with desk.transaction() as cur:
        timer = time_deeds.known(cur, desk)
        desk.saw(timer.patient_id)
    return api_models.Timer.model_validate(timer)


@router.get("/time-entries")
def entries_of_month(
    desk: AtDesk, asked: Annotated[time_inputs.MonthQuery, Query()]
) -> api_models.TimeEntries:
    """Return every entry that touches a calendar month of the practice, voided ones too, oldest first."""
    month = Month.parse(asked.month)
    with desk.transaction() as cur:
        found = time_log.entries_of_month(cur, desk.practice_id, month)
        desk.saw(*(one.patient_id for one in found), month=month, entries=len(found))
        is_locked = month_lock.is_locked(cur, desk.practice_id, month)
    return api_models.TimeEntries(
        month=asked.month,
        is_locked=is_locked,
        entries=[api_models.TimeEntry.model_validate(one) for one in found],
    )


@router.get("/time-conflicts")
def conflicts_of_month(
    desk: AtDesk, asked: Annotated[time_inputs.MonthQuery, Query()]
) -> api_models.TimeConflicts:
    """Return the seconds of a month that two entries claim, and what was decided about them."""
    month = Month.parse(asked.month)
    with desk.transaction() as cur:
        found = time_decisions.conflicts(cur, desk.practice_id, month)
        patients = {one.patient_id for each in found for one in (each.former, each.later)}
        desk.saw(*patients, month=month, conflicts=len(found))
    return api_models.TimeConflicts(
        month=asked.month,
        conflicts=[
            api_models.TimeConflict(
                kind=one.kind,
                entry_ids=[one.former.entry_id, one.later.entry_id],
                from_at=one.from_at,
                until_at=one.until_at,
                seconds=one.seconds,
                is_undecided=one.is_undecided,
                counting_entry_id=one.decision.entry_id if one.decision else None,
            )
            for one in found
        ],
    )


@router.post("/time-entries", status_code=201)
def add_time(
    desk: AtDesk,
    given: time_inputs.TimeEntry,
    idempotency_key: Annotated[input_types.RequestKey | None, Header()] = None,
) -> api_models.TimeEntry:
    """Log a span of one's own work that no timer held; sent again under the same key, it is logged once."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, given.patient_id)
        keyed = None
        if idempotency_key is not None:
            body = given.model_dump_json().encode()
            keyed = KeyedRequest(desk.practice_id, desk.staff_id, idempotency_key, body, desk.now)
            if (former := _made_before(cur, desk, keyed)) is not None:
                return former
        span = (given.started_at, given.ended_at)
        added = time_deeds.add(cur, desk, given.patient_id, given.task_id, given, span)
        if keyed is not None:
            repeated_requests.remember(cur, keyed, added.entry_id)
    return api_models.TimeEntry.model_validate(added)


def _made_before(cur: Cursor, desk: Desk, keyed: KeyedRequest) -> api_models.TimeEntry | None:
    entry_id: UUID | None = repeated_requests.made_before(cur, keyed)
    entry = None if entry_id is None else time_log.entry(cur, desk.practice_id, entry_id)
    if entry is None:
        return None
    desk.saw(entry.patient_id, resource_id=entry.entry_id)
    return api_models.TimeEntry.model_validate(entry)
