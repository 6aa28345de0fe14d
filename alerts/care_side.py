"""What alerts need from whoever cares for patients: tasks for episodes, and which rules can hold for a patient.

This package need not know what a program or a task is: the composition root hands it a `CareSide`. All of it runs on
the evaluator's open cursor, so an episode and its task commit together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from alerts.episode import OpenedEpisode
from alerts.rules import Memberships

Cursor = psycopg.Cursor[Any]

TaskMaker = Callable[[Cursor, OpenedEpisode], UUID | None]
MembershipsOf = Callable[[Cursor, UUID, Collection[UUID], datetime], Mapping[UUID, Memberships]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CareSide:
    """The care side of alerts.

    Attributes:
        open_task: Makes an episode's task and returns its id. None declines: nobody cares for this patient, because the
            patient is in no program. The episode is then taken back, and ``not_enrolled`` is the reason for silence.
        escalate_task: Makes the task of an open episode as severe, and due as soon, as the episode is now.
        reopen_task: Opens the completed task of an episode that came back; None declines as above.
        memberships: Returns, for a practice, some patients and an instant, what decides which rules hold for each.
    """

    open_task: TaskMaker
    escalate_task: TaskMaker
    reopen_task: TaskMaker
    memberships: MembershipsOf
