"""Daily summaries: what a patient's readings of one local day come to.

They hold sums and counts, so that days add up to weeks and every mean over them is right. The database keeps them
(``ingest.day_sums``); versions that no longer count, readings of nobody and control solution are not in them. Readings
that cannot be dated are counted as such and enter nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from firmware_profiles import kinds
from firmware_profiles.readings import Kind
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "daily_summary")


@dataclass(frozen=True, slots=True)
class Sums:
    """What the numbers of one quantity come to, at least one, in the unit that the field of the summary names."""

    count: int
    total: float
    smallest: float
    largest: float

    @property
    def mean(self) -> float:
        """Return the mean of the numbers."""
        return self.total / self.count

    def __add__(self, other: Sums) -> Sums:
        """Return what both come to together, as for the days of a week."""
        return Sums(
            self.count + other.count,
            self.total + other.total,
            min(self.smallest, other.smallest),
            max(self.largest, other.largest),
        )


@dataclass(frozen=True, slots=True)
class DailySummary:
    """One day of one patient and kind of reading, on which there was at least one.

    Attributes:
        measured_day: The patient's local day.
        reading_count: Readings that carry numbers, imported ones too.
        device_count: Readings that a peripheral sent and in which it measured something ("HI" and "LO" too). Above 0,
            the day is a device day; what was imported never makes it one.
        above_range_count: Results above what the peripheral can show ("HI"); like the next two, without numbers.
        below_range_count: Results below it ("LO").
        not_measurable_count: Attempts that gave no result.
        undated_count: Readings that could not be dated and arrived on that day. In none of the other fields.
        first_measured_at: Of the dated ones, aware UTC; None where there are only undated ones.
        last_measured_at: Of the dated ones, aware UTC.
        systolic_mmhg: None, like the other quantities, where the day has no number of it.
    """

    measured_day: date
    reading_count: int
    device_count: int
    above_range_count: int
    below_range_count: int
    not_measurable_count: int
    undated_count: int
    first_measured_at: datetime | None
    last_measured_at: datetime | None
    systolic_mmhg: Sums | None = None
    diastolic_mmhg: Sums | None = None
    pulse_bpm: Sums | None = None
    glucose_mg_dl: Sums | None = None
    weight_kg: Sums | None = None
    spo2_percent: Sums | None = None
    temperature_celsius: Sums | None = None
    ketone_mmol_l: Sums | None = None


# The quantities that the database sums up; a mean of mean pressures is of no use.
SUMMED: Final = tuple(name for name in kinds.NUMBERS if name != "mean_arterial_mmhg")


def daily_summaries(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    kind: Kind,
    from_day: date,
    until_day: date,
) -> list[DailySummary]:
    """Return the days with readings of a kind, oldest first; days without any are not among them.

    On TimescaleDB, what concerns days more than eight days ago may be half an hour old (``docs/storage.md``).

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose patient.
        patient_id: Whose readings.
        kind: What was measured.
        from_day: First day, local to the patient.
        until_day: Last day, included.
    """
    asked = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "kind": kind,
        "from_day": from_day,
        "until_day": until_day,
    }
    with cur.connection.cursor(row_factory=dict_row) as found:
        return [_summary(row) for row in found.execute(_Q.daily_summaries, asked)]


def _summary(row: Mapping[str, Any]) -> DailySummary:
    return DailySummary(
        measured_day=row["measured_day"],
        reading_count=row["reading_count"],
        device_count=row["device_count"],
        above_range_count=row["above_range_count"],
        below_range_count=row["below_range_count"],
        not_measurable_count=row["not_measurable_count"],
        undated_count=row["undated_count"],
        first_measured_at=row["first_measured_at"],
        last_measured_at=row["last_measured_at"],
        **{name: _sums(row, name) for name in SUMMED},
    )


def _sums(row: Mapping[str, Any], name: str) -> Sums | None:
    number, _, unit = name.partition("_")
    count = row[f"{number}_count"]
    if not count:
        return None
    return Sums(count, *(row[f"{number}_{of}_{unit}"] for of in ("sum", "min", "max")))
