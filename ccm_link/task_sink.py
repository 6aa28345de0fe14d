"""Turn a freshly opened alert episode into a task, inside the transaction that opened it.

The composition root hands :func:`open_task` to the evaluator, which may not import this package.
"""

from __future__ import annotations

from uuid import UUID

from alerts import episode
from ccm_link import store, work


def open_task(cur: store.Cursor, opened: episode.OpenedEpisode) -> UUID | None:
    """Open the task of an episode, or decline: None where nobody here cares for the patient.

    1. A patient without an enrolment at that instant gets no task; the evaluator then undoes the
       episode and records ``not_enrolled`` as the reason for its silence.
    2. Store the task, due as the rule says, and its first event.

    Args:
        cur: The evaluator's open cursor; it commits episode, event and task together.
        opened: The episode.

    Returns:
        The task's id, or None.
    """
    if not store.is_enrolled(cur, opened.practice_id, opened.patient_id, opened.opened_at):
        return None
    task_id = store.insert_task(cur, opened)
    store.insert_task_event(
        cur,
        opened.practice_id,
        task_id,
        work.TaskEventKind.OPENED,
        staff_id=None,
        at=opened.opened_at,
        note=opened.sentence,
    )
    return task_id
