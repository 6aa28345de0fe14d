"""A task's life: opened by an alert or a plan, claimed by a care manager, handed over, completed with a disposition.

Claiming a task acknowledges its alert's episode. Every change names the ``row_version`` that its form was drawn from:
of two people who decide on the same task, one wins and the other is told. A change takes the episode first, then the
task, as the evaluator does (:mod:`ccm_link.task.task_standing`). Every function either does all that it says or raises
and has changed nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NoReturn
from uuid import UUID

from alerts import lifecycle
from alerts import store as alerts_store
from alerts.lifecycle import Deed
from ccm_link import errors, store, work
from ccm_link.minutes import contact, time_log, timers
from ccm_link.minutes.contact import Contact
from ccm_link.minutes.time_entry import EndedTimer, Limits
from ccm_link.task import planned_tasks, task_standing, task_store
from ingest import access

MOST_SHOWN: Final = 200
"""Tasks that one page shows: nobody reads further, and memory stays bounded."""


def tasks_of_patient(
    cur: store.Cursor, practice_id: UUID, patient_id: UUID, limit: int = MOST_SHOWN
) -> list[work.Task]:
    """Return a patient's tasks, open ones first, then the newest."""
    return task_store.tasks_of_patient(cur, practice_id, patient_id, limit)


def task(cur: store.Cursor, practice_id: UUID, task_id: UUID) -> work.Task | None:
    """Return one task, whatever its status."""
    return task_store.task(cur, practice_id, task_id)


def task_of_episode(cur: store.Cursor, practice_id: UUID, episode_id: UUID) -> work.Task | None:
    """Return the task that an episode made."""
    return task_store.task_of_episode(cur, practice_id, episode_id)


def events(cur: store.Cursor, practice_id: UUID, task_id: UUID) -> list[work.TaskEvent]:
    """Return a task's history, oldest first."""
    return task_store.events(cur, practice_id, task_id)


