"""The JSON API of a patient's tasks: all of them, and one that a program opens for a person."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header

from ccm_link.console import patient_head, planned_deeds
from ccm_link.console.desk import AtDesk
from ccm_link.console.json_api import api_models
from ccm_link.console.json_api.api_models import Answer
from ccm_link.console.posted import input_types, planned_inputs
from ccm_link.task import tasks

router = APIRouter(prefix="/api/v1/patients/{patient_id}/tasks", responses=api_models.REFUSALS)


class PatientTasks(Answer):
    """A patient's tasks, open ones first, then the newest; at most 200."""

    patient_id: UUID
    tasks: list[api_models.Task]


@router.get("")
def of_patient(desk: AtDesk, patient_id: UUID) -> PatientTasks:
    """Return a patient's tasks, also those that no alert made."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        found = tasks.tasks_of_patient(cur, desk.practice_id, patient_id)
        desk.saw(patient_id, tasks=len(found))
    return PatientTasks(patient_id=patient_id, tasks=[api_models.Task.of(one) for one in found])


@router.post("", status_code=201)
def open_task(
    desk: AtDesk,
    patient_id: UUID,
    given: planned_inputs.OpenTask,
    idempotency_key: Annotated[input_types.RequestKey | None, Header()] = None,
) -> api_models.Task:
    """Open a task for a patient; sent again under the same key, it is opened once."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        task = planned_deeds.open_by_hand(cur, desk, patient_id, given.wanted(), idempotency_key)
    return api_models.Task.of(task)
