"""The append-only time log: entries of one person never overlap or vanish, and keep who the person was.

Time is kept on whole seconds: instants are cut to the second when they come in, which keeps their
order, so that neighbouring spans touch without overlapping and a month adds up exactly. A person's
changes to their own time happen one after the other. Every function either does all that it says or
raises and has changed nothing.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Final, NoReturn
from uuid import UUID

import psycopg

from ccm_link import errors, month, store
from ccm_link.minutes import contact, time_errors, time_store
from ccm_link.minutes.contact import Contact
from ccm_link.minutes.time_entry import DroppedTime, Entered, TimeEntry
from ccm_link.work import Activity

LONGEST_ENTRY: Final = timedelta(hours=8)
"""A working day. The database refuses longer entries too: they are slips of the pen, not work."""

_LOCKED: Final = "month_is_locked"


def add_by_hand(
    cur: store.Cursor,
    practice_id: UUID,
    staff_id: UUID,
    patient_id: UUID,
    *,
    started_at: datetime,
    ended_at: datetime,
    program: str | None,
    activity: Activity,
    note: str,
    reason: str,
    at: datetime,
    made: Contact = contact.UNKNOWN,
    task_id: UUID | None = None,
    replaces: UUID | None = None,
    is_late: bool = False,
) -> TimeEntry:
    """Store a span of one's own work that no timer held.

    ``note`` says what was done, ``reason`` why there was no timer, ``made`` which contact was made, ``at`` is now. A
    task has to be one of the same patient; ``replaces`` names the voided entry that this one corrects. ``is_late``: the
    person knows that the month is locked; another person has to approve the entry.

    Raises:
        errors.BadInterval: No second long, in the future, or longer than 8 hours.
        errors.MissingWords: Note or reason is empty.
        errors.OverlappingTime: It overlaps other logged work or the running timer of the person.
        errors.EntryNotVoided: The replaced entry is not a voided one of the same person.
        errors.UnknownSubject: The practice has no such patient or person, or the patient no such
            task.
        time_errors.MonthLocked: The month is locked, and the entry is not late.
        time_errors.MonthNotLocked: The entry is late, and the month is not locked.
    """
    note, reason = words(note), words(reason)
    started_at, ended_at = span(started_at, ended_at, at)
    store.lock_person(cur, staff_id)
    _refuse_running(cur, practice_id, staff_id, started_at, ended_at)
    if replaces is not None:
        former = time_store.entry(cur, practice_id, replaces)
        if former is None or former.voided_at is None or former.staff_id != staff_id:
            raise errors.EntryNotVoided
    return add(
        cur,
        time_store.NewEntry(
            practice_id=practice_id,
            staff_id=staff_id,
            patient_id=patient_id,
            task_id=task_id,
            program=program,
            activity=activity,
            contact=made,
            started_at=started_at,
            ended_at=ended_at,
            note=note,
            entered=Entered.BY_HAND,
            reason=reason,
            entered_at=at,
            replaces=replaces,
            is_late=is_late,
        ),
    )


def claim_dropped(
    cur: store.Cursor,
    dropped: DroppedTime,
    *,
    program: str | None,
    activity: Activity,
    note: str,
    reason: str,
    at: datetime,
    made: Contact = contact.UNKNOWN,
) -> TimeEntry:
    """Claim back seconds of one's own timer that were dropped because nothing was seen: an entry by hand of that span.

    Raises:
        errors.BadInterval: They are more than 8 hours.
        errors.MissingWords: Note or reason is empty.
        errors.OverlappingTime: Other work of the person was logged in them since.
        time_errors.UnknownDroppedTime: They are claimed already.
        time_errors.MonthLocked: Their month is locked.
    """
    note, reason = words(note), words(reason)
    started_at, ended_at = span(dropped.from_at, dropped.until_at, at)
    store.lock_person(cur, dropped.staff_id)
    return add(
        cur,
        time_store.NewEntry(
            practice_id=dropped.practice_id,
            staff_id=dropped.staff_id,
            patient_id=dropped.patient_id,
            task_id=None,
            program=program,
            activity=activity,
            contact=made,
            started_at=started_at,
            ended_at=ended_at,
            note=note,
            entered=Entered.BY_HAND,
            reason=reason,
            entered_at=at,
            timer_id=dropped.timer_id,
            claims_dropped_id=dropped.dropped_id,
        ),
    )


def add_reported(cur: store.Cursor, new: time_store.NewEntry) -> TimeEntry:
    """Store what another system reported about a person's work. It may overlap: then a person decides which counts.

    Raises:
        errors.BadInterval: No second long, in the future, or longer than 8 hours.
        errors.MissingWords: Note or reason, which names the system, is empty.
        errors.UnknownSubject: The practice has no such patient or person, or the patient no such task.
        time_errors.MonthLocked: The month is locked, and the entry is not late.
        time_errors.MonthNotLocked: The entry is late, and the month is not locked.
    """
    words(new.note)
    words(new.reason)
    started_at, ended_at = span(new.started_at, new.ended_at, new.entered_at)
    return add(
        cur,
        dataclasses.replace(
            new, started_at=started_at, ended_at=ended_at, entered=Entered.EXTERNAL
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
) -> TimeEntry:
    """Void an entry: it stays in the log with who and why, counts no longer, and frees its span.

    Raises:
        errors.UnknownEntry: The practice has no such entry.
        errors.EntryVoided: It is voided already.
        errors.MissingWords: The reason is empty.
        time_errors.MonthLocked: Its month is locked: amend it.
    """
    reason = words(reason)
    try:
        with cur.connection.transaction():
            voided = time_store.void_entry(
                cur, practice_id, entry_id, voided_by=voided_by, reason=reason, at=at
            )
    except psycopg.errors.CheckViolation as error:
        _raise_locked(error, is_late=False)
    found = time_store.entry(cur, practice_id, entry_id)
    if found is None:
        raise errors.UnknownEntry
    if not voided:
        raise errors.EntryVoided
    return found


def entry(cur: store.Cursor, practice_id: UUID, entry_id: UUID) -> TimeEntry | None:
    """Return one time entry, voided or not."""
    return time_store.entry(cur, practice_id, entry_id)


def known(cur: store.Cursor, practice_id: UUID, entry_id: UUID) -> TimeEntry:
    """Return one time entry, voided or not.

    Raises:
        errors.UnknownEntry: The practice has no such entry.
    """
    found = time_store.entry(cur, practice_id, entry_id)
    if found is None:
        raise errors.UnknownEntry
    return found


def entries_of_month(
    cur: store.Cursor, practice_id: UUID, of_month: month.Month
) -> list[TimeEntry]:
    """Return every entry that touches the practice's month, voided ones too, oldest first."""
    return time_store.entries_of_month(cur, practice_id, of_month.first_on)


