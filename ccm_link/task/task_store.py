"""All SQL of tasks: rows in, dataclasses out, no rules.

Every function takes an open cursor first and runs exactly one named statement; whoever opened the transaction commits
it. The rules about who may do what, when, stand in :mod:`ccm_link.task.tasks` and :mod:`ccm_link.task.snoozing`, and
what the evaluator does in :mod:`ccm_link.task.task_sink`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from alerts import episode, measures
from ccm_link import store, work
from ingest import access, named_queries, people

_Q: Final = named_queries.load("ccm_link.task", "task_store")


def insert(cur: store.Cursor, opened: episode.OpenedEpisode) -> UUID:
    """Store the open task of an episode and return its id."""
    task_id = store.scalar(
        cur,
        _Q.insert,
        practice_id=opened.practice_id,
        patient_id=opened.patient_id,
        episode_id=opened.episode_id,
        title=opened.title,
        severity=opened.severity,
        opened_at=opened.opened_at,
        due_at=opened.due_at,
    )
    return cast("UUID", task_id)


def add_event(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    event: work.TaskEventKind,
    *,
    staff_id: UUID | None,
    at: datetime,
    note: str,
    disposition: work.Disposition | None = None,
    until_at: datetime | None = None,
    owner_staff_id: UUID | None = None,
) -> None:
    """Add a line to a task's history."""
    store.changed(
        cur,
        _Q.insert_event,
        practice_id=practice_id,
        task_id=task_id,
        event=event,
        staff_id=staff_id,
        at=at,
        note=note,
        disposition=disposition,
        until_at=until_at,
        owner_staff_id=owner_staff_id,
    )


def escalate(cur: store.Cursor, severer: episode.OpenedEpisode) -> UUID | None:
    """Raise the severity of an episode's open task; None where it is as severe already, or not open."""
    task_id = store.scalar(
        cur,
        _Q.escalate,
        practice_id=severer.practice_id,
        episode_id=severer.episode_id,
        title=severer.title,
        severity=severer.severity,
        due_at=severer.due_at,
    )
    return cast("UUID | None", task_id)


def reopen(cur: store.Cursor, returned: episode.OpenedEpisode) -> UUID | None:
    """Open the completed task of an episode again, as nobody's; None where there is none."""
    task_id = store.scalar(
        cur,
        _Q.reopen,
        practice_id=returned.practice_id,
        episode_id=returned.episode_id,
        title=returned.title,
        severity=returned.severity,
        due_at=returned.due_at,
    )
    return cast("UUID | None", task_id)


def id_of_episode(cur: store.Cursor, practice_id: UUID, episode_id: UUID) -> UUID | None:
    """Load the id of an episode's task, as the evaluator's role may."""
    task_id = store.scalar(
        cur, _Q.load_id_of_episode, practice_id=practice_id, episode_id=episode_id
    )
    return cast("UUID | None", task_id)


def task(cur: store.Cursor, practice_id: UUID, task_id: UUID) -> work.Task | None:
    """Load one task."""
    return store.row(cur, as_task, _Q.load, practice_id=practice_id, task_id=task_id)


def task_of_episode(cur: store.Cursor, practice_id: UUID, episode_id: UUID) -> work.Task | None:
    """Load the task that an episode made."""
    return store.row(
        cur, as_task, _Q.load_of_episode, practice_id=practice_id, episode_id=episode_id
    )


def tasks_of_patient(
    cur: store.Cursor, practice_id: UUID, patient_id: UUID, limit: int
) -> list[work.Task]:
    """Load a patient's tasks, open ones first, then the newest."""
    return store.rows(
        cur,
        as_task,
        _Q.load_of_patient,
        practice_id=practice_id,
        patient_id=patient_id,
        limit=limit,
    )


def events(cur: store.Cursor, practice_id: UUID, task_id: UUID) -> list[work.TaskEvent]:
    """Load a task's history, oldest first."""
    return store.rows(cur, _event, _Q.load_events, practice_id=practice_id, task_id=task_id)


