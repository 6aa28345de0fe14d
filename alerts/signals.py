"""What a rule watches for in a patient's readings: the forms of a signal, as data.

A signal is a table of a rule's file; ``form`` names it, in the words of `FORMS`. Whether a signal is breached is asked
at each reading, of that reading and the ones before it, in the order in which they were measured; only a confirmation
looks forward too, to see whether it came. So live readings, late ones, corrections and a replay of the past ask the
same question. What no reading tells is asked by the clock instead: `alerts.clock_signals`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alerts.clock_signals import CLOCK_FORMS, ClockSignal
from alerts.measures import Comparison, Measure
from firmware_profiles.settings import REQUIRED, setting

HELD_DAYS: Final = 31
"""So long after the last number beyond its limit a breach is held: every evaluation has to look as far back. Ours."""

_NO_LIMIT: Final = 0.0
_MOST: Final = 2000.0


class Statistic(StrEnum):
    """How much numbers vary."""

    STANDARD_DEVIATION = "standard_deviation"
    COEFFICIENT_OF_VARIATION_PERCENT = "coefficient_of_variation_percent"


class Mode(StrEnum):
    """How the parts of a combination belong together."""

    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Single:
    """One number at or beyond its limit.

    With `clear_value` it stays breached until a number is back on the right side of that one (hysteresis), for
    `HELD_DAYS` at most.
    """

    measure: Measure = setting(REQUIRED, help="the number that is watched")
    comparison: Comparison = setting(REQUIRED, help="on which side of the limit the breach lies")
    limit_value: float = setting(
        REQUIRED, minimum=0.0, maximum=_MOST, help="in the unit of the measure"
    )
    clear_value: float = setting(
        _NO_LIMIT,
        minimum=0.0,
        maximum=_MOST,
        help="where it is in range again, on the harmless side of the limit; 0: at the limit itself",
    )


@dataclass(frozen=True, slots=True)
class Confirmed:
    """One number beyond its limit, and another measured soon after it too, or nothing measured.

    Nobody is called for the first one: the patient is asked to measure again. An answer in range is reassuring, silence
    is not. Beyond `never_wait_value` it is breached at once.
    """

    measure: Measure = setting(REQUIRED, help="the number that is watched")
    comparison: Comparison = setting(REQUIRED, help="on which side of the limit the breach lies")
    limit_value: float = setting(
        REQUIRED, minimum=0.0, maximum=_MOST, help="in the unit of the measure"
    )
    within_minutes: float = setting(
        REQUIRED, unit="min", minimum=1.0, maximum=24 * 60.0, help="how soon the second must come"
    )
    never_wait_value: float = setting(
        _NO_LIMIT,
        minimum=0.0,
        maximum=_MOST,
        help="beyond it no confirmation is waited for; 0: there is no such value",
    )
    ask: str = setting(REQUIRED, help="what the patient is asked to do, in plain words")

    def is_beyond(self, number: float) -> bool:
        """Tell whether a number, in the unit of the measure, has to be confirmed."""
        if self.comparison is Comparison.AT_OR_ABOVE:
            return number >= self.limit_value
        return number < self.limit_value


@dataclass(frozen=True, slots=True)
class KOfN:
    """So many of the last so many readings beyond the limit."""

    measure: Measure = setting(REQUIRED, help="the number that is watched")
    comparison: Comparison = setting(REQUIRED, help="on which side of the limit the breach lies")
    limit_value: float = setting(
        REQUIRED, minimum=0.0, maximum=_MOST, help="in the unit of the measure"
    )
    k: int = setting(REQUIRED, minimum=1, maximum=100, help="how many of them")
    n: int = setting(REQUIRED, minimum=1, maximum=100, help="of how many readings, the newest ones")
    within_days: float = setting(
        REQUIRED, unit="days", minimum=0.1, maximum=366.0, help="older readings do not count"
    )


@dataclass(frozen=True, slots=True)
class Average:
    """The mean of some days at or beyond the goal, of enough readings on enough days."""

    measure: Measure = setting(REQUIRED, help="the number that is watched")
    comparison: Comparison = setting(REQUIRED, help="on which side of the limit the breach lies")
    limit_value: float = setting(
        REQUIRED, minimum=0.0, maximum=_MOST, help="in the unit of the measure"
    )
    days: int = setting(
        REQUIRED, unit="days", minimum=1, maximum=366, help="how far back, to the instant"
    )
    min_readings: int = setting(
        REQUIRED, minimum=1, maximum=10_000, help="with fewer nothing is said"
    )
    min_days: int = setting(
        REQUIRED, minimum=1, maximum=366, help="on fewer local days nothing is said"
    )


@dataclass(frozen=True, slots=True)
class BaselineChange:
    """The mean of the last days further from the mean of the time before than it should be."""

    measure: Measure = setting(REQUIRED, help="the number that is watched")
    comparison: Comparison = setting(
        REQUIRED, help="a rise (at_or_above) or a fall (below) is the breach"
    )
    change: float = setting(
        REQUIRED, minimum=0.0, maximum=_MOST, help="by how much, in the unit of the measure"
    )
    recent_days: int = setting(REQUIRED, unit="days", minimum=1, maximum=60, help="the last days")
    baseline_days: int = setting(
        REQUIRED, unit="days", minimum=2, maximum=366, help="the days before those"
    )
    min_readings: int = setting(
        REQUIRED, minimum=1, maximum=10_000, help="in each of the two; with fewer nothing is said"
    )


@dataclass(frozen=True, slots=True)
class Slope:
    """A trend that is steeper than it should be, beyond what chance explains.

    Theil–Sen over the means of whole days: the median of the slopes between all pairs; its interval is Sen's, at 95 %.
    Breached only if the whole interval lies beyond the limit's side of zero. Asked once a day, at its first reading, of
    the days before.
    """

    measure: Measure = setting(REQUIRED, help="the number that is watched")
    comparison: Comparison = setting(
        REQUIRED, help="a rise (at_or_above) or a fall (below) is the breach"
    )
    per_week: float = setting(
        REQUIRED, minimum=0.0, maximum=_MOST, help="how steep, in the unit of the measure"
    )
    days: int = setting(REQUIRED, unit="days", minimum=5, maximum=120, help="how far back")
    min_days: int = setting(
        REQUIRED, minimum=5, maximum=120, help="on fewer days with readings nothing is said"
    )


@dataclass(frozen=True, slots=True)
class Variability:
    """Numbers that vary more than they should."""

    measure: Measure = setting(REQUIRED, help="the number that is watched")
    statistic: Statistic = setting(REQUIRED, help="what is computed")
    limit_value: float = setting(
        REQUIRED, minimum=0.0, maximum=_MOST, help="at or above it is the breach"
    )
    days: int = setting(REQUIRED, unit="days", minimum=1, maximum=366, help="how far back")
    min_readings: int = setting(
        REQUIRED, minimum=3, maximum=10_000, help="with fewer nothing is said"
    )


@dataclass(frozen=True, slots=True)
class TimeInRange:
    """Too few readings between two limits. Of readings, not of time: a person measures when there is a reason to."""

    measure: Measure = setting(REQUIRED, help="the number that is watched")
    low_value: float = setting(
        REQUIRED, minimum=0.0, maximum=_MOST, help="in range from here, in the unit of the measure"
    )
    high_value: float = setting(REQUIRED, minimum=0.0, maximum=_MOST, help="in range up to here")
    below_percent: float = setting(
        REQUIRED, unit="%", minimum=1.0, maximum=100.0, help="fewer in range are the breach"
    )
    days: int = setting(REQUIRED, unit="days", minimum=1, maximum=366, help="how far back")
    min_readings: int = setting(
        REQUIRED, minimum=1, maximum=10_000, help="with fewer nothing is said"
    )


@dataclass(frozen=True, slots=True)
class Flagged:
    """So many of the last so many readings with a mark of the peripheral's, such as an irregular pulse."""

    qualifier: str = setting(REQUIRED, help="the mark, as the reading carries it")
    k: int = setting(REQUIRED, minimum=1, maximum=100, help="how many of them")
    n: int = setting(REQUIRED, minimum=1, maximum=100, help="of how many readings, the newest ones")
    within_days: float = setting(
        REQUIRED, unit="days", minimum=0.1, maximum=366.0, help="older readings do not count"
    )


