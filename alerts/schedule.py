"""The agreed schedule: when how many measurements are expected, by the clocks at home, and which of them came. Pure.

Nothing is expected that nobody agreed on. An occasion counts when it is over, and as a whole: what a change of the
schedule cut in two is not asked about.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import combinations
from typing import Any, Final
from zoneinfo import ZoneInfo

from firmware_profiles import kinds
from firmware_profiles.readings import Kind
from firmware_profiles.settings import REQUIRED, setting
from firmware_profiles.toml_tables import TomlTables

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK: Final = timedelta(days=7)
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_MOST_OCCASIONS: Final = 14
_HOUR_MINUTES: Final = 60


class Per(StrEnum):
    """How a number of measurements is meant."""

    DAY = "day"  # so many on each of the days
    WEEK = "week"  # so many in a week from Monday on, on whichever of the days


@dataclass(frozen=True, slots=True)
class Occasion:
    """A part of a day in which measurements are expected."""

    readings: int = setting(REQUIRED, minimum=1, maximum=50, help="how many measurements")
    per: Per = setting(Per.DAY, help="on each of the days, or in a week on whichever of them")
    days: tuple[str, ...] = setting(DAYS, help="on which days, mon to sun")
    from_time: str = setting("00:00", help="from when on, by the clocks at the patient's home")
    until_time: str = setting("24:00", help="until before when")

    @property
    def from_minute(self) -> int:
        """Return its begin in minutes since midnight."""
        return _minute(self.from_time)

    @property
    def until_minute(self) -> int:
        """Return its end in minutes since midnight."""
        return _minute(self.until_time)

    def overlaps(self, other: Occasion) -> bool:
        """Tell whether one measurement could count for both."""
        return (
            bool(set(self.days) & set(other.days))
            and self.from_minute < other.until_minute
            and other.from_minute < self.until_minute
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is expected of one kind; without occasions nothing is."""

    kind: Kind
    occasions: tuple[Occasion, ...]
    source: str

    @property
    def words(self) -> str:
        """Say it in one sentence."""
        if not self.occasions:
            return "No measurement is expected."
        return "; ".join(_occasion_words(one) for one in self.occasions) + "."


@dataclass(frozen=True, slots=True)
class Expected:
    """An occasion that is over.

    Attributes:
        spans: begin and end (excluded) of each part of it, aware UTC, in order.
        readings: how many measurements were expected in all of them together.
    """

    spans: tuple[tuple[datetime, datetime], ...]
    readings: int

    @property
    def from_at(self) -> datetime:
        """Return when it began."""
        return self.spans[0][0]

    @property
    def until_at(self) -> datetime:
        """Return when it was over."""
        return self.spans[-1][1]

    def taken(self, measured_ats: Sequence[datetime]) -> int:
        """Count measurements in it; no more than were expected, for those of one occasion make up for no other.

        Args:
            measured_ats: aware, oldest first.
        """
        found = sum(
            bisect_left(measured_ats, until_at) - bisect_left(measured_ats, from_at)
            for from_at, until_at in self.spans
        )
        return min(found, self.readings)


@dataclass(frozen=True, slots=True)
class Attendance:
    """What came of what was expected, in measurements.

    Attributes:
        first_missed_at: when the first occasion began that was not met; None where all were.
        is_last_met: whether the newest occasion was met.
    """

    expected: int
    missed: int
    first_missed_at: datetime | None
    is_last_met: bool


def attend(occasions: Iterable[Expected], measured_ats: Sequence[datetime]) -> Attendance:
    """Hold what was measured against what was expected.

    Args:
        occasions: that are over, in any order.
        measured_ats: when this kind was measured, aware, oldest first.

    Example:
        >>> at = datetime(2026, 11, 2, 6, tzinfo=UTC)
        >>> noon, evening = at + timedelta(hours=6), at + timedelta(hours=12)
        >>> sessions = [Expected(((at, noon),), 2), Expected(((noon, evening),), 2)]
        >>> found = attend(sessions, [at, at + timedelta(minutes=1), at + timedelta(minutes=2)])
        >>> found.expected, found.missed, found.is_last_met  # the third of the first session is none of the second
        (4, 2, False)
    """
    in_order = sorted(occasions, key=lambda one: (one.until_at, one.from_at))
    lacks = [one.readings - one.taken(measured_ats) for one in in_order]
    missed_from = [one.from_at for one, lack in zip(in_order, lacks, strict=True) if lack]
    return Attendance(
        expected=sum(one.readings for one in in_order),
        missed=sum(lacks),
        first_missed_at=min(missed_from, default=None),
        is_last_met=not lacks or not lacks[-1],
    )


