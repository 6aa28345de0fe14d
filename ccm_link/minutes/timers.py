"""Running timers: one per person, held by the server, so that no crash and no closed tab loses one.

A timer can wait; each span between its pauses becomes an entry. Where no sign of its person's work was seen for longer
than the practice's limit, the timer is cut at the last sign and waits: the dropped seconds are kept, and their owner
may claim them by hand with a reason. A person's changes to their own time happen one after the other. Every function
either does all that it says or raises and has changed nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg

from ccm_link import errors, store
from ccm_link.minutes import contact, time_errors, time_log, time_store
from ccm_link.minutes.contact import Contact
from ccm_link.minutes.time_entry import DroppedTime, EndedTimer, Entered, Limits, Timer
from ccm_link.work import Activity

_NO_SECOND: Final = "Stopped within a second."
_NOTHING_SEEN: Final = "No sign of work was seen while it ran."

CLAIMED_WITHIN: Final = timedelta(days=14)
"""How long back a person is shown what was dropped: whoever remembers later adds time by hand."""


def running(cur: store.Cursor, practice_id: UUID, staff_id: UUID) -> Timer | None:
    """Return the person's timer, also one that waits."""
    return time_store.timer(cur, practice_id, staff_id)


def of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[Timer]:
    """Return the timers for a patient, whoever's they are."""
    return time_store.timers_of_patient(cur, practice_id, patient_id)


def start(
    cur: store.Cursor,
    practice_id: UUID,
    staff_id: UUID,
    patient_id: UUID,
    *,
    program: str | None,
    activity: Activity,
    at: datetime,
    limits: Limits,
    task_id: UUID | None = None,
) -> tuple[Timer, EndedTimer | None]:
    """Start a timer; the person's former one is stopped and stored at the same instant.

    ``at`` is now; a task has to be one of the same patient.

    Returns:
        The new timer, and what became of the former one (None: there was none).

    Raises:
        errors.TimerTooLong: The former timer is beyond the limit: stop or discard it first.
        errors.OverlappingTime: The former timer's span overlaps other logged work.
        errors.UnknownSubject: The practice has no such patient, or the patient no such task.
    """
    store.lock_person(cur, staff_id)
    former: EndedTimer | None = None
    try:
        with cur.connection.transaction():
            if time_store.timer(cur, practice_id, staff_id) is not None:
                former = stop(
                    cur,
                    practice_id,
                    staff_id,
                    note="Stopped because the next timer was started.",
                    at=at,
                    limits=limits,
                )
            time_store.insert_timer(
                cur,
                time_store.NewTimer(
                    practice_id=practice_id,
                    staff_id=staff_id,
                    patient_id=patient_id,
                    task_id=task_id,
                    program=program,
                    activity=activity,
                    started_at=time_log.on_the_second(at),
                ),
            )
    except psycopg.errors.ForeignKeyViolation as error:
        raise errors.UnknownSubject from error
    return _known(cur, practice_id, staff_id), former


def see(
    cur: store.Cursor, practice_id: UUID, staff_id: UUID, *, at: datetime, limits: Limits
) -> Timer | None:
    """Take a sign of a person's work: keep it, or cut and halt their timer where it comes after too long.

    1. Where the last sign is near enough, write this one down.
    2. Otherwise end the span at the last sign, keep the seconds since then as dropped, let the timer wait.

    Returns:
        The timer where it was halted; None: it was not.
    """
    at = time_log.on_the_second(at)
    if not time_store.is_sign_due(cur, practice_id, staff_id, at):
        return None
    store.lock_person(cur, staff_id)
    timer = time_store.timer(cur, practice_id, staff_id)
    if timer is None or timer.paused_at is not None:
        return None
    if limits.idle is None or at - timer.seen_at <= limits.idle:
        time_store.note_sign(cur, timer, at)
        return None
    seen_at = max(timer.seen_at, timer.running_at)
    time_store.close_segment(cur, timer, seen_at)
    time_store.insert_dropped(cur, timer, seen_at, at, limits.idle)
    time_store.pause_timer(cur, timer, at, is_idle=True)
    return _known(cur, practice_id, staff_id)


def pause(
    cur: store.Cursor, practice_id: UUID, staff_id: UUID, *, at: datetime, limits: Limits
) -> Timer:
    """Let the person's timer wait; its span is closed.

    Raises:
        errors.NoTimer: There is none.
        time_errors.TimerState: It waits already.
        errors.TimerTooLong: The span ran beyond the limit: stop the timer, with its real end.
    """
    store.lock_person(cur, staff_id)
    with cur.connection.transaction():
        see(cur, practice_id, staff_id, at=at, limits=limits)
        timer = _known(cur, practice_id, staff_id)
        if timer.is_idle:
            return timer
        if timer.paused_at is not None:
            raise time_errors.TimerState
        _refuse_too_long(timer, at, limits)
        time_store.close_segment(cur, timer, time_log.on_the_second(at))
        time_store.pause_timer(cur, timer, time_log.on_the_second(at), is_idle=False)
    return _known(cur, practice_id, staff_id)


