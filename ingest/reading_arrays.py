"""Stored readings as arrays for the statistics: what enters them, and what is counted apart. Pure.

Nothing without a number enters a mean, and nothing that cannot be dated enters at all: whether it belongs to the days
that were asked for is not known. Imported readings enter and are counted apart; tests with control solution are no
patient's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from firmware_profiles.readings import Result
from ingest.glucose_statistics import GlucoseCourse
from ingest.home_blood_pressure import HomePressures
from ingest.measured_at import TimeQuality
from ingest.rows import Origin, StoredReading


@dataclass(frozen=True, slots=True)
class Material:
    """How many readings there were, and of what sort.

    Attributes:
        entered: Readings that the statistics are of.
        imported: Those of them that no peripheral sent.
        undated: Left out, because when they were measured is not known.
        without_number: Attempts that gave no number; for glucose, neither number nor "HI" nor "LO".
        control_solution: Left out: tests of strips.
    """

    entered: int
    imported: int
    undated: int
    without_number: int
    control_solution: int


def home_pressures(
    readings: Sequence[StoredReading], zone: ZoneInfo
) -> tuple[HomePressures, Material]:
    """Return one patient's blood pressures as arrays.

    Args:
        readings: Oldest first.
        zone: The patient's: mornings and evenings are those of the clocks at home.
    """
    entered = [
        (one.measured_at.astimezone(zone), one.systolic_mmhg, one.diastolic_mmhg, one)
        for one in readings
        if _is_dated(one)
        and one.result is Result.MEASURED
        and one.systolic_mmhg is not None
        and one.diastolic_mmhg is not None
    ]
    arrays = HomePressures(
        local_at=_instants([at for at, *_ in entered]),
        systolic_mmhg=np.array([systolic for _, systolic, *_ in entered], dtype=np.float64),
        diastolic_mmhg=np.array([diastolic for *_, diastolic, _ in entered], dtype=np.float64),
    )
    return arrays, _material(readings, [one for *_, one in entered])


def glucose_course(readings: Sequence[StoredReading]) -> tuple[GlucoseCourse, Material]:
    """Return one patient's glucose measurements as arrays; the readings come oldest first."""
    numbers = [
        (one.measured_at.astimezone(UTC), one.glucose_mg_dl, one)
        for one in readings
        if _is_dated(one) and one.result is Result.MEASURED and one.glucose_mg_dl is not None
    ]
    beyond = [
        one
        for one in readings
        if _is_dated(one) and one.result in {Result.ABOVE_RANGE, Result.BELOW_RANGE}
    ]
    above_range = sum(one.result is Result.ABOVE_RANGE for one in beyond)
    course = GlucoseCourse(
        at=_instants([at for at, *_ in numbers]),
        glucose_mg_dl=np.array([glucose for _, glucose, _ in numbers], dtype=np.float64),
        above_range=above_range,
        below_range=len(beyond) - above_range,
    )
    return course, _material(readings, [*(one for *_, one in numbers), *beyond])


def _is_dated(reading: StoredReading) -> bool:
    return reading.time_quality is not TimeQuality.UNKNOWN


def _instants(times: Sequence[datetime]) -> NDArray[np.datetime64]:
    return np.array([at.replace(tzinfo=None) for at in times], dtype="datetime64[ms]")


def _material(readings: Sequence[StoredReading], entered: Sequence[StoredReading]) -> Material:
    control = sum(one.result is Result.CONTROL_SOLUTION for one in readings)
    undated = sum(
        not _is_dated(one) and one.result is not Result.CONTROL_SOLUTION for one in readings
    )
    return Material(
        entered=len(entered),
        imported=sum(one.origin is Origin.IMPORT for one in entered),
        undated=undated,
        without_number=len(readings) - len(entered) - undated - control,
        control_solution=control,
    )
