"""The clocks of billing: calendar months of the practice, and 30-day blocks that stand fixed from a start. Pure.

Blocks follow each other from the first day of monitoring, in the patient's days: none is stretched, none is left out,
none slides to where the days are more. A block belongs to the month in which its last day lies.

Source:
    CMS, Chronic Care Management frequently asked questions, 2022-08: minutes count by calendar month and are not
    carried over. Blocks: guides disagree (rolling, by the calendar, most favourable window); stretched blocks and gaps
    between them are named as findings of audits, so ours are fixed. No text fixes the time zone; ours are the
    practice's for months and the patient's for days.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ccm_link.billing import intervals
from ccm_link.billing.intervals import Spans
from ccm_link.local_days import Days
from ccm_link.month import Month

BLOCK_DAYS: Final = 30


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """The n-th 30 days of an episode of monitoring, from 0.

    Attributes:
        first_on: its first day, in the patient's days.
        last_on: its last day, still in it.
    """

    number: int
    first_on: date
    last_on: date

    def span(self, zone: ZoneInfo) -> Spans:
        """Return it in seconds, by the patient's clocks."""
        return span_of_days(self.first_on, self.last_on, zone)


def last_day_of(month: Month) -> date:
    """Return a month's last day."""
    return date(month.year, month.month, calendar.monthrange(month.year, month.month)[1])


def span_of_month(month: Month, zone: ZoneInfo) -> Spans:
    """Return a month in seconds, by clocks in a zone; one with a clock change is an hour longer or shorter."""
    return span_of_days(month.first_on, last_day_of(month), zone)


def span_of_days(first_on: date, last_on: date, zone: ZoneInfo) -> Spans:
    """Return days in seconds, by clocks in a zone, both ends included."""
    days = Days(first_on, last_on, zone)
    return intervals.between(days.from_at, days.until_at)


def block(started_on: date, number: int) -> Block:
    """Return the n-th block, from 0, of monitoring that started on a day."""
    first_on = started_on + timedelta(days=BLOCK_DAYS * number)
    return Block(number, first_on, first_on + timedelta(days=BLOCK_DAYS - 1))


def block_with(started_on: date, day: date) -> Block | None:
    """Return the block that a day lies in; None before the start."""
    if day < started_on:
        return None
    return block(started_on, (day - started_on).days // BLOCK_DAYS)


def blocks_until(started_on: date, last_on: date) -> tuple[Block, ...]:
    """Return all blocks whose last day is not behind a day, oldest first."""
    whole = ((last_on - started_on).days + 1) // BLOCK_DAYS
    return tuple(block(started_on, number) for number in range(max(whole, 0)))


def last_before(started_on: date, month: Month) -> Block | None:
    """Return the last block that belongs to a month before; None where there is none."""
    found = blocks_until(started_on, month.first_on - timedelta(days=1))
    return found[-1] if found else None


def is_of(found: Block, month: Month) -> bool:
    """Tell whether a block belongs to a month."""
    return (found.last_on.year, found.last_on.month) == (month.year, month.month)
