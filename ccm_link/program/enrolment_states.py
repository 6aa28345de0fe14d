"""The states of an enrolment in a program, and which steps lead from one to another. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never
from uuid import UUID

from ccm_link.program import program_errors as errors


class State(StrEnum):
    """How far a patient is on the way into a program."""

    IDENTIFIED = "identified"  # somebody thinks that it suits
    CONTACTED = "contacted"  # was reached, and spoke with us about it
    CONSENTED = "consented"  # from here on work may count
    PLANNED = "planned"  # has the care plan that the program asks for
    ACTIVE = "active"  # all that the program asks for is there
    CLOSED = "closed"


class CloseReason(StrEnum):
    """Why somebody is not in a program, or no longer."""

    DECLINED = "declined"  # said no when asked
    OPTED_OUT = "opted_out"  # took the consent back
    DECEASED = "deceased"
    TRANSFERRED = "transferred"
    NO_LONGER_ELIGIBLE = "no_longer_eligible"
    MOVED_PROGRAM = "moved_program"
    OTHER = "other"


class Event(StrEnum):
    """What happened to an enrolment."""

    IDENTIFIED = "identified"
    CONTACTED = "contacted"
    CONSENTED = "consented"
    PLANNED = "planned"
    ACTIVATED = "activated"
    CLOSED = "closed"
    PRACTITIONER_SET = "practitioner_set"
    CONSENT_RENEWED = "consent_renewed"  # to another practitioner
    CARRIED_OVER = "carried_over"  # was in the program before it was known here


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Who changes which enrolment, when (aware UTC), and which row they looked at."""

    practice_id: UUID
    patient_id: UUID
    enrolment_id: UUID
    row_version: int
    made_by: str
    at: datetime


STEPS: Final[Mapping[State, frozenset[State]]] = {
    # Who is asked in the practice, or signs a form there, was reached by it.
    State.IDENTIFIED: frozenset({State.CONTACTED, State.CONSENTED, State.CLOSED}),
    State.CONTACTED: frozenset({State.CONSENTED, State.CLOSED}),
    State.CONSENTED: frozenset({State.PLANNED, State.ACTIVE, State.CLOSED}),
    State.PLANNED: frozenset({State.ACTIVE, State.CLOSED}),
    State.ACTIVE: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),  # whoever comes back is enrolled anew
}
"""All steps there are."""

BEFORE_CONSENT: Final = frozenset({State.IDENTIFIED, State.CONTACTED})
IN_CARE: Final = frozenset({State.CONSENTED, State.PLANNED, State.ACTIVE})

_EVENTS: Final = {
    State.IDENTIFIED: Event.IDENTIFIED,
    State.CONTACTED: Event.CONTACTED,
    State.CONSENTED: Event.CONSENTED,
    State.PLANNED: Event.PLANNED,
    State.ACTIVE: Event.ACTIVATED,
    State.CLOSED: Event.CLOSED,
}


def check(from_state: State, to_state: State, *, asks_for_plan: bool) -> Event:
    """Return the event of a step.

    Args:
        from_state: how far the patient is.
        to_state: how far after it.
        asks_for_plan: whether the program needs a care plan; where it does, :attr:`State.PLANNED` cannot be left
            out, and where it does not, there is no such state.

    Raises:
        errors.NoSuchStep: no step leads there.
    """
    leads_there = to_state in STEPS[from_state]
    skips_plan = from_state is State.CONSENTED and to_state is State.ACTIVE and asks_for_plan
    plans_needlessly = to_state is State.PLANNED and not asks_for_plan
    if not leads_there or skips_plan or plans_needlessly:
        raise errors.NoSuchStep
    return _EVENTS[to_state]


def check_reason(from_state: State, reason: CloseReason) -> None:
    """Check that an enrolment in a state can be closed for a reason; taking consent back has its own way.

    Raises:
        errors.BadCloseReason: who consented cannot decline, and who did not cannot take it back.
        errors.NoSuchStep: it is closed already.
    """
    if State.CLOSED not in STEPS[from_state]:
        raise errors.NoSuchStep
    match reason:
        case CloseReason.DECLINED:
            suits = from_state in BEFORE_CONSENT
        case CloseReason.OPTED_OUT:
            suits = from_state in IN_CARE
        case (
            CloseReason.DECEASED
            | CloseReason.TRANSFERRED
            | CloseReason.NO_LONGER_ELIGIBLE
            | CloseReason.MOVED_PROGRAM
            | CloseReason.OTHER
        ):
            suits = True
        case _:
            assert_never(reason)
    if not suits:
        raise errors.BadCloseReason


def next_step(state: State, *, asks_for_plan: bool) -> State | None:
    """Return the state that an enrolment is on its way to; None: there is none after it."""
    match state:
        case State.IDENTIFIED:
            return State.CONTACTED
        case State.CONTACTED:
            return State.CONSENTED
        case State.CONSENTED:
            return State.PLANNED if asks_for_plan else State.ACTIVE
        case State.PLANNED:
            return State.ACTIVE
        case State.ACTIVE | State.CLOSED:
            return None
        case _:
            assert_never(state)
