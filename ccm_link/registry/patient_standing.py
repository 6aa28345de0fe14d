"""A patient's standing with what follows from it for alerts and tasks, in one transaction.

Open tasks of whoever is not active any more stay open with their owners; they leave the worklist and its counts, and
stand on the page of these patients until somebody finishes them, or the patient is active again. Readings that came
meanwhile are judged with a reason for silence (``not_active``), and nobody is called about them afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from alerts import set_aside
from alerts.measures import Severity
from ccm_link import store
from ingest import named_queries, standing
from ingest.standing import NewStanding, Standing

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.registry", "patient_standing")
_MOST: Final = 500

_NOTES: Final = {
    Standing.ACTIVE: "The patient is active again.",
    Standing.INACTIVE: "The patient is not active any more.",
    Standing.TRANSFERRED: "The patient was transferred.",
    Standing.DECEASED: "The patient died.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingTask:
    """An open task of a patient who is not active; ``opened_at`` is aware UTC."""

    task_id: UUID
    patient_id: UUID
    title: str
    severity: Severity
    opened_at: datetime
    owner_name: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity", Severity(self.severity))


def open_tasks(cur: Cursor, practice_id: UUID) -> list[WaitingTask]:
    """Return the open tasks of all who are not active, the oldest first; 500 at most."""
    return store.rows(cur, WaitingTask, _Q.open_tasks, practice_id=practice_id, limit=_MOST)


def count_open_tasks(cur: Cursor, practice_id: UUID) -> int:
    """Return how many open tasks there are of patients who are not active."""
    return int(cast("int", store.scalar(cur, _Q.count_open_tasks, practice_id=practice_id)))


def record(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    new: NewStanding,
    *,
    seen: Standing,
    reason: str,
    recorded_by: str,
    at: datetime,
) -> UUID:
    """Record how a patient stands from now on, and bring alerts in step; return the line's id.

    Arguments and refusals as in :func:`ingest.standing.record`.
    """
    standing_id = standing.record(
        cur,
        practice_id,
        patient_id,
        new,
        seen=seen,
        reason=reason,
        recorded_by=recorded_by,
        at=at,
    )
    _follow(cur, practice_id, patient_id, new.standing, at)
    return standing_id


def withdraw(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    standing_id: UUID,
    *,
    why: str,
    withdrawn_by: str,
    at: datetime,
) -> Standing:
    """Withdraw a standing that was wrong and bring alerts in step; return the one that holds instead.

    Refusals as in :func:`ingest.standing.withdraw`.
    """
    held = standing.withdraw(
        cur,
        practice_id,
        patient_id,
        standing_id,
        why=why,
        withdrawn_by=withdrawn_by,
        at=at,
    )
    _follow(cur, practice_id, patient_id, held, at)
    return held


def _follow(cur: Cursor, practice_id: UUID, patient_id: UUID, held: Standing, at: datetime) -> None:
    follow = set_aside.take_up if held is Standing.ACTIVE else set_aside.set_aside
    follow(cur, practice_id, patient_id, _NOTES[held], at)
