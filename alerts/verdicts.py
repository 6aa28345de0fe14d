"""Whether signals are breached, at each reading of many patients at once. Pure; the one function that asks.

Live readings, late ones, corrections, replay and backtest all come here: a verdict is a function of the signal and of
the readings up to and including the one it is about, in the order in which they were measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, assert_never

import numpy as np
from numpy.typing import NDArray

from alerts import theil_sen
from alerts.clock_signals import BatteryLow, ClockWrong, GatewaySilent, Missing
from alerts.courses import DAY_S, Courses, Series, sums
from alerts.measures import Comparison
from alerts.signals import (
    HELD_DAYS,
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

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_WEEK_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What one signal says about each reading.

    Attributes:
        breached: bool (n).
        computed: float64 (n), the number that was held against the limit; NaN where there was too little to say.
        entered: int64 (n), how many readings entered it.
    """

    breached: Bools
    computed: Floats
    entered: NDArray[np.int64]


def verdicts(  # noqa: C901  # one case for each form there is
    signal: Signal, courses: Courses, wanted: Bools | None = None
) -> Verdicts:
    """Ask a signal about each reading of some courses.

    Args:
        signal: what is asked.
        courses: the readings.
        wanted: bool (n), about which readings somebody wants to know; what takes long is not done for the others, whose
            verdicts then say nothing. None: about all.
    """
    match signal:
        case Single():
            return _single(signal, courses)
        case Confirmed():
            return _confirmed(signal, courses)
        case KOfN():
            series = courses.of(signal.measure)
            return _k_of_n(signal, courses, series, _beyond(signal, series.values))
        case Flagged():
            series = courses.marked(signal.qualifier)
            return _k_of_n(signal, courses, series, series.values > 0)
        case Average():
            return _average(signal, courses)
        case BaselineChange():
            return _baseline_change(signal, courses)
        case Slope():
            return _slope(signal, courses, wanted)
        case Variability():
            return _variability(signal, courses)
        case TimeInRange():
            return _time_in_range(signal, courses)
        case TooFrequent():
            return _too_frequent(signal, courses)
        case Combination():
            return _combination(signal, courses, wanted)
        case Missing() | BatteryLow() | GatewaySilent() | ClockWrong():
            return _never(courses)  # the clock asks it
        case _:
            assert_never(signal)


def _single(signal: Single, courses: Courses) -> Verdicts:
    series = courses.of(signal.measure)
    breached = _beyond(signal, series.values)
    if signal.clear_value:
        back = ~_beyond_value(signal.comparison, signal.clear_value, series.values)
        breached = _held(breached, back, series.starts(HELD_DAYS * DAY_S))
    return _scattered(courses, series, breached, series.values, np.ones(len(series)))


def _confirmed(signal: Confirmed, courses: Courses) -> Verdicts:
    series = courses.of(signal.measure)
    beyond = _beyond(signal, series.values)
    starts = series.starts(signal.within_minutes * _MINUTE_S + 1)
    running = sums(beyond.astype(np.float64))
    before = running[np.arange(len(series))] - running[starts]
    breached = beyond & ((before >= 1) | _is_unanswered(signal, series, courses.until_s))
    if signal.never_wait_value:
        breached |= _beyond_value(signal.comparison, signal.never_wait_value, series.values)
    return _scattered(courses, series, breached, series.values, before + 1)


def _is_unanswered(signal: Confirmed, series: Series, until_s: int) -> Bools:
    """Whether no reading followed in the time in which the patient was asked to measure again."""
    following_s = np.full(len(series), until_s, dtype=np.int64)
    same = series.patient[1:] == series.patient[:-1]
    following_s[:-1][same] = series.at_s[1:][same]
    unanswered: Bools = following_s - series.at_s > signal.within_minutes * _MINUTE_S
    return unanswered


def _k_of_n(signal: KOfN | Flagged, courses: Courses, series: Series, hits: Bools) -> Verdicts:
    places = np.arange(len(series))
    starts = np.maximum(series.starts(signal.within_days * DAY_S), places - signal.n + 1)
    running = sums(hits.astype(np.float64))
    count = running[places + 1] - running[starts]
    return _scattered(courses, series, hits & (count >= signal.k), count, places - starts + 1.0)


def _average(signal: Average, courses: Courses) -> Verdicts:
    series = courses.of(signal.measure, finite=True)
    places = np.arange(len(series))
    starts = series.starts(signal.days * DAY_S)
    ranks = series.day_ranks()
    entered = places - starts + 1
    days = ranks - ranks[starts] + 1 if len(series) else entered
    enough = (entered >= signal.min_readings) & (days >= signal.min_days)
    mean = _window_sums(series.values, starts) / entered
    computed = np.where(enough, mean, np.nan)
    return _scattered(courses, series, _beyond(signal, computed), computed, entered)


def _baseline_change(signal: BaselineChange, courses: Courses) -> Verdicts:
    series = courses.of(signal.measure, finite=True)
    places = np.arange(len(series))
    recent = series.starts(signal.recent_days * DAY_S)
    before = series.starts((signal.recent_days + signal.baseline_days) * DAY_S)
    running = sums(series.values - _middle(series.values))
    entered, compared = places - recent + 1, recent - before
    enough = (entered >= signal.min_readings) & (compared >= signal.min_readings)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = (running[places + 1] - running[recent]) / entered - (
            running[recent] - running[before]
        ) / compared
    computed = np.where(enough, change, np.nan)
    breached = _beyond_change(signal.comparison, signal.change, computed)
    return _scattered(courses, series, breached, computed, entered)


