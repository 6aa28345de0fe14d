"""Every form of a signal in one plain sentence, with its limits, units and the least data it needs."""

from __future__ import annotations

from typing import Final

import pytest

from alerts import rule_set, rule_words, signals
from alerts.measures import Comparison, Measure
from alerts.signals import Mode, Statistic

SYSTOLIC, GLUCOSE, ABOVE, BELOW = (
    Measure.SYSTOLIC_MMHG,
    Measure.GLUCOSE_MG_DL,
    Comparison.AT_OR_ABOVE,
    Comparison.BELOW,
)
LOW: Final = signals.Single(measure=GLUCOSE, comparison=BELOW, limit_value=54, clear_value=70)
IRREGULAR: Final = signals.Flagged(qualifier="irregular_pulse", k=2, n=2, within_days=1)

SAID: Final = [
    (
        LOW,
        (
            "Glucose below 54 mg/dL in one reading, and from then on, for 31 days at most, until a reading is at or"
            " above 70 mg/dL."
        ),
    ),
    (
        signals.Confirmed(
            measure=SYSTOLIC,
            comparison=ABOVE,
            limit_value=180,
            within_minutes=30,
            never_wait_value=220,
            ask="Measure again.",
        ),
        (
            "Systolic pressure at or above 180 mmHg in two readings within 30 minutes, or in one that none follows in"
            " that time; at or above 220 mmHg without waiting for a second. The patient is asked: “Measure again.”"
        ),
    ),
    (
        signals.KOfN(
            measure=SYSTOLIC, comparison=ABOVE, limit_value=140, k=3, n=5, within_days=0.1
        ),
        "Systolic pressure at or above 140 mmHg in 3 of the last 5 readings within 144 minutes.",
    ),
    (
        signals.Average(
            measure=SYSTOLIC, comparison=ABOVE, limit_value=135, days=7, min_readings=12, min_days=1
        ),
        "Mean systolic pressure of 7 days at or above 135 mmHg, from at least 12 readings on 1 day.",
    ),
    (
        signals.BaselineChange(
            measure=SYSTOLIC,
            comparison=BELOW,
            change=15,
            recent_days=3,
            baseline_days=14,
            min_readings=4,
        ),
        (
            "Mean systolic pressure of the last 3 days lower by 15 mmHg or more than that of the 14 days before,"
            " from at least 4 readings in each."
        ),
    ),
    (
        signals.Slope(measure=SYSTOLIC, comparison=ABOVE, per_week=5, days=28, min_days=12),
        (
            "Systolic pressure rising by 5 mmHg a week or more over 28 days, beyond chance (95 %), from readings on at"
            " least 12 days."
        ),
    ),
    (
        signals.Variability(
            measure=GLUCOSE,
            statistic=Statistic.COEFFICIENT_OF_VARIATION_PERCENT,
            limit_value=36,
            days=14,
            min_readings=20,
        ),
        "Coefficient of variation of glucose at or above 36 % in 14 days, from at least 20 readings.",
    ),
    (
        signals.TimeInRange(
            measure=GLUCOSE,
            low_value=70,
            high_value=180,
            below_percent=70,
            days=14,
            min_readings=20,
        ),
        "Fewer than 70 % of readings with glucose from 70 to 180 mg/dL in 14 days, of at least 20 readings.",
    ),
    (
        signals.Flagged(qualifier="irregular_pulse", k=3, n=6, within_days=7),
        "The mark “irregular pulse” of the device in 3 of the last 6 readings within 7 days.",
    ),
    (
        signals.TooFrequent(kind="glucose", more_than=10, within_hours=4),
        "More than 10 readings of glucose within 4 hours.",
    ),
    (
        signals.Combination(mode=Mode.ALL, of=(LOW, IRREGULAR)),
        (
            "All of these at one reading: glucose below 54 mg/dL in one reading, and from then on, for 31 days at most,"
            " until a reading is at or above 70 mg/dL; the mark “irregular pulse” of the device in each of the last 2"
            " readings within 1 day."
        ),
    ),
]


@pytest.mark.parametrize(("signal", "words"), SAID, ids=[type(one).__name__ for one, _ in SAID])
def test_a_form_is_one_plain_sentence(signal: signals.Signal, words: str) -> None:
    assert rule_words.signal(signal) == words


def test_a_rule_says_how_soon_somebody_has_to_look() -> None:
    for name, text in rule_set.shipped().items():
        for rule in rule_set.parse(name, text).rules:
            assert " task is due within " in rule_words.sentence(rule)
