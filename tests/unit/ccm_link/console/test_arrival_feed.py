"""What a practice's feed notices: everything once, whenever it commits, and a gap where it is too much."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccm_link.console import arrival_feed
from ccm_link.console.arrival_feed import ArrivalFeed
from ingest.reading_arrivals import Arrival

NOW = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)


def arrival(number: int, stored_s: float = 0) -> Arrival:
    return Arrival(UUID(int=number), NOW, UUID(int=1), NOW + timedelta(seconds=stored_s))


def begun() -> ArrivalFeed:
    """Return a feed that has looked once and found nothing."""
    feed = ArrivalFeed(NOW)
    feed.take([], NOW)
    return feed


def test_what_is_there_at_first_is_nobodys_news() -> None:
    feed = ArrivalFeed(NOW)
    feed.take([arrival(1, -30)], NOW)
    start = feed.end
    feed.take([arrival(1, -30), arrival(2)], NOW + timedelta(seconds=1))
    assert feed.since(start, 10) == [arrival(2)]


def test_a_search_goes_back_by_the_overlap() -> None:
    feed = begun()
    assert feed.search_from == NOW - timedelta(seconds=60)
    feed.take([], NOW + timedelta(seconds=5))
    assert feed.search_from == NOW - timedelta(seconds=55)


@given(
    # (when it says it was stored, how much later it can be seen), and when somebody looks; all in seconds.
    st.lists(st.tuples(st.integers(1, 600), st.integers(0, 58)), max_size=40),
    st.lists(st.integers(1, 20), min_size=1, max_size=60),
)
def test_whatever_commits_late_is_noticed_once(
    stored: list[tuple[int, int]], pauses: list[int]
) -> None:
    feed = begun()
    start = feed.end
    rows = [(arrival(n, at_s), at_s + late_s) for n, (at_s, late_s) in enumerate(stored)]
    now_s = 0
    noticed: list[Arrival] = []
    for pause_s in [*pauses, 700]:
        now_s += pause_s
        found = [
            one for one, seen_s in rows if seen_s <= now_s and one.stored_at >= feed.search_from
        ]
        feed.take(sorted(found, key=lambda one: one.stored_at), NOW + timedelta(seconds=now_s))
        more = feed.since(start + len(noticed), 1000)
        assert more is not None
        noticed += more
    assert sorted(one.reading_id for one in noticed) == sorted(one.reading_id for one, _ in rows)


def test_a_clock_that_is_ahead_hides_nobody_else() -> None:
    feed = begun()
    start = feed.end
    ahead = arrival(1, 3600)
    feed.take([ahead], NOW + timedelta(seconds=1))
    feed.take([arrival(2, 1), ahead], NOW + timedelta(seconds=2))
    assert feed.since(start, 10) == [ahead, arrival(2, 1)]


def test_pages_of_a_feed_come_to_the_whole() -> None:
    feed = begun()
    start = feed.end
    feed.take([arrival(number) for number in range(7)], NOW)
    taken = [feed.since(start + skipped, 3) for skipped in (0, 3, 6, 7)]
    assert [None if one is None else len(one) for one in taken] == [3, 3, 1, 0]


def test_a_number_from_elsewhere_leads_nowhere() -> None:
    feed = begun()
    assert feed.since(feed.end + 1, 10) is None
    assert feed.since(-1, 10) is None


def test_too_much_at_once_is_a_gap_and_then_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival_feed, "MOST_REMEMBERED", 3)
    feed = begun()
    start = feed.end
    flood = [arrival(number) for number in range(4)]
    assert feed.take(flood, NOW)
    assert feed.since(start, 10) is None
    behind = feed.end
    # Once the flood is over, what it brought is not told either, and whoever waited learns that something is missing.
    feed.take(flood[:2], NOW + timedelta(seconds=61))
    assert feed.since(behind, 10) is None
    behind = feed.end
    feed.take([arrival(9, 60)], NOW + timedelta(seconds=62))
    assert feed.since(behind, 10) == [arrival(9, 60)]


def test_who_is_slow_learns_that_something_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival_feed, "MOST_REMEMBERED", 3)
    feed = begun()
    start = feed.end
    for number in range(5):
        feed.take([arrival(number, number * 100)], NOW + timedelta(seconds=number * 100))
    assert feed.since(start, 10) is None
    assert feed.since(start + 2, 10) == [arrival(number, number * 100) for number in (2, 3, 4)]
