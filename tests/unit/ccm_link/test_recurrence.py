"""Days that come again: counted without walking through them, whole months, and clocks that change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccm_link.task import recurrence
from ccm_link.task.recurrence import Recurrence, Unit

NEW_YORK = ZoneInfo("America/New_York")
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))
RECURRENCES = st.builds(
    Recurrence, DAYS, st.integers(1, 60), st.sampled_from(Unit), st.none() | DAYS
)


def test_a_month_that_is_too_short_has_its_last_day_and_the_next_its_own_again() -> None:
    monthly = Recurrence(date(2027, 12, 31), 1, Unit.MONTH)
    assert [monthly.day(number) for number in range(4)] == [
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
        date(2028, 3, 31),
    ]


@given(RECURRENCES, DAYS)
def test_the_count_is_that_of_walking_through_the_days(one: Recurrence, on: date) -> None:
    last = on if one.until_on is None else min(on, one.until_on)
    count = one.count_until(on)
    assert count == 0 or one.day(count - 1) <= last
    assert one.day(count) > last
    assert one.latest(on) == (one.day(count - 1) if count else None)


@given(RECURRENCES, DAYS, DAYS)
def test_between_two_days_lie_those_that_are_neither(
    one: Recurrence, after: date, before: date
) -> None:
    walked = [one.day(number) for number in range(one.count_until(before))]
    assert one.count_between(after, before) == sum(after < day < before for day in walked)


@pytest.mark.parametrize(
    ("on", "wall", "expected"),
    [
        pytest.param(date(2026, 3, 7), time(2, 30), "2026-03-07T07:30", id="winter"),
        # Clocks go from 02:00 to 03:00: 02:30 is 03:30 of summer time.
        pytest.param(date(2026, 3, 8), time(2, 30), "2026-03-08T07:30", id="skipped"),
        pytest.param(date(2026, 3, 8), time(17), "2026-03-08T21:00", id="summer"),
        # Clocks go from 02:00 back to 01:00: 01:30 is the first, of summer time.
        pytest.param(date(2026, 11, 1), time(1, 30), "2026-11-01T05:30", id="shown twice"),
    ],
)
def test_a_time_of_the_clocks_is_one_instant(on: date, wall: time, expected: str) -> None:
    at = recurrence.instant(on, wall, NEW_YORK)
    assert at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_days_are_as_far_apart_as_the_calendar_says_over_a_change_of_the_clocks() -> None:
    weekly = Recurrence(date(2026, 3, 5), 1, Unit.WEEK)
    first, second = (recurrence.instant(weekly.day(n), time(9), NEW_YORK) for n in (0, 1))
    assert second - first == timedelta(days=7) - timedelta(hours=1)
