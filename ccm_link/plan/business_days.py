"""Business days of a practice in the United States: Monday to Friday without federal holidays. Pure.

Source:
    5 U.S.C. 6103(a) and Executive Order 11582 (observed on Friday or Monday where the day falls on a weekend), as the
    Office of Personnel Management lists them for each year at opm.gov, "Federal Holidays". Inauguration Day is a
    holiday around Washington only and is none here; days that a president gives federal offices off for once are no
    holidays by this law.
    CMS MLN908628 "Transitional Care Management Services" (2024): contact within two business days after discharge,
    which are Monday to Friday except holidays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

DAYS_UNTIL_CONTACT: Final = 2
"""Business days after a discharge. Source: CMS MLN908628."""

_MONDAY, _THURSDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 3, 4, 5, 6
_DAY: Final = timedelta(days=1)
_WEEK_DAYS: Final = 7
# The last minute of a day: what is due on a day is shown with that day, not with the next one's midnight.
_END_OF_DAY: Final = time(23, 59)


@dataclass(frozen=True, slots=True)
class _OnDay:
    """A holiday with a fixed day."""

    month: int
    day: int
    since: int

    def falls_on(self, year: int) -> date:
        return date(year, self.month, self.day)


@dataclass(frozen=True, slots=True)
class _OnWeekday:
    """A holiday on the n-th weekday of a month; -1 is the last."""

    month: int
    weekday: int
    nth: int
    since: int

    def falls_on(self, year: int) -> date:
        if self.nth < 0:
            last = date(year + self.month // 12, self.month % 12 + 1, 1) - _DAY
            return last - ((last.weekday() - self.weekday) % _WEEK_DAYS) * _DAY
        first = date(year, self.month, 1)
        return (
            first
            + ((self.weekday - first.weekday()) % _WEEK_DAYS + _WEEK_DAYS * (self.nth - 1)) * _DAY
        )


# Each with the first year in which it was one in this form, as far back as discharges can be recorded here.
_HOLIDAYS: Final = (
    _OnDay(1, 1, 2000),  # New Year's Day
    _OnWeekday(1, _MONDAY, 3, 2000),  # Birthday of Martin Luther King, Jr.
    _OnWeekday(2, _MONDAY, 3, 2000),  # Washington's Birthday
    _OnWeekday(5, _MONDAY, -1, 2000),  # Memorial Day
    _OnDay(6, 19, 2021),  # Juneteenth National Independence Day; Public Law 117-17
    _OnDay(7, 4, 2000),  # Independence Day
    _OnWeekday(9, _MONDAY, 1, 2000),  # Labor Day
    _OnWeekday(10, _MONDAY, 2, 2000),  # Columbus Day
    _OnDay(11, 11, 2000),  # Veterans Day
    _OnWeekday(11, _THURSDAY, 4, 2000),  # Thanksgiving Day
    _OnDay(12, 25, 2000),  # Christmas Day
)


@cache
def federal_holidays(year: int) -> frozenset[date]:
    """Return the days of a year on which federal holidays are observed.

    Example:
        >>> sorted(one.isoformat() for one in federal_holidays(2026) if one.month in (1, 7))
        ['2026-01-01', '2026-01-19', '2026-07-03']
    """
    # The first of January of the next year can be observed on this year's last day.
    around = (
        _observed(holiday.falls_on(each))
        for each in (year, year + 1)
        for holiday in _HOLIDAYS
        if each >= holiday.since
    )
    return frozenset(one for one in around if one.year == year)


def _observed(day: date) -> date:
    return {_SATURDAY: day - _DAY, _SUNDAY: day + _DAY}.get(day.weekday(), day)


def is_business_day(day: date) -> bool:
    """Tell whether a day is Monday to Friday and no federal holiday."""
    return day.weekday() <= _FRIDAY and day not in federal_holidays(day.year)


def after(day: date) -> Iterator[date]:
    """Yield the business days after a day, the day itself excluded."""
    while True:
        day += _DAY
        if is_business_day(day):
            yield day


def contact_due_at(discharged_at: datetime, zone: ZoneInfo) -> datetime:
    """Return until when a patient has to be spoken with after a discharge: the end of the second business day.

    Args:
        discharged_at: Aware.
        zone: The practice's, by whose days it is counted.

    Returns:
        The last minute of that day, aware UTC.

    Example:
        >>> contact_due_at(datetime(2026, 11, 25, 20, tzinfo=UTC), ZoneInfo("America/New_York"))  # before Thanksgiving
        datetime.datetime(2026, 12, 1, 4, 59, tzinfo=datetime.timezone.utc)
    """
    following = after(discharged_at.astimezone(zone).date())
    for _ in range(DAYS_UNTIL_CONTACT):
        due_on = next(following)
    return datetime.combine(due_on, _END_OF_DAY, tzinfo=zone).astimezone(UTC)
