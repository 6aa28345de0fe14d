"""Which measurements were expected, on days of 23, 24 and 25 hours, and which of them came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import agreements, schedule
from alerts.agreements import Agreement
from alerts.schedule import Occasion, Per, Schedule
from firmware_profiles.readings import Kind
from firmware_profiles.toml_tables import TomlTables

BERLIN = ZoneInfo("Europe/Berlin")
PATIENT = uuid4()
MORNING = Occasion(readings=2, from_time="06:00", until_time="12:00")
EVENING = Occasion(readings=2, from_time="18:00", until_time="24:00")
TWICE = Schedule(Kind.BLOOD_PRESSURE, (MORNING, EVENING), "test")
# The clocks go forward on 29 March 2026 and back on 25 October 2026.
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 10, 25, tzinfo=BERLIN)


def spans(agreed: Schedule, after: datetime, until: datetime) -> list[tuple[str, str]]:
    return [
        (f"{one.from_at:%d %H:%M}", f"{one.until_at:%d %H:%M}")
        for one in schedule.ended(agreed, BERLIN, after.astimezone(UTC), until.astimezone(UTC))
    ]


def test_windows_follow_the_clocks_at_home_through_both_changes() -> None:
    two_days = timedelta(days=2)
    assert spans(TWICE, SPRING - timedelta(days=1), SPRING - timedelta(days=1) + two_days) == [
        ("28 05:00", "28 11:00"), ("29 04:00", "29 10:00"),
        ("28 17:00", "28 23:00"), ("29 16:00", "29 22:00"),
    ]  # fmt: skip
    assert spans(TWICE, AUTUMN, AUTUMN + timedelta(days=1)) == [
        ("25 05:00", "25 11:00"), ("25 17:00", "25 23:00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "day", "expected"),
    [
        (("02:00", "03:00"), SPRING, []),  # there was no such hour
        (("01:00", "03:00"), SPRING, [("29 00:00", "29 01:00")]),
        (("02:00", "03:00"), AUTUMN, [("25 00:00", "25 02:00")]),  # it came twice
        (("02:30", "03:00"), AUTUMN, [("25 00:30", "25 02:00")]),
    ],
)
def test_an_hour_that_clocks_skip_or_repeat_is_none_or_longer(
    hours: tuple[str, str], day: datetime, expected: list[tuple[str, str]]
) -> None:
    night = Occasion(readings=1, from_time=hours[0], until_time=hours[1])
    agreed = Schedule(Kind.GLUCOSE, (night,), "test")
    assert spans(agreed, day, day + timedelta(days=1)) == expected


def test_so_many_a_week_are_due_when_the_week_is_over_and_count_on_its_days_alone() -> None:
    thrice = Occasion(readings=3, per=Per.WEEK, days=("mon", "wed", "fri"))
    agreed = Schedule(Kind.GLUCOSE, (thrice,), "test")
    monday = datetime(2026, 11, 2, tzinfo=BERLIN)
    (week,) = schedule.ended(agreed, BERLIN, monday, monday + timedelta(days=7))
    noons = [monday + timedelta(days=day, hours=12) for day in range(7)]
    assert (len(week.spans), week.until_at) == (3, monday + timedelta(days=5))
    assert week.taken(noons) == 3
    assert week.taken([noons[1], noons[3]]) == 0
    assert week.taken([noons[0]] * 5) == 3  # more are not needed
    assert schedule.ended(agreed, BERLIN, monday, monday + timedelta(days=4)) == ()


def test_a_session_makes_up_for_no_other() -> None:
    morning, evening = schedule.ended(TWICE, BERLIN, AUTUMN, AUTUMN + timedelta(days=1))
    found = schedule.attend(
        [evening, morning], [morning.from_at + timedelta(minutes=n) for n in range(4)]
    )
    assert (found.expected, found.missed, found.first_missed_at, found.is_last_met) == (
        4, 2, evening.from_at, False,
    )  # fmt: skip
    assert schedule.attend([], []) == schedule.Attendance(0, 0, None, is_last_met=True)


@given(st.lists(st.integers(0, 60 * 24 * 14), max_size=60))
def test_missed_and_taken_are_all_that_was_expected(minutes: list[int]) -> None:
    begin = datetime(2026, 3, 23, tzinfo=UTC)
    measured = sorted(begin + timedelta(minutes=each) for each in minutes)
    occasions = schedule.ended(TWICE, BERLIN, begin, begin + timedelta(days=14))
    found = schedule.attend(occasions, measured)
    assert found.expected == 2 * len(occasions)
    assert found.missed == found.expected - sum(one.taken(measured) for one in occasions)
    assert (found.missed == 0) == (found.first_missed_at is None)
    assert schedule.attend(occasions, sorted([*measured, *measured])).missed <= found.missed


def agreement(patient_id: UUID | None, agreed: Schedule, *days: int) -> Agreement:
    from_at, until_at = [*(AUTUMN + timedelta(days=day) for day in days), None][:2]
    assert from_at is not None
    return Agreement(
        patient_id=patient_id,
        version=1,
        schedule=agreed,
        in_force_from=from_at,
        in_force_until=until_at,
        set_by="Ada",
        reason="test",
    )


NOTHING = Schedule(Kind.BLOOD_PRESSURE, (), "test")
MORNINGS = Schedule(Kind.BLOOD_PRESSURE, (MORNING,), "test")


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ([], 8),  # two sessions on each of four days
        ([agreement(PATIENT, MORNINGS, 0)], 4),
        ([agreement(PATIENT, NOTHING, 0)], 0),
        ([agreement(PATIENT, NOTHING, 1, 2)], 6),
        # From Monday noon on mornings only: Monday's morning is the default's, its evening is nobody's.
        ([agreement(PATIENT, MORNINGS, 1)], 2 + 3),
    ],
    ids=["default", "own", "own_nothing", "own_for_a_day", "own_from_a_day_on"],
)
def test_the_patients_own_schedule_takes_the_place_of_the_default(
    own: list[Agreement], expected: int
) -> None:
    default = [agreement(None, TWICE, -30)]
    until = AUTUMN + timedelta(days=4)
    found = list(agreements.occasions(default, own, BERLIN, AUTUMN, until))
    assert len(found) == expected
    holds = agreements.in_force([*default, *own], PATIENT, Kind.BLOOD_PRESSURE, until)
    assert holds is not None
    assert holds.patient_id == (PATIENT if own and own[0].in_force_until is None else None)
    assert agreements.in_force(default, PATIENT, Kind.GLUCOSE, until) is None


def test_an_occasion_that_a_change_cut_in_two_is_not_asked_about() -> None:
    change = AUTUMN + timedelta(hours=8)  # in the middle of a morning
    former = replace(agreement(None, TWICE, -30), in_force_until=change)
    later = replace(former, version=2, in_force_from=change, in_force_until=None)
    found = agreements.occasions([former, later], [], BERLIN, AUTUMN, AUTUMN + timedelta(days=1))
    assert [one.from_at.astimezone(BERLIN).hour for one in found] == [18]


def test_a_schedule_is_read_as_it_was_written() -> None:
    weekly = Schedule(Kind.GLUCOSE, (Occasion(readings=3, per=Per.WEEK, days=("sat",)),), "Ada")
    for one in (TWICE, NOTHING, weekly):
        assert schedule.of_definition(json.loads(json.dumps(schedule.definition(one)))) == one


def test_a_schedule_says_itself_in_words() -> None:
    assert TWICE.words == "2 every day from 06:00 to 12:00; 2 every day from 18:00 to 24:00."
    assert NOTHING.words == "No measurement is expected."


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "mood"}, "kind: expected one of"),
        ({"source": " "}, "source: say where"),
        ({"whom": 1}, 'unknown key "whom"'),
        ({"occasion": [{"readings": 0}]}, "readings: expected at least 1"),
        ({"occasion": [{"readings": 1, "days": ["Monday"]}]}, "days: expected some of mon"),
        ({"occasion": [{"readings": 1, "from_time": "6:00"}]}, "from_time: expected a time like"),
        (
            {"occasion": [{"readings": 1, "from_time": "18:00", "until_time": "06:00"}]},
            "until_time: must lie behind from_time",
        ),
        (
            {"occasion": [{"readings": 1}, {"readings": 1, "days": ["sun"]}]},
            "two occasions overlap",
        ),
        ({"occasion": 3}, "occasion: expected tables"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_reason(change: dict[str, Any], told: str) -> None:
    tables = TomlTables("", 0)
    table: dict[str, Any] = {"kind": "glucose", "source": "Ada", "occasion": [{"readings": 1}]}
    assert schedule.read(tables, table | change, "schedule", 1) is None
    assert any(told in mistake.what for mistake in tables.mistakes), tables.mistakes


def test_measurements_are_counted_by_instants_not_by_wall_clocks() -> None:
    # 02:30 came twice on 25 October: both measurements are of the same occasion.
    night = Schedule(
        Kind.GLUCOSE, (Occasion(readings=2, from_time="02:00", until_time="03:00"),), "test"
    )
    (one,) = schedule.ended(night, BERLIN, AUTUMN, AUTUMN + timedelta(days=1))
    twice: Sequence[datetime] = [
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold).astimezone(UTC) for fold in (0, 1)
    ]
    assert one.taken(twice) == 2
