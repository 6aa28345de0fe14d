"""Episodes of monitoring at home: begun and ended by a person, with the day from which the 30-day blocks are counted.

A replaced or further device goes on in the same episode, so nothing here knows of devices. An episode is never changed,
only ended, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link import claim_errors, store
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.claim", "monitoring")

PROGRAM: Final = "rpm"
"""The program of monitoring at home, in the words of the billing tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """One episode, in the patient's days; both days are in it.

    Attributes:
        ended_on: None while it goes on.
        set_up_billed: whether its set-up was billed before it was recorded here, as the person said; None: not known.
    """

    monitoring_id: UUID
    patient_id: UUID
    program: str
    started_on: date
    ended_on: date | None
    set_up_billed: bool | None
    started_by: str
    recorded_at: datetime
    ended_by: str | None
    end_reason: str | None


def start(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    started_on: date,
    set_up_billed: bool | None,
    started_by: str,
    at: datetime,
    program: str = PROGRAM,
) -> UUID:
    """Begin an episode and return its id.

    Raises:
        claim_errors.MonitoringGoesOn: The patient has one that is not ended.
    """
    monitoring_id = store.scalar(
        cur,
        _Q.start,
        practice_id=practice_id,
        patient_id=patient_id,
        program=program,
        started_on=started_on,
        set_up_billed=set_up_billed,
        started_by=started_by,
        at=at,
    )
    if monitoring_id is None:
        raise claim_errors.MonitoringGoesOn
    return cast("UUID", monitoring_id)


def end(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    monitoring_id: UUID,
    *,
    ended_on: date,
    reason: str,
    ended_by: str,
    at: datetime,
) -> None:
    """End an episode with its last day.

    Raises:
        claim_errors.MonitoringEnded: It is ended, begins later, or is not the patient's.
    """
    ended = store.scalar(
        cur,
        _Q.end_episode,
        practice_id=practice_id,
        patient_id=patient_id,
        monitoring_id=monitoring_id,
        ended_on=ended_on,
        ended_by=ended_by,
        reason=reason,
        at=at,
    )
    if ended is None:
        raise claim_errors.MonitoringEnded


def end_all(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    *,
    ended_at: datetime,
    reason: str,
    ended_by: str,
    at: datetime,
) -> None:
    """End what goes on of a patient who died or is cared for elsewhere, with the last day before then."""
    cur.execute(
        _Q.end_all,
        {
            "practice_id": practice_id,
            "patient_id": patient_id,
            "ended_at": ended_at,
            "reason": reason,
            "ended_by": ended_by,
            "at": at,
        },
    )


def of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[Monitoring]:
    """Return a patient's episodes, what goes on first."""
    return store.rows(
        cur, Monitoring, _Q.of_patient, practice_id=practice_id, patient_id=patient_id
    )


def proposed_start(
    cur: store.Cursor, practice_id: UUID, patient_id: UUID, zone: ZoneInfo
) -> date | None:
    """Return the patient's day of the first automatic reading since the last episode; None where there is none."""
    first = store.scalar(
        cur, _Q.first_measured_at, practice_id=practice_id, patient_id=patient_id, program=PROGRAM
    )
    return None if first is None else cast("datetime", first).astimezone(zone).date()
