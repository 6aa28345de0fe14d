"""The JSON API of months and claims: what a patient's month may be billed as, and the claims of a practice's month."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from ccm_link import errors
from ccm_link.billing.proposal import Line
from ccm_link.claim import claim_records
from ccm_link.claim.claim_records import Claim
from ccm_link.claim.claim_states import ClaimState
from ccm_link.console import patient_head, problems, worked_months
from ccm_link.console.desk import AtDesk
from ccm_link.console.json_api import api_models
from ccm_link.console.json_api.api_models import Answer
from ccm_link.console.routes.permissions import Resource

router = APIRouter(prefix="/api/v1", responses=api_models.REFUSALS)


class MonthLine(Answer):
    """A code with its units, of the period ``first_on`` to ``last_on``; ``service_on`` is its day of service."""

    code: str
    title: str
    program: str
    unit_count: int
    seconds: int
    days: int
    service_on: date
    first_on: date
    last_on: date


class MonthHold(Answer):
    """Something that a person has to look at; ``stops``: lines are held back until then."""

    key: str
    why: str
    program: str
    codes: list[str]
    words: str
    stops: bool
    settled_because: str | None


class MonthMissing(Answer):
    """What a further unit of a code would take."""

    code: str
    program: str
    seconds: int
    days: int
    by_on: date
    can_be_reached: bool
    words: str


class PatientMonth(Answer):
    """What a patient's month may be billed as, worked out at ``worked_out_at``. It is a proposal, and no claim."""

    patient_id: UUID
    month: str
    worked_out_at: datetime
    payer: str | None
    proposed: list[MonthLine]
    held: list[MonthLine]
    missing: list[MonthMissing]
    holds: list[MonthHold]
    seconds: dict[str, int]


class ClaimLine(Answer):
    """A line of a claim."""

    code: str
    unit_count: int
    program: str
    service_on: date
    first_on: date
    last_on: date


class ClaimOfMonth(Answer):
    """A claim: ``state`` says how far it is, ``claim_number`` how people and payers call it."""

    claim_id: UUID
    claim_number: str
    patient_id: UUID
    state: str
    payer: str | None
    practitioner: str | None
    diagnoses: list[str]
    lines: list[ClaimLine]
    row_version: int


class Claims(Answer):
    """The claims of a practice's month, by their number."""

    month: str
    claims: list[ClaimOfMonth]


@router.get("/patients/{patient_id}/month/{month}")
def of_patient(desk: AtDesk, patient_id: UUID, month: str) -> PatientMonth:
    """Work out what a patient's month may be billed as, from what is known now."""
    asked = worked_months.parsed(month)
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        worked = worked_months.work_out(desk, cur, patient_id, asked)
        desk.saw(patient_id, resource=Resource.MONTH, resource_id=asked)
    if worked.found is None:
        raise problems.Refused(problems.of_error(errors.NoBillingTable(asked.year)))
    found = worked.found.proposal
    return PatientMonth(
        patient_id=patient_id,
        month=str(asked),
        worked_out_at=found.at,
        payer=worked.found.payer,
        proposed=[_line(one) for one in found.proposed],
        held=[_line(one) for one in found.held],
        missing=[MonthMissing.model_validate(one) for one in found.missing],
        holds=[
            MonthHold(
                key=one.key,
                why=one.why,
                program=one.program,
                codes=list(one.codes),
                words=one.words,
                stops=one.stops,
                settled_because=one.settled_because,
            )
            for one in found.holds
        ],
        seconds={name: counted.seconds for name, counted in found.counted.items()},
    )


@router.get("/claims")
def of_month(desk: AtDesk, month: Annotated[str, Query(max_length=7)]) -> Claims:
    """Return the claims of a practice's month in every state."""
    asked = worked_months.parsed(month)
    with desk.transaction() as cur:
        found = claim_records.of_month(cur, desk.practice_id, asked, list(ClaimState))
        desk.saw(*(one.patient_id for one in found), resource=Resource.CLAIM, claims=len(found))
    return Claims(month=str(asked), claims=[_claim(one) for one in found])


def _line(line: Line) -> MonthLine:
    return MonthLine(
        code=line.code,
        title=line.title,
        program=line.program,
        unit_count=line.count,
        seconds=sum(unit.seconds for unit in line.units),
        days=sum(len(unit.days) for unit in line.units),
        service_on=line.service_on,
        first_on=line.first_on,
        last_on=line.last_on,
    )


def _claim(claim: Claim) -> ClaimOfMonth:
    return ClaimOfMonth(
        claim_id=claim.claim_id,
        claim_number=str(claim.claim_number),
        patient_id=claim.patient_id,
        state=claim.state,
        payer=claim.payer,
        practitioner=claim.practitioner_name,
        diagnoses=list(claim.diagnoses),
        lines=[
            ClaimLine(
                code=one.code,
                unit_count=one.units,
                program=one.program,
                service_on=one.service_on,
                first_on=one.first_on,
                last_on=one.last_on,
            )
            for one in claim.lines
        ],
        row_version=claim.row_version,
    )
