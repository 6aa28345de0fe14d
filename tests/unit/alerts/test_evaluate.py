from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.evaluate import Evaluation, Silence, evaluate
from alerts.rules import Comparison, Measure, Rule, Severity
from firmware_profiles.readings import Kind, Result
from ingest.rows import Origin, StoredReading

MakeRule = Callable[..., Rule]
MakeReading = Callable[..., StoredReading]
Ask = Callable[..., Evaluation]
LATE_AFTER = timedelta(hours=72)
ABOVE, BELOW = Comparison.AT_OR_ABOVE, Comparison.BELOW


@pytest.fixture(scope="session")
def ask(patient_id: UUID, noon: datetime) -> Ask:
    def evaluated(
        reading: StoredReading, rules: list[Rule], after: timedelta = timedelta(minutes=1)
    ) -> Evaluation:
        return evaluate(
            reading, patient_id, rules, evaluated_at=noon + after, late_after=LATE_AFTER
        )

    return evaluated


def breached(evaluation: Evaluation) -> list[UUID]:
    return [answer.rule.rule_id for answer in evaluation.breaches]


@pytest.mark.parametrize(
    ("measure", "column", "kind"),
    [
        (Measure.SYSTOLIC_MMHG, "systolic_mmhg", Kind.BLOOD_PRESSURE),
        (Measure.DIASTOLIC_MMHG, "diastolic_mmhg", Kind.BLOOD_PRESSURE),
        (Measure.PULSE_BPM, "pulse_bpm", Kind.BLOOD_PRESSURE),
        (Measure.PULSE_BPM, "pulse_bpm", Kind.PULSE_OXIMETRY),
        (Measure.GLUCOSE_MG_DL, "glucose_mg_dl", Kind.GLUCOSE),
    ],
)
def test_each_measure_is_compared_with_its_own_number(
    make_rule: MakeRule,
    make_reading: MakeReading,
    ask: Ask,
    measure: Measure,
    column: str,
    kind: Kind,
) -> None:
    rule = make_rule(measure)
    assert breached(ask(make_reading(kind, **{column: 140.0}), [rule])) == [rule.rule_id]
    within = ask(make_reading(kind, **{column: 139.0}), [rule])
    assert (within.breaches, within.silence) == ((), None)
    assert within.trace["sentence"] == "Rules asked: 1. None was breached."


def test_rule_about_another_kind_is_not_asked(
    make_rule: MakeRule, make_reading: MakeReading, ask: Ask
) -> None:
    evaluation = ask(make_reading(systolic_mmhg=300), [make_rule(Measure.GLUCOSE_MG_DL)])
    assert evaluation.trace["rules"] == []
    assert evaluation.trace["sentence"].startswith("No rule was in force")


@pytest.mark.parametrize(
    ("kind", "silence"),
    [(Kind.GLUCOSE, None), (Kind.KETONE, None), (Kind.PULSE_OXIMETRY, Silence.NOT_MEASURED)],
)
def test_hi_is_a_measurement_where_it_means_something(
    make_rule: MakeRule, make_reading: MakeReading, ask: Ask, kind: Kind, silence: Silence | None
) -> None:
    evaluation = ask(make_reading(kind, result=Result.ABOVE_RANGE), [make_rule()])
    assert (evaluation.silence, evaluation.breaches) == (silence, ())


def test_number_that_the_cuff_left_out_breaches_nothing(
    make_rule: MakeRule, make_reading: MakeReading, ask: Ask
) -> None:
    evaluation = ask(make_reading(systolic_mmhg=120), [make_rule(Measure.PULSE_BPM, BELOW, 50)])
    assert evaluation.breaches == ()
    (answer,) = evaluation.trace["rules"]
    assert (answer["measured"], answer["breached"]) == (None, False)
    assert answer["sentence"].startswith("Pulse was not part of this reading (limit")