def colleagues(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[access.Colleague]:
    """Return who can be given a task of a patient, by name."""
    return task_store.colleagues(cur, practice_id, patient_id)


def claim(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    staff_id: UUID,
    row_version: int,
    at: datetime,
) -> work.Task:
    """Make a person the owner of a task that is nobody's or was assigned to them; doing it again changes nothing.

    Who stands in for a colleague at that instant takes on that colleague's tasks as well.

    1. Set the owner if the row is open, unowned or the person's, and as it was drawn; record the event.
    2. Acknowledge the episode. Whoever takes a task on does not let it wait: a snooze ends.

    Raises:
        errors.UnknownTask: The practice has no such task.
        errors.TaskCompleted: It is completed already.
        errors.StaleTask: It changed after the form was drawn: a colleague was quicker.
        errors.TaskOwned: A colleague owns it.
    """
    before = locked(cur, practice_id, task_id)
    is_own = before.owner_staff_id == staff_id and before.acknowledged_at is not None
    if before.status is work.TaskStatus.OPEN and is_own:
        return before
    if not task_store.claim(cur, practice_id, task_id, staff_id, row_version, at):
        explain_refusal(cur, practice_id, task_id, row_version)
    task_store.add_event(
        cur, practice_id, task_id, work.TaskEventKind.CLAIMED, staff_id=staff_id, at=at, note=""
    )
    if before.owner_staff_id not in {None, staff_id}:
        task_standing.hand_over(cur, before, staff_id, staff_id, "", at)
    if task_standing.take_on(cur, before, staff_id, at):
        task_store.add_event(
            cur,
            practice_id,
            task_id,
            work.TaskEventKind.SNOOZE_ENDED,
            staff_id=staff_id,
            at=at,
            note="",
        )
    return known(cur, practice_id, task_id)


def release(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    staff_id: UUID,
    row_version: int,
    note: str,
    at: datetime,
) -> work.Task:
    """Give an owned task back to the worklist, with a note; its episode is acknowledged no more.

    Anyone may: an owner can be away when a task is due.

    1. Clear the owner if the row is open and as it was drawn; a task without an owner stays as it
       is.
    2. Record the event with who released it and why, on task and episode.

    Raises:
        errors.UnknownTask: The practice has no such task.
        errors.TaskCompleted: It is completed already.
        errors.StaleTask: It changed after the form was drawn.
        errors.MissingWords: The note is empty.
    """
    note = time_log.words(note)
    before = locked(cur, practice_id, task_id)
    if before.status is work.TaskStatus.OPEN and before.owner_staff_id is None:
        return before
    if not task_store.release(cur, practice_id, task_id, row_version):
        explain_refusal(cur, practice_id, task_id, row_version)
    task_store.add_event(
        cur, practice_id, task_id, work.TaskEventKind.RELEASED, staff_id=staff_id, at=at, note=note
    )
    task_standing.give_back(cur, before, staff_id, note, at)
    return known(cur, practice_id, task_id)


def assign(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    staff_id: UUID,
    row_version: int,
    *,
    owner_staff_id: UUID,
    note: str,
    at: datetime,
) -> work.Task:
    """Hand a task over to a named colleague, whose it is, and who acknowledges it by claiming it.

    Anyone may, also a task that is a colleague's: an owner can be away. ``note`` is for the colleague and may be empty.

    1. Set the owner if the row is open and as it was drawn; one that is the colleague's already stays as it is.
    2. Record the event with who gave it to whom, on task and episode, which is acknowledged no more.

    Raises:
        errors.UnknownTask: The practice has no such task.
        errors.TaskCompleted: It is completed already.
        errors.StaleTask: It changed after the form was drawn.
        errors.UnknownColleague: The practice has no such colleague, or they may not see the patient.
    """
    if owner_staff_id == staff_id:
        return claim(cur, practice_id, task_id, staff_id, row_version, at)
    before = locked(cur, practice_id, task_id)
    if before.status is work.TaskStatus.OPEN and before.owner_staff_id == owner_staff_id:
        return before
    able = task_store.colleagues(cur, practice_id, before.patient_id)
    if owner_staff_id not in {colleague.staff_id for colleague in able}:
        raise errors.UnknownColleague
    if not task_store.assign(cur, practice_id, task_id, owner_staff_id, row_version):
        explain_refusal(cur, practice_id, task_id, row_version)
    task_store.add_event(
        cur,
        practice_id,
        task_id,
        work.TaskEventKind.ASSIGNED,
        staff_id=staff_id,
        at=at,
        note=note.strip(),
        owner_staff_id=owner_staff_id,
    )
    task_standing.hand_over(cur, before, staff_id, owner_staff_id, note.strip(), at)
    return known(cur, practice_id, task_id)


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
    limits: Limits,
    made: Contact = contact.UNKNOWN,
    follow_up: planned_tasks.NextTask | None = None,
) -> tuple[work.Task, EndedTimer | None]:
    """Complete a task, stop the person's timer on it, close the alert's episode: all or nothing.

    1. Complete the row if it is open, as it was drawn, and the person's own or nobody's.
    2. Record the event.
    3. Acknowledge the episode where nobody had, and close it.
    4. If the person's timer runs on this task, stop and store it with the disposition's note,
       unless it has run longer than is believed.
    5. Open what is to follow, if anything is; each tells of the other in its history.

    Returns:
        The task, and what became of the timer (None: none ran on it).

    Raises:
        errors.UnknownTask: The practice has no such task.
        errors.TaskCompleted: It is completed already.
        errors.StaleTask: It changed after the form was drawn.
        errors.TaskOwned: A colleague owns it.
        errors.MissingWords: The note is empty.
        errors.BadTask: A task of this origin cannot end so, or what is to follow cannot be a task.
        errors.UnknownColleague: Who is to have what follows may not see the patient.
        errors.TimerTooLong: The timer on this task ran beyond the limit: stop it first, with its
            real end.
        errors.OverlappingTime: The timer's span overlaps other logged work.
    """
    note = time_log.words(note)
    store.lock_person(cur, staff_id)
    before = locked(cur, practice_id, task_id)
    if disposition not in before.dispositions:
        raise errors.BadTask(errors.BadTaskReason.DISPOSITION)
    stopped: EndedTimer | None = None
    with cur.connection.transaction():
        if not task_store.complete(
            cur,
            practice_id,
            task_id,
            staff_id,
            row_version,
            disposition=disposition,
            note=note,
            at=at,
        ):
            explain_refusal(cur, practice_id, task_id, row_version)
        task_store.add_event(
            cur,
            practice_id,
            task_id,
            work.TaskEventKind.COMPLETED,
            staff_id=staff_id,
            at=at,
            note=note,
            disposition=disposition,
        )
        if before.episode_id is not None:
            lifecycle.acknowledge(cur, Deed(practice_id, before.episode_id, staff_id, at))
            alerts_store.close_episode(
                cur, practice_id, before.episode_id, closed_by=str(staff_id), at=at, note=note
            )
        running = timers.running(cur, practice_id, staff_id)
        if running is not None and running.task_id == task_id:
            stopped = timers.stop(
                cur, practice_id, staff_id, note=note, at=at, limits=limits, made=made
            )
        if follow_up is not None:
            planned_tasks.open_next(cur, before, follow_up, made_by=staff_id, at=at)
    return known(cur, practice_id, task_id), stopped


def known(cur: store.Cursor, practice_id: UUID, task_id: UUID) -> work.Task:
    """Return one task.

    Raises:
        errors.UnknownTask: The practice has no such task.
    """
    found = task_store.task(cur, practice_id, task_id)
    if found is None:
        raise errors.UnknownTask
    return found


def locked(cur: store.Cursor, practice_id: UUID, task_id: UUID) -> work.Task:
    """Hold others back from a task until the transaction ends, and return it as it is then.

    Raises:
        errors.UnknownTask: The practice has no such task.
    """
    task_standing.lock(cur, known(cur, practice_id, task_id))
    return known(cur, practice_id, task_id)


def explain_refusal(
    cur: store.Cursor, practice_id: UUID, task_id: UUID, row_version: int
) -> NoReturn:
    """Say why a conditional update met no row.

    Raises:
        errors.TaskCompleted: The task is completed already.
        errors.StaleTask: It changed after the form was drawn.
        errors.TaskOwned: Neither, so a colleague owns it.
    """
    now = known(cur, practice_id, task_id)
    if now.status is work.TaskStatus.COMPLETED:
        raise errors.TaskCompleted
    if now.row_version != row_version:
        raise errors.StaleTask
    raise errors.TaskOwned
