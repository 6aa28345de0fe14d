"""The rules of programs that need no store: steps, consents, visits, requirements, groups of conditions."""

from __future__ import annotations

import inspect
import itertools
import re
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from ccm_link.billing.facts import InProgram
from ccm_link.claim.programs import Agreed, Billed, by_practitioner
from ccm_link.month import Month
from ccm_link.program import (
    consent_script,
    consents,
    enrolment_states,
    practitioner_visits,
    program_errors,
    requirements,
)
from ccm_link.program.chronic_conditions import catalogue
from ccm_link.program.enrolment_states import CloseReason, State
from ccm_link.program.practitioner_visits import Kind, Visit
from ccm_link.program.requirements import Known
from tests.made_up_month import BOOK

DANA, ELI = uuid4(), uuid4()
START = date(2026, 3, 10)
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

ALLOWED = {
    # with a plan asked for, without one
    ("identified", "contacted"): (True, True),
    ("identified", "consented"): (True, True),
    ("identified", "closed"): (True, True),
    ("contacted", "consented"): (True, True),
    ("contacted", "closed"): (True, True),
    ("consented", "planned"): (True, False),
    ("consented", "active"): (False, True),
    ("consented", "closed"): (True, True),
    ("planned", "active"): (True, True),
    ("planned", "closed"): (True, True),
    ("active", "closed"): (True, True),
}


@pytest.mark.parametrize("asks_for_plan", [True, False])
def test_there_are_these_steps_and_no_others(asks_for_plan: bool) -> None:
    for from_state, to_state in itertools.product(State, State):
        allowed = ALLOWED.get((from_state, to_state), (False, False))[not asks_for_plan]
        try:
            enrolment_states.check(from_state, to_state, asks_for_plan=asks_for_plan)
        except program_errors.NoSuchStep:
            assert not allowed, (from_state, to_state)
        else:
            assert allowed, (from_state, to_state)


@pytest.mark.parametrize("asks_for_plan", [True, False])
def test_the_next_step_is_one_that_can_be_taken(asks_for_plan: bool) -> None:
    state, taken = State.IDENTIFIED, [State.IDENTIFIED]
    while (following := enrolment_states.next_step(state, asks_for_plan=asks_for_plan)) is not None:
        enrolment_states.check(state, following, asks_for_plan=asks_for_plan)
        state = following
        taken.append(state)
    assert taken[-1] is State.ACTIVE
    assert (State.PLANNED in taken) is asks_for_plan


def test_who_has_not_consented_declines_and_who_has_takes_it_back() -> None:
    for state, reason in itertools.product(State, CloseReason):
        suits = state is not State.CLOSED and {
            CloseReason.DECLINED: state in enrolment_states.BEFORE_CONSENT,
            CloseReason.OPTED_OUT: state in enrolment_states.IN_CARE,
        }.get(reason, True)
        try:
            enrolment_states.check_reason(state, reason)
        except (program_errors.BadCloseReason, program_errors.NoSuchStep):
            assert not suits, (state, reason)
        else:
            assert suits, (state, reason)


@pytest.mark.parametrize(
    ("revoked_at", "zone", "until"),
    [
        ("2026-03-31T23:30:00-04:00", "America/New_York", "2026-04-01T00:00:00-04:00"),
        # In Berlin it is April already.
        ("2026-03-31T23:30:00-04:00", "Europe/Berlin", "2026-05-01T00:00:00+02:00"),
        # The clocks go forward in March and back in November.
        ("2026-03-01T00:00:00-05:00", "America/New_York", "2026-04-01T00:00:00-04:00"),
        ("2026-11-01T01:30:00-05:00", "America/New_York", "2026-12-01T00:00:00-05:00"),
        ("2026-12-31T12:00:00+00:00", "UTC", "2027-01-01T00:00:00+00:00"),
    ],
)
def test_a_consent_holds_until_the_end_of_the_practices_month(
    revoked_at: str, zone: str, until: str
) -> None:
    held = consents.holds_until(datetime.fromisoformat(revoked_at), ZoneInfo(zone))
    assert held == datetime.fromisoformat(until)


def visit(days_before: int, kind: Kind = Kind.EVALUATION, *, talked: bool = True) -> Visit:
    return Visit(
        practitioner_id=DANA,
        visited_on=START - timedelta(days=days_before),
        kind=kind,
        was_discussed=talked,
    )


@pytest.mark.parametrize(
    ("visits", "is_established", "is_met"),
    [
        pytest.param([], None, False, id="never seen"),
        pytest.param([], True, False, id="established, but not seen for a year"),
        pytest.param([visit(30)], None, True, id="initiating visit"),
        pytest.param([visit(0)], False, True, id="on the first day, of a new patient"),
        pytest.param([visit(365)], False, True, id="a year before to the day"),
        pytest.param([visit(366)], False, False, id="a day more than a year before"),
        pytest.param([visit(-1)], True, False, id="only after the beginning"),
        pytest.param([visit(30, Kind.OTHER)], True, True, id="seen, no new patient"),
        pytest.param([visit(30, Kind.OTHER)], None, None, id="seen, maybe a new patient"),
        pytest.param([visit(30, Kind.OTHER)], False, False, id="seen, a new patient"),
        pytest.param([visit(30, talked=False)], False, False, id="not talked about"),
    ],
)
def test_who_needs_an_initiating_visit(
    visits: list[Visit], is_established: bool | None, is_met: bool | None
) -> None:
    asked = {"start_on": START, "is_established": is_established}
    assert (
        practitioner_visits.initiating_visit(visits, practitioner_id=DANA, **asked).is_met is is_met
    )  # type: ignore[arg-type]
    # A visit to somebody else is none to who bills, and nobody is nobody.
    other = practitioner_visits.initiating_visit(visits, practitioner_id=ELI, **asked)  # type: ignore[arg-type]
    assert other.is_met is False
    unknown = practitioner_visits.initiating_visit(visits, practitioner_id=None, **asked)  # type: ignore[arg-type]
    assert unknown.is_met is None


