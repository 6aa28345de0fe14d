"""Why a statistic is not given: which minimum of data was not reached. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Lack(StrEnum):
    """What there is too little of."""

    TOO_FEW_READINGS = "too_few_readings"
    TOO_FEW_DAYS = "too_few_days"
    NOT_CONTINUOUS = "not_continuous"  # strips now and then cannot say what only a sensor can


@dataclass(frozen=True, slots=True)
class NotGiven:
    """A number that is not said, with how much would have been needed of what was there.

    Attributes:
        reason: What there is too little of.
        needed: How many it takes.
        had: How many there were.
    """

    reason: Lack
    needed: int
    had: int


def first_lack(*minima: tuple[Lack, int, int]) -> NotGiven | None:
    """Return the first minimum that is not reached, each given as (what, needed, had); None where all are.

    Example:
        >>> first_lack((Lack.TOO_FEW_DAYS, 3, 7), (Lack.TOO_FEW_READINGS, 12, 9))
        NotGiven(reason=<Lack.TOO_FEW_READINGS: 'too_few_readings'>, needed=12, had=9)
    """
    return next((NotGiven(*one) for one in minima if one[2] < one[1]), None)