def _slope(signal: Slope, courses: Courses, wanted: Bools | None) -> Verdicts:
    days = courses.of(signal.measure, finite=True).day_means()
    # The window ends on the day before: a day that goes on would change what it said this morning.
    ends = np.maximum(np.arange(len(days)) - 1, days.firsts())
    starts = np.maximum(days.starts((signal.days + 1) * DAY_S), days.firsts())
    weeks = days.local_day / _WEEK_DAYS
    if wanted is not None:
        ends = np.where(wanted[days.where], ends, starts - 1)  # windows of nothing
    key = (signal.measure, signal.days, signal.min_days)
    found = courses.trends.get(key) if wanted is None else None
    if found is None:
        found = theil_sen.slopes(weeks, days.values, starts, ends, signal.min_days)
    if wanted is None:
        courses.trends[key] = found
    sure = found.low > 0 if signal.comparison is Comparison.AT_OR_ABOVE else found.high < 0
    breached = _beyond_change(signal.comparison, signal.per_week, found.slope) & sure
    return _scattered(courses, days, breached, found.slope, ends - starts + 1)


def _variability(signal: Variability, courses: Courses) -> Verdicts:
    series = courses.of(signal.measure, finite=True)
    starts = series.starts(signal.days * DAY_S)
    entered = np.arange(len(series)) - starts + 1
    middle = _middle(series.values)
    off = series.values - middle  # squares of what is near 0 lose nothing in the running sums
    first, second = _window_sums(off, starts), _window_sums(off * off, starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.maximum(second - first * first / entered, 0.0) / (entered - 1)
        deviation = np.sqrt(variance)
        if signal.statistic is Statistic.COEFFICIENT_OF_VARIATION_PERCENT:
            deviation = 100 * deviation / (middle + first / entered)
    computed = np.where(entered >= signal.min_readings, deviation, np.nan)
    return _scattered(courses, series, computed >= signal.limit_value, computed, entered)


def _time_in_range(signal: TimeInRange, courses: Courses) -> Verdicts:
    series = courses.of(signal.measure)
    starts = series.starts(signal.days * DAY_S)
    entered = np.arange(len(series)) - starts + 1
    inside = (series.values >= signal.low_value) & (series.values <= signal.high_value)
    percent = 100 * _window_sums(inside.astype(np.float64), starts) / entered
    computed = np.where(entered >= signal.min_readings, percent, np.nan)
    return _scattered(courses, series, computed < signal.below_percent, computed, entered)


def _too_frequent(signal: TooFrequent, courses: Courses) -> Verdicts:
    series = courses.marked("")
    entered = np.arange(len(series)) - series.starts(signal.within_hours * _HOUR_S) + 1
    count = entered.astype(np.float64)
    return _scattered(courses, series, count > signal.more_than, count, entered)


def _combination(signal: Combination, courses: Courses, wanted: Bools | None) -> Verdicts:
    parts = [verdicts(part, courses, wanted) for part in signal.of]
    together = np.logical_and if signal.mode is Mode.ALL else np.logical_or
    breached: Bools = together.reduce([part.breached for part in parts])
    return Verdicts(breached, parts[0].computed, parts[0].entered)


def _never(courses: Courses) -> Verdicts:
    nothing = np.zeros(len(courses))
    return _scattered(courses, courses.marked(""), nothing > 0, nothing * np.nan, nothing)


def _beyond(signal: Single | Confirmed | KOfN | Average, values: Floats) -> Bools:
    return _beyond_value(signal.comparison, signal.limit_value, values)


def _beyond_value(comparison: Comparison, limit: float, values: Floats) -> Bools:
    """Compare; NaN is beyond nothing."""
    return values >= limit if comparison is Comparison.AT_OR_ABOVE else values < limit


def _beyond_change(comparison: Comparison, change: float, computed: Floats) -> Bools:
    return computed >= change if comparison is Comparison.AT_OR_ABOVE else computed <= -change


def _held(breached: Bools, back: Bools, starts: NDArray[np.int64]) -> Bools:
    """Hold a breach until a reading is back in range: hysteresis; one from before the window is held no more."""
    places = np.arange(len(breached))
    last_breach = np.maximum.accumulate(np.where(breached, places, -1))
    last_back = np.maximum.accumulate(np.where(back & ~breached, places, -1))
    held: Bools = (last_breach >= starts) & (last_breach > last_back)
    return held


def _window_sums(values: Floats, starts: NDArray[np.int64]) -> Floats:
    running = sums(values)
    total: Floats = running[np.arange(len(values)) + 1] - running[starts]
    return total


def _middle(values: Floats) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _scattered(
    courses: Courses, series: Series, breached: Bools, computed: Floats, entered: Any
) -> Verdicts:
    """Put what was found for some readings where they stand among all; the others are asked in vain."""
    every = Verdicts(
        np.zeros(len(courses), dtype=np.bool_),
        np.full(len(courses), np.nan),
        np.zeros(len(courses), dtype=np.int64),
    )
    every.breached[series.where] = breached
    every.computed[series.where] = computed
    every.entered[series.where] = entered
    return every
