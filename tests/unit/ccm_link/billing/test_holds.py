"""What needs a person: consent, attestations, other programs and payers, conflicts, impossible entries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ccm_link.billing import intervals, patient_month
from ccm_link.billing.facts import (
    Beside,
    By,
    Decision,
    Settled,
    StaffRole,
    WorkElsewhere,
)
from ccm_link.billing.fates import Fate
from ccm_link.billing.proposal import Proposal, Why
from ccm_link.month import Month
from tests.made_up_month import (
    ATTESTED,
    BOOK,
    LATER,
    NEW_YORK,
    NOVEMBER,
    NURSE,
    OTHER_DOCTOR,
    called,
    holds,
    in_program,
    month,
    number,
    propose,
    units,
    worked,
)

TWENTY_S = 1200


def fates(found: Proposal) -> dict[Fate, int]:
    return {one.fate: one.seconds for one in found.set_aside}


def on(day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("changed", "at", "fate", "seconds"),
    [
        pytest.param({"ended_at": on(3)}, LATER, Fate.NO_SPAN, 0, id="zero"),
        pytest.param({"ended_at": on(2)}, LATER, Fate.NO_SPAN, 0, id="negative"),
        pytest.param({"ended_at": on(4, 13)}, LATER, Fate.TOO_LONG, 25 * 3600, id="25 hours"),
        pytest.param({}, on(3, 12, 10), Fate.IN_THE_FUTURE, TWENTY_S, id="future"),
        pytest.param({"is_voided": True}, LATER, Fate.VOIDED, TWENTY_S, id="voided"),
        pytest.param({"is_approved": False}, LATER, Fate.NOT_APPROVED, TWENTY_S, id="waits"),
        pytest.param({"program": None}, LATER, Fate.NO_PROGRAM, TWENTY_S, id="no program"),
        pytest.param({"program": "x"}, LATER, Fate.UNKNOWN_PROGRAM, TWENTY_S, id="which program"),
        pytest.param(
            {"role": StaffRole.NON_CLINICAL}, LATER, Fate.NOT_CLINICAL, TWENTY_S, id="front desk"
        ),
        pytest.param(
            {"role": StaffRole.UNATTENDED}, LATER, Fate.NOT_CLINICAL, TWENTY_S, id="nobody"
        ),
        pytest.param({"role": StaffRole.UNKNOWN}, LATER, Fate.UNKNOWN_ROLE, TWENTY_S, id="who"),
        pytest.param(
            {"activity": "device_support"},
            LATER,
            Fate.OTHER_WORK,
            TWENTY_S,
            id="help with a device",
        ),
        pytest.param({"program": "rpm"}, LATER, Fate.NOT_ENROLLED, TWENTY_S, id="not enrolled"),
    ],
)
def test_each_kind_of_entry_that_does_not_count_has_its_answer(
    changed: dict[str, Any], at: datetime, fate: Fate, seconds: int
) -> None:
    found = propose(month([worked(3, TWENTY_S, **changed)], [in_program("ccm")]), at)
    assert units(found) == {}
    assert fates(found) == {fate: seconds}
    told = {
        Fate.NOT_APPROVED,
        Fate.NO_SPAN,
        Fate.TOO_LONG,
        Fate.IN_THE_FUTURE,
        Fate.UNKNOWN_PROGRAM,
        Fate.UNKNOWN_ROLE,
    }
    assert [hold.entry_ids for hold in holds(found, Why.BAD_ENTRY)] == (
        [(number(3),)] if fate in told else []
    )


@pytest.mark.parametrize(
    ("changed", "counted_s", "fate"),
    [
        pytest.param({"consent_documented_at": None}, 0, Fate.NO_CONSENT, id="no consent"),
        pytest.param(
            {"consent_documented_at": on(3, 12, 5)}, 900, Fate.NO_CONSENT, id="late consent"
        ),
        pytest.param({"enrolled_at": on(3, 12, 5)}, 900, Fate.NOT_ENROLLED, id="enrolled in it"),
        pytest.param({"ended_at": on(3, 12, 5)}, 300, Fate.NOT_ENROLLED, id="left in it"),
        pytest.param({"consent_revoked_at": on(2)}, 1200, None, id="revoked in the month"),
        pytest.param(
            {"consent_revoked_at": datetime(2026, 10, 31, 23, tzinfo=NEW_YORK)},
            0,
            Fate.AFTER_REVOCATION,
            id="revoked in the month before",
        ),
    ],
)
def test_only_seconds_with_enrolment_and_consent_count(
    changed: dict[str, Any], counted_s: int, fate: Fate | None
) -> None:
    found = propose(month([worked(3, TWENTY_S)], [in_program("ccm", **changed)]))
    assert sum(one.seconds for one in found.counted.values()) == counted_s
    assert fates(found) == ({} if fate is None else {fate: TWENTY_S - counted_s})
    assert len(holds(found, Why.CONSENT)) == (fate is Fate.NO_CONSENT)


def test_whoever_left_and_came_back_has_the_seconds_of_both_enrolments() -> None:
    programs = [
        in_program("ccm", ended_at=on(5)),
        in_program("ccm", enrolled_at=on(10), consent_documented_at=on(12)),
    ]
    entries = [worked(3, 500), worked(7, 60), worked(11, 90), worked(12, 700)]
    found = propose(month(entries, programs))
    assert units(found) == {"99490": 1}
    assert fates(found) == {Fate.NOT_ENROLLED: 60, Fate.NO_CONSENT: 90}


@pytest.mark.parametrize("consent_at", [None, on(12)])
def test_nobody_bills_by_the_consent_that_another_practitioner_had(
    consent_at: datetime | None,
) -> None:
    programs = [
        in_program("ccm", ended_at=on(10)),
        in_program(
            "ccm",
            enrolled_at=on(10),
            practitioner_id=OTHER_DOCTOR,
            consent_documented_at=consent_at,
        ),
    ]
    entries = [worked(3, TWENTY_S)]
    found = propose(month(entries, programs))
    assert (units(found), [line.code for line in found.held]) == ({}, ["99490"])
    chosen = Settled(key=f"practitioners:ccm:{OTHER_DOCTOR}", reason="She took the patient over.")
    again = propose(month(entries, programs, settled=(chosen,)))
    assert units(again) == ({} if consent_at is None else {"99490": 1})


def test_a_stay_is_clipped_and_death_ends_it() -> None:
    stay = intervals.between(on(3, 12, 5), on(3, 12, 8))
    found = propose(
        month([worked(3, TWENTY_S), worked(9, TWENTY_S)], away=stay, died_at=on(9, 12, 1))
    )
    assert fates(found) == {Fate.INPATIENT: 180, Fate.AFTER_DEATH: 1140}
    assert found.counted["ccm"].seconds == 1020 + 60


@pytest.mark.parametrize(("answer", "words"), [(False, "Not there: "), (None, "Not known: ")])
def test_what_is_not_attested_holds_the_lines_and_says_which(
    answer: bool | None, words: str
) -> None:
    enrolment = in_program("ccm", attested={**ATTESTED, "care_plan": answer})
    found = propose(month([worked(3, TWENTY_S)], [enrolment]))
    assert units(found) == {}
    assert [line.code for line in found.held] == ["99490"]
    (hold,) = holds(found, Why.REQUIREMENT)
    assert hold.words.startswith(words + "a comprehensive electronic care plan")


def test_no_hold_about_requirements_while_nothing_is_reached() -> None:
    assert not propose(month([worked(3, 60)], [in_program("ccm", attested={})])).holds


@pytest.mark.parametrize(
    ("what", "by", "program", "month_asked", "is_proposed", "hold_count"),
    [
        pytest.param("apcm", By.US, "ccm", NOVEMBER, False, 1, id="advanced primary care"),
        pytest.param(
            "apcm", By.OTHERS, "ccm", NOVEMBER, True, 1, id="advanced primary care of others"
        ),
        pytest.param("apcm", By.US, "rpm", NOVEMBER, True, 0, id="allowed beside monitoring"),
        pytest.param("rtm", By.US, "rpm", NOVEMBER, False, 1, id="therapeutic monitoring"),
        pytest.param("rtm", By.US, "ccm", NOVEMBER, True, 0, id="allowed beside care management"),
        pytest.param("tcm", By.US, "ccm", NOVEMBER, True, 1, id="transitional care: asks"),
        pytest.param("tcm", By.US, "ccm", Month(2019, 11), False, 1, id="transitional care, 2019"),
        pytest.param("access", By.US, "rpm", NOVEMBER, False, 1, id="the model, we take part"),
        pytest.param("access", By.OTHERS, "rpm", NOVEMBER, True, 1, id="the model, others do"),
        pytest.param("access", By.UNKNOWN, "ccm", NOVEMBER, False, 1, id="the model, unknown who"),
        pytest.param("ccm", By.OTHERS, "ccm", NOVEMBER, False, 1, id="another practitioner"),
        pytest.param(
            "access", By.US, "ccm", Month(2026, 6), False, 1, id="before the model: no rule"
        ),
        pytest.param("something", By.US, "ccm", NOVEMBER, False, 1, id="what no row speaks of"),
    ],
)
def test_what_stands_beside(
    what: str, by: By, program: str, month_asked: Month, is_proposed: bool, hold_count: int
) -> None:
    at = datetime(month_asked.year, month_asked.month, 3, 17, tzinfo=UTC)
    entry = called(3, TWENTY_S, at=at, program=program)
    found = propose(month([entry], month=month_asked, beside=(Beside(what=what, by=by),)))
    assert bool(found.proposed) is is_proposed
    assert len(found.holds) == hold_count
    if not is_proposed:
        (key,) = {hold.key for hold in found.holds}
        settled = month(
            [entry],
            month=month_asked,
            beside=(Beside(what=what, by=by),),
            settled=(Settled(key=key, reason="The other claim was withdrawn."),),
        )
        again = propose(settled)
        assert again.proposed == found.held
        assert again.holds[0].settled_because == "The other claim was withdrawn."


def test_what_was_settled_of_others_is_not_settled_of_us() -> None:
    entry = worked(3, TWENTY_S)
    (hold,) = propose(month([entry], beside=(Beside(what="apcm", by=By.OTHERS),))).holds
    settled = (Settled(key=hold.key, reason="They manage something else."),)
    ours = propose(month([entry], beside=(Beside(what="apcm", by=By.US),), settled=settled))
    assert units(ours) == {}


def both(**second: Any) -> tuple[Any, ...]:
    return [worked(3, 1800), worked(5, 1800, program="pcm")], [
        in_program("ccm"),
        in_program("pcm", **second),
    ]


def test_two_programs_of_one_practitioner_are_both_held_until_one_is_chosen() -> None:
    entries, programs = both()
    found = propose(month(entries, programs))
    assert [line.code for line in found.held] == ["99426", "99490"]
    keys = sorted(hold.key for hold in holds(found, Why.EXCLUSION))
    assert keys == ["exclusion:ccm-pcm:ccm", "exclusion:ccm-pcm:pcm"]
    chosen = Settled(key=keys[0], reason="The plan is about both conditions.")
    one = propose(month(entries, programs, settled=(chosen,)))
    assert units(one) == {"99490": 1}
    other = Settled(key=keys[1], reason="Too.")
    assert units(propose(month(entries, programs, settled=(chosen, other)))) == {}


def test_two_programs_of_two_practitioners_are_proposed_and_asked_about() -> None:
    entries, programs = both(practitioner_id=OTHER_DOCTOR)
    found = propose(month(entries, programs))
    assert units(found) == {"99426": 1, "99490": 1}
    assert not any(hold.stops for hold in holds(found, Why.EXCLUSION))
    unknown = propose(month(*both(practitioner_id=None)))
    assert units(unknown) == {}


def test_care_management_and_monitoring_meet_without_a_question() -> None:
    found = propose(month([worked(3, TWENTY_S), called(5, TWENTY_S)]))
    assert units(found) == {"99457": 1, "99490": 1}
    assert found.holds == ()


def test_a_second_that_two_programs_claim_counts_for_neither_until_somebody_decides() -> None:
    care = worked(3, 1500)
    call = called(4, 1500, at=care.started_at + timedelta(seconds=900))
    found = propose(month([care, call]))
    assert {name: one.seconds for name, one in found.counted.items()} == {"ccm": 900, "rpm": 900}
    conflict = {hold.program: hold for hold in holds(found, Why.CONFLICT)}
    assert conflict["ccm"].words.startswith("10 min are claimed by two programs at once")
    assert (conflict["rpm"].seconds, conflict["rpm"].entry_ids) == (600, (number(4),))
    decision = Decision(entry_id=number(3), from_at=call.started_at, until_at=care.ended_at)
    decided = propose(month([care, call], decisions=(decision,)))
    assert {name: one.seconds for name, one in decided.counted.items()} == {"ccm": 1500, "rpm": 900}
    assert fates(decided) == {Fate.DECIDED_AGAINST: 600}
    assert not holds(decided, Why.CONFLICT)
    against = Decision(entry_id=number(4), from_at=call.started_at, until_at=care.ended_at)
    twice = propose(month([care, call], decisions=(decision, against)))
    assert fates(twice) == {Fate.TWO_PROGRAMS: 600}


def test_a_decision_settles_only_the_seconds_that_its_entry_claims() -> None:
    care = worked(3, 1500)
    call = called(4, 300, at=care.started_at)
    review = worked(5, 300, at=care.started_at + timedelta(seconds=600), program="pcm")
    decision = Decision(entry_id=number(4), from_at=care.started_at, until_at=care.ended_at)
    found = propose(month([care, call, review], decisions=(decision,)))
    lost = {one.fate: one.seconds for one in found.set_aside if one.entry_id == number(3)}
    assert lost == {Fate.DECIDED_AGAINST: 300, Fate.TWO_PROGRAMS: 300}


def test_one_person_with_two_patients_at_once_is_held() -> None:
    care = worked(3, 1500)
    other = WorkElsewhere(
        entry_id=number(77),
        staff_id=NURSE,
        started_at=care.started_at - timedelta(hours=1),
        ended_at=care.started_at + timedelta(seconds=600),
    )
    found = propose(month([care], elsewhere=(other,)))
    assert fates(found) == {Fate.TWO_PATIENTS: 600}
    assert holds(found, Why.CONFLICT)[0].seconds == 600
    ours = Decision(entry_id=number(3), from_at=care.started_at, until_at=care.ended_at)
    assert units(propose(month([care], elsewhere=(other,), decisions=(ours,)))) == {"99490": 1}
    theirs = Decision(entry_id=number(77), from_at=care.started_at, until_at=care.ended_at)
    decided = propose(month([care], elsewhere=(other,), decisions=(theirs,)))
    assert fates(decided) == {Fate.DECIDED_AGAINST: 600}


def test_time_that_one_person_logged_twice_counts_once_and_is_shown() -> None:
    care = worked(3, 1500)
    again = worked(4, 300, at=care.started_at + timedelta(seconds=100))
    found = propose(month([care, again]))
    assert found.counted["ccm"].seconds == 1500
    (hold,) = holds(found, Why.CONFLICT)
    assert (hold.words, hold.entry_ids) == (
        "One person logged 5 min twice; they count once.",
        (number(3), number(4)),
    )


@pytest.mark.parametrize(
    ("month_asked", "is_proposed", "can_be_settled"),
    [
        pytest.param(Month(2024, 12), False, False, id="2024: not known"),
        pytest.param(Month(2025, 9), False, True, id="until September 2025: a choice"),
        pytest.param(Month(2025, 10), True, None, id="from October 2025: code by code"),
        pytest.param(NOVEMBER, True, None, id="2026"),
    ],
)
def test_rural_and_federally_qualified_sites(
    month_asked: Month, is_proposed: bool, can_be_settled: bool | None
) -> None:
    at = datetime(month_asked.year, month_asked.month, 3, 17, tzinfo=UTC)
    known = month([worked(3, TWENTY_S, at=at)], month=month_asked, site="rhc_fqhc")
    found = propose(known)
    assert bool(found.proposed) is is_proposed
    assert [hold.can_be_settled for hold in holds(found, Why.SITE)] == (
        [] if can_be_settled is None else [can_be_settled]
    )


def test_a_kind_of_site_that_no_row_speaks_of_is_held() -> None:
    found = propose(month([worked(3, TWENTY_S)], site="ship"))
    assert (units(found), [hold.why for hold in found.holds]) == ({}, [Why.SITE])


OVERLAY = """
title = "A payer"
from_on = "2026-03-01"
note = "Made up."

