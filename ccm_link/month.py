"""A calendar month, as the practice's own clocks tell it.

Source: CMS, "Frequently Asked Questions about Billing Medicare for Chronic Care Management" (2022-08): time is counted
per calendar month and cannot be carried over. No text fixes the time zone: we take the practice's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self
from zoneinfo import ZoneInfo

from ccm_link import errors

_PATTERN = re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month.

    Raises:
        errors.BadMonth: There is no such month, or it lies outside the years 2000 to 9998.
    """

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (2000 <= self.year <= 9998 and 1 <= self.month <= 12):
            raise errors.BadMonth

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``2026-03``.

        Raises:
            errors.BadMonth: The text is no month.
        """
        found = _PATTERN.fullmatch(text)
        if found is None:
            raise errors.BadMonth
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, at: datetime, time_zone: str) -> Self:
        """Return the month that clocks in ``time_zone`` (IANA name) show at an aware instant."""
        wall = at.astimezone(ZoneInfo(time_zone))
        return cls(wall.year, wall.month)

    @property
    def first_on(self) -> date:
        """The month's first day."""
        return date(self.year, self.month, 1)
