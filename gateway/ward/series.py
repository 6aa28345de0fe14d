"""The real readings that a virtual peripheral replays."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Generic, TypeVar

from gateway import errors

log = logging.getLogger(__name__)

READINGS_FOLDER: Final = Path(__file__).parent / "readings"

# Meal numbers of the Glucose Measurement Context, see firmware_profiles.glucose_context.MEALS.
BEFORE_MEAL: Final = 1
AFTER_MEAL: Final = 2
# Event codes of the glucose file. Source: its README, after Kahn, “Diabetes” data set.
_MEALS: Final = {
    58: BEFORE_MEAL,
    59: AFTER_MEAL,
    60: BEFORE_MEAL,
    61: AFTER_MEAL,
    62: BEFORE_MEAL,
    63: AFTER_MEAL,
    64: BEFORE_MEAL,
}


@dataclass(frozen=True, slots=True)
class BloodPressureRow:
    """One measurement with a cuff; `local_time` is naive."""

    local_time: datetime
    systolic_mmhg: int
    diastolic_mmhg: int
    pulse_bpm: int


@dataclass(frozen=True, slots=True)
class GlucoseRow:
    """One measurement with a meter, and the meal its user entered; `local_time` is naive."""

    local_time: datetime
    glucose_mg_dl: int
    meal: int | None


Row = TypeVar("Row", BloodPressureRow, GlucoseRow)


@dataclass(frozen=True, slots=True)
class Series(Generic[Row]):
    """Readings in the order they were taken.

    Attributes:
        rows: all of them.
        live_index: the first one that is measured live; those before it are history.
    """

    rows: tuple[Row, ...]
    live_index: int

    def backlog(self, days: float, home_time: datetime) -> list[tuple[datetime, Row]]:
        """Return the history moved to now: naive local time of each measurement, and the measurement.

        It is moved by whole days, so that mornings stay mornings, and ends at or before `home_time` (naive).

        Args:
            days: How much of the history, counted back from its end.
            home_time: The home's wall clock.
        """
        history = self.rows[: self.live_index]
        if not history or not days:
            return []
        newest = max(row.local_time for row in history)
        shift = timedelta(days=(home_time - newest).days)
        first = newest - timedelta(days=days)
        return [(row.local_time + shift, row) for row in history if row.local_time > first]

    def live(self, number: int) -> Row:
        """Return the live measurement of a number, from 0; after the last row it goes on with the first."""
        return self.rows[(self.live_index + number) % len(self.rows)]


def blood_pressure(name: str, live_from: datetime) -> Series[BloodPressureRow]:
    """Load blood pressures; `live_from` (naive) parts history from live measurements.

    Raises:
        ConfigurationError: the file is not there or lacks a column.
    """
    return _load(name, live_from, _blood_pressure_row)


def glucose(name: str, live_from: datetime) -> Series[GlucoseRow]:
    """Load glucose values; `live_from` (naive) parts history from live measurements.

    Raises:
        ConfigurationError: the file is not there or lacks a column.
    """
    return _load(name, live_from, _glucose_row)


def _load(name: str, live_from: datetime, make: Callable[[Mapping[str, str]], Row]) -> Series[Row]:
    try:
        with (READINGS_FOLDER / name).open(encoding="utf-8", newline="") as file:
            rows = _rows(csv.DictReader(file), make)
    except OSError as error:
        raise errors.ConfigurationError(f"readings: {name} is not in {READINGS_FOLDER}") from error
    except KeyError as error:
        raise errors.ConfigurationError(f"readings: {name} has no column {error}") from error
    if not rows:
        raise errors.ConfigurationError(f"readings: {name} holds no measurement")
    live_index = next((at for at, row in enumerate(rows) if row.local_time >= live_from), len(rows))
    return Series(tuple(rows), live_index)


def _rows(
    lines: Iterable[Mapping[str, str]], make: Callable[[Mapping[str, str]], Row]
) -> list[Row]:
    rows: list[Row] = []
    skipped = 0
    for line in lines:
        try:
            rows.append(make(line))
        except ValueError:
            skipped += 1
    if skipped:
        log.warning("rows_without_numbers_skipped", extra={"count": skipped})
    return rows


def _blood_pressure_row(line: Mapping[str, str]) -> BloodPressureRow:
    return BloodPressureRow(
        local_time=datetime.fromisoformat(line["local_time"]),
        systolic_mmhg=_whole(line["systolic_mmhg"]),
        diastolic_mmhg=_whole(line["diastolic_mmhg"]),
        pulse_bpm=_whole(line["pulse_bpm"]),
    )


def _glucose_row(line: Mapping[str, str]) -> GlucoseRow:
    return GlucoseRow(
        local_time=datetime.fromisoformat(line["local_time"]),
        glucose_mg_dl=_whole(line["value"]),
        meal=_MEALS.get(_whole(line["event_code"])),
    )


def _whole(text: str) -> int:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a number")
    return round(number)
