"""What rules would have made of the past: episodes, their severity, what comes back, and what moving a limit does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from alerts import rule_set
from alerts.backtest import backtest, patient_days
from alerts.measures import Comparison, Measure, Severity
from alerts.replay import ReplayedEpisode, apart, replay
from alerts.rule_set import RuleSpec
from alerts.signals import Single
from firmware_profiles.readings import Kind
from tests.unit.alerts.test_verdicts import Point, at_hours, courses


def rule(limit_value: float, severity: Severity, hours: float) -> RuleSpec:
    return RuleSpec(
        family="systolic-high",
        title="High",
        severity=severity,
        kind=Kind.BLOOD_PRESSURE,
        due_within=timedelta(hours=hours),
        signal=Single(
            measure=Measure.SYSTOLIC_MMHG,
            comparison=Comparison.AT_OR_ABOVE,
            limit_value=limit_value,
        ),
        source="ours",
    )


MILD, SEVERE = rule(140, Severity.CLINICAL, 24), rule(180, Severity.URGENT, 1)


def test_breaches_gather_into_one_episode_and_a_severer_one_escalates_it() -> None:
    found = replay([SEVERE, MILD], at_hours((0, 150), (2, 120), (3, 145), (4, 185))).episodes
    assert found == (
        ReplayedEpisode(
            patient=0,
            family="systolic-high",
            opened_at_s=0,
            severity=Severity.URGENT,
            dealt_with_at_s=5 * 3600,
            breaches=3,
            escalations=1,
        ),
    )


def test_breach_soon_after_it_was_dealt_with_brings_the_episode_back_and_a_later_one_is_new() -> (
    None
):
    hours = (0, 24 + 71, 24 + 71 + 24 + 73)
    first, second = replay([MILD], at_hours(*((hour, 150) for hour in hours))).episodes
    assert (first.returns, first.breaches) == (1, 2)
    assert (second.opened_at_s, second.returns) == (hours[2] * 3600, 0)


def test_patients_and_families_have_episodes_of_their_own() -> None:
    both = courses([Point(0, 0, 150), Point(1, 0, 150)])
    other = replace(MILD, family="something-else")
    found = replay([MILD, other], both).episodes
    assert [(one.family, one.patient) for one in found] == [
        ("systolic-high", 0),
        ("systolic-high", 1),
        ("something-else", 0),
        ("something-else", 1),
    ]


def test_nothing_is_made_of_nothing() -> None:
    found = backtest([MILD], Kind.BLOOD_PRESSURE, courses([]))
    assert (found.readings, found.patient_days, found.total.episodes) == (0, 0, 0)
    assert found.total.per_100_patient_days == 0.0


def test_trial_counts_episodes_for_patient_days_and_holds_them_against_the_rules_in_force() -> None:
    past = courses(
        [Point(0, day * 86_400, 150 if day in (0, 20) else 120) for day in range(50)]
        + [Point(1, day * 86_400, 185 if day == 3 else 120) for day in range(50)]
    )
    found = backtest([MILD, SEVERE], Kind.BLOOD_PRESSURE, past, [SEVERE])
    assert found.patient_days == patient_days(past) == 100
    assert found.total.episodes == 3
    assert found.total.per_100_patient_days == 3.0
    assert found.by_severity[Severity.URGENT].episodes == 1
    assert (found.only_here, found.only_there) == (2, 0)


def test_sensitivity_moves_one_limit_and_what_hangs_on_it() -> None:
    past = at_hours(
        *((240 * number, value) for number, value in enumerate((130, 136, 141, 148, 160)))
    )
    (moved,) = backtest([MILD], Kind.BLOOD_PRESSURE, past).sensitivity
    assert moved.limits == (126.0, 133.0, 140.0, 147.0, 154.0)
    assert moved.episodes == (5, 4, 3, 2, 1)
    held = replace(MILD, signal=replace(MILD.signal, clear_value=135))  # type: ignore[arg-type]
    (moved,) = backtest([held], Kind.BLOOD_PRESSURE, past).sensitivity
    assert moved.episodes[2] == 3


def test_episodes_near_one_another_are_the_same_news() -> None:
    def at_day(day: float, patient: int = 0) -> ReplayedEpisode:
        return ReplayedEpisode(patient, "any", int(day * 86_400), Severity.CLINICAL, 0)

    assert apart([at_day(0), at_day(10), at_day(10, 1)], [at_day(2.9), at_day(10)]) == [
        at_day(10, 1)
    ]


def test_shipped_rules_call_for_who_is_too_high_and_not_for_a_high_reading_now_and_then() -> None:
    draw = np.random.default_rng(7)
    means = [128.0] * 19 + [143.0]
    past = courses(
        [
            Point(patient, int((day + part) * 86_400), float(draw.normal(mean, 9)))
            for patient, mean in enumerate(means)
            for day in range(90)
            for part in (0.3, 0.31, 0.8, 0.81)
        ]
    )
    rules = rule_set.parse("hypertension", rule_set.shipped()["hypertension"]).rules
    ours = backtest(rules, Kind.BLOOD_PRESSURE, past, with_sensitivity=False)
    naive = backtest(
        rule_set.shipped_set("single-limits").rules,
        Kind.BLOOD_PRESSURE,
        past,
        with_sensitivity=False,
    )
    assert ours.total.patients == 1
    assert naive.total.patients == 20
