"""What a rule watches for, in plain words: one sentence for each form of a signal. Pure; English; no markup."""

from __future__ import annotations

from typing import Final, assert_never

from alerts.clock_signals import BatteryLow, ClockWrong, GatewaySilent, Missing
from alerts.measures import Comparison, Measure
from alerts.rule_set import RuleSpec
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
from firmware_profiles import kinds
from firmware_profiles.readings import Kind

_SIDES: Final = {Comparison.AT_OR_ABOVE: "at or above", Comparison.BELOW: "below"}
_OTHER_SIDES: Final = {Comparison.AT_OR_ABOVE: "below", Comparison.BELOW: "at or above"}
_MINUTES: Final = (("day", 24 * 60), ("hour", 60), ("minute", 1))


def sentence(rule: RuleSpec) -> str:
    """Say what a rule watches for and how soon somebody has to look.

    "Systolic pressure at or above 180 mmHg in one reading. The task is due within 1 hour."
    """
    minutes = rule.due_within.total_seconds() / 60
    return f"{signal(rule.signal)} The task is due within {_span(minutes)}."


def signal(of: Signal) -> str:
    """Say when a signal is breached, with its limits, units and the least data that it needs."""
    text = f"{_clause(of)}."
    if isinstance(of, Confirmed):
        text += f" The patient is asked: “{of.ask}”"
    return text[:1].upper() + text[1:]


def limit(comparison: Comparison, value: float, measure: Measure) -> str:
    """Say a limit: "at or above 180 mmHg"."""
    return f"{_SIDES[comparison]} {_number(value, measure.unit)}"


def _clause(of: Signal) -> str:  # noqa: C901  # one case for each form there is
    match of:
        case Single():
            return _single(of)
        case Confirmed():
            return _confirmed(of)
        case KOfN():
            return f"{_beyond(of)} in {_k_of_n(of)}"
        case Average():
            return (
                f"mean {of.measure.words} of {_count(of.days, 'day')}"
                f" {limit(of.comparison, of.limit_value, of.measure)}, from at least"
                f" {_count(of.min_readings, 'reading')} on {_count(of.min_days, 'day')}"
            )
        case BaselineChange():
            return _baseline_change(of)
        case Slope():
            way = "rising" if of.comparison is Comparison.AT_OR_ABOVE else "falling"
            return (
                f"{of.measure.words} {way} by {_number(of.per_week, of.measure.unit)} a week or more over"
                f" {_count(of.days, 'day')}, beyond chance (95 %), from readings on at least"
                f" {_count(of.min_days, 'day')}"
            )
        case Variability():
            return _variability(of)
        case TimeInRange():
            return (
                f"fewer than {of.below_percent:g} % of readings with {of.measure.words} from {of.low_value:g} to"
                f" {_number(of.high_value, of.measure.unit)} in {_count(of.days, 'day')},"
                f" of at least {_count(of.min_readings, 'reading')}"
            )
        case Flagged():
            return f"the mark “{of.qualifier.replace('_', ' ')}” of the device in {_k_of_n(of)}"
        case TooFrequent():
            title = kinds.OF[Kind(of.kind)].title.lower()
            return f"more than {_count(of.more_than, 'reading')} of {title} within {_span(of.within_hours * 60)}"
        case Combination(mode=mode, of=parts):
            which = "all of these" if mode is Mode.ALL else "any of these"
            return f"{which} at one reading: {'; '.join(_clause(part) for part in parts)}"
        case Missing() | BatteryLow() | GatewaySilent() | ClockWrong():
            return of.words
        case _:
            assert_never(of)


def _single(of: Single) -> str:
    text = f"{_beyond(of)} in one reading"
    if of.clear_value:
        back = f"{_OTHER_SIDES[of.comparison]} {_number(of.clear_value, of.measure.unit)}"
        text += f", and from then on, for {HELD_DAYS} days at most, until a reading is {back}"
    return text


def _confirmed(of: Confirmed) -> str:
    text = (
        f"{_beyond(of)} in two readings within {_span(of.within_minutes)},"
        " or in one that none follows in that time"
    )
    if of.never_wait_value:
        at_once = limit(of.comparison, of.never_wait_value, of.measure)
        text += f"; {at_once} without waiting for a second"
    return text


def _baseline_change(of: BaselineChange) -> str:
    way = "higher" if of.comparison is Comparison.AT_OR_ABOVE else "lower"
    return (
        f"mean {of.measure.words} of the last {_count(of.recent_days, 'day')} {way} by"
        f" {_number(of.change, of.measure.unit)} or more than that of the {_count(of.baseline_days, 'day')} before,"
        f" from at least {_count(of.min_readings, 'reading')} in each"
    )


def _variability(of: Variability) -> str:
    if of.statistic is Statistic.STANDARD_DEVIATION:
        text = f"standard deviation of {of.measure.words} at or above {_number(of.limit_value, of.measure.unit)}"
    else:
        text = f"coefficient of variation of {of.measure.words} at or above {of.limit_value:g} %"
    return f"{text} in {_count(of.days, 'day')}, from at least {_count(of.min_readings, 'reading')}"


def _beyond(of: Single | Confirmed | KOfN) -> str:
    return f"{of.measure.words} {limit(of.comparison, of.limit_value, of.measure)}"


def _k_of_n(of: KOfN | Flagged) -> str:
    if of.n == 1:
        return "one reading"
    many = "each" if of.k == of.n else str(of.k)
    return f"{many} of the last {of.n:,} readings within {_span(of.within_days * 24 * 60)}"


def _number(value: float, unit: str) -> str:
    return f"{value:g} {unit}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _span(minutes: float) -> str:
    """Return a span in the largest unit that leaves no rest, or in minutes."""
    for unit, length in _MINUTES:
        if minutes >= length and minutes % length == 0:
            return _count(int(minutes // length), unit)
    return f"{minutes:g} minutes"
