"""What care management gives to alerts: tasks for episodes, and what decides which rules hold for a patient.

The composition root hands it to the evaluator, which may not import this package.
"""

from __future__ import annotations

from typing import Final

from alerts.care_side import CareSide
from ccm_link import audience
from ccm_link.task import task_sink

CARE_SIDE: Final = CareSide(
    open_task=task_sink.open_task,
    escalate_task=task_sink.escalate_task,
    reopen_task=task_sink.reopen_task,
    memberships=audience.memberships,
)
