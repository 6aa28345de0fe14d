"""The average of a week at home, and how far its readings lie apart; sums stand beside the numbers."""

from __future__ import annotations

import doctest
import math
import statistics
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.readings import Kind, Result
from ingest import home_blood_pressure, minimum_data, reading_arrays, spread
from ingest.home_blood_pressure import HomePressures, protocol_average, variabilities
from ingest.measured_at import TimeQuality
from ingest.minimum_data import Lack, NotGiven
from ingest.rows import Origin
from tests.unit.ingest.readings_at_home import ZONE, reading

LAST_DAY = date(2026, 11, 7)


def pressures(*taken: tuple[str, float]) -> HomePressures:
    """Return pressures given as (local time "day hour:minute" of November 2026, systolic); diastolic is 50 less."""
    at = [f"2026-11-{when.replace(' ', 'T')}" for when, _ in taken]
    systolic = np.array([number for _, number in taken], dtype=np.float64)
    return HomePressures(np.array(at, dtype="datetime64[ms]"), systolic, systolic - 50)


def whole_week() -> HomePressures:
    """Return all 28 readings: mornings 130 and 132, evenings 140 and 142, the first day 20 higher."""
    return pressures(
        *(
            (f"{day:02} {time}", number + (20 if day == 1 else 0))
            for day in range(1, 8)
            for time, number in (("07:00", 130), ("07:02", 132), ("19:00", 140), ("19:02", 142))
        )
    )


@pytest.mark.parametrize("module", [home_blood_pressure, minimum_data, spread])
def test_the_examples_of_the_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_a_whole_week_is_averaged_without_its_first_day() -> None:
    found = protocol_average(whole_week(), LAST_DAY)

    # 6 days of 130, 132, 140, 142: 544 / 4 = 136; mornings (130 + 132) / 2, evenings (140 + 142) / 2
    assert (found.average.systolic_mmhg, found.average.diastolic_mmhg) == (136.0, 86.0)
    assert (found.morning.systolic_mmhg, found.evening.systolic_mmhg) == (131.0, 141.0)
    assert (found.average.readings, found.morning.readings, found.evening.readings) == (24, 12, 12)
    assert (found.readings_taken, found.days, found.completeness_percent) == (28, 7, 100.0)
    assert (found.first_day, found.day_dropped) == (date(2026, 11, 1), date(2026, 11, 1))
    assert found.average.not_given is None


def test_a_third_reading_of_a_session_and_one_at_noon_are_counted_and_not_averaged() -> None:
    week = whole_week()
    at = np.array(["2026-11-03T07:05", "2026-11-03T13:00"], dtype="datetime64[ms]")
    all_at = np.concatenate([week.local_at, at])
    order = np.argsort(all_at, kind="stable")
    systolic = np.concatenate([week.systolic_mmhg, [199.0, 199.0]])[order]

    found = protocol_average(HomePressures(all_at[order], systolic, systolic - 50), LAST_DAY)

    assert found.average.systolic_mmhg == 136.0
    assert (found.beyond_protocol, found.outside_hours) == (1, 1)


HOURS = {
    "05:59": (0, 1),
    "06:00": (1, 0),
    "11:59": (1, 0),
    "12:00": (0, 1),
    "17:59": (0, 1),
    "18:00": (1, 0),
    "23:59": (1, 0),
    "00:00": (0, 1),
}


@pytest.mark.parametrize(("time", "counts"), HOURS.items())
def test_the_hours_of_the_sessions(time: str, counts: tuple[int, int]) -> None:
    found = protocol_average(pressures((f"05 {time}", 130)), LAST_DAY)
    assert (found.readings_taken, found.outside_hours) == counts


def days_of_four(days: int, last: int = 4) -> HomePressures:
    """Return that many days with four readings each, the last one with fewer."""
    times = ("07:00", "07:02", "19:00", "19:02")
    return pressures(
        *(
            (f"{day:02} {time}", 130)
            for day in range(1, days + 1)
            for time in (times[:last] if day == days else times)
        )
    )


