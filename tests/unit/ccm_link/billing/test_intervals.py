"""The algebra of spans, held against sets of seconds; and the words made of seconds and days."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccm_link import local_days
from ccm_link.billing import fates, intervals, periods, words
from ccm_link.billing.fates import Share
from ccm_link.billing.intervals import Span, Spans
from ccm_link.month import Month

spans = st.builds(
    lambda from_s, length_s: Span(from_s, from_s + length_s), st.integers(0, 60), st.integers(1, 20)
)
sets = st.lists(spans, max_size=8).map(intervals.union)
zones = st.sampled_from(
    ["America/New_York", "UTC", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo"]
)


def held(found: Spans) -> set[int]:
    return {second for span in found for second in range(span.from_s, span.until_s)}


@pytest.mark.parametrize("module", [intervals, words])
def test_examples_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@given(st.lists(spans, max_size=8))
def test_union_holds_each_second_once_and_touches_nowhere(found: list[Span]) -> None:
    joined = intervals.union(found)
    assert held(joined) == held(tuple(found))
    assert all(one.until_s < other.from_s for one, other in pairwise(joined))
    assert intervals.seconds(joined) == len(held(joined))


@given(sets, sets)
def test_common_and_rest_are_those_of_sets(some: Spans, others: Spans) -> None:
    both, rest = intervals.common(some, others), intervals.without(some, others)
    assert held(both) == held(some) & held(others)
    assert held(rest) == held(some) - held(others)
    assert both == intervals.common(others, some)
    assert intervals.seconds(both) + intervals.seconds(rest) == intervals.seconds(some)
    assert intervals.union(both) == both
    assert intervals.union(rest) == rest


@given(sets, st.data())
def test_pieces_have_their_seconds_and_follow_each_other(found: Spans, data: st.DataObject) -> None:
    shares = tuple(Share(span, UUID(int=nth)) for nth, span in enumerate(found))
    total_s = intervals.seconds(found)
    cuts = sorted(data.draw(st.sets(st.integers(1, total_s), max_size=4))) if total_s else []
    sizes = [until_s - from_s for from_s, until_s in pairwise([0, *cuts])]
    pieces = fates.pieces(shares, sizes)
    assert [sum(share.seconds for share in piece) for piece in pieces] == sizes
    in_order = [
        second for piece in pieces for share in piece for second in sorted(held((share.span,)))
    ]
    assert in_order == sorted(held(found))[: sum(sizes)]
    with pytest.raises(ValueError, match="fewer seconds"):
        fates.pieces(shares, [total_s + 1])


def test_a_span_without_a_second_is_none() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    assert intervals.between(at, at) == intervals.NEVER
    assert intervals.between(at, at - timedelta(seconds=1)) == intervals.NEVER
    with pytest.raises(ValueError, match="at least a second"):
        Span(1, 1)


def test_instants_are_cut_to_the_second_so_that_neighbours_touch() -> None:
    at = datetime(2026, 11, 1, 0, 0, 0, 999_999, tzinfo=UTC)
    first = intervals.between(at, at + timedelta(seconds=10))
    second = intervals.between(at + timedelta(seconds=10), at + timedelta(seconds=20))
    assert intervals.seconds(intervals.union((*first, *second))) == 20
    assert (first[0].from_at.microsecond, first[0].until_at) == (0, second[0].from_at)


@given(st.integers(2015, 2030), st.integers(1, 12), zones)
def test_months_of_a_zone_follow_each_other(year: int, month: int, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    (span,) = periods.span_of_month(Month(year, month), zone)
    (after,) = periods.span_of_month(Month(year + month // 12, month % 12 + 1), zone)
    assert span.until_s == after.from_s
    assert Month.of(span.from_at, zone_name) == Month(year, month)
    assert Month.of(span.until_at, zone_name) != Month(year, month)


def test_a_month_with_a_clock_change_has_an_hour_more() -> None:
    (span,) = periods.span_of_month(Month(2026, 11), ZoneInfo("America/New_York"))
    assert span.seconds == (30 * 24 + 1) * 3600


@given(st.dates(date(2015, 1, 1), date(2030, 1, 1)), st.integers(0, 1000))
def test_blocks_are_thirty_days_and_leave_no_day_out(started_on: date, days: int) -> None:
    day = started_on + timedelta(days=days)
    found = periods.block_with(started_on, day)
    assert found is not None
    assert found.first_on <= day <= found.last_on
    assert (found.last_on - found.first_on).days == 29
    assert periods.block(started_on, found.number + 1).first_on == found.last_on + timedelta(days=1)
    whole = periods.blocks_until(started_on, day)
    assert len(whole) == found.number + (day == found.last_on)
    assert periods.block_with(started_on, started_on - timedelta(days=1)) is None
    assert periods.blocks_until(started_on, started_on - timedelta(days=400)) == ()


@pytest.mark.parametrize(
    ("day", "full", "short"),
    [
        (date(2026, 11, 30), "30 November", "30 Nov"),
        (date(2026, 9, 1), "1 September", "1 Sep"),
        (date(2026, 5, 2), "2 May", "2 May"),
    ],
)
def test_days_in_words(day: date, full: str, short: str) -> None:
    assert (local_days.in_full_words(day), local_days.in_words(day)) == (full, short)
