"""Letting a task wait out of sight for a while: with a reason, no longer than its severity allows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from alerts import lifecycle
from ccm_link import errors, store, work
from ccm_link.minutes import time_log
from ccm_link.task import task_standing, task_store, tasks


def snooze(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    staff_id: UUID,
    row_version: int,
    *,
    until_at: datetime,
    reason: str,
    at: datetime,
) -> work.Task:
    """Let a task that is nobody's or one's own wait out of sight, with a reason, for as long as its severity allows.

    It is seen again by itself at ``until_at``, or before that when its severity rises. It stays whose it is.

    1. Count the change if the row is open, the person's or nobody's, and as it was drawn.
    2. Let the task or its episode wait; record the event.

    Raises:
        errors.UnknownTask: The practice has no such task.
        errors.TaskCompleted: It is completed already.
        errors.StaleTask: It changed after the form was drawn.
        errors.TaskOwned: A colleague owns it.
        errors.BadSnooze: ``until_at`` is over, or beyond :data:`alerts.lifecycle.SNOOZE_LIMITS`.
        errors.MissingWords: The reason is empty.
    """
    reason = time_log.words(reason)
    before = tasks.locked(cur, practice_id, task_id)
    if until_at <= at:
        raise errors.BadSnooze(errors.SnoozeReason.OVER)
    if until_at > lifecycle.latest_snooze(
        before.severity, before.snoozed_at, before.snoozed_until, at
    ):
        raise errors.BadSnooze(errors.SnoozeReason.TOO_LONG)
    if not task_store.touch(cur, practice_id, task_id, staff_id, row_version):
        tasks.explain_refusal(cur, practice_id, task_id, row_version)
    task_store.add_event(
        cur,
        practice_id,
        task_id,
        work.TaskEventKind.SNOOZED,
        staff_id=staff_id,
        at=at,
        note=reason,
        until_at=until_at,
    )
    task_standing.let_wait(cur, before, staff_id, until_at, reason, at)
    return tasks.known(cur, practice_id, task_id)


def end(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    staff_id: UUID,
    row_version: int,
    at: datetime,
) -> work.Task:
    """Let a snoozed task be seen before its time; one that does not wait stays as it is.

    Raises:
        errors.UnknownTask: The practice has no such task.
        errors.TaskCompleted: It is completed already.
        errors.StaleTask: It changed after the form was drawn.
        errors.TaskOwned: A colleague owns it.
    """
    before = tasks.locked(cur, practice_id, task_id)
    if before.status is work.TaskStatus.OPEN and not before.is_snoozed(at):
        return before
    if not task_store.touch(cur, practice_id, task_id, staff_id, row_version):
        tasks.explain_refusal(cur, practice_id, task_id, row_version)
    task_store.add_event(
        cur,
        practice_id,
        task_id,
        work.TaskEventKind.SNOOZE_ENDED,
        staff_id=staff_id,
        at=at,
        note="",
    )
    task_standing.end_wait(cur, before, staff_id, at)
    return tasks.known(cur, practice_id, task_id)
