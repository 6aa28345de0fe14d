"""Tasks that somebody is called for: whose they are, for the notifier, and which need a person, for the console.

The composition root hands :func:`of_episodes` to the notifier, which may not import this package.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from alerts.calling import EpisodeTask
from alerts.measures import Severity
from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.task", "called_tasks")


@dataclass(frozen=True, slots=True)
class NeedingTask:
    """A task for which the console calls somebody; ``called_at`` is aware UTC."""

    task_id: UUID
    severity: Severity
    called_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity", Severity(self.severity))


def of_episodes(
    cur: Cursor, practice_id: UUID, episode_ids: Collection[UUID]
) -> dict[UUID, EpisodeTask]:
    """Return the tasks that episodes made, by episode."""
    cur.execute(_Q.of_episodes, {"practice_id": practice_id, "episode_ids": list(episode_ids)})
    return {
        episode_id: EpisodeTask(task_id, owner) for episode_id, task_id, owner in cur.fetchall()
    }


def that_need(
    cur: Cursor, practice_id: UUID, staff_id: UUID, now: datetime, most: int
) -> list[NeedingTask]:
    """Return the tasks that need a member of staff, the one that was called for last first.

    Args:
        cur: In the scope of that person, so that nobody is called for a patient whom they may not see.
        practice_id: Where.
        staff_id: Who.
        now: Aware UTC.
        most: At most so many.
    """
    parameters = {"practice_id": practice_id, "staff_id": staff_id, "now": now, "most": most}
    return statements.rows(cur, NeedingTask, _Q.that_need, parameters)
