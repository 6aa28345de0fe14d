"""When something is to be looked at again, so many calendar months after the last time. Pure; days of the practice."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

SOON_DAYS: Final = 14
"""So many days before it is due a page says that it will be; ours."""


class Due(StrEnum):
    """How a review stands."""

    LATER = "later"
    SOON = "soon"
    TODAY = "today"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class ReviewClock:
    """How a review stands on a day.

    Attributes:
        due_on: the last day on which it is in time.
        days_left: until then; negative: so many days overdue.
    """

    due_on: date
    days_left: int

    @property
    def state(self) -> Due:
        """Return how it stands."""
        if self.days_left < 0:
            return Due.OVERDUE
        if self.days_left == 0:
            return Due.TODAY
        return Due.SOON if self.days_left <= SOON_DAYS else Due.LATER

    @property
    def is_overdue(self) -> bool:
        """Tell whether the day is over."""
        return self.days_left < 0


def clock(due_on: date, today: date) -> ReviewClock:
    """Return how a review that is due on a day stands today."""
    return ReviewClock(due_on, (due_on - today).days)


def months_after(day: date, months: int) -> date:
    """Return the same day so many months later, or that month's last day where it has no such day.

    Example:
        >>> months_after(date(2026, 8, 31), 6)
        datetime.date(2027, 2, 28)
    """
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
