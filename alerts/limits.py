"""The limit of a rule: the one number that a person moves, and the line that a chart draws. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alerts.measures import Comparison, Measure
from alerts.rule_set import RuleSpec
from alerts.signals import (
    Average,
    BaselineChange,
    Confirmed,
    KOfN,
    Signal,
    Single,
    Slope,
    Statistic,
    TimeInRange,
    Variability,
)


@dataclass(frozen=True, slots=True)
class Limit:
    """The one number that a person would move.

    Attributes:
        field: what the signal calls it.
        number: what it is now.
        unit: as a person reads it.
    """

    field: str
    number: float
    unit: str


@dataclass(frozen=True, slots=True)
class Line:
    """A limit that single readings, or their mean, lie on one side of: what a chart can draw.

    Attributes:
        level: in the unit of the measure.
        is_of_mean: only the mean of some days is held against it, no single reading.
    """

    measure: Measure
    comparison: Comparison
    level: float
    is_of_mean: bool = False


def limit_of(signal: Signal) -> Limit | None:
    """Return a signal's limit; None where there is no single one."""
    match signal:
        case Single() | Confirmed() | KOfN() | Average():
            return Limit("limit_value", signal.limit_value, signal.measure.unit)
        case Variability(statistic=Statistic.STANDARD_DEVIATION):
            return Limit("limit_value", signal.limit_value, signal.measure.unit)
        case Variability(statistic=Statistic.COEFFICIENT_OF_VARIATION_PERCENT):
            return Limit("limit_value", signal.limit_value, "%")
        case BaselineChange():
            return Limit("change", signal.change, signal.measure.unit)
        case Slope():
            return Limit("per_week", signal.per_week, f"{signal.measure.unit} a week")
        case TimeInRange():
            return Limit("below_percent", signal.below_percent, "%")
        case _:
            return None


def line_of(signal: Signal) -> Line | None:
    """Return the line that a signal draws through a chart; None where it draws none."""
    match signal:
        case Single() | Confirmed() | KOfN():
            return Line(signal.measure, signal.comparison, signal.limit_value)
        case Average():
            return Line(signal.measure, signal.comparison, signal.limit_value, is_of_mean=True)
        case _:
            return None


def with_limit(rule: RuleSpec, number: float) -> RuleSpec:
    """Move a rule's limit, and what must lie beyond it or before it by as much.

    Raises:
        ValueError: The rule has no single limit.
    """
    signal = rule.signal
    limit = limit_of(signal)
    if limit is None:
        raise ValueError("this rule has no single limit that could be moved")
    fields = {limit.field: number}
    for name in ("clear_value", "never_wait_value"):
        other = getattr(signal, name, 0.0)
        if other:
            fields[name] = other + number - limit.number
    return replace(rule, signal=replace(signal, **fields))  # type: ignore[arg-type]