def lock(cur: store.Cursor, practice_id: UUID, task_id: UUID) -> None:
    """Hold others back from a planned task until the transaction ends."""
    cur.execute(_Q.lock_task, {"practice_id": practice_id, "task_id": task_id})


def stand(
    cur: store.Cursor,
    task: work.Task,
    *,
    acknowledged_at: datetime | None,
    snoozed_at: datetime | None,
    snoozed_until: datetime | None,
) -> None:
    """Keep since when a planned task is taken on, and until when it waits."""
    store.changed(
        cur,
        _Q.stand,
        practice_id=task.practice_id,
        task_id=task.task_id,
        acknowledged_at=acknowledged_at,
        snoozed_at=snoozed_at,
        snoozed_until=snoozed_until,
    )


def claim(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    staff_id: UUID,
    row_version: int,
    at: datetime,
) -> bool:
    """Give an open task its owner; False where it is a colleague's or not the row that was looked at."""
    return store.changed(
        cur,
        _Q.claim,
        practice_id=practice_id,
        task_id=task_id,
        staff_id=staff_id,
        row_version=row_version,
        at=at,
    )


def assign(
    cur: store.Cursor, practice_id: UUID, task_id: UUID, owner_staff_id: UUID, row_version: int
) -> bool:
    """Give an open task another owner; False where it is not the row that was looked at."""
    return store.changed(
        cur,
        _Q.assign,
        practice_id=practice_id,
        task_id=task_id,
        owner_staff_id=owner_staff_id,
        row_version=row_version,
    )


def release(cur: store.Cursor, practice_id: UUID, task_id: UUID, row_version: int) -> bool:
    """Take the owner off an open task; False where it is not the row that was looked at."""
    return store.changed(
        cur, _Q.release, practice_id=practice_id, task_id=task_id, row_version=row_version
    )


def touch(
    cur: store.Cursor, practice_id: UUID, task_id: UUID, staff_id: UUID, row_version: int
) -> bool:
    """Count a change of an open task; False where it is a colleague's or not the row looked at."""
    return store.changed(
        cur,
        _Q.touch,
        practice_id=practice_id,
        task_id=task_id,
        staff_id=staff_id,
        row_version=row_version,
    )


def complete(
    cur: store.Cursor,
    practice_id: UUID,
    task_id: UUID,
    staff_id: UUID,
    row_version: int,
    *,
    disposition: work.Disposition,
    note: str,
    at: datetime,
) -> bool:
    """Complete an open task; False where it is not the row looked at, or is a colleague's."""
    return store.changed(
        cur,
        _Q.complete,
        practice_id=practice_id,
        task_id=task_id,
        staff_id=staff_id,
        row_version=row_version,
        disposition=disposition,
        note=note,
        at=at,
    )


def colleagues(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[access.Colleague]:
    """Load who can be given a task of a patient, by name."""
    return store.rows(
        cur, access.Colleague, _Q.load_colleagues, practice_id=practice_id, patient_id=patient_id
    )


def as_task(
    *,
    origin: str,
    severity: str,
    status: str,
    candidate_role: str | None,
    disposition: str | None,
    **columns: Any,
) -> work.Task:
    """Make a task of a row of ``ccm.named_task``."""
    return work.Task(
        origin=work.Origin(origin),
        severity=measures.Severity(severity),
        status=work.TaskStatus(status),
        candidate_role=None if candidate_role is None else people.Role(candidate_role),
        disposition=None if disposition is None else work.Disposition(disposition),
        **columns,
    )


def _event(*, event: str, disposition: str | None, **columns: Any) -> work.TaskEvent:
    return work.TaskEvent(
        event=work.TaskEventKind(event),
        disposition=None if disposition is None else work.Disposition(disposition),
        **columns,
    )
