"""Days on which work comes again: every so many days, weeks or months from a first one on. Pure.

Days are dates of the practice's own calendar; an instant comes of one only at the end, so that no change of the clocks
moves a day.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, assert_never
from zoneinfo import ZoneInfo

_MONTHS_OF_YEAR: Final = 12
_DAYS_OF_WEEK: Final = 7


class Unit(StrEnum):
    """What is counted."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Days that come again.

    A month that is too short has its last day instead: from 31 January on, every month, come 28 February, 31 March.

    Attributes:
        first_on: The first one.
        every: How many units lie between two, at least 1.
        unit: Days, weeks or months.
        until_on: The last day that can be one; None: no end.
    """

    first_on: date
    every: int
    unit: Unit
    until_on: date | None = None

    def day(self, number: int) -> date:
        """Return the day with a number, from 0; whether it is beyond the end is not asked."""
        match self.unit:
            case Unit.DAY:
                return self.first_on + timedelta(days=number * self.every)
            case Unit.WEEK:
                return self.first_on + timedelta(weeks=number * self.every)
            case Unit.MONTH:
                return _months_later(self.first_on, number * self.every)
            case _:
                assert_never(self.unit)

    def count_until(self, on: date) -> int:
        """Return how many of its days lie on or before a day.

        Monthly from 31 January 2026 on, until 28 February 2026 there are 2: 31 January and 28 February.
        """
        on = on if self.until_on is None else min(on, self.until_on)
        if on < self.first_on:
            return 0
        match self.unit:
            case Unit.DAY:
                return (on - self.first_on).days // self.every + 1
            case Unit.WEEK:
                return (on - self.first_on).days // (_DAYS_OF_WEEK * self.every) + 1
            case Unit.MONTH:
                months = (on.year - self.first_on.year) * _MONTHS_OF_YEAR
                number = (months + on.month - self.first_on.month) // self.every
                return number + 1 if self.day(number) <= on else number
            case _:
                assert_never(self.unit)

    def latest(self, on: date) -> date | None:
        """Return the last of its days on or before a day; None: there is none yet."""
        count = self.count_until(on)
        return self.day(count - 1) if count else None

    def count_between(self, after: date, before: date) -> int:
        """Return how many of its days lie strictly between two days."""
        return max(0, self.count_until(before - timedelta(days=1)) - self.count_until(after))


def _months_later(first_on: date, months: int) -> date:
    year, month = divmod(first_on.year * _MONTHS_OF_YEAR + first_on.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(first_on.day, last))


def instant(on: date, wall: time, zone: ZoneInfo) -> datetime:
    """Return when a zone's clocks show a time on a day (aware UTC).

    A time that the clocks skip is as much later as they were put forward: 02:30 is 03:30. Of one that they show twice
    it is the first.
    """
    return datetime.combine(on, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)
