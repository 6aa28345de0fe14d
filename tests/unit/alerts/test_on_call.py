from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import errors, on_call
from alerts.on_call import Duty, Schedule, Shift, WeeklyShift

BERLIN = ZoneInfo("Europe/Berlin")
DANA, CASEY, ROBIN = uuid4(), uuid4(), uuid4()
MONDAY = date(2026, 3, 2)


def weekly(staff_id: UUID = DANA, **changes: Any) -> WeeklyShift:
    plain: dict[str, Any] = {
        "shift_id": uuid4(),
        "duty": Duty.CLINICIAN,
        "staff_id": staff_id,
        "first_on": MONDAY,
        "starts": time(18),
        "days_later": 1,
        "ends": time(8),
        "every_weeks": 1,
        "last_on": None,
    }
    return WeeklyShift(**plain | changes)


def single(staff_id: UUID, starts_at: datetime, ends_at: datetime) -> Shift:
    return Shift(
        shift_id=uuid4(),
        duty=Duty.CLINICIAN,
        staff_id=staff_id,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def at(*when: int) -> datetime:
    """Return an instant by Berlin's clocks."""
    return datetime(*when, tzinfo=BERLIN).astimezone(UTC)  # type: ignore[misc,arg-type]


def on_duty(schedule: Schedule, when: datetime) -> tuple[UUID, ...]:
    return on_call.on_duty(schedule, Duty.CLINICIAN, when)


@pytest.mark.parametrize(
    ("when", "is_on"),
    [
        ((2026, 3, 2, 17, 59), False),
        ((2026, 3, 2, 18, 0), True),  # the beginning belongs to it
        ((2026, 3, 3, 7, 59), True),  # over midnight
        ((2026, 3, 3, 8, 0), False),  # the end does not
        ((2026, 3, 9, 20, 0), True),  # a week later
        ((2026, 2, 23, 20, 0), False),  # before the first one
    ],
)
def test_a_weekly_shift_holds_from_its_beginning_until_before_its_end(
    when: tuple[int, ...], is_on: bool
) -> None:
    schedule = Schedule(BERLIN, weekly=[weekly()])
    assert on_duty(schedule, at(*when)) == ((DANA,) if is_on else ())


def test_a_rotation_is_made_of_shifts_in_every_nth_week() -> None:
    whole = {"starts": time(8), "ends": time(8), "days_later": 7, "every_weeks": 3}
    schedule = Schedule(
        BERLIN,
        weekly=[
            weekly(who, first_on=MONDAY + timedelta(weeks=n), **whole)
            for n, who in enumerate((DANA, CASEY, ROBIN))
        ],
    )
    on = [on_duty(schedule, at(2026, 3, 4, 12) + timedelta(weeks=n)) for n in range(6)]
    assert on == [(DANA,), (CASEY,), (ROBIN,)] * 2
    # Handed over on Monday at eight, without a gap and without an overlap.
    assert on_duty(schedule, at(2026, 3, 9, 7, 59)) == (DANA,)
    assert on_duty(schedule, at(2026, 3, 9, 8)) == (CASEY,)


def test_a_single_shift_goes_before_the_weekly_ones_and_only_for_its_duty() -> None:
    schedule = Schedule(
        BERLIN,
        shifts=[single(CASEY, at(2026, 3, 2, 20), at(2026, 3, 2, 22))],
        weekly=[weekly(), weekly(ROBIN, duty=Duty.COVER)],
    )
    assert on_duty(schedule, at(2026, 3, 2, 21)) == (CASEY,)
    assert on_duty(schedule, at(2026, 3, 2, 22)) == (DANA,)
    assert on_call.on_duty(schedule, Duty.COVER, at(2026, 3, 2, 21)) == (ROBIN,)


def test_the_last_day_of_a_weekly_shift_is_the_last_one_that_it_begins_on() -> None:
    schedule = Schedule(BERLIN, weekly=[weekly(last_on=MONDAY)])
    assert on_duty(schedule, at(2026, 3, 3, 7)) == (DANA,)
    assert on_duty(schedule, at(2026, 3, 9, 20)) == ()


@pytest.mark.parametrize(
    ("sunday", "hours"),
    [
        (date(2026, 3, 29), 9),  # the clocks go from 2:00 to 3:00
        (date(2026, 10, 25), 11),  # from 3:00 back to 2:00
        (date(2026, 3, 22), 10),
    ],
)
def test_a_night_shift_lasts_as_long_as_the_night(sunday: date, hours: int) -> None:
    shift = weekly(first_on=sunday - timedelta(days=1), starts=time(22), ends=time(8))
    starts_at, ends_at = shift.from_until(sunday - timedelta(days=1), BERLIN)
    assert ends_at - starts_at == timedelta(hours=hours)


@pytest.mark.parametrize("sunday", [date(2026, 3, 29), date(2026, 10, 25)])
def test_who_hands_over_in_the_hour_of_the_clock_change_leaves_no_gap_and_no_overlap(
    sunday: date,
) -> None:
    half_past_two = time(2, 30)  # skipped in March, there twice in October
    schedule = Schedule(
        BERLIN,
        weekly=[
            weekly(DANA, first_on=sunday, starts=time(0), days_later=0, ends=half_past_two),
            weekly(CASEY, first_on=sunday, starts=half_past_two, days_later=0, ends=time(6)),
        ],
    )
    midnight = at(sunday.year, sunday.month, sunday.day)
    found = on_call.stretches(
        schedule, Duty.CLINICIAN, midnight, midnight + timedelta(hours=4, minutes=30)
    )
    assert [one.staff_ids for one in found] == [(DANA,), (CASEY,)]


def test_gaps_are_stretches_with_nobody() -> None:
    schedule = Schedule(BERLIN, weekly=[weekly(starts=time(8), days_later=0, ends=time(18))])
    day = at(2026, 3, 2)
    found = on_call.stretches(schedule, Duty.CLINICIAN, day, day + timedelta(days=1))
    assert [(one.is_gap, one.starts_at, one.ends_at) for one in found] == [
        (True, day, at(2026, 3, 2, 8)),
        (False, at(2026, 3, 2, 8), at(2026, 3, 2, 18)),
        (True, at(2026, 3, 2, 18), day + timedelta(days=1)),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"days_later": 0, "starts": time(8), "ends": time(8)},
        {"days_later": 0, "starts": time(9), "ends": time(8)},
        {"days_later": 7, "starts": time(8), "ends": time(9)},  # would overlap its own next one
    ],
)
def test_a_shift_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(errors.BadShift):
        weekly(**changes)


