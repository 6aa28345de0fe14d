"""Tasks whose time is over: marked, shown first, and a planned one given back to whoever can do it.

Nobody is called for them: an alert has its ladder, by which people are called at any hour, and what is planned does not
wake anybody. Any number of schedulers may ask at once: each task is marked once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from alerts.measures import Severity
from ccm_link import store, work
from ccm_link.task import quiet_tasks, task_store
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.task", "overdue_tasks")

MOST_AT_ONCE: Final = 500
"""In one transaction; what is left comes at the next minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overdue:
    """A task that is to be marked."""

    task_id: UUID
    episode_id: UUID | None
    owner_staff_id: UUID | None


def mark(
    cur: store.Cursor, practice_id: UUID, grace: Mapping[Severity, timedelta], at: datetime
) -> int:
    """Mark the practice's tasks that are due for longer than their severity allows.

    1. Take the open ones that were not marked yet and that nobody lets wait; leave those that somebody is changing.
    2. Mark each; a planned one is nobody's any more. Record the event: each once or not at all.

    Args:
        cur: In a transaction that works for the practice, of the role homevitals_scheduler.
        practice_id: The practice.
        grace: How long after its due time a task is not called overdue yet, by severity.
        at: Now, aware.

    Returns:
        How many were marked; at most :data:`MOST_AT_ONCE`.
    """
    asked = {
        "practice_id": practice_id,
        "severities": list(grace),
        "due_before": [at - allowed for allowed in grace.values()],
        "timers_since": at - quiet_tasks.TIMER_SPEAKS_FOR,
        "at": at,
        "limit": MOST_AT_ONCE,
    }
    with cur.connection.cursor(row_factory=class_row(_Overdue)) as rows:
        found = rows.execute(_Q.load_overdue, asked).fetchall()
    marked = 0
    for task in found:
        if not store.changed(cur, _Q.mark, practice_id=practice_id, task_id=task.task_id, at=at):
            continue
        task_store.add_event(
            cur,
            practice_id,
            task.task_id,
            work.TaskEventKind.OVERDUE,
            staff_id=None,
            at=at,
            note="",
            owner_staff_id=task.owner_staff_id if task.episode_id is None else None,
        )
        marked += 1
    return marked
