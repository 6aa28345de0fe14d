"""What holds of every month: each second has one fate, no order and no split matters, and more work is never less."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from ccm_link.billing import intervals
from ccm_link.billing.facts import (
    LONGEST_ENTRY_S,
    Counterpart,
    Decision,
    Method,
    Outcome,
    StaffRole,
    Worked,
    WorkElsewhere,
)
from ccm_link.billing.proposal import Proposal
from ccm_link.minutes import time_log
from tests.made_up_month import (
    ATTESTED,
    DOCTOR,
    NEW_YORK,
    episode,
    in_program,
    month,
    number,
    propose,
    units,
)

BEGIN = datetime(2026, 10, 31, 20, tzinfo=NEW_YORK).astimezone(UTC)
DAY_S = 24 * 3600
ATTESTED_COMPLEX = {**ATTESTED, "complex_decisions": True}
PROGRAMS = ("ccm", "rpm", "data_review")
# Full minutes that each code stands for: more time never stands for less of them.
MINUTES = {
    "99490": 20,
    "99439": 20,
    "99487": 60,
    "99489": 30,
    "99470": 10,
    "99457": 20,
    "99458": 20,
}


@st.composite
def entries(
    draw: st.DrawFn,
    programs: Sequence[str | None] = (*PROGRAMS, *PROGRAMS, *PROGRAMS, None, "unheard-of"),
) -> tuple[Worked, ...]:
    """Draw entries about the month's first days, crowded enough to overlap, some of them out of order."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.integers(0, 6 * 3600),
                st.integers(-60, 2 * 3600) | st.integers(1, 2 * 3600) | st.just(9 * 3600),
                st.sampled_from(programs),
                st.sampled_from([*StaffRole, *[StaffRole.CLINICAL_STAFF] * 10]),
                st.integers(1, 4),
                st.booleans(),
            ),
            max_size=9,
        )
    )
    return tuple(
        Worked(
            entry_id=number(nth),
            staff_id=UUID(int=staff),
            role=role,
            program=program,
            activity="chart_review",
            started_at=BEGIN + timedelta(seconds=from_s),
            ended_at=BEGIN + timedelta(seconds=from_s + length_s),
            method=Method.PHONE if is_call else Method.CHART_WORK,
            counterpart=Counterpart.PATIENT if is_call else Counterpart.NOBODY,
            outcome=Outcome.REACHED if is_call else Outcome.NOT_A_CONTACT,
            is_voided=nth == 8,
        )
        for nth, (from_s, length_s, program, role, staff, is_call) in enumerate(drawn)
    )


def billed(worked: Sequence[Worked], *, elsewhere: bool = False) -> Proposal:
    """Propose a month with consent to one program on its second day, a stay, and work for another patient."""
    consent_at = BEGIN + timedelta(hours=5)
    known = month(
        worked,
        [
            in_program("ccm", attested=ATTESTED_COMPLEX),
            in_program("rpm", consent_documented_at=consent_at),
            in_program("data_review"),
        ],
        episodes=(episode(BEGIN.date(), [0, 3]),),
        away=intervals.between(BEGIN + timedelta(hours=6), BEGIN + timedelta(hours=6.2)),
        elsewhere=(
            WorkElsewhere(
                entry_id=number(99),
                staff_id=DOCTOR,
                started_at=BEGIN + timedelta(hours=4.5),
                ended_at=BEGIN + timedelta(hours=5.5),
            ),
        )
        if elsewhere
        else (),
    )
    return propose(known)


@given(entries(), st.booleans())
@settings(max_examples=60)
def test_each_second_of_each_entry_has_one_fate(worked: tuple[Worked, ...], busy: bool) -> None:
    found = billed(worked, elsewhere=busy)
    parts: dict[UUID, list[intervals.Span]] = {entry.entry_id: [] for entry in worked}
    for counted in found.counted.values():
        for share in counted.shares:
            parts[share.entry_id].append(share.span)
    for aside in found.set_aside:
        parts[aside.entry_id] += aside.spans
    for entry in worked:
        whole = intervals.between(entry.started_at, entry.ended_at)
        assert intervals.union(parts[entry.entry_id]) == whole
        assert sum(span.seconds for span in parts[entry.entry_id]) == intervals.seconds(whole)


@given(entries(), st.booleans())
@settings(max_examples=60)
def test_no_second_counts_twice_and_units_are_made_of_counted_seconds(
    worked: tuple[Worked, ...], busy: bool
) -> None:
    found = billed(worked, elsewhere=busy)
    everywhere = [share.span for counted in found.counted.values() for share in counted.shares]
    assert sum(span.seconds for span in everywhere) == intervals.seconds(
        intervals.union(everywhere)
    )
    lines = (*found.proposed, *found.held)
    shares = [share.span for line in lines for unit in line.units for share in unit.shares]
    assert sum(span.seconds for span in shares) == intervals.seconds(intervals.union(shares))
    assert intervals.without(intervals.union(shares), intervals.union(everywhere)) == ()
    for program, counted in found.counted.items():
        given_s = sum(
            unit.seconds for line in lines if line.program == program for unit in line.units
        )
        assert given_s <= counted.seconds
        assert counted.personal_seconds <= counted.seconds
        assert all(one.span.until_s <= other.span.from_s for one, other in pairwise(counted.shares))


