"""Codes of minutes: which of a program's codes its counted seconds reach, and what the next one would take. Pure.

Thresholds are full minutes, never rounded up. Of the first codes that are reached, one is taken: the longest, of the
practitioner's own minutes where the practice prefers those. Seconds are given to units in the order in which they were
worked, so each unit can be traced to its entries.

Source:
    The rows of the tables; that thresholds are minimums and the middle of a span is none: guides that quote the code
    book on codes with a stated time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from ccm_link.billing import fates, intervals, words
from ccm_link.billing.intervals import Spans
from ccm_link.billing.proposal import Hold, Line, Missing, Unit, Why
from ccm_link.billing.rows import (
    LIVE_INTERACTION,
    NO_CAP,
    FirstMinutes,
    FurtherMinutes,
    Pool,
    Program,
    Requirement,
    Row,
)
from ccm_link.billing.rule_book import InForce, Rules
from ccm_link.billing.seconds_counted import Counted

_MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Period:
    """The month or the block in which seconds are counted.

    Attributes:
        span: its seconds.
        zone: by whose clocks its days are meant.
    """

    first_on: date
    last_on: date
    span: Spans
    zone: ZoneInfo

    def is_over(self, at: datetime) -> bool:
        """Tell whether nothing of it is still to come."""
        return not intervals.common(self.span, intervals.since(at))


@dataclass(frozen=True, slots=True)
class MinutesBilled:
    """What came of one program's seconds in one period."""

    lines: tuple[Line, ...]
    missing: tuple[Missing, ...]
    holds: tuple[Hold, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One program in one period, as its codes are asked about it.

    Attributes:
        open: when seconds can count for the patient, or could with a consent.
        met: by name of a requirement: there, not there, or (None) not known.
        prefers_personal: whether the practitioner's own minutes are billed where they reach a code of their own.
        at: now, aware.
    """

    rules: Rules
    program: InForce[Program]
    counted: Counted
    period: Period
    open: Spans
    met: Mapping[str, bool | None]
    prefers_personal: bool
    at: datetime

    def seconds(self, pool: Pool) -> int:
        """Count the seconds of a pool."""
        return self.counted.seconds if pool is Pool.EVERYBODY else self.counted.personal_seconds

    @property
    def seconds_left(self) -> int:
        """Count the seconds of the period that are still to come and can count."""
        to_come = intervals.common(self.period.span, intervals.since(self.at))
        return intervals.seconds(intervals.common(to_come, self.open))

    def reaches(self, code: InForce[FirstMinutes]) -> bool:
        """Tell whether the seconds are enough for a first code, whatever else it needs."""
        return self.seconds(code.row.pool) >= code.row.from_minutes * _MINUTE_S

    def unmet(self, code: InForce[FirstMinutes]) -> tuple[str, ...]:
        """Return what else it needs and has not."""
        return tuple(name for name in code.row.needs if self.met.get(name) is not True)


def billed(asked: Asked) -> MinutesBilled:
    """Return what a program's seconds of one period come to."""
    firsts = [
        one for one in asked.rules.of(FirstMinutes) if one.row.program == asked.program.row.name
    ]
    usable = [one for one in firsts if asked.reaches(one) and not asked.unmet(one)]
    chosen = _chosen(usable, firsts, asked)
    lines: list[Line] = []
    holds = list(_open_choices(firsts, chosen, asked))
    missing = list(_missing_firsts(firsts, chosen, asked))
    if chosen is not None:
        further = [
            one for one in asked.rules.of(FurtherMinutes) if one.row.after == chosen.row.name
        ]
        sizes = {chosen.row.name: [chosen.row.from_minutes * _MINUTE_S]}
        rest_s = asked.seconds(chosen.row.pool) - chosen.row.from_minutes * _MINUTE_S
        for one in further:
            every_s = one.row.every_minutes * _MINUTE_S
            count = _capped(rest_s // every_s, one)
            sizes[one.row.name] = [every_s] * count
            holds += _cap_holds(rest_s // every_s, one, asked)
            if one.row.most_units == NO_CAP or count < one.row.most_units:
                lacking_s = (count + 1) * every_s - rest_s
                missing.append(_missing(one, lacking_s, (), asked))
            rest_s -= count * every_s
        lines = list(_lines([chosen, *further], chosen, sizes, asked))
    return MinutesBilled(tuple(lines), tuple(missing), tuple(holds))


def _suits(
    code: InForce[FirstMinutes], firsts: Sequence[InForce[FirstMinutes]], asked: Asked
) -> bool:
    """Tell whether a code's pool is one that the practice bills: a program of personal codes alone has no choice."""
    return (
        code.row.pool is Pool.EVERYBODY
        or asked.prefers_personal
        or all(one.row.pool is Pool.PERSONAL for one in firsts)
    )


def _chosen(
    usable: Sequence[InForce[FirstMinutes]],
    firsts: Sequence[InForce[FirstMinutes]],
    asked: Asked,
) -> InForce[FirstMinutes] | None:
    suited = [one for one in usable if _suits(one, firsts, asked)]
    return max(
        suited,
        key=lambda one: (one.row.pool is Pool.PERSONAL, one.row.from_minutes, one.row.name),
        default=None,
    )


def _is_beyond(code: InForce[FirstMinutes], chosen: InForce[FirstMinutes] | None) -> bool:
    """Tell whether a first code would take the place of the chosen one."""
    if chosen is None:
        return True
    if code.row.pool is not chosen.row.pool:
        return code.row.pool is Pool.PERSONAL
    return code.row.from_minutes > chosen.row.from_minutes


def _open_choices(
    firsts: Sequence[InForce[FirstMinutes]], chosen: InForce[FirstMinutes] | None, asked: Asked
) -> Iterator[Hold]:
    for one in firsts:
        if not asked.reaches(one) or one is chosen:
            continue
        instead = f" in place of {chosen.row.name}" if chosen else ""
        unknown = [name for name in asked.unmet(one) if name != LIVE_INTERACTION]
        unknown = [name for name in unknown if asked.met.get(name) is None]
        if not _suits(one, firsts, asked):
            if not asked.unmet(one):
                own = words.duration(asked.seconds(Pool.PERSONAL))
                yield _choice(one, f"{own} of the practitioner's own reach it{instead}.", asked)
        elif unknown and _is_beyond(one, chosen):
            titles = " and ".join(titles_of(unknown, asked.rules))
            yield _choice(one, f"The time reaches it{instead}; not known: {titles}.", asked)


def _choice(code: InForce[FirstMinutes], text: str, asked: Asked) -> Hold:
    return Hold(
        key=f"choice:{code.row.name}:{asked.period.last_on}",
        why=Why.CHOICE,
        program=asked.program.row.name,
        codes=(code.row.name,),
        words=text,
        stops=False,
        can_be_settled=True,
        rule=code,
    )


def _missing_firsts(
    firsts: Sequence[InForce[FirstMinutes]], chosen: InForce[FirstMinutes] | None, asked: Asked
) -> Iterator[Missing]:
    for one in firsts:
        unmet = asked.unmet(one)
        refused = any(asked.met.get(name) is False for name in unmet if name != LIVE_INTERACTION)
        if one is chosen or refused or not _suits(one, firsts, asked):
            continue
        if asked.period.is_over(asked.at) and asked.reaches(one) and LIVE_INTERACTION not in unmet:
            continue  # nothing of it is too late: `_open_choices` asks a person for the rest
        if _is_beyond(one, chosen):
            lacking_s = one.row.from_minutes * _MINUTE_S - asked.seconds(one.row.pool)
            yield _missing(one, max(lacking_s, 0), unmet, asked)


def _missing(
    code: InForce[FirstMinutes] | InForce[FurtherMinutes],
    lacking_s: int,
    needs: tuple[str, ...],
    asked: Asked,
) -> Missing:
    can_be_reached = 0 < asked.seconds_left >= lacking_s
    return Missing(
        code=code.row.name,
        program=asked.program.row.name,
        seconds=lacking_s,
        days=0,
        needs=needs,
        by_on=asked.period.last_on,
        can_be_reached=can_be_reached,
        words=words.missing_seconds(
            lacking_s,
            titles_of(needs, asked.rules),
            asked.period.last_on,
            is_over=asked.period.is_over(asked.at),
            can_be_reached=can_be_reached,
        ),
    )


def titles_of(needs: Sequence[str], rules: Rules) -> list[str]:
    """Return what requirements are called."""
    found = [rules.find(Requirement, name) for name in needs]
    return [one.row.title if one else name for one, name in zip(found, needs, strict=True)]


def _capped(count: int, code: InForce[FurtherMinutes]) -> int:
    return count if code.row.most_units == NO_CAP else min(count, code.row.most_units)


def _cap_holds(count: int, code: InForce[FurtherMinutes], asked: Asked) -> Iterator[Hold]:
    row = code.row
    if row.most_units != NO_CAP and count > row.most_units and not row.cap_certainty.is_sure:
        text = f"The time reaches {count} units; {row.most_units} are billed, by a cap that is {row.cap_certainty}."
    elif row.usual_units != NO_CAP and _capped(count, code) > row.usual_units:
        text = f"{count} units: payers commonly stop at {row.usual_units}."
    else:
        return
    yield Hold(
        key=f"cap:{row.name}:{asked.period.last_on}",
        why=Why.CAP,
        program=asked.program.row.name,
        codes=(row.name,),
        words=text,
        stops=False,
        can_be_settled=True,
        rule=code,
    )


def _lines(
    codes: Sequence[InForce[FirstMinutes] | InForce[FurtherMinutes]],
    chosen: InForce[FirstMinutes],
    sizes_s: Mapping[str, Sequence[int]],
    asked: Asked,
) -> Iterator[Line]:
    pool = asked.counted.shares if chosen.row.pool is Pool.EVERYBODY else asked.counted.personal
    rest = iter(fates.pieces(pool, [size for code in codes for size in sizes_s[code.row.name]]))
    needed = [asked.rules.find(Requirement, name) for name in chosen.row.needs]
    because: list[InForce[Row]] = [one for one in needed if one is not None]
    with_units = [
        (code, tuple(Unit(shares=next(rest)) for _ in sizes_s[code.row.name])) for code in codes
    ]
    # One day of service for a first code with what follows it: any from the threshold on will do, and payers look for
    # both on one day. So it is the day of the last second of the last unit.
    reached_at = max(units[-1].shares[-1].span for _, units in with_units if units).last_at
    for code, units in with_units:
        if not units:
            continue
        yield Line(
            code=code.row.name,
            title=code.row.title,
            program=asked.program.row.name,
            units=units,
            service_on=reached_at.astimezone(asked.period.zone).date(),
            first_on=asked.period.first_on,
            last_on=asked.period.last_on,
            is_over=asked.period.is_over(asked.at),
            rules=(code, *(() if code is chosen else (chosen,)), *because, asked.program),
        )
