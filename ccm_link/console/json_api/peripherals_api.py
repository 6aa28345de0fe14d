"""The JSON API of peripherals: who measures with them, and what became of a reading when that was corrected."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from ccm_link.console import assigning, patient_head, problems
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.json_api import api_models, peripheral_models
from ccm_link.console.posted import assignment_inputs
from ingest import assignments, corrections, store

router = APIRouter(prefix="/api/v1", responses=api_models.REFUSALS)


@router.get("/peripherals")
def peripherals(desk: AtDesk) -> peripheral_models.Peripherals:
    """Return the practice's peripherals."""
    with desk.transaction() as cur:
        found = assignments.peripherals(cur, desk.practice_id)
        desk.saw(peripherals=len(found))
    return peripheral_models.Peripherals(
        peripherals=[peripheral_models.Peripheral.model_validate(one) for one in found]
    )


@router.get("/peripherals/{peripheral_id}/assignments")
def of_peripheral(desk: AtDesk, peripheral_id: UUID) -> peripheral_models.Assignments:
    """Return who measures and measured with a peripheral, with everything that was corrected."""
    with desk.transaction() as cur:
        return _assignments(desk, cur, peripheral_id)


@router.post("/peripherals/{peripheral_id}/assignments", status_code=201)
def assign(
    desk: AtDesk, peripheral_id: UUID, given: assignment_inputs.Assign
) -> peripheral_models.Assignments:
    """Give a slot of a peripheral to a patient; its readings follow within seconds."""
    with assigning.refusals(), desk.transaction() as cur:
        assigning.assign(
            desk,
            cur,
            peripheral_id,
            given.patient_id,
            given.user_slot,
            given.valid_from,
            given.valid_until,
        )
        return _assignments(desk, cur, peripheral_id)


@router.post("/peripherals/{peripheral_id}/assignments/{assignment_id}/end")
def end(
    desk: AtDesk, peripheral_id: UUID, assignment_id: UUID, given: assignment_inputs.EndAssignment
) -> peripheral_models.Assignments:
    """End an open assignment."""
    with assigning.refusals(), desk.transaction() as cur:
        before = assigning.assignment(desk, cur, peripheral_id, assignment_id)
        assigning.end(desk, cur, before, given.valid_until)
        return _assignments(desk, cur, peripheral_id)


@router.post("/peripherals/{peripheral_id}/assignments/{assignment_id}/correct-patient")
def correct_patient(
    desk: AtDesk, peripheral_id: UUID, assignment_id: UUID, given: assignment_inputs.CorrectPatient
) -> peripheral_models.Assignments:
    """Say that somebody else measured, or nobody known, in a part of an assignment's time; the rest of it stays."""
    with assigning.refusals(), desk.transaction() as cur:
        before = assigning.assignment(desk, cur, peripheral_id, assignment_id)
        span = (given.valid_from, given.valid_until)
        assigning.correct_patient(desk, cur, before, given.patient_id, *span, given.reason)
        return _assignments(desk, cur, peripheral_id)


@router.post("/peripherals/{peripheral_id}/assignments/{assignment_id}/correct-time")
def correct_time(
    desk: AtDesk, peripheral_id: UUID, assignment_id: UUID, given: assignment_inputs.CorrectTime
) -> peripheral_models.Assignments:
    """Say that an assignment held from another instant, or until another."""
    with assigning.refusals(), desk.transaction() as cur:
        before = assigning.assignment(desk, cur, peripheral_id, assignment_id)
        assigning.correct_time(desk, cur, before, given.valid_from, given.valid_until, given.reason)
        return _assignments(desk, cur, peripheral_id)


@router.get("/readings/{reading_id}/versions")
def versions(desk: AtDesk, reading_id: UUID) -> peripheral_models.ReadingVersions:
    """Return a reading's bytes and all its versions, whichever of them is asked for."""
    with desk.transaction() as cur:
        found = store.reading(cur, desk.practice_id, reading_id)
        if found is None:
            raise problems.Refused(problems.NOT_FOUND)
        if found.patient_id is not None:
            patient_head.load(cur, desk, found.patient_id)
        all_seen = corrections.history(cur, desk.practice_id, reading_id)
        desk.saw(
            *(one.patient_id for one in all_seen if one.patient_id is not None),
            resource_id=reading_id,
            versions=len(all_seen),
        )
    return peripheral_models.ReadingVersions(
        reading_id=reading_id,
        raw=found.raw.hex(),
        characteristic=found.characteristic,
        versions=[peripheral_models.Version.model_validate(one) for one in all_seen],
    )


def _assignments(desk: Desk, cur: Cursor, peripheral_id: UUID) -> peripheral_models.Assignments:
    assigning.peripheral(desk, cur, peripheral_id)
    found = assignments.of_peripheral(cur, desk.practice_id, peripheral_id)
    hidden = assignments.hidden(cur, desk.practice_id)
    desk.saw(*(one.patient_id for one in found), resource_id=peripheral_id, assignments=len(found))
    return peripheral_models.Assignments(
        peripheral_id=peripheral_id,
        assignments=[peripheral_models.Assignment.model_validate(one) for one in found],
        is_followed=assignments.is_followed(cur, desk.practice_id, peripheral_id, desk.now),
        others_hidden=any(one.peripheral_id == peripheral_id for one in hidden),
    )
