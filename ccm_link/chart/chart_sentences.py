"""What a chart shows, in one sentence of plain language: the chart's text alternative on screen and in print."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from alerts.measures import Comparison, Measure
from ccm_link import local_days
from ccm_link.chart import series
from ccm_link.chart.charts import Limit
from ccm_link.chart.series import BloodPressures, Instants, Mask, Numbers, Points
from ccm_link.local_days import Days
from firmware_profiles import kinds
from firmware_profiles.kinds import Number
from firmware_profiles.readings import Kind


def blood_pressure(readings: BloodPressures, limits: Sequence[Limit], days: Days) -> str:
    """Say how many readings there are, their mean, their range, the limits reached and the latest.

    Args:
        readings: One patient's blood pressures, mmHg; those outside the days shown are left out.
        limits: Threshold lines of the chart.
        days: The patient-local days shown.
    """
    shown = series.within(readings.at, days)
    at = readings.at[shown]
    systolic, diastolic = readings.systolic_mmhg[shown], readings.diastolic_mmhg[shown]
    missed = int(series.within(readings.not_measured_at, days).sum())
    attempts = f"; {_count(missed, 'attempt')} gave no number" if missed else ""
    if len(at) == 0:
        return f"Blood pressure {_period(days)}: no readings{attempts}."
    reached = _reached(systolic, _of(limits, Measure.SYSTOLIC_MMHG))
    reached |= _reached(diastolic, _of(limits, Measure.DIASTOLIC_MMHG))
    return (
        f"Blood pressure {_period(days)}: {_how_many(at, days)}, "
        f"mean {systolic.mean():.0f} over {diastolic.mean():.0f} mmHg, "
        f"systolic from {systolic.min():.0f} to {systolic.max():.0f}, "
        f"diastolic from {diastolic.min():.0f} to {diastolic.max():.0f}; "
        f"{_limits_in_words(reached, limits)}; the latest is "
        f"{systolic[-1]:.0f} over {diastolic[-1]:.0f} on {_when(at[-1], days)}{attempts}."
    )


def points(readings: Points, kind: Kind, of: Number, limits: Sequence[Limit], days: Days) -> str:
    """Say how many readings there are, their mean, their range, the limits reached and the latest.

    Args:
        readings: One patient's measurements of a number; those outside the days shown are left out.
        kind: Their kind.
        of: The number.
        limits: Threshold lines of the chart.
        days: The patient-local days shown.
    """
    declared = kinds.OF[kind]
    shown = series.within(readings.at, days)
    at, numbers = readings.at[shown], readings.numbers[shown]
    edges = "".join(
        f"; {_count(found, 'reading')} {where} the {declared.device}'s range"
        for where, instants in (
            ("above", readings.above_range_at),
            ("below", readings.below_range_at),
        )
        if (found := int(series.within(instants, days).sum()))
    )
    if missed := int(series.within(readings.not_measured_at, days).sum()):
        edges += f"; {_count(missed, 'attempt')} gave no number"
    if len(at) == 0:
        return f"{declared.title} {_period(days)}: no readings with a number{edges}."

    def text(number: float) -> str:
        return f"{number:.{of.decimals or 0}f}"

    return (
        f"{declared.title} {_period(days)}: {_how_many(at, days)}, mean {text(numbers.mean())} {of.unit}, "
        f"from {text(numbers.min())} to {text(numbers.max())}; "
        f"{_limits_in_words(_reached(numbers, limits), limits)}; the latest is "
        f"{text(numbers[-1])} on {_when(at[-1], days)}{edges}."
    )


def _period(days: Days) -> str:
    return f"from {local_days.in_words(days.first_day)} to {local_days.in_words(days.last_day)} {days.last_day.year}"


def _local(at: np.datetime64, days: Days) -> datetime:
    moment: datetime = at.astype("datetime64[ms]").item()
    return moment.replace(tzinfo=UTC).astimezone(days.zone)


def _when(at: np.datetime64, days: Days) -> str:
    local = _local(at, days)
    return f"{local_days.in_words(local.date())} at {local:%H:%M}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _how_many(at: Instants, days: Days) -> str:
    measured_days = {_local(moment, days).date() for moment in at}
    return f"{_count(len(at), 'reading')} on {len(measured_days)} of {days.count} days"


def _of(limits: Sequence[Limit], measure: Measure) -> list[Limit]:
    return [limit for limit in limits if limit.measure is measure]


def _of_single_readings(limits: Sequence[Limit]) -> list[Limit]:
    return [limit for limit in limits if not limit.is_of_mean]


def _reached(numbers: Numbers, limits: Sequence[Limit]) -> Mask:
    reached = np.zeros(len(numbers), dtype=np.bool_)
    for limit in _of_single_readings(limits):
        match limit.comparison:
            case Comparison.AT_OR_ABOVE:
                reached |= numbers >= limit.level
            case Comparison.BELOW:
                reached |= numbers < limit.level
    return reached


def _limits_in_words(reached: Mask, limits: Sequence[Limit]) -> str:
    if not limits:
        return "no limits are set"
    if not _of_single_readings(limits):
        return "no limit for single readings is set"
    count = int(reached.sum())
    return f"{_count(count, 'reading')} reached a limit" if count else "no reading reached a limit"