def resume(cur: store.Cursor, practice_id: UUID, staff_id: UUID, *, at: datetime) -> Timer:
    """Let the person's timer run again.

    Raises:
        errors.NoTimer: There is none.
        time_errors.TimerState: It runs already.
    """
    store.lock_person(cur, staff_id)
    timer = _known(cur, practice_id, staff_id)
    if not time_store.resume_timer(cur, timer, time_log.on_the_second(at)):
        raise time_errors.TimerState
    return _known(cur, practice_id, staff_id)


def stop(
    cur: store.Cursor,
    practice_id: UUID,
    staff_id: UUID,
    *,
    note: str,
    at: datetime,
    limits: Limits,
    made: Contact = contact.UNKNOWN,
    ended_at: datetime | None = None,
) -> EndedTimer:
    """Stop the person's timer and store its spans.

    1. Cut it at the last sign of work where that is too long ago.
    2. Remove exactly the timer that runs; a second press of the button finds none.
    3. Store each span as a time entry, or, where it lasted no second, keep the timer as discarded.

    ``at`` is now; a span that has run longer than the limit needs to be told in ``ended_at`` when the work really
    ended; what lies behind that end is left out. ``made`` is the contact that was made.

    Raises:
        errors.NoTimer: None is running.
        errors.TimerTooLong: It ran beyond the limit and no end was given.
        errors.BadInterval: The end given lies before the start, after now, or more than 8 hours after the last start.
        errors.MissingWords: The note is empty.
        errors.OverlappingTime: A span overlaps other logged work.
        time_errors.MonthLocked: The month of a span is locked.
    """
    note = time_log.words(note)
    store.lock_person(cur, staff_id)
    with cur.connection.transaction():
        see(cur, practice_id, staff_id, at=at, limits=limits)
        timer = _known(cur, practice_id, staff_id)
        if ended_at is None:
            _refuse_too_long(timer, at, limits)
        elif ended_at > timer.running_at:
            time_log.span(timer.running_at, ended_at, at)
        elif ended_at <= timer.started_at:
            raise errors.BadInterval(errors.IntervalReason.ENDS_BEFORE_START)
        spans = list(_spans(cur, timer, at, ended_at))
        if not spans:
            reason = _NOTHING_SEEN if timer.dropped_s else _NO_SECOND
            return _discard(cur, timer, reason, at)
        time_store.delete_timer(cur, timer)
        new = time_store.NewEntry(
            practice_id=practice_id,
            staff_id=staff_id,
            patient_id=timer.patient_id,
            task_id=timer.task_id,
            program=timer.program,
            activity=timer.activity,
            contact=made,
            started_at=timer.started_at,
            ended_at=timer.started_at,
            note=note,
            entered=Entered.TIMER,
            reason="",
            entered_at=at,
            timer_id=timer.timer_id,
        )
        entries = [
            time_log.add(cur, dataclasses.replace(new, started_at=from_at, ended_at=until_at))
            for from_at, until_at in spans
        ]
    return EndedTimer(timer=timer, entries=tuple(entries))


def discard(
    cur: store.Cursor, practice_id: UUID, staff_id: UUID, *, reason: str, at: datetime
) -> EndedTimer:
    """Throw the person's timer away; that it ran, and why it does not count, is kept.

    Raises:
        errors.NoTimer: None is running.
        errors.MissingWords: The reason is empty.
    """
    reason = time_log.words(reason)
    store.lock_person(cur, staff_id)
    return _discard(cur, _known(cur, practice_id, staff_id), reason, at)


def dropped(
    cur: store.Cursor, practice_id: UUID, staff_id: UUID, at: datetime
) -> list[DroppedTime]:
    """Return what was dropped of the person's timers in the last days, the newest first."""
    return time_store.dropped(cur, practice_id, staff_id, at - CLAIMED_WITHIN)


def _known(cur: store.Cursor, practice_id: UUID, staff_id: UUID) -> Timer:
    timer = time_store.timer(cur, practice_id, staff_id)
    if timer is None:
        raise errors.NoTimer
    return timer


def _refuse_too_long(timer: Timer, at: datetime, limits: Limits) -> None:
    if timer.paused_at is None and at - timer.running_at > limits.longest:
        raise errors.TimerTooLong(timer.running_at)


def _spans(
    cur: store.Cursor, timer: Timer, at: datetime, ended_at: datetime | None
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of a timer until an end, oldest first; none without a second."""
    end_at = time_log.on_the_second(ended_at or at)
    spans = time_store.segments(cur, timer)
    if timer.paused_at is None:
        spans.append((timer.running_at, end_at))
    for from_at, until_at in spans:
        if from_at < min(until_at, end_at):
            yield from_at, min(until_at, end_at)


def _discard(cur: store.Cursor, timer: Timer, reason: str, at: datetime) -> EndedTimer:
    time_store.delete_timer(cur, timer)
    time_store.insert_discarded(cur, timer, reason, timer.seconds(at), at)
    return EndedTimer(timer=timer, discarded_because=reason)
