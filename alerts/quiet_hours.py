"""Quiet hours of a practice: when nobody is there for what may wait. What is urgent or clinical never waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from alerts import errors
from alerts.schedule import DAYS
from ingest import named_queries, statements
from ingest.errors import RefusalReason, RefusedByStoreError

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("alerts", "quiet_hours")

_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of each day, and whole days, by the practice's clocks.

    Attributes:
        from_time: every day from then.
        until_time: until then, on the next day where that is not later; the same as `from_time`: no hours, only days.
        quiet_days: of `alerts.schedule.DAYS`, from midnight to midnight; not all of them.
    """

    from_time: time
    until_time: time
    quiet_days: tuple[str, ...] = ()

    def ends_at(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when the quiet that an instant lies in is over; None if it lies in none.

        Args:
            at: aware.
            zone: the practice's.

        Returns:
            An instant in UTC.
        """
        end = None
        for from_at, until_at in sorted(self._spans(at, zone)):
            if from_at <= (end or at) < until_at:
                end = until_at
        return end

    def _spans(self, at: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Return the quiet spans around an instant: six quiet days in a row are the most there can be."""
        today = at.astimezone(zone).date()
        for day in (today + timedelta(days=n) for n in range(-1, len(DAYS) + 1)):
            if self.from_time != self.until_time:
                until_day = day if self.from_time < self.until_time else day + _ONE_DAY
                yield _at(day, self.from_time, zone), _at(until_day, self.until_time, zone)
            if DAYS[day.weekday()] in self.quiet_days:
                yield _at(day, time(), zone), _at(day + _ONE_DAY, time(), zone)


@dataclass(frozen=True, slots=True)
class Kept:
    """Quiet hours in force, with who wanted them so, and why."""

    version: int
    hours: QuietHours
    in_force_from: datetime
    set_by: str
    reason: str


def in_force(cur: Cursor, practice_id: UUID, at: datetime) -> Kept | None:
    """Return a practice's quiet hours at an instant, aware; None where it has none."""
    row = statements.first(cur, _Row, _Q.load, {"practice_id": practice_id, "at": at})
    if row is None:
        return None
    hours = QuietHours(row.from_time, row.until_time, tuple(row.quiet_days))
    return Kept(row.version, hours, row.in_force_from, row.set_by, row.reason)


def keep(
    cur: Cursor, practice_id: UUID, hours: QuietHours, *, set_by: str, reason: str, at: datetime
) -> int:
    """Put quiet hours in force from an instant on, and end those before; return the version's number.

    Raises:
        errors.BadRule: Who or why is missing.
        errors.ScheduleChanged: Another version begins then or later.
        RefusedByStoreError: There is no such day, or no day is open.
    """
    if not (set_by.strip() and reason.strip()):
        raise errors.BadRule
    parameters = {
        "practice_id": practice_id,
        "from_time": hours.from_time,
        "until_time": hours.until_time,
        "quiet_days": list(hours.quiet_days),
        "set_by": set_by,
        "reason": reason,
        "at": at,
    }
    cur.execute(_Q.end, parameters)
    try:
        with statements.refusals(), cur.connection.transaction():
            row = cur.execute(_Q.add, parameters).fetchone()
    except RefusedByStoreError as error:
        if error.reason is RefusalReason.ALREADY_THERE:
            raise errors.ScheduleChanged from None
        raise
    return int(row[0]) if row else 0


def end(cur: Cursor, practice_id: UUID, at: datetime) -> bool:
    """End the quiet hours in force; False where there are none."""
    return statements.changed(cur, _Q.end, {"practice_id": practice_id, "at": at})


@dataclass(frozen=True, slots=True)
class _Row:
    version: int
    from_time: time
    until_time: time
    quiet_days: list[str]
    in_force_from: datetime
    set_by: str
    reason: str


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
