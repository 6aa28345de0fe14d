"""A task's life: opened by an alert, claimed by a care manager, completed with a disposition.

Every change names the ``row_version`` that its form was drawn from: of two people who decide on the
same task, one wins and the other is told. Every function either does all that it says or raises and
has changed nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NoReturn
from uuid import UUID

from alerts import store as alerts_store
from ccm_link import errors, store, time_log, work

WORKLIST_LIMIT: Final = 200
"""Tasks that one page of the worklist shows: nobody reads further, and memory stays bounded."""


def open_tasks(
    cur: store.Cursor, practice_id: UUID, limit: int = WORKLIST_LIMIT
) -> list[work.Task]:
    """Return the open worklist: urgent first, then what is due first."""
    return store.open_tasks(cur, practice_id, limit)


def open_task_count(cur: store.Cursor, practice_id: UUID) -> int:
    """Count all open tasks of the practice, also those beyond the worklist's limit."""
    return store.open_task_count(cur, practice_id)


def hidden_open_task_count(cur: store.Cursor, practice_id: UUID) -> int:
    """Count the open tasks of restricted patients whom the member of staff in force does not see."""
    return store.hidden_open_task_count(cur, practice_id)


def tasks_of_patient(
    cur: store.Cursor, practice_id: UUID, patient_id: UUID, limit: int = WORKLIST_LIMIT
) -> list[work.Task]:
    """Return a patient's tasks, open ones first, then the newest."""
    return store.tasks_of_patient(cur, practice_id, patient_id, limit)


def task(cur: store.Cursor, practice_id: UUID, task_id: UUID) -> work.Task | None:
    """Return one task, whatever its status."""
    return store.task(cur, practice_id, task_id)


def task_of_episode(cur: store.Cursor, practice_id: UUID, episode_id: UUID) -> work.Task | None:
    """Return the task that an episode made."""
    return store.task_of_episode(cur, practice_id, episode_id)


def events(cur: store.Cursor, practice_id: UUID, task_id: UUID) -> list[work.TaskEvent]:
    """Return a task's history, oldest first."""
    return store.task_events(cur, practice_id, task_id)


def claim(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    staff_id: UUID,
    row_version: int,
    at: datetime,
) -> work.Task:
    """Make a person the owner of an unowned task; claiming one's own task again changes nothing.

    1. Set the owner if the row is open, unowned and as it was drawn.
    2. Record the event.

    Raises:
        errors.UnknownTask: The practice has no such task.
        errors.TaskCompleted: It is completed already.
        errors.StaleTask: It changed after the form was drawn: a colleague was quicker.
        errors.TaskOwned: A colleague owns it.
    """
    before = _known(cur, practice_id, task_id)
    if before.status is work.TaskStatus.OPEN and before.owner_staff_id == staff_id:
        return before
    if not store.claim_task(cur, practice_id, task_id, staff_id, row_version):
        _explain(cur, practice_id, task_id, row_version)
    store.insert_task_event(
        cur, practice_id, task_id, work.TaskEventKind.CLAIMED, staff_id=staff_id, at=at, note=""
    )
    return _known(cur, practice_id, task_id)


def release(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    staff_id: UUID,
    row_version: int,
    note: str,
    at: datetime,
) -> work.Task:
    """Give an owned task back to the worklist, with a note.

    Anyone may: an owner can be away when a task is due.

    1. Clear the owner if the row is open and as it was drawn; a task without an owner stays as it
       is.
    2. Record the event with who released it and why.

    Raises:
        errors.UnknownTask: The practice has no such task.
        errors.TaskCompleted: It is completed already.
        errors.StaleTask: It changed after the form was drawn.
        errors.MissingWords: The note is empty.
    """
    note = time_log.words(note)
    before = _known(cur, practice_id, task_id)
    if before.status is work.TaskStatus.OPEN and before.owner_staff_id is None:
        return before
    if not store.release_task(cur, practice_id, task_id, row_version):
        _explain(cur, practice_id, task_id, row_version)
    store.insert_task_event(
        cur, practice_id, task_id, work.TaskEventKind.RELEASED, staff_id=staff_id, at=at, note=note
    )
    return _known(cur, practice_id, task_id)


def complete(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    staff_id: UUID,
    row_version: int,
    disposition: work.Disposition,
    note: str,
    at: datetime,
    *,
    timer_limit: timedelta,
) -> tuple[work.Task, work.TimeEntry | work.DiscardedTimer | None]:
    """Complete a task, stop the person's timer on it, close the alert's episode: all or nothing.

    1. Complete the row if it is open, as it was drawn, and the person's own or nobody's.
    2. Record the event.
    3. Close the episode, so that the next breach opens a new one.
    4. If the person's timer runs on this task, stop and store it with the disposition's note,
       unless it has run longer than ``timer_limit``.

    Returns:
        The task, and what became of the timer (None: none ran on it).

    Raises:
        errors.UnknownTask: The practice has no such task.
        errors.TaskCompleted: It is completed already.
        errors.StaleTask: It changed after the form was drawn.
        errors.TaskOwned: A colleague owns it.
        errors.MissingWords: The note is empty.
        errors.TimerTooLong: The timer on this task ran beyond the limit: stop it first, with its
            real end.
        errors.OverlappingTime: The timer's span overlaps other logged work.
    """
    note = time_log.words(note)
    store.lock_person(cur, staff_id)
    before = _known(cur, practice_id, task_id)
    stopped: work.TimeEntry | work.DiscardedTimer | None = None
    with cur.connection.transaction():
        if not store.complete_task(
            cur,
            practice_id,
            task_id,
            staff_id,
            row_version,
            disposition=disposition,
            note=note,
            at=at,
        ):
            _explain(cur, practice_id, task_id, row_version)
        store.insert_task_event(
            cur,
            practice_id,
            task_id,
            work.TaskEventKind.COMPLETED,
            staff_id=staff_id,
            at=at,
            note=note,
        )
        alerts_store.close_episode(
            cur, practice_id, before.episode_id, closed_by=str(staff_id), at=at, note=note
        )
        running = store.timer(cur, practice_id, staff_id)
        if running is not None and running.task_id == task_id:
            stopped = time_log.stop_timer(
                cur, practice_id, staff_id, note=note, at=at, limit=timer_limit
            )
    return _known(cur, practice_id, task_id), stopped


def _known(cur: store.Cursor, practice_id: UUID, task_id: UUID) -> work.Task:
    found = store.task(cur, practice_id, task_id)
    if found is None:
        raise errors.UnknownTask
    return found


def _explain(cur: store.Cursor, practice_id: UUID, task_id: UUID, row_version: int) -> NoReturn:
    """Say why a conditional update met no row."""
    now = _known(cur, practice_id, task_id)
    if now.status is work.TaskStatus.COMPLETED:
        raise errors.TaskCompleted
    if now.row_version != row_version:
        raise errors.StaleTask
    raise errors.TaskOwned