@pytest.mark.parametrize(
    ("taken", "not_given"),
    [
        pytest.param(pressures(), NotGiven(Lack.TOO_FEW_DAYS, 3, 0), id="nothing"),
        pytest.param(days_of_four(1), NotGiven(Lack.TOO_FEW_DAYS, 3, 1), id="one day"),
        pytest.param(days_of_four(2), NotGiven(Lack.TOO_FEW_DAYS, 3, 2), id="two days"),
        pytest.param(days_of_four(3, 3), NotGiven(Lack.TOO_FEW_READINGS, 12, 11), id="eleven"),
        pytest.param(days_of_four(3), None, id="three days of four"),
    ],
)
def test_too_little_gives_a_reason_in_the_numbers_place(
    taken: HomePressures, not_given: NotGiven | None
) -> None:
    found = protocol_average(taken, LAST_DAY)

    assert found.average.not_given == not_given
    for mean in (found.average, found.morning, found.evening):
        if not_given is not None:
            assert (mean.systolic_mmhg, mean.diastolic_mmhg) == (None, None)
            assert mean.not_given == not_given
    # Of 3 x 4 the first day is dropped: 8 readings, 4 of each half of the day, which is too few for a mean of its own.
    if not_given is None:
        assert (found.average.systolic_mmhg, found.average.readings) == (130.0, 8)
        assert found.morning.not_given == NotGiven(Lack.TOO_FEW_READINGS, 6, 4)


def test_what_lies_before_the_seven_days_does_not_count() -> None:
    found = protocol_average(whole_week(), date(2026, 11, 9))  # 3 to 9 November: five days of it

    assert (found.first_day, found.day_dropped, found.days) == (
        date(2026, 11, 3),
        date(2026, 11, 3),
        5,
    )
    assert found.average.readings == 16  # 5 x 4 without the first day


def test_variability_in_numbers() -> None:
    found = variabilities(whole_week())

    numbers = [130, 132, 140, 142] * 6 + [150, 152, 160, 162]
    assert found.systolic.sd_mmhg == pytest.approx(statistics.stdev(numbers))
    assert found.systolic.cv_percent == pytest.approx(
        100 * statistics.stdev(numbers) / statistics.mean(numbers)
    )
    # Sessions: 151, 161, 131, 141, 131, 141 … 141: once 10 up, once 30 down, then 10 up or down eleven times.
    assert found.systolic.average_real_variability_mmhg == pytest.approx((10 + 30 + 11 * 10) / 13)
    # Days: 156 and six times 136; mean 138.857…, √(((17.14)² + 6 x (2.857)²) / 6)
    assert found.systolic.between_day_sd_mmhg == pytest.approx(statistics.stdev([156] + [136] * 6))
    assert (found.readings, found.days, found.sessions) == (28, 7, 14)
    # The diastolic is 50 less everywhere: the same spread, another mean.
    assert found.diastolic.sd_mmhg == pytest.approx(found.systolic.sd_mmhg)
    assert found.diastolic.cv_percent > found.systolic.cv_percent


def test_variability_of_too_little_is_not_given() -> None:
    found = variabilities(days_of_four(3, 3))
    assert found.not_given == NotGiven(Lack.TOO_FEW_READINGS, 12, 11)
    assert found.systolic.sd_mmhg is None
    assert found.systolic.between_day_sd_mmhg is None


def test_readings_at_noon_alone_have_no_sessions_to_compare() -> None:
    taken = pressures(
        *((f"{day:02} 13:{minute:02}", 130) for day in (1, 2, 3) for minute in range(4))
    )
    found = variabilities(taken)
    assert found.not_given is None
    assert (found.sessions, found.systolic.average_real_variability_mmhg) == (0, None)
    assert found.systolic.sd_mmhg == 0.0


