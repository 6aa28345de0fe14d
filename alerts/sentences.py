"""What was found when a rule was asked, in one sentence that a person can check. Pure."""

from __future__ import annotations

import math

from alerts.clock_signals import BatteryLow, ClockWrong, GatewaySilent, Missing
from alerts.measures import Comparison, Measure
from alerts.past_readings import PastReading
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
from firmware_profiles.readings import Result

_SIDES = {Comparison.AT_OR_ABOVE: "at or above", Comparison.BELOW: "below"}


def sentence(  # noqa: C901  # one case for each form there is
    signal: Signal, reading: PastReading, computed: float, entered: int
) -> str:
    """Say what a signal found at a reading.

    Args:
        signal: What was asked.
        reading: At which reading.
        computed: The number that was held against the limit; NaN where there was too little to say.
        entered: How many readings entered it.
    """
    match signal:
        case Single():
            return f"{_measured(signal.measure, reading)} (limit: {_limit(signal)})."
        case Confirmed():
            return (
                f"{_measured(signal.measure, reading)} (limit: {_limit(signal)}, confirmed by a second"
                f" measurement within {signal.within_minutes:g} min or by none coming)."
            )
        case KOfN():
            return (
                f"{_measured(signal.measure, reading)}; {_count(computed)} of the last {entered} were"
                f" {_limit(signal)} (asked: {signal.k} of {signal.n} within {signal.within_days:g} days)."
            )
        case Flagged():
            return (
                f"{_count(computed)} of the last {entered} readings were marked “{signal.qualifier.replace('_', ' ')}”"
                f" (asked: {signal.k} of {signal.n} within {signal.within_days:g} days)."
            )
        case Average():
            return _aggregate(
                signal.measure, f"mean of {signal.days} days", computed, entered, _limit(signal)
            )
        case BaselineChange():
            way = "rise" if signal.comparison is Comparison.AT_OR_ABOVE else "fall"
            return _aggregate(
                signal.measure,
                f"change of the last {signal.recent_days} days against the {signal.baseline_days} before",
                computed,
                entered,
                f"a {way} of {signal.change:g} {signal.measure.unit}",
            )
        case Slope():
            way = "rise" if signal.comparison is Comparison.AT_OR_ABOVE else "fall"
            return _aggregate(
                signal.measure,
                f"trend of {signal.days} days, a week",
                computed,
                entered,
                f"a certain {way} of {signal.per_week:g} {signal.measure.unit}",
                of="days",
            )
        case Variability():
            unit = (
                "%"
                if signal.statistic is Statistic.COEFFICIENT_OF_VARIATION_PERCENT
                else signal.measure.unit
            )
            name = signal.statistic.value.replace("_percent", "").replace("_", " ")
            return _aggregate(
                signal.measure,
                f"{name} over {signal.days} days",
                computed,
                entered,
                f"{signal.limit_value:g} {unit}",
                unit=unit,
            )
        case TimeInRange():
            return _aggregate(
                signal.measure,
                f"readings from {signal.low_value:g} to {signal.high_value:g} {signal.measure.unit} in"
                f" {signal.days} days",
                computed,
                entered,
                f"below {signal.below_percent:g} %",
                unit="%",
            )
        case TooFrequent():
            return (
                f"{_count(computed)} readings within {signal.within_hours:g} h"
                f" (asked: more than {signal.more_than})."
            )
        case Combination(mode=mode, of=parts):
            together = "all of" if mode is Mode.ALL else "any of"
            return f"A combination ({together} {len(parts)} signals); first: " + sentence(
                parts[0], reading, computed, entered
            )
        case Missing() | BatteryLow() | GatewaySilent() | ClockWrong():
            return "No reading says anything about it."


def _measured(measure: Measure, reading: PastReading) -> str:
    name = measure.words.capitalize()
    if reading.result is Result.ABOVE_RANGE:
        return f"{name} was above what the meter can show"
    if reading.result is Result.BELOW_RANGE:
        return f"{name} was below what the meter can show"
    number = reading.numbers.get(measure)
    if number is None:
        return f"{name} was not part of this reading"
    return f"{name} was {number:g} {measure.unit}"


def _aggregate(
    measure: Measure,
    what: str,
    computed: float,
    entered: int,
    limit: str,
    *,
    unit: str = "",
    of: str = "readings",
) -> str:
    name = measure.words.capitalize()
    if math.isnan(computed):
        return f"{name}, {what}: too few readings to say ({entered}; limit: {limit})."
    return f"{name}, {what}: {computed:.1f} {unit or measure.unit} from {entered} {of} (limit: {limit})."


def _limit(signal: Single | Confirmed | KOfN | Average) -> str:
    return f"{_SIDES[signal.comparison]} {signal.limit_value:g} {signal.measure.unit}"


def _count(computed: float) -> str:
    return "0" if math.isnan(computed) else f"{computed:.0f}"
