"""What one patient's month may be billed as: seconds, days, codes, what is missing, and what a person decides. Pure.

The month's rules are those in force on its last day; a 30-day block's those of its own last day. Nothing is guessed:
where facts or rules conflict, or are not known, that is a hold, and what it stops is shown beside what is proposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ccm_link.billing import (
    admission,
    days_billed,
    device_days,
    entry_holds,
    intervals,
    minutes_billed,
    periods,
    preconditions,
    seconds_counted,
)
from ccm_link.billing.days_billed import Monitored
from ccm_link.billing.facts import InProgram, PatientMonth
from ccm_link.billing.fates import Fate
from ccm_link.billing.intervals import Spans
from ccm_link.billing.minutes_billed import Asked, Period
from ccm_link.billing.proposal import Hold, Line, Missing, Proposal
from ccm_link.billing.rows import LIVE_INTERACTION, Per, Program
from ccm_link.billing.rule_book import Book, InForce, Rules
from ccm_link.billing.seconds_counted import Account


@dataclass(frozen=True, slots=True)
class _Found:
    """What came of one program."""

    lines: tuple[Line, ...] = ()
    missing: tuple[Missing, ...] = ()
    holds: tuple[Hold, ...] = ()


def propose(book: Book, known: PatientMonth, at: datetime) -> Proposal:
    """Return what the rules make of a patient's month.

    Args:
        book: the tables, with the payer's overlay if there is one.
        known: the month's facts.
        at: now, aware; what lies behind it does not count.

    Raises:
        errors.NoBillingTable: There is no table of the month's year.
    """
    rules = book.on(periods.last_day_of(known.month))
    monitored = tuple(_monitored(book, known, rules, at))
    windows = {one.row.name: _window(one, known, monitored) for one in rules.of(Program)}
    admitted = admission.admissions(known)
    account = seconds_counted.account(known, admitted, rules, windows, at)
    by_program: dict[str, _Found] = {}
    for program in rules.of(Program):
        enrolment = _enrolment(known, program.row.name)
        if enrolment is not None:
            by_program[program.row.name] = _of_program(
                program,
                enrolment,
                admitted[program.row.name].open,
                known,
                rules,
                account,
                monitored,
                at,
            )
    lines = {name: found.lines for name, found in by_program.items()}
    programs = {entry.entry_id: entry.program or "" for entry in known.worked}
    holds = preconditions.settled(
        (
            *(hold for found in by_program.values() for hold in found.holds),
            *preconditions.exclusions(lines, known, rules),
            *entry_holds.holds(account, lambda one: programs[one.entry_id]),
        ),
        known,
    )
    stopped = {(hold.program, code) for hold in holds if hold.stops for code in hold.codes}
    in_order = sorted(
        (line for found in lines.values() for line in found),
        key=lambda line: (line.code, line.last_on),
    )
    return Proposal(
        month=known.month,
        at=at,
        payer=book.payer,
        proposed=tuple(one for one in in_order if (one.program, one.code) not in stopped),
        held=tuple(one for one in in_order if (one.program, one.code) in stopped),
        missing=tuple(
            sorted(
                (one for found in by_program.values() for one in found.missing),
                key=lambda one: (one.seconds, one.days, one.code, one.by_on),
            )
        ),
        holds=holds,
        counted=account.programs,
        set_aside=account.set_aside,
        blocks=tuple(block for one in monitored for block in one.shown),
        undated_readings=sum(one.days.undated for one in monitored),
    )


def _enrolment(known: PatientMonth, program: str) -> InProgram | None:
    """Return the last enrolment in a program: its consent and attestations are those of the month."""
    return max(
        (one for one in known.programs if one.program == program),
        key=lambda one: one.enrolled_at,
        default=None,
    )


def _monitored(book: Book, known: PatientMonth, rules: Rules, at: datetime) -> Iterator[Monitored]:
    # No text takes days away for a stay as an inpatient, as it takes minutes.
    admitted = admission.admissions(replace(known, away=intervals.NEVER))
    until_on = periods.last_day_of(known.month)
    today = at.astimezone(known.patient_zone).date()
    for episode in known.episodes:
        program = rules.find(Program, episode.program)
        if program is None:
            continue
        admission_of = admitted.get(episode.program, admission.NONE)
        days = device_days.count(episode, admission_of.allowed, known.patient_zone, at)
        blocks = device_days.blocks_of(episode, until_on, today)
        if episode.is_set_up_billed:
            blocks = tuple(one for one in blocks if one.last_on >= known.month.first_on)
        yield Monitored(
            book=book,
            program=program,
            known=known,
            episode=episode,
            days=days,
            blocks=tuple(days.of(one) for one in blocks),
            open=admission_of.open,
            at=at,
        )


def _window(
    program: InForce[Program], known: PatientMonth, monitored: tuple[Monitored, ...]
) -> Spans:
    if program.row.per is Per.MONTH:
        return periods.span_of_month(known.month, known.zone)
    blocks = intervals.union(
        span
        for one in monitored
        for found in one.of_month
        for span in found.block.span(known.patient_zone)
    )
    return intervals.without(blocks, _taken_before(known))


def _taken_before(known: PatientMonth) -> Spans:
    """Return the last blocks of months before: one of a further episode may begin there, and has no second of them."""
    blocks = ((one, periods.last_before(one.started_on, known.month)) for one in known.episodes)
    return intervals.union(
        span
        for one, block in blocks
        if block is not None and (one.ended_on is None or one.ended_on >= block.first_on)
        for span in block.span(known.patient_zone)
    )


def _periods(
    program: InForce[Program], known: PatientMonth, monitored: tuple[Monitored, ...]
) -> Iterator[Period]:
    if program.row.per is Per.MONTH:
        last_on = periods.last_day_of(known.month)
        span = periods.span_of_month(known.month, known.zone)
        yield Period(known.month.first_on, last_on, span, known.zone)
        return
    taken = _taken_before(known)
    for one in monitored:
        for block in (found.block for found in one.of_month):
            # Blocks of two episodes may overlap; no second counts in both.
            span = intervals.without(block.span(known.patient_zone), taken)
            taken = intervals.union((*taken, *span))
            if span:
                yield Period(block.first_on, block.last_on, span, known.patient_zone)


def _of_program(
    program: InForce[Program],
    enrolment: InProgram,
    open_spans: Spans,
    known: PatientMonth,
    rules: Rules,
    account: Account,
    monitored: tuple[Monitored, ...],
    at: datetime,
) -> _Found:
    name = program.row.name
    counted = account.programs.get(name, seconds_counted.NOTHING)
    met: Mapping[str, bool | None] = {**enrolment.attested, LIVE_INTERACTION: bool(counted.live)}
    lines: list[Line] = []
    missing: list[Missing] = []
    holds: list[Hold] = []
    for period in _periods(program, known, monitored):
        found = minutes_billed.billed(
            Asked(
                rules=rules,
                program=program,
                counted=counted.within(period.span),
                period=period,
                open=open_spans,
                met=met,
                prefers_personal=known.prefers_personal,
                at=at,
            )
        )
        lines += found.lines
        missing += found.missing
        holds += found.holds
    mine = [one for one in monitored if one.program is program]
    for one in mine:
        set_up = tuple(days_billed.set_up_lines(one))
        lines += (*days_billed.supply_lines(one), *set_up)
        missing += days_billed.missing(one)
        holds += (*days_billed.year_crossed(one), *days_billed.unknown_set_up(one, set_up))
    holds += (*days_billed.overlapping(lines), *days_billed.overlapping_before(mine))
    holds += preconditions.of_program(enrolment, lines, known, rules)
    aside = [one for one in account.set_aside if one.fate is Fate.NO_CONSENT]
    own = {entry.entry_id for entry in known.worked if entry.program == name}
    holds += preconditions.consent(enrolment, [one for one in aside if one.entry_id in own], lines)
    holds += preconditions.changed_practitioner(enrolment, lines, known)
    return _Found(tuple(lines), tuple(missing), tuple(holds))
