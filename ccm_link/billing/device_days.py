"""The days of a device: distinct days of the patient's with an automatic reading, in fixed 30-day blocks. Pure.

Days are counted, not readings, and however many devices. What was typed or imported never counts, nor what has no
known time, nor what was measured before the enrolment or its consent.

Source:
    Guides agree that the data have to be sent by the device itself, that a day counts once whatever was measured on it,
    and that a replaced device goes on in the same episode. Fixed blocks: see `periods`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from ccm_link.billing import intervals, periods
from ccm_link.billing.facts import Episode, Measured, Origin
from ccm_link.billing.intervals import Spans
from ccm_link.billing.periods import Block
from ccm_link.billing.proposal import BlockCount, DeviceDay


class NotCounted(StrEnum):
    """Why a reading makes no day."""

    BY_HAND = "by_hand"
    IMPORTED = "imported"
    UNKNOWN_ORIGIN = "unknown_origin"
    UNKNOWN_TIME = "unknown_time"
    IN_THE_FUTURE = "in_the_future"
    OUTSIDE_EPISODE = "outside_episode"
    NOT_ADMITTED = "not_admitted"  # not enrolled, or without documented consent


_ORIGINS: Mapping[Origin, NotCounted] = {
    Origin.BY_HAND: NotCounted.BY_HAND,
    Origin.IMPORTED: NotCounted.IMPORTED,
    Origin.UNKNOWN: NotCounted.UNKNOWN_ORIGIN,
}


@dataclass(frozen=True, slots=True)
class DaysCounted:
    """The days of an episode.

    Attributes:
        days: with their readings.
        not_counted: by day and why; of a reading whose time is not known by None.
    """

    days: Mapping[date, tuple[UUID, ...]]
    not_counted: Mapping[date | None, Mapping[str, int]]

    @property
    def undated(self) -> int:
        """Number of readings whose time is not known."""
        return sum(self.not_counted.get(None, {}).values())

    def of(self, block: Block) -> BlockCount:
        """Return the part that lies in a block."""
        days = tuple(
            DeviceDay(day, ids)
            for day, ids in sorted(self.days.items())
            if block.first_on <= day <= block.last_on
        )
        lost: Counter[str] = Counter()
        for day, by_why in self.not_counted.items():
            if day is not None and block.first_on <= day <= block.last_on:
                lost.update(by_why)
        return BlockCount(block, days, dict(sorted(lost.items())))


def count(episode: Episode, admitted: Spans, zone: ZoneInfo, at: datetime) -> DaysCounted:
    """Count the days of an episode.

    Args:
        episode: with its readings, in any order.
        admitted: when the patient was in the program with consent.
        zone: the patient's.
        at: now, aware.
    """
    days: defaultdict[date, list[UUID]] = defaultdict(list)
    lost: defaultdict[date | None, Counter[str]] = defaultdict(Counter)
    for reading in sorted(episode.readings, key=lambda one: one.reading_id):
        day = reading.measured_at.astimezone(zone).date() if reading.measured_at else None
        why = _why_not(reading, day, episode, admitted, at)
        if why is None and day is not None:
            days[day].append(reading.reading_id)
        else:
            lost[day][str(why)] += 1
    return DaysCounted({day: tuple(ids) for day, ids in days.items()}, lost)


def days_left(
    found: BlockCount, episode: Episode, open_spans: Spans, zone: ZoneInfo, at: datetime
) -> int:
    """Count the days of a block on which a first reading of the day can still be measured, today included.

    Args:
        found: the block with its days.
        episode: whose block it is.
        open_spans: when the patient is in the program, or could be with a consent.
        zone: the patient's.
        at: now, aware.
    """
    last_on = min(found.block.last_on, episode.ended_on or found.block.last_on)
    first_on = max(at.astimezone(zone).date(), found.block.first_on)
    if last_on < first_on:
        return 0
    to_come = intervals.common(periods.span_of_days(first_on, last_on, zone), intervals.since(at))
    measured = {one.day for one in found.days if first_on <= one.day <= last_on}
    count = (last_on - first_on).days + 1
    can_count = intervals.common(open_spans, to_come)
    if can_count == to_come:  # nearly always: no day has to be looked at by itself
        return count - len(measured)
    days = {first_on + timedelta(days=nth) for nth in range(count)}
    return sum(
        bool(intervals.common(periods.span_of_days(day, day, zone), can_count))
        for day in days - measured
    )


def is_over(block: Block, zone: ZoneInfo, at: datetime) -> bool:
    """Tell whether a block's last day is over."""
    return not intervals.common(block.span(zone), intervals.since(at))


def blocks_of(episode: Episode, until_on: date, today: date) -> tuple[Block, ...]:
    """Return all blocks that end until a day, and the one that runs then, if it has begun today or before."""
    running = periods.block_with(episode.started_on, min(until_on, today))
    found = {*periods.blocks_until(episode.started_on, until_on), *((running,) if running else ())}
    return tuple(
        one for one in sorted(found) if episode.ended_on is None or one.first_on <= episode.ended_on
    )


def _why_not(
    reading: Measured, day: date | None, episode: Episode, admitted: Spans, at: datetime
) -> NotCounted | None:
    if reading.origin in _ORIGINS:
        return _ORIGINS[reading.origin]
    if reading.measured_at is None or day is None:
        return NotCounted.UNKNOWN_TIME
    if reading.measured_at > at:
        return NotCounted.IN_THE_FUTURE
    if day < episode.started_on or (episode.ended_on is not None and day > episode.ended_on):
        return NotCounted.OUTSIDE_EPISODE
    second = intervals.second_of(reading.measured_at)
    place = bisect_right(admitted, second, key=lambda span: span.from_s)
    if place == 0 or admitted[place - 1].until_s <= second:
        return NotCounted.NOT_ADMITTED
    return None
