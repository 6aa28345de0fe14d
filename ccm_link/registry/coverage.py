"""Who pays for a patient, from which day to which; a period is never changed but for its end, or withdrawn as wrong.

Days are the practice's own, both ends included. Of each rank there is one payer on a day: rank 1 is billed first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.registry import registry_errors
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.registry", "coverage")


class Kind(StrEnum):
    """What a coverage is."""

    MEDICARE_PART_B = "medicare_part_b"
    MEDICARE_ADVANTAGE = "medicare_advantage"
    MEDICAID = "medicaid"
    MEDIGAP = "medigap"
    COMMERCIAL = "commercial"
    SELF_PAY = "self_pay"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCoverage:
    """A payer of a patient.

    Attributes:
        payer_name: As people know it; None only of :attr:`Kind.SELF_PAY`.
        payer_id: Under which the payer is known in claims; None: not known.
        member_id: Under which the payer knows the patient; None: not known.
        rank: 1 is billed first.
        covered_until: The last day; None: no end is known.
    """

    kind: Kind
    payer_name: str | None
    payer_id: str | None
    member_id: str | None
    rank: int
    covered_from: date
    covered_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage(NewCoverage):
    """A payer as recorded; instants are aware UTC. ``withdrawn_at`` None: it holds."""

    coverage_id: UUID
    patient_id: UUID
    recorded_by: str
    recorded_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    withdrawn_why: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))


def add(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    new: NewCoverage,
    *,
    recorded_by: str,
    at: datetime,
) -> UUID:
    """Record a payer and return the record's id.

    Raises:
        registry_errors.CoverageOverlaps: Another payer has the rank on one of the days.
        registry_errors.BadCoverage: It ends before it begins, or names no payer where there has to be one.
    """
    if new.covered_until is not None and new.covered_until < new.covered_from:
        raise registry_errors.BadCoverage
    if new.payer_name is None and new.kind is not Kind.SELF_PAY:
        raise registry_errors.BadCoverage
    try:
        with cur.connection.transaction():
            coverage_id = store.scalar(
                cur,
                _Q.add,
                practice_id=practice_id,
                patient_id=patient_id,
                kind=new.kind,
                payer_name=new.payer_name,
                payer_id=new.payer_id,
                member_id=new.member_id,
                rank=new.rank,
                covered_from=new.covered_from,
                covered_until=new.covered_until,
                recorded_by=recorded_by,
                at=at,
            )
    except psycopg.errors.ExclusionViolation:
        raise registry_errors.CoverageOverlaps from None
    return cast("UUID", coverage_id)


def end_on(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    coverage_id: UUID,
    last_day: date,
    *,
    ended_by: str,
    at: datetime,
) -> None:
    """Say which day is a coverage's last, or that it is another one.

    Raises:
        registry_errors.CoverageChanged: It is withdrawn, ends so already, begins later, or is not the patient's.
        registry_errors.CoverageOverlaps: Longer than before, it would meet the payer that follows.
    """
    try:
        with cur.connection.transaction():
            is_ended = store.scalar(
                cur,
                _Q.end_on,
                practice_id=practice_id,
                patient_id=patient_id,
                coverage_id=coverage_id,
                covered_until=last_day,
                ended_by=ended_by,
                at=at,
            )
    except psycopg.errors.ExclusionViolation:
        raise registry_errors.CoverageOverlaps from None
    if is_ended is None:
        raise registry_errors.CoverageChanged


def withdraw(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    coverage_id: UUID,
    *,
    why: str,
    withdrawn_by: str,
    at: datetime,
) -> None:
    """Withdraw a coverage that never was so.

    Raises:
        registry_errors.CoverageChanged: It is withdrawn already, or is not the patient's.
    """
    is_withdrawn = store.scalar(
        cur,
        _Q.withdraw,
        practice_id=practice_id,
        patient_id=patient_id,
        coverage_id=coverage_id,
        why=why,
        withdrawn_by=withdrawn_by,
        at=at,
    )
    if is_withdrawn is None:
        raise registry_errors.CoverageChanged


def of_patient(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Coverage]:
    """Return all that was ever recorded of a patient's payers, what was withdrawn last."""
    return of_patients(cur, practice_id, [patient_id])


def of_patients(cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID]) -> list[Coverage]:
    """Return all that was ever recorded of some patients' payers, what was withdrawn last."""
    asked = {"practice_id": practice_id, "patient_ids": list(patient_ids)}
    return store.rows(cur, Coverage, _Q.of_patients, **asked)


def coverages_on(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID], day: date
) -> Mapping[UUID, tuple[Coverage, ...]]:
    """Return who pays for some patients on a day, whoever is billed first first; who has nobody is not in it."""
    found: dict[UUID, tuple[Coverage, ...]] = {}
    asked = {"practice_id": practice_id, "patient_ids": list(patient_ids), "day": day}
    for one in store.rows(cur, Coverage, _Q.on_day, **asked):
        found[one.patient_id] = (*found.get(one.patient_id, ()), one)
    return found


def payers_on(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID], on: date
) -> Mapping[UUID, str | None]:
    """Return who is billed first for each of some patients on a day, by name: so a payer's own rules are found.

    None where nobody is recorded, or the patient pays.
    """
    found = coverages_on(cur, practice_id, patient_ids, on)
    return {
        patient_id: found[patient_id][0].payer_name if patient_id in found else None
        for patient_id in patient_ids
    }