@given(entries(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_entries_is_irrelevant(
    worked: tuple[Worked, ...], chance: random.Random
) -> None:
    shuffled = list(worked)
    chance.shuffle(shuffled)
    assert billed(shuffled, elsewhere=True) == billed(worked, elsewhere=True)


@given(entries(), st.integers(0, 8), st.integers(1, 7199))
@settings(max_examples=50)
def test_splitting_an_entry_changes_nothing(
    worked: tuple[Worked, ...], nth: int, after_s: int
) -> None:
    if nth >= len(worked):
        return
    entry = worked[nth]
    middle_at = entry.started_at + timedelta(seconds=after_s)
    if not entry.started_at < middle_at < entry.ended_at or is_too_long(entry):
        return
    halves = (
        replace(entry, ended_at=middle_at),
        replace(entry, entry_id=number(50), started_at=middle_at),
    )
    whole, split = billed(worked), billed((*worked[:nth], *halves, *worked[nth + 1 :]))
    # Of a call only one half holds the talk; here both say that they do, or neither.
    assert units(split) == units(whole)
    assert seconds_by_fate(split) == seconds_by_fate(whole)
    assert [(one.code, one.words) for one in split.missing] == [
        (one.code, one.words) for one in whole.missing
    ]


def is_too_long(entry: Worked) -> bool:
    return (entry.ended_at - entry.started_at).total_seconds() > LONGEST_ENTRY_S


def seconds_by_fate(found: Proposal) -> Counter[str]:
    by_fate: Counter[str] = Counter()
    for aside in found.set_aside:
        by_fate[aside.fate] += aside.seconds
    for program, counted in found.counted.items():
        by_fate[program] += counted.seconds
    return +by_fate


@given(entries(programs=["ccm"]), entries(programs=["rpm"]), st.integers(1, 7200))
@settings(max_examples=50)
def test_more_work_is_never_less(
    care: tuple[Worked, ...], monitoring: tuple[Worked, ...], more_s: int
) -> None:
    # Programs on days of their own: what two of them claim at once is held, and so can take away.
    later = tuple(
        replace(
            entry,
            entry_id=UUID(int=entry.entry_id.int + 100),
            started_at=entry.started_at + timedelta(days=2),
            ended_at=entry.ended_at + timedelta(days=2),
        )
        for entry in monitoring
    )
    further = tuple(
        Worked(
            entry_id=number(200 + nth),
            staff_id=UUID(int=9),
            role=StaffRole.CLINICAL_STAFF,
            program=program,
            activity="chart_review",
            started_at=BEGIN + timedelta(days=2 * nth, hours=5),
            ended_at=BEGIN + timedelta(days=2 * nth, hours=5, seconds=more_s),
        )
        for nth, program in enumerate(("ccm", "rpm"))
    )
    before, after = billed((*care, *later)), billed((*care, *later, *further))
    for program, counted in before.counted.items():
        assert after.counted[program].seconds >= counted.seconds
    for program in ("ccm", "rpm"):
        assert minutes(after, program) >= minutes(before, program)


def minutes(found: Proposal, program: str) -> int:
    return sum(
        MINUTES[line.code] * line.count
        for line in found.proposed
        if line.program == program and line.code in MINUTES
    )


@given(
    entries(programs=["ccm", "rpm", "pcm"]),
    st.lists(
        st.tuples(st.integers(0, 8) | st.just(99), st.integers(0, 7 * 3600), st.integers(1, 7200)),
        max_size=4,
    ),
)
@settings(max_examples=50)
def test_decisions_never_make_a_second_count_twice(
    worked: tuple[Worked, ...], decided: list[tuple[int, int, int]]
) -> None:
    known = month(
        worked,
        elsewhere=(
            WorkElsewhere(
                entry_id=number(99),
                staff_id=UUID(int=2),
                started_at=BEGIN + timedelta(hours=4),
                ended_at=BEGIN + timedelta(hours=6),
            ),
        ),
        decisions=tuple(
            Decision(
                entry_id=number(nth),
                from_at=BEGIN + timedelta(seconds=from_s),
                until_at=BEGIN + timedelta(seconds=from_s + length_s),
            )
            for nth, from_s, length_s in decided
        ),
    )
    found = propose(known)
    everywhere = [share.span for counted in found.counted.values() for share in counted.shares]
    assert sum(span.seconds for span in everywhere) == intervals.seconds(
        intervals.union(everywhere)
    )


@given(st.sets(st.integers(0, 29)), st.sets(st.integers(0, 29)))
@settings(max_examples=40)
def test_more_days_are_never_less(some: set[int], more: set[int]) -> None:
    first = BEGIN.date() + timedelta(days=1)
    fewer, all_of_them = (
        units(propose(month(episodes=(episode(first, sorted(days)),))))
        for days in (some, some | more)
    )
    rank = {(): 0, ("99445",): 1, ("99454",): 2}
    assert rank[tuple(fewer)] <= rank[tuple(all_of_them)]


def test_an_entry_is_no_longer_than_in_the_time_log() -> None:
    assert time_log.LONGEST_ENTRY.total_seconds() == LONGEST_ENTRY_S
