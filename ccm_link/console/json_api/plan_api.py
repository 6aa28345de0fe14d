"""The JSON API of care plans, medication, stays, and what care lacks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from ccm_link.console import patient_head, plan_look
from ccm_link.console.desk import AtDesk
from ccm_link.console.json_api import api_models
from ccm_link.console.json_api.api_models import Answer
from ccm_link.console.plan_look import ShownGoal
from ccm_link.console.posted.plan_inputs import GapsQuery
from ccm_link.plan import care_gap_facts, care_gaps, care_plan, medication, plan_document, stays

router = APIRouter(prefix="/api/v1", responses=api_models.REFUSALS)


class PlanGoal(Answer):
    """A goal. ``side`` and ``target`` say when it is reached, in ``unit``; null where no home reading tells.

    ``mean`` is of the last 30 days; null where too little was measured. ``contradictions``: where a limit in force
    calls somebody although the goal is reached.
    """

    what: str
    measure: str | None
    side: str | None
    target: float | None
    unit: str | None
    by_on: date | None
    reached: str | None
    mean: float | None
    readings: int | None
    days: int | None
    contradictions: list[str]


class PlanSection(Answer):
    """A section by its heading, line by line."""

    heading: str
    lines: list[str]


class CarePlan(Answer):
    """The plan in force; all is null, and the lists are empty, where none was ever signed.

    ``review_due_on``: the last day, in the practice's days, on which the next review is in time. ``shared_at``: when
    this version was first given to the patient or a carer.
    """

    patient_id: UUID
    version: int | None
    signed_at: datetime | None
    signed_by: str | None
    reviewed_at: datetime | None
    review_due_on: date | None
    shared_at: datetime | None
    sections: list[PlanSection]
    goals: list[PlanGoal]


class MedicationLine(Answer):
    """One line of the list; ``rxnorm_code`` is an RXCUI, null where it was not coded."""

    medication_id: UUID
    name: str
    rxnorm_code: str | None
    dose: str
    taken_from_on: date | None
    source: str
    prescriber: str
    recorded_by: str
    recorded_at: datetime
    ended_at: datetime | None
    ended_on: date | None
    end_reason: str | None


class MedicationList(Answer):
    """All that was ever on a patient's list, what stands on it first. Interactions are not checked.

    ``reconciled_at``: when the list was last held against other sources.
    """

    patient_id: UUID
    reconciled_at: datetime | None
    medication: list[MedicationLine]


class Stay(Answer):
    """A stay; ``discharged_at`` is null while it goes on. One with ``voided_at`` counts for nothing."""

    stay_id: UUID
    kind: str
    facility: str
    source: str
    admitted_at: datetime
    discharged_at: datetime | None
    contact_due_at: datetime | None
    contact_task_id: UUID | None
    voided_at: datetime | None


class Stays(Answer):
    """A patient's stays, the newest first."""

    patient_id: UUID
    stays: list[Stay]


class Gap(Answer):
    """What is lacking, with its numbers and what to do."""

    kind: str
    numbers: str
    to_do: str


class PatientGaps(Answer):
    """A patient with what is lacking, the most pressing first."""

    patient_id: UUID
    display_name: str
    record_number: str
    gaps: list[Gap]


class CareGaps(Answer):
    """All active patients in care who lack something, or the one thing that is asked for.

    ``cared_for_count``: of so many who are looked at.
    """

    cared_for_count: int
    patients: list[PatientGaps]


@router.get("/patients/{patient_id}/care-plan")
def plan_in_force(desk: AtDesk, patient_id: UUID) -> CarePlan:
    """Return the care plan in force, with how its goals stand."""
    with desk.transaction() as cur:
        patient = patient_head.load(cur, desk, patient_id).record
        signed = care_plan.versions(cur, desk.practice_id, patient_id)
        head = care_plan.heads(cur, desk.practice_id, [patient_id], desk.now).get(patient_id)
        goals = plan_look.goals(cur, patient, signed[0].document, desk.now) if signed else ()
        desk.saw(patient_id, versions=len(signed))
    texts = plan_document.texts(signed[0].document) if signed else {}
    return CarePlan(
        patient_id=patient_id,
        version=head.version if head else None,
        signed_at=head.signed_at if head else None,
        signed_by=head.signed_by if head else None,
        reviewed_at=head.reviewed_at if head else None,
        review_due_on=head.review_due_on if head else None,
        shared_at=head.shared_at if head else None,
        sections=[
            PlanSection(heading=heading, lines=list(lines))
            for heading, lines in texts.items()
            if lines
        ],
        goals=[_goal(one) for one in goals],
    )


@router.get("/patients/{patient_id}/medication")
def medication_of_patient(desk: AtDesk, patient_id: UUID) -> MedicationList:
    """Return what a patient takes and took."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        found = medication.of_patient(cur, desk.practice_id, patient_id)
        done = medication.reconciliations(cur, desk.practice_id, patient_id)
        desk.saw(patient_id, lines=len(found))
    return MedicationList(
        patient_id=patient_id,
        reconciled_at=done[0].reconciled_at if done else None,
        medication=[MedicationLine.model_validate(one) for one in found],
    )


@router.get("/patients/{patient_id}/stays")
def stays_of_patient(desk: AtDesk, patient_id: UUID) -> Stays:
    """Return where a patient was instead of at home."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        found = stays.of_patient(cur, desk.practice_id, patient_id)
        desk.saw(patient_id, stays=len(found))
    return Stays(patient_id=patient_id, stays=[Stay.model_validate(one) for one in found])


@router.get("/care-gaps")
def gaps(desk: AtDesk, asked: Annotated[GapsQuery, Query()]) -> CareGaps:
    """Return who lacks what."""
    with desk.transaction() as cur:
        facts = care_gap_facts.load(cur, desk.practice_id, None, desk.now)
        found = [
            (one, [gap for gap in one.gaps if asked.gap in {None, gap.kind}])
            for one in care_gaps.gaps(facts, desk.now)
        ]
        lacking = [(one, wanted) for one, wanted in found if wanted]
        desk.saw(*(one.facts.patient_id for one, _ in lacking), patients=len(lacking))
    return CareGaps(
        cared_for_count=len(facts),
        patients=[
            PatientGaps(
                patient_id=one.facts.patient_id,
                display_name=one.facts.display_name,
                record_number=one.facts.record_number,
                gaps=[
                    Gap(kind=gap.kind, numbers=gap.numbers, to_do=gap.kind.to_do) for gap in wanted
                ],
            )
            for one, wanted in lacking
        ],
    )


def _goal(shown: ShownGoal) -> PlanGoal:
    goal, standing = shown.goal, shown.standing
    return PlanGoal(
        what=goal.what,
        measure=goal.measure,
        side=goal.side,
        target=goal.target,
        unit=goal.measure.unit if goal.measure else None,
        by_on=goal.by_on,
        reached=standing.reached if standing else None,
        mean=standing.mean if standing else None,
        readings=standing.readings if standing else None,
        days=standing.days if standing else None,
        contradictions=[one.contradiction for one in shown.limits if one.contradiction],
    )