def test_severe_breach_covers_the_milder_one_of_its_direction(
    make_rule: MakeRule, make_reading: MakeReading, ask: Ask
) -> None:
    mild = make_rule(limit_value=140)
    severe = make_rule(limit_value=180, severity=Severity.URGENT)
    diastolic = make_rule(Measure.DIASTOLIC_MMHG, limit_value=90)
    low = make_rule(comparison=BELOW, limit_value=90)
    rules = [mild, severe, diastolic, low]
    evaluation = ask(make_reading(systolic_mmhg=184, diastolic_mmhg=95), rules)
    assert breached(evaluation) == [severe.rule_id, diastolic.rule_id]
    traced = {answer["rule_id"]: answer for answer in evaluation.trace["rules"]}
    assert traced[str(mild.rule_id)]["breached"] is True
    assert traced[str(mild.rule_id)]["covered_by"] == str(severe.rule_id)
    assert [traced[str(rule.rule_id)]["covered_by"] for rule in (severe, diastolic, low)] == [
        None,
        None,
        None,
    ]
    assert breached(ask(make_reading(systolic_mmhg=150), rules)) == [mild.rule_id]


@pytest.mark.parametrize(
    ("result", "directions"), [(Result.ABOVE_RANGE, {ABOVE}), (Result.BELOW_RANGE, {BELOW})]
)
def test_glucose_beyond_the_meters_range_breaches_by_direction(
    make_rule: MakeRule,
    make_reading: MakeReading,
    ask: Ask,
    result: Result,
    directions: set[Comparison],
) -> None:
    rules = [
        make_rule(Measure.GLUCOSE_MG_DL, ABOVE, 250),
        make_rule(Measure.GLUCOSE_MG_DL, BELOW, 54, Severity.URGENT),
    ]
    evaluation = ask(make_reading(Kind.GLUCOSE, result=result), rules)
    assert {answer.rule.question.comparison for answer in evaluation.breaches} == directions
    assert evaluation.silence is None
    assert "what the meter can show" in evaluation.trace["sentence"]


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (Kind.BLOOD_PRESSURE, Result.NOT_MEASURABLE),
        (Kind.BLOOD_PRESSURE, Result.ABOVE_RANGE),
        (Kind.GLUCOSE, Result.NOT_MEASURABLE),
        (Kind.GLUCOSE, Result.CONTROL_SOLUTION),
    ],
)
def test_silence_says_not_measured_when_there_is_no_measurement(
    make_rule: MakeRule, make_reading: MakeReading, ask: Ask, kind: Kind, result: Result
) -> None:
    # Numbers beside such a result would be a test strip's, not the patient's.
    reading = make_reading(kind, result=result, systolic_mmhg=300, glucose_mg_dl=500)
    evaluation = ask(reading, [make_rule(), make_rule(Measure.GLUCOSE_MG_DL)])
    assert (evaluation.silence, evaluation.breaches) == (Silence.NOT_MEASURED, ())
    assert result.value in evaluation.trace["sentence"]


@pytest.mark.parametrize(
    ("age", "silence"),
    [
        pytest.param(-timedelta(hours=5), None, id="from a clock that runs ahead"),
        pytest.param(timedelta(hours=72), None, id="just in time"),
        pytest.param(timedelta(hours=72, microseconds=1), Silence.TOO_LATE, id="too late"),
    ],
)
def test_old_breach_is_recorded_and_calls_nobody(
    make_rule: MakeRule,
    make_reading: MakeReading,
    ask: Ask,
    age: timedelta,
    silence: Silence | None,
) -> None:
    evaluation = ask(make_reading(systolic_mmhg=184), [make_rule()], age)
    assert evaluation.silence is silence
    assert len(evaluation.breaches) == (1 if silence is None else 0)
    assert evaluation.trace["rules"][0]["breached"] is True


