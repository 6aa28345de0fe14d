"""Glucose in numbers: what strips can say, what only a sensor can."""

from __future__ import annotations

import doctest
import statistics as slowly

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import glucose_statistics
from ingest.glucose_statistics import GlucoseCourse, Shares, shares, statistics
from ingest.minimum_data import Lack, NotGiven


def course(*numbers: float, high: int = 0, low: int = 0, every_min: int = 24 * 60) -> GlucoseCourse:
    at = np.datetime64("2026-11-01T00:00", "ms") + np.arange(len(numbers)) * np.timedelta64(
        every_min, "m"
    )
    return GlucoseCourse(at, np.array(numbers, dtype=np.float64), high, low)


def test_the_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(glucose_statistics).failed == 0


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        # each of one reading: 100 % where it is, nothing elsewhere
        pytest.param(course(53.9), Shares(100, 100, 0, 0, 0), id="below 54"),
        pytest.param(course(54), Shares(0, 100, 0, 0, 0), id="54"),
        pytest.param(course(69.9), Shares(0, 100, 0, 0, 0), id="below 70"),
        pytest.param(course(70), Shares(0, 0, 100, 0, 0), id="70"),
        pytest.param(course(180), Shares(0, 0, 100, 0, 0), id="180"),
        pytest.param(course(180.1), Shares(0, 0, 0, 100, 0), id="above 180"),
        pytest.param(course(250), Shares(0, 0, 0, 100, 0), id="250"),
        pytest.param(course(250.1), Shares(0, 0, 0, 100, 100), id="above 250"),
        pytest.param(course(low=1), Shares(100, 100, 0, 0, 0), id="LO alone"),
        # 1 LO, 1 HI, 100 and 200: a quarter each
        pytest.param(course(100, 200, high=1, low=1), Shares(25, 25, 25, 50, 25), id="all sorts"),
    ],
)
def test_shares_are_of_readings(taken: GlucoseCourse, expected: Shares) -> None:
    assert shares(taken) == expected


def test_nothing_has_no_shares_and_no_mean() -> None:
    found = statistics(course(), 14)
    assert (found.shares, found.mean_mg_dl) == (None, None)
    assert found.mean_not_given == NotGiven(Lack.TOO_FEW_READINGS, 1, 0)


def test_high_and_low_are_in_the_shares_and_in_no_mean() -> None:
    found = statistics(course(100, 200, high=3, low=2), 14)
    assert (found.readings, found.numbers, found.mean_mg_dl) == (7, 2, 150.0)
    assert found.spread_not_given == NotGiven(Lack.TOO_FEW_READINGS, 12, 2)
    assert (found.sd_mg_dl, found.cv_percent, found.is_cv_above_limit) == (None, None, None)


@pytest.mark.parametrize(
    ("numbers", "is_above"),
    [
        # 6 x 64 and 6 x 136: mean 100, standard deviation √(12 x 36² / 11) = 37.6
        pytest.param([64, 136] * 6, True, id="37.6 %"),
        # 6 x 66 and 6 x 134: √(12 x 34² / 11) = 35.5
        pytest.param([66, 134] * 6, False, id="35.5 %"),
    ],
)
def test_the_coefficient_of_variation_and_its_limit(numbers: list[float], is_above: bool) -> None:
    found = statistics(course(*numbers), 14)
    assert found.cv_percent == pytest.approx(100 * slowly.stdev(numbers) / slowly.mean(numbers))
    assert found.is_cv_above_limit is is_above


def test_strips_are_refused_time_in_range_and_gmi() -> None:
    found = statistics(course(*[120.0] * 56, every_min=6 * 60), 14)  # four a day for two weeks
    assert (found.gmi_percent, found.time_in_range_percent) == (None, None)
    assert found.sensor_not_given == NotGiven(Lack.NOT_CONTINUOUS, 941, 56)


@pytest.mark.parametrize(
    ("readings", "every_min", "days", "not_given"),
    [
        # 14 x 96 quarters of an hour = 1344, 70 % of them are 940.8
        pytest.param(941, 15, 14, None, id="just enough"),
        pytest.param(940, 15, 14, NotGiven(Lack.NOT_CONTINUOUS, 941, 940), id="one too few"),
        pytest.param(1344, 15, 13, NotGiven(Lack.TOO_FEW_DAYS, 14, 13), id="a day too short"),
        # 2000 in a row, five minutes apart, fill only 667 quarters
        pytest.param(
            2000, 5, 14, NotGiven(Lack.NOT_CONTINUOUS, 941, 667), id="seven days in fives"
        ),
        pytest.param(4032, 5, 14, None, id="a whole fortnight in fives"),
        # over four weeks it takes 28 x 96 x 0.7 = 1881.6
        pytest.param(1344, 15, 28, NotGiven(Lack.NOT_CONTINUOUS, 1882, 1344), id="half of a month"),
    ],
)
def test_a_sensor_that_was_worn_long_enough(
    readings: int, every_min: int, days: int, not_given: NotGiven | None
) -> None:
    found = statistics(course(*[150.0] * readings, every_min=every_min), days)
    assert found.sensor_not_given == not_given
    if not_given is None:
        assert found.gmi_percent == pytest.approx(3.31 + 0.02392 * 150)
        assert found.time_in_range_percent == 100.0
    else:
        assert (found.gmi_percent, found.time_in_range_percent) == (None, None)


@given(st.lists(st.integers(20, 600), max_size=50), st.integers(0, 5), st.integers(0, 5))
def test_every_reading_is_in_exactly_one_of_the_three_main_ranges(
    numbers: list[float], high: int, low: int
) -> None:
    found = shares(course(*numbers, high=high, low=low))
    if found is None:
        assert not numbers
        assert high + low == 0
        return
    total = found.below_70_percent + found.in_70_to_180_percent + found.above_180_percent
    assert total == pytest.approx(100)
    assert found.below_54_percent <= found.below_70_percent
    assert found.above_250_percent <= found.above_180_percent
