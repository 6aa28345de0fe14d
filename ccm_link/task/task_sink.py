"""Turn what happens to an alert episode into what happens to its task, inside the evaluator's transaction.

The composition root hands these to the evaluator, which may not import this package. Each takes the evaluator's open
cursor, on which episode, task and their events are committed together; the episode is changed before.
"""

from __future__ import annotations

from uuid import UUID

from alerts import episode, lifecycle
from alerts.lifecycle import Deed
from ccm_link import store, work
from ccm_link.program import enrolment
from ccm_link.task import task_store
from ingest import standing


def open_task(cur: store.Cursor, opened: episode.OpenedEpisode) -> UUID | None:
    """Open the task of an episode, or decline: None where nobody here cares for the patient.

    1. A patient without an enrolment at that instant, or who is not active by now, gets no task; the evaluator then
       undoes the episode and records ``not_enrolled`` as the reason for its silence.
    2. Store the task, due as the rule says, and its first event.
    """
    if not _is_cared_for(cur, opened):
        return None
    task_id = task_store.insert(cur, opened)
    _add_event(cur, opened, task_id, work.TaskEventKind.OPENED, opened.sentence)
    return task_id


def escalate_task(cur: store.Cursor, severer: episode.OpenedEpisode) -> UUID | None:
    """Raise the severity of an episode's task, whose due time comes nearer with it; neither ever falls.

    1. Raise severity and title, take the earlier due time; a task that is as severe already stays as it is.
    2. Record the event. Whoever owns the task goes on owning it; a snooze ends, for it was for less.

    Args:
        cur: The evaluator's open cursor.
        severer: The episode with its new severity and title, and the due time counted from now; ``opened_at`` is now.

    Returns:
        The task's id; None where the episode has none.
    """
    task_id = task_store.escalate(cur, severer)
    if task_id is None:
        return task_store.id_of_episode(cur, severer.practice_id, severer.episode_id)
    _add_event(cur, severer, task_id, work.TaskEventKind.ESCALATED, severer.sentence)
    deed = Deed(severer.practice_id, severer.episode_id, None, severer.opened_at)
    if lifecycle.end_snooze(cur, deed):
        _add_event(cur, severer, task_id, work.TaskEventKind.SNOOZE_ENDED, "")
    return task_id


def reopen_task(cur: store.Cursor, returned: episode.OpenedEpisode) -> UUID | None:
    """Open the completed task of an episode again that came back, or decline: None as in :func:`open_task`.

    1. A patient without an enrolment at that instant, or who is not active by now, gets no task.
    2. Open the task as nobody's, with the severity and due time of the new breach. What it was completed with stays in
       its history.
    3. Record the event; nobody has acknowledged the episode, and nobody lets it wait.

    Args:
        cur: The evaluator's open cursor.
        returned: The episode with the severity of the new breach; ``opened_at`` is now.

    Returns:
        The task's id; None declines.
    """
    if not _is_cared_for(cur, returned):
        return None
    task_id = task_store.reopen(cur, returned)
    if task_id is None:
        return task_store.id_of_episode(cur, returned.practice_id, returned.episode_id)
    _add_event(cur, returned, task_id, work.TaskEventKind.RETURNED, returned.sentence)
    lifecycle.start_anew(cur, returned.practice_id, returned.episode_id)
    return task_id


def _is_cared_for(cur: store.Cursor, of: episode.OpenedEpisode) -> bool:
    is_in_care = enrolment.is_in_care(cur, of.practice_id, of.patient_id, of.opened_at)
    return is_in_care and not standing.not_active(cur, of.practice_id, [of.patient_id])


def _add_event(
    cur: store.Cursor,
    of: episode.OpenedEpisode,
    task_id: UUID,
    event: work.TaskEventKind,
    note: str,
) -> None:
    task_store.add_event(
        cur, of.practice_id, task_id, event, staff_id=None, at=of.opened_at, note=note
    )
