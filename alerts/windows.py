"""How far back a signal looks from a reading, and how long it waits for the next one. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from alerts.clock_signals import BatteryLow, ClockWrong, GatewaySilent, Missing
from alerts.signals import (
    HELD_DAYS,
    Average,
    BaselineChange,
    Combination,
    Confirmed,
    Flagged,
    KOfN,
    Signal,
    Single,
    Slope,
    TimeInRange,
    TooFrequent,
    Variability,
)

_A_DAY: Final = timedelta(days=1)


def lookback(signal: Signal) -> timedelta:
    """Return how much older than a reading the oldest one can be that has a say in its verdict."""
    match signal:
        case Single(clear_value=clear):
            return timedelta(days=HELD_DAYS) if clear else timedelta()
        case Confirmed(within_minutes=minutes):
            return timedelta(minutes=minutes)
        case KOfN(within_days=days) | Flagged(within_days=days):
            return timedelta(days=days)
        case Average(days=days) | Variability(days=days) | TimeInRange(days=days):
            return timedelta(days=days)
        case BaselineChange(recent_days=recent, baseline_days=baseline):
            return timedelta(days=recent + baseline)
        case Slope(days=days):
            # Whole local days, from before the one of the reading; a day is 25 hours long once a year.
            return timedelta(days=days + 2) + _A_DAY
        case TooFrequent(within_hours=hours):
            return timedelta(hours=hours)
        case Combination(of=parts):
            return max((lookback(part) for part in parts), default=timedelta())
        case Missing() | BatteryLow() | GatewaySilent() | ClockWrong():
            return timedelta()  # the clock asks them, of no reading


def wait(signal: Signal) -> timedelta:
    """Return for how long after a reading its verdict can still change because nothing, or something, follows."""
    match signal:
        case Confirmed(within_minutes=minutes):
            return timedelta(minutes=minutes)
        case Slope():
            return _A_DAY + timedelta(
                hours=1
            )  # an earlier reading of the day takes the verdict over
        case Combination(of=parts):
            return max((wait(part) for part in parts), default=timedelta())
        case _:
            return timedelta()


def asks(signal: Signal) -> Confirmed | None:
    """Return the confirmation that a signal waits for, if it waits for one."""
    match signal:
        case Confirmed():
            return signal
        case Combination(of=parts):
            return next((found for part in parts if (found := asks(part)) is not None), None)
        case _:
            return None
