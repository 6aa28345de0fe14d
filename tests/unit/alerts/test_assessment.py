"""What readings mean under rules: which are asked, what covers what, what is waited for, what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from alerts.assessment import Assessed, Assessment, assess, trace
from alerts.measures import Comparison, Measure, Severity
from alerts.past_readings import PastReading
from alerts.rules import Memberships, Rule
from alerts.signals import Confirmed, KOfN
from firmware_profiles.readings import Kind, Result
from ingest.rows import Origin
from tests.past_rows import past

MakeRule = Callable[..., Rule]
ABOVE, BELOW = Comparison.AT_OR_ABOVE, Comparison.BELOW
MINUTE = timedelta(minutes=1)


@pytest.fixture
def reading(patient_id: UUID, noon: datetime) -> Callable[..., PastReading]:
    def make(kind: Kind = Kind.BLOOD_PRESSURE, **changes: Any) -> PastReading:
        numbers = {
            Measure(name): changes.pop(name) for name in list(changes) if name in set(Measure)
        }
        made = PastReading(
            patient_id=patient_id,
            reading_id=uuid4(),
            kind=kind,
            result=Result.MEASURED,
            origin=Origin.DEVICE,
            measured_at=noon,
            measured_day=noon.date(),
            version=1,
            numbers=numbers,
            is_irregular_pulse=False,
        )
        return made._replace(**changes)

    return make


def ask(readings: list[PastReading], rules: list[Rule], now: datetime) -> Assessment:
    (kind,) = {one.kind for one in readings}
    spans = {
        one.patient_id: (now - timedelta(days=400), now + timedelta(days=1)) for one in readings
    }
    return assess(past(kind, readings, now), rules, {}, spans, now)


def only(readings: list[PastReading], rules: list[Rule], now: datetime) -> Assessed:
    (one,) = ask(readings, rules, now).assessed
    return one


@pytest.mark.parametrize(
    ("measure", "kind"),
    [
        (Measure.SYSTOLIC_MMHG, Kind.BLOOD_PRESSURE),
        (Measure.DIASTOLIC_MMHG, Kind.BLOOD_PRESSURE),
        (Measure.PULSE_BPM, Kind.BLOOD_PRESSURE),
        (Measure.PULSE_BPM, Kind.PULSE_OXIMETRY),
        (Measure.GLUCOSE_MG_DL, Kind.GLUCOSE),
        (Measure.WEIGHT_KG, Kind.BODY_WEIGHT),
        (Measure.SPO2_PERCENT, Kind.PULSE_OXIMETRY),
        (Measure.TEMPERATURE_CELSIUS, Kind.BODY_TEMPERATURE),
        (Measure.KETONE_MMOL_L, Kind.KETONE),
    ],
)
def test_each_measure_is_compared_with_its_own_number(
    make_rule: MakeRule, reading: Any, noon: datetime, measure: Measure, kind: Kind
) -> None:
    rule = make_rule(measure, limit_value=38)
    assert only([reading(kind, **{measure: 38.0})], [rule], noon).breaches[0].rule is rule
    within = only([reading(kind, **{measure: 37.9})], [rule], noon)
    assert within.breaches == ()
    assert within.sentence == "Rules asked: 1. None was breached."


def test_rule_about_another_kind_is_not_asked(
    make_rule: MakeRule, reading: Any, noon: datetime
) -> None:
    one = only([reading(systolic_mmhg=300)], [make_rule(Measure.GLUCOSE_MG_DL)], noon)
    assert one.answers == ()
    assert one.sentence.startswith("No rule was in force")


def test_severe_breach_covers_the_milder_one_of_its_family(
    make_rule: MakeRule, reading: Any, noon: datetime
) -> None:
    mild = make_rule(limit_value=140)
    severe = make_rule(limit_value=180, severity=Severity.URGENT)
    diastolic = make_rule(Measure.DIASTOLIC_MMHG, limit_value=90)
    low = make_rule(comparison=BELOW, limit_value=90)
    rules = [mild, severe, diastolic, low]
    one = only([reading(systolic_mmhg=184, diastolic_mmhg=95)], rules, noon)
    assert [each.rule for each in one.breaches] == [severe, diastolic]
    covered = {each.rule.rule_id: each.covered_by for each in one.answers if each.breached}
    assert covered == {
        severe.rule_id: None,
        mild.rule_id: severe.rule_id,
        diastolic.rule_id: None,
    }
    written = json.loads(json.dumps(trace(one, noon)))
    assert written["rules"][0]["family"] == "systolic-high"
    assert all(each["why"].startswith("Set for the whole practice") for each in written["rules"])


@pytest.mark.parametrize(
    ("result", "comparison", "words"),
    [
        (Result.ABOVE_RANGE, ABOVE, "above what the meter can show"),
        (Result.BELOW_RANGE, BELOW, "below what the meter can show"),
    ],
)
def test_hi_and_lo_lie_beyond_every_limit_on_their_side(
    make_rule: MakeRule,
    reading: Any,
    noon: datetime,
    result: Result,
    comparison: Comparison,
    words: str,
) -> None:
    rules = [make_rule(Measure.GLUCOSE_MG_DL, each, 100) for each in Comparison]
    one = only([reading(Kind.GLUCOSE, result=result)], rules, noon)
    (breach,) = one.breaches
    assert breach.rule.spec.signal.comparison is comparison  # type: ignore[union-attr]
    assert words in breach.sentence
    assert breach.computed is None


def test_number_that_the_cuff_left_out_breaches_nothing(
    make_rule: MakeRule, reading: Any, noon: datetime
) -> None:
    one = only([reading(systolic_mmhg=120)], [make_rule(Measure.PULSE_BPM, BELOW, 50)], noon)
    (answer,) = one.answers
    assert (answer.breached, answer.computed) == (False, None)
    assert answer.sentence.startswith("Pulse was not part of this reading (limit")


def test_a_reading_beyond_its_limit_waits_until_it_is_answered_or_time_is_up(
    make_rule: MakeRule, reading: Any, noon: datetime
) -> None:
    base = make_rule()
    signal = Confirmed(
        measure=Measure.SYSTOLIC_MMHG,
        comparison=ABOVE,
        limit_value=180,
        within_minutes=30,
        ask="Once more.",
    )
    rule = replace(base, spec=replace(base.spec, signal=signal))
    high = reading(systolic_mmhg=184)
    fine = reading(systolic_mmhg=130, measured_at=noon + 10 * MINUTE)
    again = reading(systolic_mmhg=182, measured_at=noon + 10 * MINUTE)

    waits = only([high], [rule], noon + 29 * MINUTE)
    assert (waits.breaches, waits.waiting[0].until) == ((), noon + 30 * MINUTE)
    assert "asked to measure again" in waits.sentence
    missed = only([high], [rule], noon + 31 * MINUTE)
    assert (len(missed.breaches), missed.waiting) == (1, ())
    for second, breached in ((fine, 0), (again, 1)):
        first, last = ask([high, second], [rule], noon + 11 * MINUTE).assessed
        assert (first.breaches, first.waiting) == ((), ())
        assert len(last.breaches) == breached


def test_other_patients_readings_enter_nothing(
    make_rule: MakeRule, reading: Any, noon: datetime
) -> None:
    base = make_rule()
    signal = KOfN(
        measure=Measure.SYSTOLIC_MMHG,
        comparison=ABOVE,
        limit_value=140,
        k=2,
        n=2,
        within_days=1,
    )
    rule = replace(base, spec=replace(base.spec, signal=signal))
    mine = [reading(systolic_mmhg=150, measured_at=noon + each * MINUTE) for each in range(2)]
    theirs = [reading(systolic_mmhg=150, patient_id=uuid4()) for _ in range(3)]
    found = ask([*mine, *theirs], [rule], noon + 9 * MINUTE)
    assert [one.reading.reading_id for one in found.assessed if one.breaches] == [
        mine[1].reading_id
    ]


def test_memberships_decide_which_rule_is_asked(
    make_rule: MakeRule, reading: Any, noon: datetime, patient_id: UUID
) -> None:
    rule = make_rule(scope="condition", scope_key="I10")
    one = reading(systolic_mmhg=150)
    spans = {patient_id: (noon, noon)}
    for members, asked in (({}, 0), ({patient_id: Memberships(conditions=frozenset({"I10"}))}, 1)):
        found = assess(past(one.kind, [one], noon), [rule], members, spans, noon)
        assert len(found.assessed[0].answers) == asked