@functools.lru_cache(maxsize=4096)
def ended(
    schedule: Schedule, zone: ZoneInfo, after: datetime, until: datetime
) -> tuple[Expected, ...]:
    """Return the occasions of a schedule that were over after one instant and at another at the latest.

    On the day on which clocks go forward an occasion that they skip is none; in the hour that they repeat it lasts
    longer.

    Args:
        schedule: what is agreed.
        zone: the patient's.
        after: aware; an occasion that was over then is left out.
        until: aware.
    """
    first = after.astimezone(zone).date() - _WEEK
    last = until.astimezone(zone).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    found = (one for occasion in schedule.occasions for one in _expected(occasion, zone, days))
    return tuple(one for one in found if after < one.until_at <= until)


def _expected(occasion: Occasion, zone: ZoneInfo, days: Sequence[date]) -> Iterator[Expected]:
    if occasion.per is Per.DAY:
        for day in days:
            if span := _span(occasion, zone, day):
                yield Expected((span,), occasion.readings)
        return
    for monday in (day for day in days if day.weekday() == 0):
        week = (_span(occasion, zone, monday + timedelta(days=n)) for n in range(7))
        if spans := tuple(span for span in week if span):
            yield Expected(spans, occasion.readings)


def _span(occasion: Occasion, zone: ZoneInfo, day: date) -> tuple[datetime, datetime] | None:
    if DAYS[day.weekday()] not in occasion.days:
        return None
    from_at = _at(day, occasion.from_minute, zone, fold=0)
    until_at = max(_at(day, occasion.until_minute, zone, fold=fold) for fold in (0, 1))
    return (from_at, until_at) if from_at < until_at else None


def _at(day: date, minute: int, zone: ZoneInfo, *, fold: int) -> datetime:
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * _HOUR_MINUTES + int(minutes)


def read(
    tables: TomlTables, table: Mapping[str, Any], section: str, number: int
) -> Schedule | None:
    """Read a schedule's table, with its occasions in ``occasion``; None if something is wrong with it."""
    kind, source, listed = (table.get(key) for key in ("kind", "source", "occasion"))
    for key in table.keys() - {"kind", "source", "occasion"}:
        tables.note(section, number, key, f'unknown key "{key}"; known: kind, source, occasion')
    if kind not in set(Kind):
        tables.note(section, number, "kind", f"expected one of {', '.join(kinds.OF)}")
    if not isinstance(source, str) or not source.strip():
        tables.note(section, number, "source", "say where it comes from")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        tables.note(section, number, "occasion", "expected tables, each with its readings")
        return None
    occasions = [tables.load(Occasion, one, section, number) for one in listed]
    sound = tuple(one for one in occasions if one is not None)
    if len(sound) == len(occasions):
        for key, reason in mistakes(sound):
            tables.note(section, number, key, reason)
    if tables.mistakes:
        return None
    return Schedule(Kind(str(kind)), sound, str(source))


def mistakes(occasions: Sequence[Occasion]) -> list[tuple[str, str]]:
    """Return what cannot be right in occasions whose fields are each as declared, as key and reason."""
    if len(occasions) > _MOST_OCCASIONS:
        return [("occasion", f"{_MOST_OCCASIONS} occasions are the most")]
    found = []
    for one in occasions:
        if not one.days or not set(one.days) <= set(DAYS):
            found.append(("days", f"expected some of {', '.join(DAYS)}"))
        clocks = {"from_time": one.from_time, "until_time": one.until_time}
        wrong = [key for key, clock in clocks.items() if not _CLOCK.fullmatch(clock)]
        found += [(key, 'expected a time like "06:30"') for key in wrong]
        if not wrong and one.from_minute >= one.until_minute:
            found.append(("until_time", "must lie behind from_time, on the same day"))
    if found:
        return found
    if any(one.overlaps(other) for one, other in combinations(occasions, 2)):
        return [("occasion", "two occasions overlap: one measurement would count for both")]
    return []


def definition(schedule: Schedule) -> dict[str, Any]:
    """Return a schedule as JSON, with the keys of its table; `of_definition` reads it."""
    return {
        "kind": schedule.kind.value,
        "source": schedule.source,
        "occasion": [
            {field.name: _plain(getattr(one, field.name)) for field in fields(one)}
            for one in schedule.occasions
        ],
    }


def of_definition(table: Mapping[str, Any]) -> Schedule | None:
    """Read what `definition` wrote, as strictly as a file; None if this version cannot."""
    return read(TomlTables("", 0), table, "schedule", 1)


def _plain(entry: object) -> object:
    return list(entry) if isinstance(entry, tuple) else entry


def _occasion_words(one: Occasion) -> str:
    hours = (
        ""
        if one.until_minute - one.from_minute == 24 * _HOUR_MINUTES
        else (f" from {one.from_time} to {one.until_time}")
    )
    if one.per is Per.WEEK:
        days = "" if len(one.days) == len(DAYS) else f" on {_days_words(one.days)}"
        return f"{one.readings} a week{days}{hours}"
    return f"{one.readings} {_days_words(one.days)}{hours}"


def _days_words(days: Sequence[str]) -> str:
    if len(days) == len(DAYS):
        return "every day"
    return ", ".join(day.capitalize() for day in DAYS if day in days)
