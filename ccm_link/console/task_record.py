"""One task, as pages and API load it and tell what they changed; and who looks at the list of them."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

from alerts import store as alerts_store
from alerts.episode import EpisodeEvent
from ccm_link.console import problems, states, trail
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.routes.permissions import Resource
from ccm_link.task import cover, tasks
from ccm_link.task.worklist import Viewer
from ccm_link.work import Task


def viewer(cur: Cursor, desk: Desk) -> Viewer:
    """Return the person as somebody who looks at the worklist."""
    zone = ZoneInfo(desk.practice(cur).time_zone)
    away = cover.stands_in_for(cur, desk.practice_id, desk.staff_id, desk.now)
    return Viewer(desk.practice_id, desk.staff_id, desk.now, zone, away)


def load(cur: Cursor, desk: Desk, task_id: UUID) -> Task:
    """Load a task of the practice.

    Raises:
        Refused: 404; the practice has none, or the person does not see its patient.
    """
    task = tasks.task(cur, desk.practice_id, task_id)
    if task is None:
        raise problems.Refused(problems.NOT_FOUND)
    return task


def episode_events(cur: Cursor, desk: Desk, task: Task) -> list[EpisodeEvent]:
    """Return the history of a task's alert; a planned task has none."""
    if task.episode_id is None:
        return []
    return alerts_store.episode_events(cur, desk.practice_id, task.episode_id)


def changed(desk: Desk, before: Task, after: Task, *, why: str = "") -> None:
    """Tell a change of a task; ``why`` is what the person wrote where the task itself does not keep it."""
    note = {"why": trail.sha256_of(why)} if why else {}
    desk.changed(
        Resource.TASK,
        before.task_id,
        before=states.task(before),
        after={**states.task(after), **note},
        patient_id=before.patient_id,
    )
