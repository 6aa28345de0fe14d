"""What a person decides about a task, from a page or a program: done, and told to the audit trail.

Each takes the cursor of the desk's open transaction.

Raises:
    Refused: 404; the practice has no such task, or the person does not see its patient.
    CcmLinkError: as in :mod:`ccm_link.task.tasks` and :mod:`ccm_link.task.snoozing`; nothing was changed.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ccm_link.console import planned_deeds, task_record, time_lines
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.posted import task_inputs
from ccm_link.task import snoozing, tasks
from ccm_link.task.planned_tasks import NextTask
from ccm_link.work import Task


def claim(cur: Cursor, desk: Desk, task_id: UUID, given: task_inputs.ClaimTask) -> Task:
    """Make the task the person's own."""
    before = task_record.load(cur, desk, task_id)
    after = tasks.claim(cur, desk.practice_id, task_id, desk.staff_id, given.row_version, desk.now)
    task_record.changed(desk, before, after)
    return after


def release(cur: Cursor, desk: Desk, task_id: UUID, given: task_inputs.ReleaseTask) -> Task:
    """Give the task back to the worklist."""
    before = task_record.load(cur, desk, task_id)
    after = tasks.release(
        cur, desk.practice_id, task_id, desk.staff_id, given.row_version, given.note, desk.now
    )
    task_record.changed(desk, before, after, why=given.note)
    return after


def assign(cur: Cursor, desk: Desk, task_id: UUID, given: task_inputs.AssignTask) -> Task:
    """Hand the task over to a colleague."""
    before = task_record.load(cur, desk, task_id)
    after = tasks.assign(
        cur,
        desk.practice_id,
        task_id,
        desk.staff_id,
        given.row_version,
        owner_staff_id=given.owner_staff_id,
        note=given.note,
        at=desk.now,
    )
    task_record.changed(desk, before, after, why=given.note)
    return after


def snooze(
    cur: Cursor, desk: Desk, task_id: UUID, row_version: int, until_at: datetime, reason: str
) -> Task:
    """Let the task wait."""
    before = task_record.load(cur, desk, task_id)
    after = snoozing.snooze(
        cur,
        desk.practice_id,
        task_id,
        desk.staff_id,
        row_version,
        until_at=until_at,
        reason=reason,
        at=desk.now,
    )
    task_record.changed(desk, before, after, why=reason)
    return after


def end_snooze(cur: Cursor, desk: Desk, task_id: UUID, given: task_inputs.EndSnooze) -> Task:
    """Let the task be seen before its time."""
    before = task_record.load(cur, desk, task_id)
    after = snoozing.end(cur, desk.practice_id, task_id, desk.staff_id, given.row_version, desk.now)
    task_record.changed(desk, before, after)
    return after


def complete(
    cur: Cursor,
    desk: Desk,
    task_id: UUID,
    given: task_inputs.CompleteTask,
    follow_up: NextTask | None = None,
) -> Task:
    """Complete the task and open what is to follow; the person's timer on it stops with the same note."""
    before = task_record.load(cur, desk, task_id)
    after, became = tasks.complete(
        cur,
        desk.practice_id,
        task_id,
        desk.staff_id,
        given.row_version,
        given.disposition,
        given.note,
        desk.now,
        limits=desk.timer_limits,
        made=given.made,
        follow_up=follow_up,
    )
    task_record.changed(desk, before, after)
    if became is not None:
        time_lines.ended(desk, became)
    if follow_up is not None:
        planned_deeds.tell_next(cur, desk, before)
    return after