def entries_of_task(
    cur: store.Cursor, practice_id: UUID, patient_id: UUID, task_id: UUID, staff_id: UUID
) -> list[TimeEntry]:
    """Return what one person worked on a task, oldest first, without voided entries."""
    return time_store.entries_of_task(cur, practice_id, patient_id, task_id, staff_id)


def outside_care(cur: store.Cursor, practice_id: UUID, of_month: month.Month) -> set[UUID]:
    """Return the entries that began when nothing was agreed on for their program: they are kept and do not count."""
    return time_store.outside_care(cur, practice_id, of_month.first_on)


def words(text: str) -> str:
    """Return a note or reason without surrounding blanks.

    Raises:
        errors.MissingWords: Nothing is left.
    """
    text = text.strip()
    if not text:
        raise errors.MissingWords
    return text


def add(cur: store.Cursor, new: time_store.NewEntry) -> TimeEntry:
    """Store an entry whose person is locked; the database's refusals become errors a person can act on.

    Raises:
        errors.OverlappingTime: It overlaps other logged work of the person.
        errors.UnknownSubject: The practice has no such patient or person, or the patient no such task.
        time_errors.MonthLocked: The month is locked, and the entry is not late.
        time_errors.MonthNotLocked: The entry is late, and the month is not locked.
        time_errors.UnknownDroppedTime: The dropped seconds are claimed already.
    """
    try:
        with cur.connection.transaction():
            entry_id = time_store.insert_entry(cur, new)
    except psycopg.errors.ExclusionViolation as error:
        clash = time_store.clash(cur, new.practice_id, new.staff_id, new.started_at, new.ended_at)
        raise errors.OverlappingTime(_clash_in_words(clash)) from error
    except psycopg.errors.UniqueViolation as error:
        raise time_errors.UnknownDroppedTime from error
    except psycopg.errors.CheckViolation as error:
        _raise_locked(error, is_late=new.is_late)
    except psycopg.errors.ForeignKeyViolation as error:
        raise errors.UnknownSubject from error
    stored = None if entry_id is None else time_store.entry(cur, new.practice_id, entry_id)
    if stored is None:
        raise errors.UnknownSubject
    return stored


def span(started_at: datetime, ended_at: datetime, at: datetime) -> tuple[datetime, datetime]:
    """Return both ends of a span of work on the second.

    Raises:
        errors.BadInterval: No second long, in the future, or longer than 8 hours.
    """
    if ended_at > at:
        raise errors.BadInterval(errors.IntervalReason.IN_THE_FUTURE)
    started_at, ended_at = on_the_second(started_at), on_the_second(ended_at)
    if ended_at <= started_at:
        raise errors.BadInterval(errors.IntervalReason.ENDS_BEFORE_START)
    if ended_at - started_at > LONGEST_ENTRY:
        raise errors.BadInterval(errors.IntervalReason.TOO_LONG)
    return started_at, ended_at


def on_the_second(at: datetime) -> datetime:
    """Return the beginning of the second that an instant lies in."""
    return at.replace(microsecond=0)


def _refuse_running(
    cur: store.Cursor, practice_id: UUID, staff_id: UUID, from_at: datetime, until_at: datetime
) -> None:
    running = time_store.timer(cur, practice_id, staff_id)
    if running is None:
        return
    spans = time_store.segments(cur, running)
    if running.paused_at is None:
        spans.append((running.running_at, until_at))
    if any(start_at < until_at and from_at < end_at for start_at, end_at in spans):
        raise errors.OverlappingTime("your running timer")


def _raise_locked(error: psycopg.errors.CheckViolation, *, is_late: bool) -> NoReturn:
    if error.diag.constraint_name != _LOCKED:
        raise error
    raise (time_errors.MonthNotLocked if is_late else time_errors.MonthLocked) from error


def _clash_in_words(clash: time_store.Clash | None) -> str:
    if clash is None:  # it was voided in this very moment: trying again will do
        return "an entry of yours"
    activity = clash.activity.value.replace("_", " ")
    return (
        f"your {activity} from {clash.started_wall:%Y-%m-%d %H:%M:%S}"
        f" to {clash.ended_wall:%H:%M:%S}"
    )