@given(
    st.lists(
        st.tuples(st.integers(0, 7 * 24 * 60 - 1), st.integers(80, 220)), min_size=0, max_size=60
    ).map(sorted)
)
def test_the_average_is_that_of_a_slow_count(taken: list[tuple[int, int]]) -> None:
    start = datetime.fromisoformat("2026-11-01T00:00")
    at = [start + timedelta(minutes=minute) for minute, _ in taken]
    systolic = np.array([number for _, number in taken], dtype=np.float64)
    found = protocol_average(
        HomePressures(np.array(at, dtype="datetime64[ms]"), systolic, systolic), LAST_DAY
    )

    sessions: dict[tuple[date, str], list[float]] = {}
    for when, (_, number) in zip(at, taken, strict=True):
        part = "morning" if 6 <= when.hour < 12 else "evening" if when.hour >= 18 else ""
        if part:
            sessions.setdefault((when.date(), part), []).append(number)
    days = sorted({day for day, _ in sessions})
    counted = {key: numbers[:2] for key, numbers in sessions.items()}
    averaged = [number for (day, _), two in counted.items() if day != days[0] for number in two]
    assert found.readings_taken == sum(map(len, counted.values()))
    assert found.days == len(days)
    if len(days) >= 3 and found.readings_taken >= 12:
        assert found.average.systolic_mmhg == pytest.approx(math.fsum(averaged) / len(averaged))
    else:
        assert found.average.systolic_mmhg is None


def test_the_day_and_its_parts_are_those_of_the_clocks_at_home() -> None:
    # 23:30 UTC on 3 November is 18:30 in New York: an evening of the 3rd; 03:00 UTC on the 5th is 22:00 on the 4th.
    found, _ = reading_arrays.home_pressures(
        [
            reading(datetime(2026, 11, 3, 23, 30, tzinfo=UTC)),
            reading(datetime(2026, 11, 5, 3, tzinfo=UTC)),
        ],
        ZONE,
    )
    assert found.local_at.astype(str).tolist() == [
        "2026-11-03T18:30:00.000",
        "2026-11-04T22:00:00.000",
    ]
    elsewhere, _ = reading_arrays.home_pressures(
        [reading(datetime(2026, 11, 3, 23, 30, tzinfo=UTC))], ZoneInfo("Europe/Berlin")
    )
    assert elsewhere.local_at.astype(str).tolist() == ["2026-11-04T00:30:00.000"]


def test_what_enters_and_what_is_counted_apart() -> None:
    at = datetime(2026, 11, 3, 12, tzinfo=UTC)
    found, material = reading_arrays.home_pressures(
        [
            reading(at),
            reading(at, time_quality=TimeQuality.UNCERTAIN),
            reading(at, origin=Origin.IMPORT),
            reading(at, time_quality=TimeQuality.UNKNOWN),
            reading(at, result=Result.NOT_MEASURABLE),
        ],
        ZONE,
    )
    assert found.systolic_mmhg.tolist() == [130.0, 130.0, 130.0]
    assert material == reading_arrays.Material(
        entered=3, imported=1, undated=1, without_number=1, control_solution=0
    )


def test_what_of_glucose_enters() -> None:
    at = datetime(2026, 11, 3, 12, tzinfo=UTC)

    def glucose(result: Result = Result.MEASURED, **changed: object) -> object:
        return reading(at, kind=Kind.GLUCOSE, result=result, **changed)

    found, material = reading_arrays.glucose_course(
        [
            glucose(),
            glucose(Result.ABOVE_RANGE),
            glucose(Result.BELOW_RANGE, origin=Origin.IMPORT),
            glucose(Result.BELOW_RANGE, time_quality=TimeQuality.UNKNOWN),
            glucose(Result.CONTROL_SOLUTION),
            glucose(Result.CONTROL_SOLUTION, time_quality=TimeQuality.UNKNOWN),
            glucose(Result.NOT_MEASURABLE),
        ]
    )
    assert (found.glucose_mg_dl.tolist(), found.above_range, found.below_range) == ([100.0], 1, 1)
    assert material == reading_arrays.Material(
        entered=3, imported=1, undated=1, without_number=1, control_solution=2
    )
