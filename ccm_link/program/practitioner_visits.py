"""Visits to the practitioner who bills, and whether care management may begin without another one.

Source:
    CMS, MLN909188 Chronic Care Management (2025), and guides on the change of 2017: an initiating visit is needed by
    new patients and by those whom the billing practitioner has not seen within a year before care management begins:
    an evaluation visit, annual wellness visit, initial preventive examination or transitional care visit, in which
    care management was talked about. Who is a new patient a person has to say: a record that begins today knows of no
    visit before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Self, cast
from uuid import UUID

from ccm_link import store
from ccm_link.program import program_errors
from ccm_link.program.program_errors import DayReason
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "practitioner_visits")


class Kind(StrEnum):
    """What kind of visit it was."""

    EVALUATION = "evaluation"
    ANNUAL_WELLNESS = "annual_wellness"
    INITIAL_PREVENTIVE = "initial_preventive"
    TRANSITIONAL_CARE = "transitional_care"
    OTHER = "other"


INITIATING: Final = frozenset(Kind) - {Kind.OTHER}
"""Kinds of visits in which care management can be initiated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A patient's visit to a practitioner of the practice, as far as the rule asks."""

    practitioner_id: UUID
    visited_on: date
    kind: Kind
    was_discussed: bool  # whether care management was talked about in it

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedVisit(Visit):
    """A visit as it was recorded."""

    visit_id: UUID
    practitioner_name: str
    recorded_by: str
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdraw_reason: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether something is there, None where that is not known, and why, in words."""

    is_met: bool | None
    why: str

    @classmethod
    def yes(cls, why: str) -> Self:
        """Return that it is there."""
        return cls(is_met=True, why=why)

    @classmethod
    def no(cls, why: str) -> Self:
        """Return that it is not there."""
        return cls(is_met=False, why=why)

    @classmethod
    def unknown(cls, why: str) -> Self:
        """Return that it is not known."""
        return cls(is_met=None, why=why)


def initiating_visit(
    visits: Iterable[Visit],
    *,
    practitioner_id: UUID | None,
    start_on: date,
    is_established: bool | None,
) -> Answer:
    """Tell whether the patient's care management may begin, as far as an initiating visit is asked for.

    Args:
        visits: The patient's, in any order; withdrawn ones left out.
        practitioner_id: Who bills; None: not known.
        start_on: The first day of care management, in the practice's days.
        is_established: Whether the patient is no new one; None: nobody has said so.
    """
    if practitioner_id is None:
        return Answer.unknown("Who bills is not known.")
    year_before = _year_before(start_on)
    within = [
        one
        for one in visits
        if one.practitioner_id == practitioner_id and year_before <= one.visited_on <= start_on
    ]
    if any(one.kind in INITIATING and one.was_discussed for one in within):
        return Answer.yes("An initiating visit took place in the year before.")
    if within and is_established:
        return Answer.yes("Not needed: no new patient, and seen in the year before.")
    if within and is_established is None:
        return Answer.unknown(
            "Seen in the year before, but nobody has said whether this is a new patient."
        )
    if within:
        return Answer.no("A new patient needs a visit in which care management is talked about.")
    return Answer.no("No visit to the practitioner in the year before is recorded.")


def record(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    visit: Visit,
    *,
    born_on: date,
    today: date,
    recorded_by: str,
    at: datetime,
) -> UUID:
    """Record a visit, and return its id.

    Args:
        cur: Open cursor.
        practice_id: The practice.
        patient_id: Whose.
        visit: What is known of it.
        born_on: The patient's birthday.
        today: In the practice's days.
        recorded_by: Who.
        at: Now.

    Raises:
        program_errors.ProgramError: AlreadyRecorded, BadDay; NotSuited where the practitioner is none of the practice.
    """
    if visit.visited_on > today:
        raise program_errors.BadDay(DayReason.IN_THE_FUTURE)
    if visit.visited_on < born_on:
        raise program_errors.BadDay(DayReason.BEFORE_BIRTH)
    parameters = {"practice_id": practice_id, "practitioner_id": visit.practitioner_id}
    if not store.scalar(cur, _Q.is_practitioner, **parameters):
        raise program_errors.NotSuited
    visit_id = store.scalar(
        cur,
        _Q.record,
        **parameters,
        patient_id=patient_id,
        visited_on=visit.visited_on,
        kind=visit.kind,
        was_discussed=visit.was_discussed,
        recorded_by=recorded_by,
        at=at,
    )
    if visit_id is None:
        raise program_errors.AlreadyRecorded
    return cast("UUID", visit_id)


def withdraw(
    cur: store.Cursor,
    practice_id: UUID,
    patient_id: UUID,
    visit_id: UUID,
    *,
    reason: str,
    withdrawn_by: str,
    at: datetime,
) -> None:
    """Withdraw a visit that was recorded by mistake.

    Raises:
        program_errors.AlreadyEnded: It is withdrawn already, or the patient has none under this id.
    """
    withdrawn = store.changed(
        cur,
        _Q.withdraw,
        practice_id=practice_id,
        patient_id=patient_id,
        visit_id=visit_id,
        reason=reason,
        withdrawn_by=withdrawn_by,
        at=at,
    )
    if not withdrawn:
        raise program_errors.AlreadyEnded


def of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID) -> list[RecordedVisit]:
    """Return all that were recorded of a patient, the newest first, withdrawn ones last."""
    return store.rows(
        cur, RecordedVisit, _Q.of_patient, practice_id=practice_id, patient_id=patient_id
    )


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return date(day.year - 1, 3, 1)