@dataclass(frozen=True, slots=True)
class TooFrequent:
    """More readings in a short time than anybody needs: worry, or a device in the wrong hands."""

    kind: str = setting(REQUIRED, help="the kind of reading that is counted")
    more_than: int = setting(REQUIRED, minimum=1, maximum=1_000, help="so many are still all right")
    within_hours: float = setting(
        REQUIRED, unit="h", minimum=0.1, maximum=24 * 31.0, help="in which time"
    )


@dataclass(frozen=True, slots=True)
class Combination:
    """Several signals at once, or any of them."""

    mode: Mode
    of: tuple[ReadingSignal, ...]


ReadingSignal = (
    Single
    | Confirmed
    | KOfN
    | Average
    | BaselineChange
    | Slope
    | Variability
    | TimeInRange
    | Flagged
    | TooFrequent
    | Combination
)
Signal = ReadingSignal | ClockSignal

FORMS: Final[Mapping[str, type[Signal]]] = {
    "single": Single,
    "confirmed": Confirmed,
    "k_of_n": KOfN,
    "average": Average,
    "baseline_change": BaselineChange,
    "slope": Slope,
    "variability": Variability,
    "time_in_range": TimeInRange,
    "flagged": Flagged,
    "too_frequent": TooFrequent,
    "combination": Combination,
    **CLOCK_FORMS,
}
"""By the word that a rule's file uses."""


def mistakes(signal: Signal) -> list[tuple[str, str]]:
    """Return what cannot be right in a signal whose fields are each as declared, as key and reason."""
    match signal:
        case Single(comparison=comparison, limit_value=limit, clear_value=clear) if clear:
            harmless = clear <= limit if comparison is Comparison.AT_OR_ABOVE else clear >= limit
            return [] if harmless else [("clear_value", "lies on the wrong side of the limit")]
        case Confirmed(comparison=comparison, limit_value=limit, never_wait_value=never) if never:
            beyond = never >= limit if comparison is Comparison.AT_OR_ABOVE else never <= limit
            return [] if beyond else [("never_wait_value", "must lie beyond the limit")]
        case KOfN(k=k, n=n) | Flagged(k=k, n=n) if k > n:
            return [("k", f"{k} of {n} readings can never be")]
        case Average(min_readings=readings, min_days=days, days=span) if (
            days > span + 1 or days > readings
        ):
            return [("min_days", "more days than there are readings, or days, to count")]
        case TimeInRange(low_value=low, high_value=high) if low >= high:
            return [("low_value", "must lie below high_value")]
        case Slope(days=span, min_days=days) if days > span:
            return [("min_days", "more days than it looks back")]
        case Combination(of=parts):
            return [problem for part in parts for problem in mistakes(part)]
        case _:
            return []
