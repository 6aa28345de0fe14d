"""The JSON API of what patients have."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from fastapi import APIRouter

from ccm_link.console import patient_head
from ccm_link.console.desk import AtDesk
from ccm_link.console.json_api import api_models
from ccm_link.console.json_api.api_models import Answer
from ccm_link.registry import conditions

router = APIRouter(prefix="/api/v1/patients/{patient_id}/conditions", responses=api_models.REFUSALS)


class Condition(Answer):
    """A condition as a code of ICD-10-CM; it counts from ``recorded_at`` until before ``ended_at``.

    ``source``: where it is known from. ``end_reason``: that it is over, or that it was recorded by mistake.
    ``onset_on``: the day on which the illness began; null where that is not known.
    """

    condition_id: UUID
    code: str
    source: str
    recorded_by: str
    recorded_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None
    onset_on: date | None


class Conditions(Answer):
    """All that was ever recorded about a patient, what holds first."""

    patient_id: UUID
    conditions: list[Condition]


@router.get("")
def of_patient(desk: AtDesk, patient_id: UUID) -> Conditions:
    """Return a patient's conditions, with those that were ended."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        found = conditions.of_patient(cur, desk.practice_id, patient_id)
        desk.saw(patient_id, conditions=len(found))
    return Conditions(
        patient_id=patient_id, conditions=[Condition.model_validate(one) for one in found]
    )
