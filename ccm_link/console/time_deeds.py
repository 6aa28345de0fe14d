"""What a person does with their time, from a page or a program: done, and told to the audit trail.

Each takes the cursor of the desk's open transaction.

Raises:
    CcmLinkError: as in :mod:`ccm_link.minutes.timers` and :mod:`ccm_link.minutes.time_log`; nothing was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from alerts import episode
from ccm_link import errors
from ccm_link.console import task_record, time_lines
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.posted import input_types, time_inputs
from ccm_link.console.words import wording
from ccm_link.minutes import entry_draft, time_errors, time_log, time_programs, timers
from ccm_link.minutes.entry_draft import Done
from ccm_link.minutes.time_entry import DroppedTime, EndedTimer, TimeEntry, Timer


def start(
    cur: Cursor, desk: Desk, patient_id: UUID, task_id: UUID, given: time_inputs.StartTimer
) -> Timer:
    """Start the person's timer on a task; a former one is stored first."""
    program = time_programs.resolve(cur, desk.practice_id, patient_id, given.program, desk.now)
    timer, former = timers.start(
        cur,
        desk.practice_id,
        desk.staff_id,
        patient_id,
        program=program,
        activity=given.activity,
        at=desk.now,
        limits=desk.timer_limits,
        task_id=task_id,
    )
    if former is not None:
        time_lines.ended(desk, former)
    time_lines.started(desk, timer)
    return timer


def stop(
    cur: Cursor,
    desk: Desk,
    given: time_inputs.StopTimer | time_inputs.StopTimerForm,
    ended_at: datetime | None,
) -> EndedTimer:
    """Stop the person's timer and store its spans."""
    ended = timers.stop(
        cur,
        desk.practice_id,
        desk.staff_id,
        note=given.note,
        at=desk.now,
        limits=desk.timer_limits,
        made=given.made,
        ended_at=ended_at,
    )
    time_lines.ended(desk, ended)
    return ended


def pause(cur: Cursor, desk: Desk) -> Timer:
    """Let the person's timer wait; one that waits stays as it is."""
    before = known(cur, desk)
    if before.paused_at is not None:
        desk.saw(before.patient_id)
        return before
    after = timers.pause(
        cur, desk.practice_id, desk.staff_id, at=desk.now, limits=desk.timer_limits
    )
    time_lines.turned(desk, before, after)
    return after


def resume(cur: Cursor, desk: Desk) -> Timer:
    """Let the person's timer run again; one that runs stays as it is."""
    before = known(cur, desk)
    if before.paused_at is None:
        desk.saw(before.patient_id)
        return before
    after = timers.resume(cur, desk.practice_id, desk.staff_id, at=desk.now)
    time_lines.turned(desk, before, after)
    return after


def known(cur: Cursor, desk: Desk) -> Timer:
    """Return the person's timer.

    Raises:
        errors.NoTimer: There is none.
    """
    timer = timers.running(cur, desk.practice_id, desk.staff_id)
    if timer is None:
        raise errors.NoTimer
    return timer


def add(
    cur: Cursor,
    desk: Desk,
    patient_id: UUID,
    task_id: UUID | None,
    given: time_inputs.TimeEntry | time_inputs.TimeEntryForm,
    span: tuple[datetime, datetime],
) -> TimeEntry:
    """Log a span of the person's own work that no timer held."""
    started_at, ended_at = span
    program = time_programs.resolve(cur, desk.practice_id, patient_id, given.program, started_at)
    entry = time_log.add_by_hand(
        cur,
        desk.practice_id,
        desk.staff_id,
        patient_id,
        started_at=started_at,
        ended_at=ended_at,
        program=program,
        activity=given.activity,
        note=given.note,
        reason=given.reason,
        made=given.made,
        at=desk.now,
        task_id=task_id,
        is_late=bool(given.is_late),
    )
    time_lines.added(desk, entry)
    return entry


def draft(cur: Cursor, desk: Desk, task_id: UUID, typed: Mapping[str, str]) -> dict[str, str]:
    """Return what a task's completion could say, with what the person typed so far; nothing is stored."""
    task = task_record.load(cur, desk, task_id)
    chosen = next((one for one in task.dispositions if one == typed.get("disposition")), None)
    timer = timers.running(cur, desk.practice_id, desk.staff_id)
    done = Done(
        task=task,
        readings=len(episode.breaches(task_record.episode_events(cur, desk, task))),
        entries=time_log.entries_of_task(
            cur, desk.practice_id, task.patient_id, task_id, desk.staff_id
        ),
        timer=timer if timer is not None and timer.task_id == task_id else None,
        disposition=wording.disposition(chosen) if chosen else "",
    )
    written = dict(typed) | {
        "note": entry_draft.note(done, ZoneInfo(desk.practice(cur).time_zone), desk.now)
    }
    if (made := entry_draft.contact(done)) is not None:
        written |= {
            "method": made.method,
            "counterpart": made.counterpart,
            "outcome": made.outcome,
        }
    return written


def span_of_day(
    given: time_inputs.TimeEntryForm | time_inputs.Amendment, zone: ZoneInfo
) -> tuple[datetime, datetime] | str:
    """Return the instants of a span that was given by wall clocks; or the field whose time they skipped that day.

    In the hour that autumn repeats the first one is meant. An end at 00:00 is the midnight at the day's end.
    """
    started_at = input_types.local_instant(given.worked_on, given.started, zone)
    is_midnight = given.ended == time.min
    last_on = given.worked_on + timedelta(days=1) if is_midnight else given.worked_on
    ended_at = input_types.local_instant(last_on, given.ended, zone)
    if started_at is None or ended_at is None:
        return "started" if started_at is None else "ended"
    return started_at, ended_at


def claim_dropped(
    cur: Cursor, desk: Desk, dropped_id: UUID, given: time_inputs.ClaimDropped
) -> TimeEntry:
    """Claim back seconds of the person's timer that were dropped.

    Raises:
        time_errors.UnknownDroppedTime: None of theirs were dropped there lately, or they are claimed already.
    """
    dropped = dropped_time(cur, desk, dropped_id)
    program = time_programs.resolve(
        cur, desk.practice_id, dropped.patient_id, given.program, dropped.from_at
    )
    entry = time_log.claim_dropped(
        cur,
        dropped,
        program=program,
        activity=given.activity,
        note=given.note,
        reason=given.reason,
        made=given.made,
        at=desk.now,
    )
    time_lines.added(desk, entry)
    return entry


def dropped_time(cur: Cursor, desk: Desk, dropped_id: UUID) -> DroppedTime:
    """Return seconds of the person's timers that were dropped and are not claimed.

    Raises:
        time_errors.UnknownDroppedTime: There are none.
    """
    for one in timers.dropped(cur, desk.practice_id, desk.staff_id, desk.now):
        if one.dropped_id == dropped_id and one.claimed_by is None:
            return one
    raise time_errors.UnknownDroppedTime
