"""What the rules make of a patient's month: the output, from which a person attests and a claim is made later.

Nothing here is a claim. What is proposed still has its holds that ask a person to look; what is held is not proposed
before a person has settled why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from ccm_link.billing.fates import SetAside, Share
from ccm_link.billing.periods import Block
from ccm_link.billing.rows import Row
from ccm_link.billing.rule_book import InForce
from ccm_link.billing.seconds_counted import Counted
from ccm_link.month import Month


@dataclass(frozen=True, slots=True, order=True)
class DeviceDay:
    """A day of the patient's with at least one automatic reading."""

    day: date
    reading_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of a code, and what it rests on: seconds or days, none of which another unit of minutes rests on too.

    Attributes:
        shares: of the time entries, oldest first.
        days: of the device, oldest first.
    """

    shares: tuple[Share, ...] = ()
    days: tuple[DeviceDay, ...] = ()

    @property
    def seconds(self) -> int:
        """Seconds that it rests on."""
        return sum(share.seconds for share in self.shares)

    @property
    def reached_at(self) -> datetime | None:
        """When the last second that it needs was worked, aware UTC; None: it rests on days."""
        return self.shares[-1].span.until_at if self.shares else None


@dataclass(frozen=True, slots=True)
class Line:
    """A code with its units.

    Attributes:
        title: our own plain name of the code.
        service_on: the day that a claim says, in the practice's days (minutes) or the patient's (days).
        first_on: first day of the period that it is for.
        last_on: last day of it.
        is_over: whether the period is over, so that the line becomes no other one.
        rules: the rows that led to it, the code's own first.
    """

    code: str
    title: str
    program: str
    units: tuple[Unit, ...]
    service_on: date
    first_on: date
    last_on: date
    is_over: bool
    rules: tuple[InForce[Row], ...]

    @property
    def count(self) -> int:
        """Number of units."""
        return len(self.units)


@dataclass(frozen=True, slots=True)
class Missing:
    """What a further unit of a code would take.

    Attributes:
        seconds: still to be worked; 0: enough was.
        days: still to be measured on; 0: enough were.
        needs: names of requirements that are not there yet or not known.
        by_on: the last day that counts.
        can_be_reached: whether time or days enough are left, of those that count.
        words: the same in one sentence.
    """

    code: str
    program: str
    seconds: int
    days: int
    needs: tuple[str, ...]
    by_on: date
    can_be_reached: bool
    words: str


class Why(StrEnum):
    """Why a person is needed."""

    CONSENT = "consent"
    REQUIREMENT = "requirement"
    BLOCKER = "blocker"
    EXCLUSION = "exclusion"
    SITE = "site"
    COVERAGE = "coverage"
    CONFLICT = "conflict"
    BAD_ENTRY = "bad_entry"
    UNSURE_RULE = "unsure_rule"
    UNKNOWN_RULE = "unknown_rule"
    CAP = "cap"
    CHOICE = "choice"
    SET_UP = "set_up"
    YEAR_CROSSED = "year_crossed"


@dataclass(frozen=True, slots=True)
class Hold:
    """Something that a person has to look at.

    Attributes:
        key: the same for the same matter whenever it is asked again in this month; `facts.Settled` names it.
        codes: the lines that it concerns.
        stops: whether they are held back until then.
        can_be_settled: whether a person may settle it with a reason; else the facts themselves have to change.
        settled_because: the reason of the person who settled it; None: open.
        entry_ids: the time entries that it is about.
        seconds: that it is about.
        rule: the row that asks for it.
    """

    key: str
    why: Why
    program: str
    codes: tuple[str, ...]
    words: str
    stops: bool
    can_be_settled: bool
    settled_because: str | None = None
    entry_ids: tuple[UUID, ...] = ()
    seconds: int = 0
    rule: InForce[Row] | None = None


@dataclass(frozen=True, slots=True)
class BlockCount:
    """A 30-day block: its days, and readings that do not count, by why."""

    block: Block
    days: tuple[DeviceDay, ...]
    not_counted: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the rules make of a patient's month.

    Attributes:
        at: when that was asked, aware.
        payer: name of the overlay that was used.
        proposed: lines that nothing stops, by code.
        held: lines that would be proposed if what stops them were settled.
        missing: what the next units would take, the nearest first.
        holds: all that needs a person.
        counted: seconds by program.
        set_aside: seconds that do not count, each with its fate.
        blocks: the 30-day blocks that end in the month, and the one that runs.
        undated_readings: whose time is not known, so that they are of no day.
    """

    month: Month
    at: datetime
    payer: str | None
    proposed: tuple[Line, ...]
    held: tuple[Line, ...]
    missing: tuple[Missing, ...]
    holds: tuple[Hold, ...]
    counted: Mapping[str, Counted]
    set_aside: tuple[SetAside, ...]
    blocks: tuple[BlockCount, ...]
    undated_readings: int

    def units(self, code: str) -> int:
        """Count the proposed units of a code."""
        return sum(line.count for line in self.proposed if line.code == code)