def test_old_reading_without_breach_is_no_silence(
    make_rule: MakeRule, make_reading: MakeReading, ask: Ask
) -> None:
    evaluation = ask(make_reading(systolic_mmhg=120), [make_rule()], timedelta(days=30))
    assert evaluation.silence is None


def test_rule_set_after_the_measurement_does_not_reach_back(
    make_rule: MakeRule, make_reading: MakeReading, ask: Ask, noon: datetime
) -> None:
    rule = make_rule(in_force_from=noon + timedelta(seconds=1))
    assert ask(make_reading(systolic_mmhg=184), [rule]).trace["rules"] == []


def test_trace_is_json_that_a_person_can_read(
    make_rule: MakeRule, make_reading: MakeReading, ask: Ask, patient_id: UUID
) -> None:
    rule = make_rule(limit_value=180, patient_id=patient_id, version=3, title="Very high")
    reading = make_reading(systolic_mmhg=184)
    trace = json.loads(json.dumps(ask(reading, [rule]).trace))
    assert trace == {
        "sentence": "Systolic pressure was 184 mmHg (limit: at or above 180 mmHg).",
        "reading_id": str(reading.reading_id),
        "measured_at": "2026-03-10T12:00:00Z",
        "evaluated_at": "2026-03-10T12:01:00Z",
        "result": "measured",
        "rules": [
            {
                "rule_id": str(rule.rule_id),
                "version": 3,
                "title": "Very high",
                "made_for": "patient",
                "measure": "systolic_mmhg",
                "comparison": "at_or_above",
                "severity": "clinical",
                "limit": 180,
                "unit": "mmHg",
                "measured": 184,
                "breached": True,
                "covered_by": None,
                "sentence": ("Systolic pressure was 184 mmHg (limit: at or above 180 mmHg)."),
            }
        ],
    }


@given(st.data())
def test_order_and_repetition_of_readings_make_no_difference(
    make_rule: MakeRule, make_reading: MakeReading, ask: Ask, noon: datetime, data: Any
) -> None:
    rules = [
        make_rule(Measure.SYSTOLIC_MMHG, ABOVE, 180, Severity.URGENT),
        make_rule(Measure.SYSTOLIC_MMHG, ABOVE, 140, Severity.CLINICAL),
        make_rule(Measure.DIASTOLIC_MMHG, ABOVE, 90, Severity.CLINICAL),
        make_rule(Measure.SYSTOLIC_MMHG, BELOW, 90, Severity.URGENT),
    ]
    readings = [
        make_reading(
            systolic_mmhg=systolic,
            diastolic_mmhg=systolic / 2,
            measured_at=noon - timedelta(hours=hours),
        )
        for systolic, hours in data.draw(
            st.lists(st.tuples(st.floats(40, 300), st.integers(0, 100)), min_size=1, max_size=8)
        )
    ]

    def episodes(stream: list[StoredReading]) -> dict[UUID, set[UUID]]:
        found: dict[UUID, set[UUID]] = {}
        for reading in stream:
            for rule_id in breached(ask(reading, rules)):
                found.setdefault(rule_id, set()).add(reading.reading_id)
        return found

    repeated = readings + data.draw(st.lists(st.sampled_from(readings), max_size=8))
    assert episodes(data.draw(st.permutations(repeated))) == episodes(readings)


def test_an_imported_breach_is_recorded_and_calls_nobody(
    make_rule: MakeRule, make_reading: MakeReading, ask: Ask
) -> None:
    rule = make_rule(Measure.SYSTOLIC_MMHG)
    imported = ask(make_reading(systolic_mmhg=190.0, origin=Origin.IMPORT), [rule])
    assert imported.silence is Silence.IMPORTED
    assert imported.breaches == ()
    assert imported.trace["rules"][0]["breached"]
    assert "not sent by a device" in imported.trace["sentence"]
    harmless = ask(make_reading(systolic_mmhg=120.0, origin=Origin.IMPORT), [rule])
    assert harmless.silence is None
