"""The days of a patient, as the clocks at home count them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo

# English, whatever the locale of the machine.
_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def in_words(day: date) -> str:
    """Return "7 Nov"."""
    return f"{day.day} {_MONTHS[day.month - 1][:3]}"


def in_full_words(day: date) -> str:
    """Return "7 November"."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


@dataclass(frozen=True, slots=True)
class Days:
    """A span of patient-local days, both ends included. A day has 23, 24 or 25 hours."""

    first_day: date
    last_day: date
    zone: ZoneInfo

    @classmethod
    def until_today(cls, count: int, now: datetime, zone: ZoneInfo) -> Self:
        """Return the last ``count`` days, the current one included.

        Args:
            count: At least 1.
            now: Aware.
            zone: The patient's.
        """
        today = now.astimezone(zone).date()
        return cls(today - timedelta(days=count - 1), today, zone)

    @property
    def count(self) -> int:
        """Return the number of days."""
        return (self.last_day - self.first_day).days + 1

    @property
    def from_at(self) -> datetime:
        """Return the first day's local midnight, as aware UTC."""
        return self._midnight(self.first_day)

    @property
    def until_at(self) -> datetime:
        """Return the local midnight that ends the last day, as aware UTC."""
        return self._midnight(self.last_day + timedelta(days=1))

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)
