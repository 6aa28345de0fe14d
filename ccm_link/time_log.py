"""The append-only time log: one running timer per person, entries never overlap or vanish.

Time is kept on whole seconds: instants are cut to the second when they come in, which keeps their
order, so that neighbouring spans touch without overlapping and a month adds up exactly. A person's
changes to their own time happen one after the other. Every function either does all that it says or
raises and has changed nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg

from ccm_link import errors, month, store, work

LONGEST_ENTRY: Final = timedelta(hours=8)
"""A working day. The database refuses longer entries too: they are slips of the pen, not work."""


def running_timer(cur: store.Cursor, practice_id: UUID, staff_id: UUID) -> work.Timer | None:
    """Return the person's running timer."""
    return store.timer(cur, practice_id, staff_id)


def timers_of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[work.Timer]:
    """Return the timers that run for a patient, whoever's they are."""
    return store.timers_of_patient(cur, practice_id, patient_id)


def start_timer(
    cur: store.Cursor,
    practice_id: UUID,
    staff_id: UUID,
    patient_id: UUID,
    *,
    activity: work.Activity,
    at: datetime,
    limit: timedelta,
    task_id: UUID | None = None,
) -> tuple[work.Timer, work.TimeEntry | work.DiscardedTimer | None]:
    """Start a timer; one that is running is stopped and stored at the same instant.

    ``at`` is now; ``limit`` is how long the running timer may have run without its end being asked
    for; a task has to be one of the same patient.

    Returns:
        The new timer, and what became of the former one (None: there was none).

    Raises:
        errors.TimerTooLong: The running timer is beyond the limit: stop or discard it first.
        errors.OverlappingTime: The running timer's span overlaps other logged work.
        errors.UnknownSubject: The practice has no such patient, or the patient no such task.
    """
    store.lock_person(cur, staff_id)
    former: work.TimeEntry | work.DiscardedTimer | None = None
    try:
        with cur.connection.transaction():
            if store.timer(cur, practice_id, staff_id) is not None:
                former = stop_timer(
                    cur,
                    practice_id,
                    staff_id,
                    note="Stopped because the next timer was started.",
                    at=at,
                    limit=limit,
                )
            store.insert_timer(
                cur,
                store.NewTimer(
                    practice_id=practice_id,
                    staff_id=staff_id,
                    patient_id=patient_id,
                    task_id=task_id,
                    activity=activity,
                    started_at=_on_the_second(at),
                ),
            )
    except psycopg.errors.ForeignKeyViolation as error:
        raise errors.UnknownSubject from error
    return _running(cur, practice_id, staff_id), former


def stop_timer(
    cur: store.Cursor,
    practice_id: UUID,
    staff_id: UUID,
    *,
    note: str,
    at: datetime,
    limit: timedelta,
    ended_at: datetime | None = None,
) -> work.TimeEntry | work.DiscardedTimer:
    """Stop the person's timer and store its span.

    1. Remove exactly the timer that runs; a second press of the button finds none.
    2. Store [start, end) as a time entry, or, where it lasted no second, keep it as discarded.

    ``at`` is now; a timer that has run longer than ``limit`` needs to be told in ``ended_at`` when
    the work really ended.

    Returns:
        The time entry, or the discarded timer where less than a second went by.

    Raises:
        errors.NoTimer: None is running.
        errors.TimerTooLong: It ran beyond the limit and no end was given.
        errors.BadInterval: The end given lies before the start, after now, or more than 8 hours
            after the start.
        errors.MissingWords: The note is empty.
        errors.OverlappingTime: The span overlaps other logged work.
    """
    note = words(note)
    store.lock_person(cur, staff_id)
    running = _running(cur, practice_id, staff_id)
    if ended_at is None:
        if at - running.started_at > limit:
            raise errors.TimerTooLong(running.started_at)
        if _on_the_second(at) <= running.started_at:
            return _discard(cur, running, "Stopped within a second.", at)
    started_at, ended_at = _span(running.started_at, ended_at or at, at)
    with cur.connection.transaction():
        store.delete_timer(cur, running)
        return _add(
            cur,
            store.NewEntry(
                practice_id=practice_id,
                staff_id=staff_id,
                patient_id=running.patient_id,
                task_id=running.task_id,
                activity=running.activity,
                started_at=started_at,
                ended_at=ended_at,
                note=note,
                entered=work.Entered.TIMER,
                reason="",
                entered_at=at,
            ),
        )


def discard_timer(
    cur: store.Cursor, practice_id: UUID, staff_id: UUID, *, reason: str, at: datetime
) -> work.DiscardedTimer:
    """Throw the running timer away; that it ran, and why it does not count, is kept.

    Raises:
        errors.NoTimer: None is running.
        errors.MissingWords: The reason is empty.
    """
    reason = words(reason)
    store.lock_person(cur, staff_id)
    return _discard(cur, _running(cur, practice_id, staff_id), reason, at)


