"""What care management gives to alerts: tasks for episodes, and what decides which rules hold for a patient.

The composition root hands it to the evaluator, which may not import this package.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from alerts.care_side import CareSide
from alerts.episode import OpenedEpisode
from ccm_link import audience, store, task_sink


def _same_task(cur: store.Cursor, opened: OpenedEpisode) -> UUID | None:
    return opened.episode_id


CARE_SIDE: Final = CareSide(
    open_task=task_sink.open_task,
    escalate_task=getattr(task_sink, "escalate_task", _same_task),
    reopen_task=getattr(task_sink, "reopen_task", _same_task),
    memberships=audience.memberships,
)
