"""A trial in shares of the patients is the whole trial; whose episodes they are, by rule and against other rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from alerts import rule_set
from alerts.backtest import backtest, together
from alerts.courses import Courses
from alerts.measures import Comparison, Measure, Severity
from alerts.rule_set import RuleSpec
from alerts.signals import BaselineChange, Single, Slope, Statistic, TimeInRange, Variability
from firmware_profiles.readings import Kind
from tests.unit.alerts.test_verdicts import Point, courses

DAY_S = 86_400
WATCHED: dict[str, Any] = {"measure": Measure.SYSTOLIC_MMHG}
RISING: dict[str, Any] = WATCHED | {"comparison": Comparison.AT_OR_ABOVE}


def some_patients(first: int, count: int) -> Courses:
    return courses(
        [
            Point(patient, int((day + part) * DAY_S), round(float(value)))
            for patient in range(first, first + count)
            for draw in [np.random.default_rng(patient)]
            for day in range(40)
            for part, value in ((0.3, draw.normal(136, 15)), (0.8, draw.normal(132 + day, 9)))
        ]
    )


def a_rule(limit_value: float, severity: Severity, family: str = "systolic-high") -> RuleSpec:
    return RuleSpec(
        family=family,
        title="High",
        severity=severity,
        kind=Kind.BLOOD_PRESSURE,
        due_within=timedelta(hours=1),
        signal=Single(**RISING, limit_value=limit_value),
        source="ours",
    )


def test_trial_in_shares_of_the_patients_is_the_trial_of_all() -> None:
    rules = rule_set.shipped_set("hypertension").rules
    single = rule_set.shipped_set("single-limits").rules
    kind = Kind.BLOOD_PRESSURE
    shares = [some_patients(0, 3), some_patients(3, 9), some_patients(12, 2)]
    parts = [backtest(rules, kind, share, single) for share in shares]
    whole = backtest(rules, kind, some_patients(0, 14), single)
    assert together(parts) == whole
    assert whole.total.episodes > 14
    assert len(whole.sensitivity) == 8
    assert len(whole.most_of_a_patient) == 10
    nothing = backtest(rules, kind, courses([]), single)
    assert together([nothing, whole]) == together([whole, nothing]) == whole


def test_compared_rules_are_counted_like_those_that_are_tried() -> None:
    mild, severe = a_rule(140, Severity.CLINICAL), a_rule(160, Severity.URGENT)
    past = some_patients(0, 5)
    found = backtest([severe], Kind.BLOOD_PRESSURE, past, [mild], with_sensitivity=False)
    assert found.compared == backtest([mild], Kind.BLOOD_PRESSURE, past, with_sensitivity=False)
    assert (found.compared.only_here, found.compared.compared) == (None, None)


def test_episodes_stand_under_the_rule_of_the_highest_severity_that_they_reached() -> None:
    past = courses([Point(0, 0, 150), Point(0, 3600, 185), Point(1, 0, 150), Point(2, 0, 150)])
    rules = [a_rule(180, Severity.URGENT), a_rule(140, Severity.CLINICAL)]
    found = backtest(rules, Kind.BLOOD_PRESSURE, past, with_sensitivity=False)
    assert {name: burden.episodes for name, burden in found.by_rule.items()} == {
        "systolic-high (urgent)": 1,
        "systolic-high (clinical)": 2,
    }
    assert found.by_family["systolic-high"].episodes == 3
    assert list(found.by_severity) == [Severity.URGENT, Severity.CLINICAL]


def test_patients_with_most_episodes_are_counted_without_a_name() -> None:
    past = courses(
        [Point(0, day * DAY_S, 150) for day in (0, 10, 20)] + [Point(1, 0, 150), Point(2, 0, 120)]
    )
    found = backtest([a_rule(140, Severity.CLINICAL)], Kind.BLOOD_PRESSURE, past)
    assert found.most_of_a_patient == (3, 1)


@pytest.mark.parametrize(
    ("signal", "unit"),
    [
        (Slope(**RISING, per_week=4, days=28, min_days=12), "mmHg a week"),
        (
            BaselineChange(**RISING, change=8, recent_days=7, baseline_days=14, min_readings=5),
            "mmHg",
        ),
        (
            Variability(
                **WATCHED,
                statistic=Statistic.STANDARD_DEVIATION,
                limit_value=14,
                days=7,
                min_readings=5,
            ),
            "mmHg",
        ),
        (
            TimeInRange(
                **WATCHED, low_value=90, high_value=140, below_percent=60, days=7, min_readings=5
            ),
            "%",
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_limit_of_every_form_that_has_one_is_moved(signal: object, unit: str) -> None:
    rule = RuleSpec(
        family="any",
        title="Any",
        severity=Severity.CLINICAL,
        kind=Kind.BLOOD_PRESSURE,
        due_within=timedelta(minutes=1),
        signal=signal,  # type: ignore[arg-type]
        source="ours",
    )
    (moved,) = backtest([rule], Kind.BLOOD_PRESSURE, some_patients(0, 20)).sensitivity
    assert moved.unit == unit
    assert list(moved.limits) == sorted(moved.limits)
    assert moved.episodes[0] != moved.episodes[-1]
