"""Who died or went elsewhere leaves every program: what runs for the patient ends with the standing, all or nothing.

Enrolments, monitoring at home and the patient's own schedules of tasks are closed; alerts and open tasks are set aside
(:mod:`ccm_link.registry.patient_standing`). Nothing is opened again by itself, also where a standing was wrong: whoever
comes back is enrolled anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from ccm_link import store
from ccm_link.claim import monitoring
from ccm_link.program import enrolment
from ccm_link.program.enrolment_states import CloseReason
from ccm_link.registry import patient_standing
from ccm_link.task import task_schedules
from ingest import named_queries, people
from ingest.standing import NewStanding, Standing

_Q: Final = named_queries.load("ccm_link", "departure")

_REASONS: Final = {
    Standing.DECEASED: (CloseReason.DECEASED, "The patient died."),
    Standing.TRANSFERRED: (CloseReason.TRANSFERRED, "The patient was transferred."),
}
"""Standings with which a patient leaves; who is only inactive is still enrolled."""


class Kind(StrEnum):
    """What ended with a standing."""

    ENROLMENT = "enrolment"
    MONITORING = "monitoring"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Something that ended with a standing.

    Attributes:
        title: Of a schedule what it says, else the program's name.
        ended_at: From when on it is over; None: of monitoring, which ends with a day.
        closed_at: When that was recorded: the instant of the standing's own line, or of its withdrawal.
    """

    kind: Kind
    closed_id: UUID
    title: str
    ended_at: datetime | None
    closed_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))


def record(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    new: NewStanding,
    *,
    seen: Standing,
    reason: str,
    recorded_by: str,
    at: datetime,
) -> tuple[UUID, list[Closed]]:
    """Record how a patient stands from now on; return the line's id and what was closed with it.

    Arguments and refusals as in :func:`ingest.standing.record`.
    """
    standing_id = patient_standing.record(
        cur,
        practice_id,
        patient_id,
        new,
        seen=seen,
        reason=reason,
        recorded_by=recorded_by,
        at=at,
    )
    return standing_id, _close(cur, practice_id, patient_id, recorded_by, at)


def withdraw(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    standing_id: UUID,
    *,
    why: str,
    withdrawn_by: str,
    at: datetime,
) -> tuple[Standing, list[Closed]]:
    """Withdraw a standing that was wrong; return the one that holds instead, and what was closed with that.

    What was closed with the one withdrawn stays closed. Refusals as in :func:`ingest.standing.withdraw`.
    """
    held = patient_standing.withdraw(
        cur,
        practice_id,
        patient_id,
        standing_id,
        why=why,
        withdrawn_by=withdrawn_by,
        at=at,
    )
    return held, _close(cur, practice_id, patient_id, withdrawn_by, at)


def closed(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[Closed]:
    """Return all that was ever closed with a standing of a patient, by kind and title."""
    return store.rows(cur, Closed, _Q.closed, practice_id=practice_id, patient_id=patient_id)


def _close(
    cur: store.Cursor, practice_id: UUID, patient_id: UUID, by: str, at: datetime
) -> list[Closed]:
    """Close what goes on of a patient who is not cared for here any more, as of when that holds."""
    patient = people.patient(cur, practice_id, patient_id)
    if patient is None or patient.standing not in _REASONS or patient.standing_since is None:
        return []
    reason, words = _REASONS[patient.standing]
    since = patient.standing_since
    enrolment.close_all(
        cur, practice_id, patient_id, reason, ended_at=since, words=words, made_by=by, at=at
    )
    monitoring.end_all(
        cur, practice_id, patient_id, ended_at=since, reason=words, ended_by=by, at=at
    )
    task_schedules.end_all(cur, practice_id, patient_id, reason=words, at=at)
    return [one for one in closed(cur, practice_id, patient_id) if one.closed_at == at]