def add_by_hand(
    cur: store.Cursor,
    practice_id: UUID,
    staff_id: UUID,
    patient_id: UUID,
    *,
    started_at: datetime,
    ended_at: datetime,
    activity: work.Activity,
    note: str,
    reason: str,
    at: datetime,
    task_id: UUID | None = None,
    replaces: UUID | None = None,
) -> work.TimeEntry:
    """Store a span of one's own work that no timer held.

    ``note`` says what was done, ``reason`` why there was no timer, ``at`` is now. A task has to be
    one of the same patient; ``replaces`` names the voided entry that this one corrects.

    Raises:
        errors.BadInterval: No second long, in the future, or longer than 8 hours.
        errors.MissingWords: Note or reason is empty.
        errors.OverlappingTime: It overlaps other logged work or the running timer of the person.
        errors.EntryNotVoided: The replaced entry is not a voided one of the same person.
        errors.UnknownSubject: The practice has no such patient or person, or the patient no such
            task.
    """
    note, reason = words(note), words(reason)
    started_at, ended_at = _span(started_at, ended_at, at)
    store.lock_person(cur, staff_id)
    running = store.timer(cur, practice_id, staff_id)
    if running is not None and running.started_at < ended_at:
        raise errors.OverlappingTime("your running timer")
    if replaces is not None:
        former = store.time_entry(cur, practice_id, replaces)
        if former is None or former.voided_at is None or former.staff_id != staff_id:
            raise errors.EntryNotVoided
    return _add(
        cur,
        store.NewEntry(
            practice_id=practice_id,
            staff_id=staff_id,
            patient_id=patient_id,
            task_id=task_id,
            activity=activity,
            started_at=started_at,
            ended_at=ended_at,
            note=note,
            entered=work.Entered.BY_HAND,
            reason=reason,
            entered_at=at,
            replaces=replaces,
        ),
    )


def void(
    cur: store.Cursor,
    practice_id: UUID,
    entry_id: UUID,
    *,
    voided_by: UUID,
    reason: str,
    at: datetime,
) -> work.TimeEntry:
    """Void an entry: it stays in the log with who and why, counts no longer, and frees its span.

    Raises:
        errors.UnknownEntry: The practice has no such entry.
        errors.EntryVoided: It is voided already.
        errors.MissingWords: The reason is empty.
    """
    reason = words(reason)
    voided = store.void_time_entry(
        cur, practice_id, entry_id, voided_by=voided_by, reason=reason, at=at
    )
    found = store.time_entry(cur, practice_id, entry_id)
    if found is None:
        raise errors.UnknownEntry
    if not voided:
        raise errors.EntryVoided
    return found


def entry(cur: store.Cursor, practice_id: UUID, entry_id: UUID) -> work.TimeEntry | None:
    """Return one time entry, voided or not."""
    return store.time_entry(cur, practice_id, entry_id)


def entries_of_month(
    cur: store.Cursor, practice_id: UUID, of_month: month.Month
) -> list[work.TimeEntry]:
    """Return every entry that touches the practice's month, voided ones too, oldest first."""
    return store.entries_of_month(cur, practice_id, of_month.first_on)


def words(text: str) -> str:
    """Return a note or reason without surrounding blanks.

    Raises:
        errors.MissingWords: Nothing is left.
    """
    text = text.strip()
    if not text:
        raise errors.MissingWords
    return text


def _running(cur: store.Cursor, practice_id: UUID, staff_id: UUID) -> work.Timer:
    running = store.timer(cur, practice_id, staff_id)
    if running is None:
        raise errors.NoTimer
    return running


def _discard(
    cur: store.Cursor, running: work.Timer, reason: str, at: datetime
) -> work.DiscardedTimer:
    discarded = work.DiscardedTimer(timer=running, discarded_at=at, reason=reason)
    store.delete_timer(cur, running)
    store.insert_discarded_timer(cur, discarded)
    return discarded


def _add(cur: store.Cursor, new: store.NewEntry) -> work.TimeEntry:
    """Store an entry; the database's refusals become errors a person can act on."""
    try:
        with cur.connection.transaction():
            entry_id = store.insert_time_entry(cur, new)
    except psycopg.errors.ExclusionViolation as error:
        clash = store.clash(cur, new.staff_id, new.started_at, new.ended_at)
        raise errors.OverlappingTime(_clash_in_words(clash)) from error
    except psycopg.errors.ForeignKeyViolation as error:
        raise errors.UnknownSubject from error
    stored = None if entry_id is None else store.time_entry(cur, new.practice_id, entry_id)
    if stored is None:
        raise errors.UnknownSubject
    return stored


def _clash_in_words(clash: store.Clash | None) -> str:
    if clash is None:  # it was voided in this very moment: trying again will do
        return "an entry of yours"
    activity = clash.activity.value.replace("_", " ")
    return (
        f"your {activity} from {clash.started_wall:%Y-%m-%d %H:%M:%S}"
        f" to {clash.ended_wall:%H:%M:%S}"
    )


def _span(started_at: datetime, ended_at: datetime, at: datetime) -> tuple[datetime, datetime]:
    """Return both instants on the second.

    Raises:
        errors.BadInterval: No second long, in the future, or longer than 8 hours.
    """
    if ended_at > at:
        raise errors.BadInterval(errors.IntervalReason.IN_THE_FUTURE)
    started_at, ended_at = _on_the_second(started_at), _on_the_second(ended_at)
    if ended_at <= started_at:
        raise errors.BadInterval(errors.IntervalReason.ENDS_BEFORE_START)
    if ended_at - started_at > LONGEST_ENTRY:
        raise errors.BadInterval(errors.IntervalReason.TOO_LONG)
    return started_at, ended_at


def _on_the_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
