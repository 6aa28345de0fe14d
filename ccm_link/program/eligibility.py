"""Whom a program may suit, over a whole practice: what speaks for it, what is missing, what stands in the way.

Nobody is enrolled by it: that a condition lasts and what the risk is, a person attests.

Source:
    CMS, MLN909188 Chronic Care Management (2025): two or more chronic conditions, expected to last 12 months or until
    death, with significant risk. Principal care management: one; remote monitoring: any condition, acute or chronic
    (guides agree). Which of these a program asks for stands in the billing tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from ccm_link import store
from ccm_link.billing.facts import By
from ccm_link.billing.rows import Blocker, Effect, Exclusion, Program
from ccm_link.billing.rule_book import Rules
from ccm_link.program import requirements
from ccm_link.program.chronic_conditions import Catalogue
from ccm_link.program.enrolment_states import CloseReason, State
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "eligibility")

# How many groups of chronic conditions a requirement asks for; without any, one condition of any kind will do.
_GROUPS: Final = {"two_conditions": 2, "one_complex_condition": 1}

# What a person has to attest of a patient before anybody asks whether they want to.
_ATTESTED_FIRST: Final = ("two_conditions", "one_complex_condition", "risk", "established_patient")


class Verdict(StrEnum):
    """Whether a program may suit a patient."""

    SUITS = "suits"
    BLOCKED = "blocked"  # it would, but for what stands in the way
    TOO_FEW = "too_few"  # conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is known of a patient, as far as eligibility asks.

    Attributes:
        codes: ICD-10-CM, of conditions that hold.
        attested: what was vouched for last of the patient and holds, by name.
        beside: what else is billed: what, in the words of the tables, and by whom.
        programs: other programs in which there is an open enrolment.
        state: of the open enrolment in the program; None: there is none.
        closed_because: why the last enrolment was closed; None: there was none.
        closed_at: when.
    """

    patient_id: UUID
    display_name: str
    record_number: str
    born_on: date
    codes: tuple[str, ...]
    attested: Mapping[str, bool]
    beside: tuple[tuple[str, By], ...]
    programs: tuple[str, ...]
    state: State | None
    closed_because: CloseReason | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that stands in the way: it stops the program, or somebody has to look."""

    words: str
    stops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What speaks for a program and against it.

    Attributes:
        groups: titles of groups of chronic conditions, each with the codes.
        missing: titles of what a person has to attest first.
    """

    patient: Patient
    verdict: Verdict
    groups: Mapping[str, Sequence[str]]
    missing: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]


def find(
    patients: Iterable[Patient], program: str, rules: Rules, catalogue: Catalogue
) -> list[Finding]:
    """Return what is found of each patient: whom it suits first, who has most conditions first of these.

    Args:
        patients: Of the practice.
        program: By the name of the tables.
        rules: Of the day.
        catalogue: Of chronic conditions.

    Raises:
        program_errors.UnknownProgram: there is no such program on that day.
    """
    row = requirements.of(program, rules)
    blockers = _blockers(program, rules)
    exclusions = _exclusions(program, rules)
    found = [_finding(patient, row, rules, catalogue, blockers, exclusions) for patient in patients]
    order = list(Verdict)
    return sorted(
        found,
        key=lambda one: (
            order.index(one.verdict),
            -len(one.groups),
            one.patient.display_name,
            one.patient.record_number,
        ),
    )


def patients(
    cur: store.Cursor, practice_id: UUID, program: str, on: date, patient_id: UUID | None = None
) -> list[Patient]:
    """Return all active patients of a practice, or one of them, as eligibility asks about them, in one statement.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose.
        program: For which program.
        on: The practice's day.
        patient_id: None: all.
    """
    return store.rows(
        cur,
        _patient,
        _Q.patients,
        practice_id=practice_id,
        program=program,
        on=on,
        patient_id=patient_id,
    )


def _finding(
    patient: Patient,
    program: Program,
    rules: Rules,
    catalogue: Catalogue,
    blockers: Mapping[str, Blocker],
    exclusions: Mapping[str, Exclusion],
) -> Finding:
    groups = catalogue.of_codes(patient.codes)
    wanted = max((_GROUPS.get(name, 0) for name in program.requires), default=0)
    enough = len(groups) >= wanted and bool(patient.codes)
    obstacles = (
        *_beside(patient, blockers),
        *_other_programs(patient, exclusions, rules),
        *_said_before(patient),
    )
    verdict = Verdict.TOO_FEW
    if enough:
        verdict = Verdict.BLOCKED if any(one.stops for one in obstacles) else Verdict.SUITS
    return Finding(
        patient=patient,
        verdict=verdict,
        groups={catalogue.groups[name].title: codes for name, codes in groups.items()},
        missing=tuple(
            requirements.title_of(name, rules)
            for name in _ATTESTED_FIRST
            if name in program.requires and patient.attested.get(name) is not True
        ),
        obstacles=obstacles,
    )


def _blockers(program: str, rules: Rules) -> dict[str, Blocker]:
    return {one.row.what: one.row for one in rules.of(Blocker) if program in one.row.programs}


def _exclusions(program: str, rules: Rules) -> dict[str, Exclusion]:
    """Return what excludes the program, by the other one."""
    return {
        other: one.row
        for one in rules.of(Exclusion)
        if program in one.row.programs
        for other in one.row.programs
        if other != program and one.row.effect is not Effect.ALLOWS
    }


def _beside(patient: Patient, blockers: Mapping[str, Blocker]) -> Iterable[Obstacle]:
    for what, by_whom in patient.beside:
        blocker = blockers.get(what)
        if blocker is None:
            continue
        effects = {By.US: {blocker.by_us}, By.OTHERS: {blocker.by_others}}.get(
            by_whom, {blocker.by_us, blocker.by_others}
        )
        if effects == {Effect.ALLOWS}:
            continue
        whom = {By.US: "us", By.OTHERS: "others"}.get(by_whom, "somebody, it is not known whom")
        yield Obstacle(f"{blocker.title} is billed by {whom}.", Effect.STOPS in effects)


def _other_programs(
    patient: Patient, exclusions: Mapping[str, Exclusion], rules: Rules
) -> Iterable[Obstacle]:
    for other in patient.programs:
        exclusion = exclusions.get(other)
        if exclusion is not None:
            title = requirements.of(other, rules).title
            yield Obstacle(f"{title} has an open enrolment.", exclusion.effect is Effect.STOPS)


def _said_before(patient: Patient) -> Iterable[Obstacle]:
    """Yield what a patient said to it before: it stops nothing, but whoever asks again should know."""
    if patient.closed_because in {CloseReason.DECLINED, CloseReason.OPTED_OUT}:
        yield Obstacle("The patient said no to it before.", stops=False)


def _patient(
    *,
    codes: Sequence[str] | None,
    attested: Mapping[str, bool] | None,
    beside: Sequence[Sequence[str]] | None,
    programs: Sequence[str] | None,
    state: str | None,
    closed_because: str | None,
    patient_id: UUID,
    display_name: str,
    record_number: str,
    born_on: date,
    closed_at: datetime | None,
) -> Patient:
    return Patient(
        patient_id=patient_id,
        display_name=display_name,
        record_number=record_number,
        born_on=born_on,
        codes=tuple(codes or ()),
        attested=attested or {},
        beside=tuple((what, By(by_whom)) for what, by_whom in beside or ()),
        programs=tuple(programs or ()),
        state=State(state) if state else None,
        closed_because=CloseReason(closed_because) if closed_because else None,
        closed_at=closed_at,
    )
