"""What a program asks for, and whether it is there: put together from all that is known, with why. Pure.

The names are those of the billing tables. What a person vouches for is found in :mod:`ccm_link.program.attestations`; a
few things are found out instead, from the care plan, the team, visits and devices that were set up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from ccm_link.billing.rows import LIVE_INTERACTION, Program, Requirement
from ccm_link.billing.rule_book import Rules
from ccm_link.program import practitioner_visits, program_errors
from ccm_link.program.enrolment_states import State
from ccm_link.program.practitioner_visits import Answer, Visit

OF_PRACTICE: Final = frozenset({"round_the_clock_access", "certified_record", "medical_device"})
"""What can be vouched for of the practice as a whole; what is said of a patient goes before it."""

OF_MONTH: Final = frozenset({"complex_decisions", "plan_revised"})
"""What is determined for a month, and holds for that month alone."""

FOUND_OUT: Final = frozenset({"initiating_visit", "continuity", LIVE_INTERACTION})
"""What nobody vouches for: visits, the team and the time log show it."""

PLAN: Final = "care_plan"
PLANS: Final = frozenset({PLAN, "disease_plan"})
"""The care plans that programs ask for: where one does, an enrolment is planned before it is active."""

SHARED: Final = "plan_shared"
SET_UP: Final = "set_up_record"
ESTABLISHED: Final = "established_patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a patient, as far as requirements ask.

    Attributes:
        attested: what was vouched for last of the patient, by name.
        of_practice: likewise of the practice as a whole.
        has_plan: whether a signed care plan is in force here.
        is_plan_shared: whether that version was given to the patient or a carer.
        is_set_up: whether a device was set up, and its use taught.
    """

    attested: Mapping[str, bool] = field(default_factory=dict)
    of_practice: Mapping[str, bool] = field(default_factory=dict)
    visits: tuple[Visit, ...] = ()
    has_care_manager: bool = False
    has_plan: bool = False
    is_plan_shared: bool = False
    is_set_up: bool = False


NOTHING: Final = Known()


@dataclass(frozen=True, slots=True)
class Asked:
    """A requirement with its answer."""

    name: str
    title: str
    answer: Answer


def answers(
    known: Known, names: Iterable[str], *, practitioner_id: UUID | None, start_on: date
) -> dict[str, Answer]:
    """Return whether each of some requirements is there, and why.

    Args:
        known: Of the patient.
        names: Of requirements.
        practitioner_id: Who bills; None: not known.
        start_on: The first day of the program, in the practice's days.
    """
    return {name: _answer(known, name, practitioner_id, start_on) for name in names}


def attested(
    known: Known, *, practitioner_id: UUID | None, start_on: date
) -> dict[str, bool | None]:
    """Return all that is known of requirements as the billing rules take it."""
    names = {*known.attested, *known.of_practice, *_FOUND_FIRST, "initiating_visit", "continuity"}
    found = answers(known, names, practitioner_id=practitioner_id, start_on=start_on)
    return {name: answer.is_met for name, answer in sorted(found.items())}


def asked_by(
    program: str, rules: Rules, known: Known, *, practitioner_id: UUID | None, start_on: date
) -> list[Asked]:
    """Return the requirements of a program with their answers, in the order of the tables.

    Raises:
        program_errors.UnknownProgram: the tables of that day have no such program.
    """
    names = of(program, rules).requires
    found = answers(known, names, practitioner_id=practitioner_id, start_on=start_on)
    return [Asked(name, title_of(name, rules), found[name]) for name in names]


def missing_for(to_state: State, asked: Iterable[Asked]) -> list[str]:
    """Return titles of what has to be there before an enrolment takes a step and is not.

    For :attr:`State.PLANNED` it is the plan, for :attr:`State.ACTIVE` all of it.
    """
    if to_state is State.ACTIVE:
        return [one.title for one in asked if one.answer.is_met is not True]
    if to_state is State.PLANNED:
        return [one.title for one in asked if one.name in PLANS and one.answer.is_met is not True]
    return []


def of(program: str, rules: Rules) -> Program:
    """Return a program's row.

    Raises:
        program_errors.UnknownProgram: the tables of that day have no such program.
    """
    found = rules.find(Program, program)
    if found is None:
        raise program_errors.UnknownProgram
    return found.row


def asks_for_plan(program: Program) -> bool:
    """Tell whether a program asks for a care plan."""
    return not PLANS.isdisjoint(program.requires)


def title_of(name: str, rules: Rules) -> str:
    """Return what a requirement asks for, in words."""
    found = rules.find(Requirement, name)
    return found.row.title if found else name.replace("_", " ")


def _answer(known: Known, name: str, practitioner_id: UUID | None, start_on: date) -> Answer:
    if name == "initiating_visit":
        return practitioner_visits.initiating_visit(
            known.visits,
            practitioner_id=practitioner_id,
            start_on=start_on,
            is_established=known.attested.get(ESTABLISHED),
        )
    if name == "continuity":
        if known.has_care_manager:
            return Answer.yes("The patient has a named care manager.")
        return Answer.no("No care manager is named.")
    found = _FOUND_FIRST.get(name)
    if found is not None and getattr(known, found[0]):
        return Answer.yes(found[1])
    if name == SHARED and known.has_plan:
        return Answer.no("The plan in force has not been given to the patient or a carer.")
    if name in known.attested:
        return _said(known.attested[name], "of the patient")
    if name in known.of_practice and name in OF_PRACTICE:
        return _said(known.of_practice[name], "of the practice")
    return Answer.unknown("Nobody has said so.")


def _said(is_met: bool, of_whom: str) -> Answer:
    why = f"Attested {of_whom}." if is_met else f"Attested {of_whom} that it is not there."
    return Answer(is_met, why)


# What is there without anybody's word if this is known, and why.
_FOUND_FIRST: Final[Mapping[str, tuple[str, str]]] = {
    PLAN: ("has_plan", "A signed care plan is in force."),
    SHARED: ("is_plan_shared", "The plan in force was given to the patient or a carer."),
    SET_UP: ("is_set_up", "A device was set up, and its use taught."),
}