def test_what_is_found_out_goes_before_what_is_said_and_nothing_is_guessed() -> None:
    def met(known: Known) -> dict[str, bool | None]:
        return requirements.attested(known, practitioner_id=DANA, start_on=START)

    nothing = met(requirements.NOTHING)
    assert nothing == {
        "care_plan": None,
        "continuity": False,
        "initiating_visit": False,
        "plan_shared": None,
        "set_up_record": None,
    }
    said = met(Known(attested={"care_plan": True, "plan_shared": True}))
    assert (said["care_plan"], said["plan_shared"]) == (True, True)  # kept elsewhere
    here = met(Known(attested={"plan_shared": True}, has_plan=True))
    assert (here["care_plan"], here["plan_shared"]) == (True, False)  # this version was not
    shared = met(Known(has_plan=True, is_plan_shared=True, is_set_up=True))
    assert shared["plan_shared"]
    assert shared["set_up_record"]
    # Of the practice as a whole only some things can be said, and what is said of the patient goes first.
    of_practice = met(Known(of_practice={"risk": True, "certified_record": True}))
    assert (of_practice["risk"], of_practice["certified_record"]) == (None, True)


def test_each_step_asks_for_what_its_program_asks_for() -> None:
    rules = BOOK.on(START)
    whole = {"known": Known(has_plan=True), "practitioner_id": DANA, "start_on": START}
    asked = requirements.asked_by("ccm", rules, **whole)  # type: ignore[arg-type]
    assert requirements.missing_for(State.PLANNED, asked) == []
    assert len(requirements.missing_for(State.ACTIVE, asked)) == len(asked) - 1
    bare = requirements.asked_by("pcm", rules, Known(), practitioner_id=DANA, start_on=START)
    assert requirements.missing_for(State.PLANNED, bare) == ["a plan for that condition"]
    with pytest.raises(program_errors.UnknownProgram):
        requirements.of("none", rules)


def test_an_enrolment_stands_once_for_each_practitioner_with_the_consent_that_is_theirs() -> None:
    def stretches(*consents: Agreed, billed: tuple[Billed, ...]) -> list[InProgram]:
        begun = AT - HOUR
        return list(by_practitioner("ccm", begun, None, consents, billed, None, Month(2026, 3)))

    def agreed(whom: object, at: datetime, superseded_at: datetime | None = None) -> Agreed:
        return Agreed(whom, at, START, superseded_at, None)  # type: ignore[arg-type]

    (unknown,) = stretches(agreed(None, AT), billed=())
    assert (unknown.practitioner_id, unknown.consent_documented_at) == (None, AT)
    # Named later, the first practitioner billed it from the beginning.
    (named,) = stretches(agreed(None, AT), billed=(Billed(DANA, AT + HOUR),))
    assert (named.enrolled_at, named.consent_documented_at) == (AT - HOUR, AT)
    billed = (Billed(DANA, AT), Billed(ELI, AT + HOUR), Billed(DANA, AT + 3 * HOUR))
    first, second, third = stretches(
        agreed(DANA, AT, AT + HOUR), agreed(ELI, AT + 2 * HOUR, AT + 3 * HOUR), billed=billed
    )
    assert (first.ended_at, second.enrolled_at) == (AT + HOUR, AT + HOUR)
    assert [one.consent_documented_at for one in (first, second, third)] == [
        AT,
        AT + 2 * HOUR,
        None,  # who comes back needs another one
    ]


def test_a_code_counts_for_the_group_that_names_it_most_closely() -> None:
    groups = catalogue()
    assert groups.of_codes(["I13.0", "I10", "I11.9", "E78.5", "E78.9", "Z00"]) == {
        "heart_failure": ["I13.0"],
        "hyperlipidemia": ["E78.5"],
        "hypertension": ["I10", "I11.9"],
    }
    codes = [code for group in groups.groups.values() for code in group.codes]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[A-Z]([0-9][0-9A-Z](\.[0-9A-Z]{1,4})?)?", code) for code in codes)


def test_every_program_has_words_to_say_and_they_are_the_same_elements() -> None:
    names = {frozenset(script.names) for script in consent_script.shipped().values()}
    assert len(names) == 1
    for script in consent_script.shipped().values():
        assert script.source
        assert all(element.words and element.title for element in script.elements)
    assert consent_script.of_program("ccm").program == "ccm"
    assert consent_script.of_program("data_review").program == "other"


CLASSES = [
    found
    for _, found in inspect.getmembers(program_errors, inspect.isclass)
    if issubclass(found, program_errors.ProgramError)
]


@pytest.mark.parametrize("error", CLASSES)
def test_error_says_what_to_do_and_stands_in_the_tree(error: type[Exception]) -> None:
    reasons = {
        program_errors.BadConsent: program_errors.ConsentReason,
        program_errors.BadAttempt: program_errors.AttemptReason,
        program_errors.BadDay: program_errors.DayReason,
    }.get(error)
    for arguments in [(one,) for one in reasons] if reasons else [()]:  # type: ignore[attr-defined]
        message = str(error(*arguments))
        assert message.endswith(".")
        assert ". " in message, "says what is wrong, but not what to do"
    assert error.__name__ in (program_errors.__doc__ or "")