minutes = st.integers(0, 24 * 60 - 1).map(lambda n: time(n // 60, n % 60))
shapes = st.tuples(
    st.integers(0, 13), minutes, minutes, st.integers(1, 3), st.sampled_from([DANA, CASEY])
)


@given(st.lists(shapes, max_size=4), st.integers(0, 60 * 24 * 14))
def test_stretches_cover_the_span_and_say_what_every_instant_says(
    drawn: list[Any], minute: int
) -> None:
    schedule = Schedule(
        BERLIN,
        weekly=[
            weekly(who, first_on=date(2026, 10, 12) + timedelta(days=day), starts=starts,
                   ends=ends, days_later=later, every_weeks=1)
            for day, starts, ends, later, who in drawn
        ],
    )  # fmt: skip
    from_at, until_at = at(2026, 10, 19), at(2026, 11, 2)
    found = on_call.stretches(schedule, Duty.CLINICIAN, from_at, until_at)
    edges = [(one.starts_at, one.ends_at) for one in found]
    assert edges[0][0] == from_at
    assert edges[-1][1] == until_at
    assert all(before[1] == after[0] for before, after in pairwise(edges))
    when = from_at + timedelta(minutes=min(minute, 60 * 24 * 14 - 1))
    (holding,) = (one for one in found if one.starts_at <= when < one.ends_at)
    assert holding.staff_ids == on_duty(schedule, when)
