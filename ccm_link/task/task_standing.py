"""Whether a task is taken on, and until when it waits: kept with its alert's episode, or with a planned task itself.

Each function takes the task as it was under :func:`lock`, and the open cursor of whoever changes it.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from alerts import lifecycle
from alerts.lifecycle import Deed
from ccm_link import store, work
from ccm_link.task import task_store


def lock(cur: store.Cursor, task: work.Task) -> None:
    """Hold others back until the transaction ends: from the episode first, as the evaluator does, or from the task."""
    if task.episode_id is not None:
        lifecycle.lock(cur, task.practice_id, task.episode_id)
    else:
        task_store.lock(cur, task.practice_id, task.task_id)


def take_on(cur: store.Cursor, task: work.Task, staff_id: UUID, at: datetime) -> bool:
    """Let a task be taken on by a person, for whom it waits no longer; return whether it waited."""
    if task.episode_id is not None:
        deed = Deed(task.practice_id, task.episode_id, staff_id, at)
        lifecycle.acknowledge(cur, deed)
        return lifecycle.end_snooze(cur, deed)
    task_store.stand(cur, task, acknowledged_at=at, snoozed_at=None, snoozed_until=None)
    return task.is_snoozed(at)


def give_back(cur: store.Cursor, task: work.Task, staff_id: UUID, note: str, at: datetime) -> None:
    """Let a task that was its owner's be taken on by nobody any more."""
    if task.episode_id is not None:
        deed = Deed(task.practice_id, task.episode_id, staff_id, at)
        lifecycle.release(cur, deed, owner_id=task.owner_staff_id, note=note)
    else:
        _taken_on_by_nobody(cur, task)


def hand_over(
    cur: store.Cursor,
    task: work.Task,
    staff_id: UUID,
    owner_staff_id: UUID,
    note: str,
    at: datetime,
) -> None:
    """Let a task be a colleague's who has not taken it on yet."""
    if task.episode_id is not None:
        deed = Deed(task.practice_id, task.episode_id, staff_id, at)
        lifecycle.assign(cur, deed, owner_id=owner_staff_id, note=note)
    else:
        _taken_on_by_nobody(cur, task)


def let_wait(
    cur: store.Cursor, task: work.Task, staff_id: UUID, until_at: datetime, note: str, at: datetime
) -> None:
    """Let a task wait; a snooze that is prolonged keeps its beginning, from which its limit counts."""
    if task.episode_id is not None:
        deed = Deed(task.practice_id, task.episode_id, staff_id, at)
        lifecycle.snooze(cur, deed, until_at=until_at, note=note)
        return
    task_store.stand(
        cur,
        task,
        acknowledged_at=task.acknowledged_at,
        snoozed_at=task.snoozed_at if task.is_snoozed(at) else at,
        snoozed_until=until_at,
    )


def end_wait(cur: store.Cursor, task: work.Task, staff_id: UUID, at: datetime) -> None:
    """Let a task be seen before its time."""
    if task.episode_id is not None:
        lifecycle.end_snooze(cur, Deed(task.practice_id, task.episode_id, staff_id, at))
        return
    task_store.stand(
        cur, task, acknowledged_at=task.acknowledged_at, snoozed_at=None, snoozed_until=None
    )


def _taken_on_by_nobody(cur: store.Cursor, task: work.Task) -> None:
    task_store.stand(
        cur,
        task,
        acknowledged_at=None,
        snoozed_at=task.snoozed_at,
        snoozed_until=task.snoozed_until,
    )
