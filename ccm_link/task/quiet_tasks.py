"""Tasks that somebody took on and then left alone: they go back to the worklist, and their episodes tell of it.

Whoever notifies people reads the event ``fell_back`` of the episode. Any number of schedulers may ask at once: a task
that one of them gives back is passed over by the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from alerts import lifecycle
from alerts.lifecycle import Deed
from alerts.measures import Severity
from ccm_link import store, work
from ccm_link.task import task_store
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.task", "quiet_tasks")

MOST_AT_ONCE: Final = 200
"""In one transaction; what is left comes at the next minute."""

TIMER_SPEAKS_FOR: Final = timedelta(hours=2)
"""How long a running timer says that somebody is at work; the console doubts an older one (``timer_limit_minutes``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _QuietTask:
    """An acknowledged task on which its owner does nothing."""

    task_id: UUID
    episode_id: UUID
    owner_staff_id: UUID
    row_version: int
    severity: str


def fall_back(
    cur: store.Cursor, practice_id: UUID, after: Mapping[Severity, timedelta], at: datetime
) -> int:
    """Give back the practice's tasks on which their owners have done nothing for too long.

    1. Take the acknowledged tasks whose owner has changed nothing, logged no time and runs no timer on them since
       ``after`` their severity, and that nobody lets wait; leave those that somebody else is changing.
    2. Clear the owner, acknowledge the episode no more, record the event on both: each once or not at all.

    Args:
        cur: In a transaction that works for the practice, of the role homevitals_scheduler.
        practice_id: The practice.
        after: How long a task may be left alone, by severity.
        at: Now, aware.

    Returns:
        How many were given back; at most :data:`MOST_AT_ONCE`.
    """
    asked = {
        "practice_id": practice_id,
        "severities": list(after),
        "quiet_before": [at - allowed for allowed in after.values()],
        "timers_since": at - TIMER_SPEAKS_FOR,
        "limit": MOST_AT_ONCE,
    }
    with cur.connection.cursor(row_factory=class_row(_QuietTask)) as rows:
        quiet = rows.execute(_Q.load_quiet, asked).fetchall()
    given_back = 0
    for task in quiet:
        cur.execute(_Q.give_back, asdict(task) | {"practice_id": practice_id})
        if cur.rowcount != 1:
            continue
        note = f"Nobody worked on it for {_in_words(after[Severity(task.severity)])}."
        task_store.add_event(
            cur,
            practice_id,
            task.task_id,
            work.TaskEventKind.FELL_BACK,
            staff_id=None,
            at=at,
            note=note,
            owner_staff_id=task.owner_staff_id,
        )
        deed = Deed(practice_id, task.episode_id, None, at)
        lifecycle.fall_back(cur, deed, owner_id=task.owner_staff_id, note=note)
        given_back += 1
    return given_back


def _in_words(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    number, unit = (minutes // 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
