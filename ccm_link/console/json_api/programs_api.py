"""The JSON API of programs: whom one may suit, and how far a patient is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from ccm_link.console import patient_head
from ccm_link.console.desk import AtDesk
from ccm_link.console.json_api import api_models
from ccm_link.console.json_api.api_models import Answer
from ccm_link.console.pages import patient_program
from ccm_link.console.posted.program_inputs import EligibleQuery, TableWord
from ccm_link.console.program_rules import rules_on, today
from ccm_link.program import care_team, eligibility
from ccm_link.program.chronic_conditions import catalogue
from ccm_link.program.consents import GivenBy, Method
from ccm_link.program.eligibility import Finding, Verdict
from ccm_link.program.enrolment_states import CloseReason, State

router = APIRouter(prefix="/api/v1", responses=api_models.REFUSALS)


class Obstacle(Answer):
    """Something that stands in the way: it stops the program, or somebody has to look."""

    words: str
    stops: bool


class Eligible(Answer):
    """A patient whom a program may suit, or would but for what stands in the way.

    ``groups``: groups of chronic conditions, each with the patient's codes of ICD-10-CM. ``missing``: what a person has
    to attest first. ``state``: of the open enrolment in the program; null where there is none.
    """

    patient_id: UUID
    display_name: str
    record_number: str
    verdict: Verdict
    groups: dict[str, list[str]]
    missing: list[str]
    obstacles: list[Obstacle]
    state: State | None


class EligibleList(Answer):
    """A page of them, whom it suits first; ``patient_count`` is of all pages."""

    program: str
    on: date
    patient_count: int
    patients: list[Eligible]


class Requirement(Answer):
    """What a program asks for. ``is_met``: null where that is not known."""

    name: str
    title: str
    is_met: bool | None
    why: str


class Consent(Answer):
    """A consent. Minutes before ``documented_at`` never count; taken back, it holds until the end of that month."""

    consent_id: UUID
    practitioner_id: UUID | None
    method: Method
    given_by: GivenBy
    script_version: int | None
    elements: list[str]
    taken_by: str
    documented_at: datetime
    recorded_at: datetime
    superseded_at: datetime | None
    revoked_at: datetime | None


class Enrolment(Answer):
    """One patient's way through one program. ``ended_at`` may be to come."""

    enrolment_id: UUID
    program: str
    state: State
    opened_at: datetime
    consent_documented_at: datetime | None
    ended_at: datetime | None
    close_reason: CloseReason | None
    next_try_at: datetime | None
    practitioner_id: UUID | None
    needs_consent: bool
    requirements: list[Requirement]
    consents: list[Consent]
    row_version: int


class Programs(Answer):
    """A patient's enrolments, the open ones first, and the named care manager."""

    patient_id: UUID
    care_manager_id: UUID | None
    enrolments: list[Enrolment]


@router.get("/programs/{program}/eligible")
def eligible(
    desk: AtDesk,
    program: Annotated[TableWord, Path()],
    asked: Annotated[EligibleQuery, Query()],
) -> EligibleList:
    """Return whom a program may suit, with what speaks for it, what is missing, and what stands in the way."""
    with desk.transaction() as cur:
        on = today(desk, cur)
        found = [
            one
            for one in eligibility.find(
                eligibility.patients(cur, desk.practice_id, program, on),
                program,
                rules_on(desk, on),
                catalogue(),
            )
            if one.verdict is not Verdict.TOO_FEW
        ]
        first = (asked.page - 1) * asked.limit
        shown = found[first : first + asked.limit]
        desk.saw(*(one.patient.patient_id for one in shown), program=program)
    return EligibleList(
        program=program, on=on, patient_count=len(found), patients=[_eligible(one) for one in shown]
    )


@router.get("/patients/{patient_id}/programs")
def of_patient(desk: AtDesk, patient_id: UUID) -> Programs:
    """Return how far a patient is in each program, with consents and what each asks for."""
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        on = today(desk, cur)
        rules = rules_on(desk, on)
        shown = patient_program.enrolments(desk, cur, patient_id, rules, on)
        managers = care_team.care_manager_of(cur, desk.practice_id, [patient_id], desk.now)
        desk.saw(patient_id, enrolments=len(shown))
    return Programs(
        patient_id=patient_id,
        care_manager_id=managers.get(patient_id),
        enrolments=[_enrolment(one) for one in shown],
    )


def _eligible(one: Finding) -> Eligible:
    return Eligible(
        patient_id=one.patient.patient_id,
        display_name=one.patient.display_name,
        record_number=one.patient.record_number,
        verdict=one.verdict,
        groups={title: list(codes) for title, codes in one.groups.items()},
        missing=list(one.missing),
        obstacles=[Obstacle.model_validate(each) for each in one.obstacles],
        state=one.patient.state,
    )


def _enrolment(one: patient_program.Shown) -> Enrolment:
    held = one.held
    return Enrolment(
        enrolment_id=held.enrolment_id,
        program=held.program,
        state=held.state,
        opened_at=held.opened_at,
        consent_documented_at=held.consent_documented_at,
        ended_at=held.ended_at,
        close_reason=held.close_reason,
        next_try_at=held.next_try_at,
        practitioner_id=held.practitioner_id,
        needs_consent=one.needs_consent,
        requirements=[
            Requirement(
                name=each.name,
                title=each.title,
                is_met=each.answer.is_met,
                why=each.answer.why,
            )
            for each in one.asked
        ],
        consents=[Consent.model_validate(each) for each in one.consents],
        row_version=held.row_version,
    )
