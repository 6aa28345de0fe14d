"""Readings as arrays, and the days of a patient."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccm_link.chart import series
from ccm_link.local_days import Days

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)


def hours(*numbers: float) -> series.Instants:
    return series.instants([NOW + timedelta(hours=number) for number in numbers])


def test_the_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(series).failed == 0


@pytest.mark.parametrize(
    ("at", "runs"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([0], [0], id="one"),
        pytest.param([0, 48], [0, 0], id="48 hours hold together"),
        pytest.param([0, 48.01], [0, 1], id="more breaks"),
        pytest.param([0, 1, 60, 61, 120], [0, 0, 1, 1, 2], id="two breaks"),
    ],
)
def test_a_gap_above_two_days_breaks_the_line(at: list[float], runs: list[int]) -> None:
    assert series.unbroken_runs(hours(*at)).tolist() == runs


@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.floats(60, 220)), min_size=1, max_size=40).map(
        sorted
    )
)
def test_the_trailing_mean_is_the_mean_of_the_week_that_ends_with_the_reading(
    readings: list[tuple[int, float]],
) -> None:
    at = hours(*(hour for hour, _ in readings))
    numbers = np.array([number for _, number in readings])
    means = series.trailing_mean(at, numbers)
    for i, (hour, _) in enumerate(readings):
        # Written out slowly: the reading itself and all before it that are less than 7 days old.
        week = [
            number for j, (other, number) in enumerate(readings) if j <= i and hour - other < 168
        ]
        assert means[i] == pytest.approx(np.mean(week))


def test_an_empty_course_has_empty_means() -> None:
    assert series.trailing_mean(hours(), np.array([])).tolist() == []


def test_wall_clock_times_follow_the_patients_zone_across_a_clock_change() -> None:
    # 2026-11-01 06:00 UTC: 02:00 EDT became 01:00 EST.
    at = series.instants([datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (5, 6)])
    assert [str(wall) for wall in series.wall_clock(at, NEW_YORK)] == [
        "2026-11-01T01:30:00.000"
    ] * 2


@pytest.mark.parametrize(
    ("last_day", "hours_long"),
    [
        pytest.param(date(2026, 11, 4), 169, id="autumn"),
        pytest.param(date(2026, 3, 10), 167, id="spring"),
        pytest.param(date(2026, 7, 10), 168, id="summer"),
    ],
)
def test_a_week_is_seven_local_days_and_not_168_hours(last_day: date, hours_long: int) -> None:
    days = Days(last_day - timedelta(days=6), last_day, NEW_YORK)
    assert days.count == 7
    assert days.until_at - days.from_at == timedelta(hours=hours_long)


def test_the_days_end_with_the_patients_current_one() -> None:
    just_after_midnight_utc = datetime(2026, 11, 13, 0, 30, tzinfo=UTC)
    days = Days.until_today(7, just_after_midnight_utc, NEW_YORK)
    assert (days.first_day, days.last_day) == (date(2026, 11, 6), date(2026, 11, 12))


def test_readings_at_both_midnights_fall_on_the_right_side() -> None:
    days = Days(date(2026, 11, 6), date(2026, 11, 12), NEW_YORK)
    at = series.instants([days.from_at - timedelta(seconds=1), days.from_at, days.until_at])
    assert series.within(at, days).tolist() == [False, True, False]
