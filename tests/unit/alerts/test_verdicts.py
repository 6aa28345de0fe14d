"""Whether signals are breached, held against the plainest way of asking the same."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.courses import DAY_S, Courses
from alerts.measures import Comparison, Measure
from alerts.signals import (
    Average,
    BaselineChange,
    Combination,
    Confirmed,
    Flagged,
    KOfN,
    Mode,
    Signal,
    Single,
    Slope,
    Statistic,
    TimeInRange,
    TooFrequent,
    Variability,
)
from alerts.verdicts import verdicts

SYSTOLIC = Measure.SYSTOLIC_MMHG
UP, DOWN = Comparison.AT_OR_ABOVE, Comparison.BELOW
NAN = float("nan")


@dataclass(frozen=True)
class Point:
    """One reading: patient, seconds, number, and whether it is marked."""

    patient: int
    at_s: int
    value: float
    marked: bool = False


def courses(points: list[Point], until_s: int | None = None) -> Courses:
    points = sorted(points, key=lambda point: (point.patient, point.at_s))
    at_s = np.array([point.at_s for point in points], dtype=np.int64)
    return Courses(
        patient=np.array([point.patient for point in points], dtype=np.int64),
        at_s=at_s,
        local_day=at_s // DAY_S,
        numbers={SYSTOLIC: np.array([point.value for point in points], dtype=np.float64)},
        flags={"irregular_pulse": np.array([point.marked for point in points], dtype=np.bool_)},
        until_s=until_s if until_s is not None else max([0, *(p.at_s for p in points)]),
    )


def at_hours(*numbers: tuple[float, float]) -> Courses:
    """Return one patient's readings: hour and number."""
    return courses([Point(0, int(hour * 3600), value) for hour, value in numbers])


SINGLE = Single(measure=SYSTOLIC, comparison=UP, limit_value=180)
CONFIRMED = Confirmed(
    measure=SYSTOLIC,
    comparison=UP,
    limit_value=180,
    within_minutes=30,
    never_wait_value=220,
    ask="again",
)
K_OF_N = KOfN(measure=SYSTOLIC, comparison=DOWN, limit_value=90, k=2, n=3, within_days=2)
AVERAGE = Average(
    measure=SYSTOLIC, comparison=UP, limit_value=135, days=7, min_readings=4, min_days=2
)
BASELINE = BaselineChange(
    measure=SYSTOLIC, comparison=UP, change=10, recent_days=2, baseline_days=5, min_readings=2
)
VARIABILITY = Variability(
    measure=SYSTOLIC, statistic=Statistic.STANDARD_DEVIATION, limit_value=10, days=3, min_readings=3
)
CV = replace(VARIABILITY, statistic=Statistic.COEFFICIENT_OF_VARIATION_PERCENT, limit_value=8)
IN_RANGE = TimeInRange(
    measure=SYSTOLIC, low_value=90, high_value=140, below_percent=50, days=3, min_readings=2
)
FLAGGED = Flagged(qualifier="irregular_pulse", k=2, n=4, within_days=3)
FREQUENT = TooFrequent(kind="blood_pressure", more_than=2, within_hours=6)


@pytest.mark.parametrize(
    ("signal", "readings", "breached"),
    [
        pytest.param(SINGLE, [(0, 179), (1, 180), (2, NAN), (3, 120)], "-x--", id="single"),
        pytest.param(
            replace(SINGLE, clear_value=160),
            [(0, 181), (1, 170), (2, 159), (3, 170), (4, 180), (5, 160)],
            "xx--xx",
            id="held until it is back in range",
        ),
        pytest.param(
            replace(SINGLE, clear_value=160),
            [(0, 181), (24 * 30.9, 170), (24 * 31, 170), (24 * 32, 180), (24 * 60, 170)],
            "xx-xx",
            id="held for a month at most",
        ),
        pytest.param(
            CONFIRMED, [(0, 185), (0.4, 130), (5, 120)], "---", id="repeated and in range"
        ),
        pytest.param(CONFIRMED, [(0, 185), (0.4, 190), (5, 120)], "-x-", id="confirmed"),
        pytest.param(CONFIRMED, [(0, 185), (9, 120)], "x-", id="asked and silent"),
        pytest.param(CONFIRMED, [(0, 120), (1, 221)], "-x", id="never waits"),
        pytest.param(CONFIRMED, [(0, 120), (1, 185)], "--", id="still asked"),
        pytest.param(K_OF_N, [(0, 85), (9, 120), (20, 80), (30, 85)], "--xx", id="two of three"),
        pytest.param(K_OF_N, [(0, 85), (60, 80)], "--", id="too long ago"),
        pytest.param(
            AVERAGE, [(0, 140), (1, 141), (24, 142), (25, 143), (200, 150)], "---x-", id="average"
        ),
        pytest.param(AVERAGE, [(0, 140), (1, 141), (2, 142), (3, 143)], "----", id="one day only"),
        pytest.param(
            BASELINE,
            [(0, 120), (24, 122), (100, 140), (110, 142)],
            "---x",
            id="above the time before",
        ),
        pytest.param(VARIABILITY, [(0, 120), (1, 140), (2, 100)], "--x", id="variability"),
        pytest.param(
            IN_RANGE, [(0, 120), (1, 150), (2, float("inf"))], "--x", id="time in range, HI is out"
        ),
        pytest.param(FREQUENT, [(0, 1), (1, 1), (2, 1), (9, 1)], "--x-", id="too frequent"),
        pytest.param(
            Combination(Mode.ALL, (SINGLE, FREQUENT)),
            [(0, 185), (1, 185), (2, 185)],
            "--x",
            id="both",
        ),
        pytest.param(
            Combination(Mode.ANY, (SINGLE, FREQUENT)),
            [(0, 185), (1, 120), (2, 120)],
            "x-x",
            id="either",
        ),
    ],
)
def test_signal_is_breached(
    signal: Signal, readings: list[tuple[float, float]], breached: str
) -> None:
    found = verdicts(signal, at_hours(*readings)).breached
    assert "".join("x" if one else "-" for one in found) == breached