[[coverage]]
name = "rpm"
diagnoses = ["I50", "O13"]
source = "Made up."
certainty = "one"

[[blocker]]
name = "tcm-ccm"
what = "tcm"
title = "Transitional care management"
programs = ["ccm"]
by_us = "stops"
by_others = "stops"
source = "Made up."
certainty = "several"

[[ended]]
section = "code"
name = "99470"
source = "Made up."
certainty = "several"
"""


@pytest.mark.parametrize(
    ("diagnoses", "is_proposed"),
    [(("I50.9",), True), (("I10",), False), ((), False), (None, False)],
)
def test_a_payer_covers_a_program_for_some_diagnoses(
    diagnoses: tuple[str, ...] | None, is_proposed: bool
) -> None:
    book = BOOK.with_payer("a-payer", OVERLAY)
    known = month([called(3, TWENTY_S)], diagnoses=diagnoses)
    found = patient_month.propose(book, known, LATER)
    assert (bool(found.proposed), found.payer) == (is_proposed, "a-payer")
    assert bool(holds(found, Why.COVERAGE)) is not is_proposed


def test_a_rule_that_is_unknown_proposes_nothing() -> None:
    row = (
        OVERLAY[: OVERLAY.index("[[coverage]]")]
        + """
[[code]]
form = "first_minutes"
name = "99490"
title = "Chronic care management, first 20 minutes of staff"
program = "ccm"
from_minutes = 20
source = "Made up."
certainty = "unknown"
"""
    )
    book = BOOK.with_payer("a-payer", row)
    found = patient_month.propose(book, month([worked(3, TWENTY_S)]), LATER)
    assert ([line.code for line in found.held], found.proposed) == (["99490"], ())
    assert [(hold.stops, hold.can_be_settled) for hold in holds(found, Why.UNKNOWN_RULE)] == [
        (True, False)
    ]


def test_a_payers_rows_take_the_place_of_ours_from_their_day_on() -> None:
    book = BOOK.with_payer("a-payer", OVERLAY)
    beside = (Beside(what="tcm", by=By.US),)
    found = patient_month.propose(book, month([worked(3, TWENTY_S)], beside=beside), LATER)
    assert (found.proposed, holds(found, Why.BLOCKER)[0].rule.table) == ((), "a-payer")  # type: ignore[union-attr]
    ten = month([called(3, 600)], diagnoses=("I50.1",))
    assert not patient_month.propose(book, ten, LATER).proposed
    assert units(propose(ten)) == {"99470": 1}
    at = datetime(2026, 2, 3, 17, tzinfo=UTC)
    before = month([called(3, 600, at=at)], month=Month(2026, 2))
    assert units(patient_month.propose(book, before, LATER)) == {"99470": 1}
