"""Who is on duty at an instant: shifts as they were agreed, weekly ones and single ones that go before them. Pure.

A weekly shift is told in the practice's wall clock time. Where the clocks skip its beginning or end, it is as long
after the skip as it would have been into it; where they repeat it, the first time counts. One shift that begins when
another ends therefore begins when it ends, whatever the clocks do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from alerts import errors

_WEEK_DAYS: Final = 7


class Duty(StrEnum):
    """As what somebody is on duty."""

    COVER = "cover"  # stands in for whoever owns the task
    CLINICIAN = "clinician"  # decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One person on one duty from an instant to another (aware, the end excluded), instead of the weekly shifts."""

    shift_id: UUID
    duty: Duty
    staff_id: UUID
    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if not self.starts_at < self.ends_at:
            raise errors.BadShift


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyShift:
    """One person on one duty in every week, or in every second, third… one: of such shifts a rotation is made.

    Attributes:
        first_on: Day of the first one; its day of the week is that of all.
        starts: Wall clock time of the beginning.
        days_later: How many days after the beginning it ends: 0 on the same day, 7 for a whole week.
        ends: Wall clock time of the end.
        every_weeks: 1 for each week.
        last_on: Day on which the last one may begin; None: for ever.
    """

    shift_id: UUID
    duty: Duty
    staff_id: UUID
    first_on: date
    starts: time
    days_later: int
    ends: time
    every_weeks: int
    last_on: date | None

    def __post_init__(self) -> None:
        starts = datetime.combine(date.min, self.starts)
        ends = datetime.combine(date.min + timedelta(days=self.days_later), self.ends)
        if not (starts < ends <= starts + timedelta(weeks=self.every_weeks)):
            raise errors.BadShift

    def from_until(self, on: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return beginning and end (aware UTC) of the shift that begins on a day."""
        return (
            _instant(on, self.starts, zone),
            _instant(on + timedelta(days=self.days_later), self.ends, zone),
        )

    def begins_on(self, on: date) -> bool:
        """Say whether one of them begins on a day."""
        days = (on - self.first_on).days
        is_over = self.last_on is not None and on > self.last_on
        return days >= 0 and not is_over and days % (_WEEK_DAYS * self.every_weeks) == 0

    def around(self, at: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Yield beginning and end of those that could hold an instant, or begin on its day."""
        today = at.astimezone(zone).date()
        for days_ago in range(self.days_later + 1, -2, -1):
            on = today - timedelta(days=days_ago)
            if self.begins_on(on):
                yield self.from_until(on, zone)


@dataclass(frozen=True, slots=True)
class Schedule:
    """All shifts of a practice that count, with its time zone."""

    zone: ZoneInfo
    shifts: Sequence[Shift] = ()
    weekly: Sequence[WeeklyShift] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span (aware UTC, the end excluded) with the same people on duty; nobody in a gap."""

    starts_at: datetime
    ends_at: datetime
    staff_ids: tuple[UUID, ...]

    @property
    def is_gap(self) -> bool:
        """Say whether nobody is on duty."""
        return not self.staff_ids


def on_duty(schedule: Schedule, duty: Duty, at: datetime) -> tuple[UUID, ...]:
    """Return who is on a duty at an instant, each once: those of single shifts, or else those of the weekly ones."""
    single = [
        shift.staff_id
        for shift in schedule.shifts
        if shift.duty is duty and shift.starts_at <= at < shift.ends_at
    ]
    weekly = [
        shift.staff_id
        for shift in schedule.weekly
        if shift.duty is duty
        and any(starts <= at < ends for starts, ends in shift.around(at, schedule.zone))
    ]
    return tuple(dict.fromkeys(single or weekly))


def stretches(
    schedule: Schedule, duty: Duty, from_at: datetime, until_at: datetime
) -> list[Stretch]:
    """Return who is on a duty over a span, gaps included, without a seam between neighbours that are the same."""
    edges = sorted({from_at, until_at, *(at for at in _edges(schedule, duty, from_at, until_at))})
    found: list[Stretch] = []
    for starts_at, ends_at in pairwise(edges):
        staff_ids = on_duty(schedule, duty, starts_at)
        if found and found[-1].staff_ids == staff_ids:
            found[-1] = Stretch(found[-1].starts_at, ends_at, staff_ids)
        else:
            found.append(Stretch(starts_at, ends_at, staff_ids))
    return found


def _edges(
    schedule: Schedule, duty: Duty, from_at: datetime, until_at: datetime
) -> Iterator[datetime]:
    for shift in schedule.shifts:
        if shift.duty is duty:
            yield from (at for at in (shift.starts_at, shift.ends_at) if from_at < at < until_at)
    for weekly in schedule.weekly:
        if weekly.duty is duty:
            yield from _edges_of(weekly, schedule.zone, from_at, until_at)


def _edges_of(
    weekly: WeeklyShift, zone: ZoneInfo, from_at: datetime, until_at: datetime
) -> Iterator[datetime]:
    on = from_at.astimezone(zone).date() - timedelta(days=weekly.days_later + 1)
    last_on = until_at.astimezone(zone).date() + timedelta(days=1)
    while on <= last_on:
        if weekly.begins_on(on):
            yield from (at for at in weekly.from_until(on, zone) if from_at < at < until_at)
        on += timedelta(days=1)


def _instant(on: date, wall: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)