def test_hi_and_lo_are_beyond_every_limit_and_in_no_mean() -> None:
    found = at_hours(
        (0, float("inf")), (1, float("-inf")), (24, 130), (25, 130), (26, 130), (48, 130)
    )
    assert list(verdicts(SINGLE, found).breached) == [True] + [False] * 5
    low = replace(SINGLE, comparison=DOWN, limit_value=90)
    assert list(verdicts(low, found).breached) == [False, True, False, False, False, False]
    assert verdicts(AVERAGE, found).computed[-1] == 130


@pytest.mark.parametrize(
    ("per_day", "breached"),
    [(1.0, True), (0.3, False), (-1.0, False)],
    ids=["steep", "gentle", "falling"],
)
def test_slope_is_breached_when_it_is_steep_and_certain(per_day: float, *, breached: bool) -> None:
    rising = [(24 * day, 120 + per_day * day) for day in range(20)]
    signal = Slope(measure=SYSTOLIC, comparison=UP, per_week=5, days=14, min_days=10)
    found = verdicts(signal, at_hours(*rising))
    assert bool(found.breached[-1]) is breached
    assert found.computed[-1] == pytest.approx(7 * per_day)
    assert not found.breached[:10].any()  # too few days


def test_slope_that_may_be_chance_is_no_breach() -> None:
    noise = [120, 160, 118, 158, 124, 161, 119, 166, 125, 170, 121, 168]
    signal = Slope(measure=SYSTOLIC, comparison=UP, per_week=2, days=14, min_days=10)
    found = verdicts(signal, at_hours(*((24 * day, value) for day, value in enumerate(noise))))
    assert found.computed[-1] > 2
    assert not found.breached[-1]


def test_slope_asks_about_whole_days_before_this_one() -> None:
    signal = Slope(measure=SYSTOLIC, comparison=UP, per_week=5, days=14, min_days=10)
    days = [(24 * day, 120 + day) for day in range(12)]
    once = verdicts(signal, at_hours(*days))
    again = verdicts(signal, at_hours(*days, (24 * 11 + 5, 300)))
    assert list(again.breached[:12]) == list(once.breached)
    assert not again.breached[12]


POINTS = st.lists(
    st.builds(
        Point,
        st.integers(0, 2),
        st.integers(0, 9 * DAY_S),
        st.sampled_from([NAN, float("inf"), 80.0, 95.0, 120.0, 138.0, 150.0, 185.0, 225.0]),
        st.booleans(),
    ),
    max_size=25,
    unique_by=lambda point: (point.patient, point.at_s),
)


def plainly(signal: Any, all_points: list[Point]) -> Iterator[bool]:
    """Ask each reading by looking at the ones before it, one by one."""
    points = sorted(all_points, key=lambda point: (point.patient, point.at_s))
    for number, point in enumerate(points):
        before = [p for p in points[: number + 1] if p.patient == point.patient]
        yield _ASK[type(signal)](signal, point, before)


def _young(points: list[Point], at_s: int, span_s: float) -> list[Point]:
    return [p for p in points if at_s - p.at_s < span_s]


def _numbers(points: list[Point]) -> list[float]:
    return [p.value for p in points if np.isfinite(p.value)]


def _ask_k_of_n(signal: KOfN, point: Point, before: list[Point]) -> bool:
    with_number = [p for p in before if not np.isnan(p.value)]
    last = _young(with_number, point.at_s, signal.within_days * DAY_S)[-signal.n :]
    hits = [p for p in last if p.value < signal.limit_value]
    return point in hits and len(hits) >= signal.k


def _ask_flagged(signal: Flagged, point: Point, before: list[Point]) -> bool:
    last = _young(before, point.at_s, signal.within_days * DAY_S)[-signal.n :]
    return point.marked and sum(p.marked for p in last) >= signal.k


