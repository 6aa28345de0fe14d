"""Codes of device days: what a 30-day block comes to, the set-up of an episode, what the next code would take. Pure.

A block is judged by the rules of its last day. Set-up is billed once in an episode, with its first block of enough
days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise, permutations

from ccm_link import local_days
from ccm_link.billing import device_days, periods, words
from ccm_link.billing.device_days import DaysCounted
from ccm_link.billing.facts import Episode, PatientMonth
from ccm_link.billing.intervals import Spans
from ccm_link.billing.proposal import BlockCount, Hold, Line, Missing, Unit, Why
from ccm_link.billing.rows import Program, SetUp, SupplyDays
from ccm_link.billing.rule_book import Book, InForce


@dataclass(frozen=True, slots=True)
class Monitored:
    """An episode of one program, as its codes are asked about it.

    Attributes:
        days: counted.
        blocks: all of the episode until the month's end, oldest first.
        open: when the patient is in the program, or could be with a consent.
        at: now, aware.
    """

    book: Book
    program: InForce[Program]
    known: PatientMonth
    episode: Episode
    days: DaysCounted
    blocks: Sequence[BlockCount]
    open: Spans
    at: datetime

    @property
    def of_month(self) -> tuple[BlockCount, ...]:
        """The blocks that belong to the month."""
        return tuple(one for one in self.blocks if periods.is_of(one.block, self.known.month))

    @property
    def shown(self) -> tuple[BlockCount, ...]:
        """Those of the month, and the one that runs beyond it."""
        first_on = self.known.month.first_on
        return tuple(one for one in self.blocks if one.block.last_on >= first_on)


def supply_lines(asked: Monitored) -> Iterator[Line]:
    """Yield the supply codes of the blocks that belong to the month."""
    for found in asked.of_month:
        code = _reached(found, asked)
        if code is not None:
            yield _line(code, found, asked)


def set_up_lines(asked: Monitored) -> Iterator[Line]:
    """Yield the set-up code, if the first block of days enough belongs to the month and it was not billed before."""
    if asked.episode.is_set_up_billed:
        return
    for found in _judged(asked):
        rules = asked.book.on(found.block.last_on)
        for code in rules.of(SetUp):
            if code.row.program == asked.program.row.name and len(found.days) >= code.row.from_days:
                if periods.is_of(found.block, asked.known.month):
                    yield _line(code, found, asked)
                return


def missing(asked: Monitored) -> Iterator[Missing]:
    """Yield what the blocks of the month, and the one that runs, lack for the next supply code."""
    for found in _judged(asked):
        runs = not device_days.is_over(found.block, asked.known.patient_zone, asked.at)
        if not runs and not periods.is_of(found.block, asked.known.month):
            continue
        reached = _reached(found, asked)
        beyond = [
            one
            for one in _supply_codes(found, asked)
            if reached is None or one.row.from_days > reached.row.from_days
        ]
        for code in beyond:
            yield _missing(code, found, asked, is_over=not runs)


def year_crossed(asked: Monitored) -> Iterator[Hold]:
    """Yield a hold for each block that the rules of its first day would have billed otherwise."""
    for found in asked.of_month:
        block = found.block
        if block.first_on.year == block.last_on.year:
            continue
        now = _reached(found, asked)
        before = asked.book.on(block.first_on) if block.first_on.year in asked.book.years else None
        was = None if before is None else _longest(before.of(SupplyDays), found, asked)
        names = tuple(one.row.name if one else "nothing" for one in (was, now))
        if before is not None and names[0] == names[1]:
            continue
        yield Hold(
            key=f"year_crossed:{block.last_on}",
            why=Why.YEAR_CROSSED,
            program=asked.program.row.name,
            codes=tuple(name for name in names if name != "nothing"),
            words=f"The block began in {block.first_on.year}, whose rules give {names[0]}; those of its last day, "
            f"which are applied, give {names[1]}.",
            stops=False,
            can_be_settled=True,
            rule=now,
        )


def unknown_set_up(asked: Monitored, lines: Sequence[Line]) -> Iterator[Hold]:
    """Yield a hold where nobody knows whether a set-up that would be proposed was billed before."""
    if asked.episode.is_set_up_billed is None:
        for line in lines:
            yield Hold(
                key=f"set_up:{line.code}",
                why=Why.SET_UP,
                program=line.program,
                codes=(line.code,),
                words="It is not known whether the set-up of this episode was billed before.",
                stops=True,
                can_be_settled=True,
                rule=line.rules[0],
            )


def overlapping(lines: Sequence[Line]) -> Iterator[Hold]:
    """Yield a hold where blocks of two episodes overlap, so that one code would be billed twice for the same days."""
    of_days = sorted(
        (line for line in lines if isinstance(line.rules[0].row, SupplyDays)),
        key=lambda line: line.first_on,
    )
    for one, other in pairwise(of_days):
        if other.first_on <= one.last_on:
            yield Hold(
                key=f"overlap:{one.last_on}:{other.last_on}",
                why=Why.CONFLICT,
                program=one.program,
                codes=tuple(sorted({one.code, other.code})),
                words="Blocks of two episodes overlap: one supply is billed for the same days.",
                stops=True,
                can_be_settled=False,
            )


def overlapping_before(of_program: Sequence[Monitored]) -> Iterator[Hold]:
    """Yield a hold where a block begins within one of an earlier episode that belongs to a month before."""
    for one, other in permutations(of_program, 2):
        month_on = one.known.month.first_on
        for found in one.of_month:
            former = periods.block_with(other.episode.started_on, found.block.first_on)
            code = _reached(found, one)
            ended_on = other.episode.ended_on
            if (
                code is None
                or former is None
                or former.last_on >= month_on
                or (ended_on is not None and ended_on < former.first_on)
            ):
                continue
            yield Hold(
                key=f"overlap:{former.last_on}:{found.block.last_on}",
                why=Why.CONFLICT,
                program=one.program.row.name,
                codes=(code.row.name,),
                words="It begins within a block of an earlier episode that ended on "
                f"{local_days.in_full_words(former.last_on)}: if that was billed, the same days are billed twice.",
                stops=True,
                can_be_settled=True,
                rule=code,
            )


def _judged(asked: Monitored) -> Iterator[BlockCount]:
    """Yield the blocks but one that runs into a year without a table: of that nobody knows yet what it can come to."""
    return (one for one in asked.blocks if one.block.last_on.year in asked.book.years)


def _supply_codes(found: BlockCount, asked: Monitored) -> list[InForce[SupplyDays]]:
    codes = asked.book.on(found.block.last_on).of(SupplyDays)
    mine = [one for one in codes if one.row.program == asked.program.row.name]
    return sorted(mine, key=lambda one: one.row.from_days)


def _reached(found: BlockCount, asked: Monitored) -> InForce[SupplyDays] | None:
    return _longest(_supply_codes(found, asked), found, asked)


def _longest(
    codes: Sequence[InForce[SupplyDays]], found: BlockCount, asked: Monitored
) -> InForce[SupplyDays] | None:
    reached = [
        one
        for one in codes
        if one.row.program == asked.program.row.name and one.row.from_days <= len(found.days)
    ]
    return max(reached, key=lambda one: one.row.from_days, default=None)


def _line(code: InForce[SupplyDays] | InForce[SetUp], found: BlockCount, asked: Monitored) -> Line:
    return Line(
        code=code.row.name,
        title=code.row.title,
        program=asked.program.row.name,
        units=(Unit(days=found.days),),
        service_on=_service_on(found, asked.known),
        first_on=found.block.first_on,
        last_on=found.block.last_on,
        is_over=device_days.is_over(found.block, asked.known.patient_zone, asked.at),
        rules=(code, asked.program),
    )


def _service_on(found: BlockCount, known: PatientMonth) -> date:
    """Return the block's last day; of whoever died in it the last day alive, for nothing is served after it."""
    if known.died_at is None:
        return found.block.last_on
    # Where only the day is known, it is the midnight at its end.
    last_alive_at = known.died_at - timedelta(seconds=1)
    return min(found.block.last_on, last_alive_at.astimezone(known.patient_zone).date())


def _missing(
    code: InForce[SupplyDays], found: BlockCount, asked: Monitored, *, is_over: bool
) -> Missing:
    lacking = code.row.from_days - len(found.days)
    left = device_days.days_left(
        found, asked.episode, asked.open, asked.known.patient_zone, asked.at
    )
    can_be_reached = not is_over and left >= lacking
    return Missing(
        code=code.row.name,
        program=asked.program.row.name,
        seconds=0,
        days=lacking,
        needs=(),
        by_on=found.block.last_on,
        can_be_reached=can_be_reached,
        words=words.missing_days(
            lacking, (), found.block.last_on, is_over=is_over, can_be_reached=can_be_reached
        ),
    )