def _ask_average(signal: Average, point: Point, before: list[Point]) -> bool:
    if not np.isfinite(point.value):
        return False
    window = [p for p in _young(before, point.at_s, signal.days * DAY_S) if np.isfinite(p.value)]
    days = {p.at_s // DAY_S for p in window}
    enough = len(window) >= signal.min_readings and len(days) >= signal.min_days
    return enough and statistics.fmean(_numbers(window)) >= signal.limit_value - 1e-9


def _ask_baseline(signal: BaselineChange, point: Point, before: list[Point]) -> bool:
    if not np.isfinite(point.value):
        return False
    recent = _numbers(_young(before, point.at_s, signal.recent_days * DAY_S))
    both = _numbers(_young(before, point.at_s, (signal.recent_days + signal.baseline_days) * DAY_S))
    earlier = both[: len(both) - len(recent)]
    if min(len(recent), len(earlier)) < signal.min_readings:
        return False
    return statistics.fmean(recent) - statistics.fmean(earlier) >= signal.change - 1e-9


def _ask_variability(signal: Variability, point: Point, before: list[Point]) -> bool:
    if not np.isfinite(point.value):
        return False
    numbers = _numbers(_young(before, point.at_s, signal.days * DAY_S))
    if len(numbers) < signal.min_readings:
        return False
    deviation = statistics.stdev(numbers)
    if signal.statistic is Statistic.COEFFICIENT_OF_VARIATION_PERCENT:
        deviation *= 100 / statistics.fmean(numbers)
    return deviation >= signal.limit_value - 1e-9


def _ask_in_range(signal: TimeInRange, point: Point, before: list[Point]) -> bool:
    window = [p for p in _young(before, point.at_s, signal.days * DAY_S) if not np.isnan(p.value)]
    if np.isnan(point.value) or len(window) < signal.min_readings:
        return False
    inside = sum(signal.low_value <= p.value <= signal.high_value for p in window)
    return 100 * inside / len(window) < signal.below_percent


def _ask_frequent(signal: TooFrequent, point: Point, before: list[Point]) -> bool:
    return len(_young(before, point.at_s, signal.within_hours * 3600)) > signal.more_than


_ASK: dict[type, Callable[[Any, Point, list[Point]], bool]] = {
    KOfN: _ask_k_of_n,
    Flagged: _ask_flagged,
    Average: _ask_average,
    BaselineChange: _ask_baseline,
    Variability: _ask_variability,
    TimeInRange: _ask_in_range,
    TooFrequent: _ask_frequent,
}


@pytest.mark.parametrize(
    "signal",
    [K_OF_N, FLAGGED, AVERAGE, BASELINE, VARIABILITY, CV, IN_RANGE, FREQUENT],
    ids=lambda signal: type(signal).__name__,
)
@given(points=POINTS)
@settings(max_examples=60)
def test_arrays_say_what_asking_one_by_one_says(signal: Signal, points: list[Point]) -> None:
    assert list(verdicts(signal, courses(points)).breached) == list(plainly(signal, points))


@pytest.mark.parametrize(
    "signal",
    [SINGLE, replace(SINGLE, clear_value=130), K_OF_N, AVERAGE, BASELINE, VARIABILITY, IN_RANGE],
    ids=lambda signal: type(signal).__name__,
)
@given(points=POINTS, patients_first=st.booleans())
@settings(max_examples=40)
def test_neither_later_readings_nor_other_patients_change_a_verdict(
    signal: Signal, points: list[Point], *, patients_first: bool
) -> None:
    points = sorted(points, key=lambda point: (point.patient, point.at_s))
    whole = verdicts(signal, courses(points)).breached
    if patients_first:
        kept = [number for number, point in enumerate(points) if point.patient == 1]
    else:
        kept = [number for number, point in enumerate(points) if point.at_s < 5 * DAY_S]
    part = verdicts(signal, courses([points[number] for number in kept])).breached
    assert list(part) == [whole[number] for number in kept]


SLOPE = Slope(measure=SYSTOLIC, comparison=UP, per_week=5, days=14, min_days=10)


@pytest.mark.parametrize("signal", [SLOPE, Combination(mode=Mode.ALL, of=(SLOPE, AVERAGE))])
def test_asking_about_some_readings_says_the_same_of_them(signal: Signal) -> None:
    draw = np.random.default_rng(3)
    asked = courses(
        [
            Point(patient, day * DAY_S + 3600, 120 + 2 * day + float(draw.normal(0, 5)))
            for patient in range(3)
            for day in range(20)
        ]
    )
    whole = verdicts(signal, asked)
    for _ in range(5):
        wanted = draw.random(len(asked)) < 0.4
        some = verdicts(signal, asked, wanted)
        np.testing.assert_array_equal(some.breached[wanted], whole.breached[wanted])
        np.testing.assert_array_equal(some.computed[wanted], whole.computed[wanted])
        np.testing.assert_array_equal(some.entered[wanted], whole.entered[wanted])
    assert whole.breached.any()
