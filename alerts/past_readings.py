"""What rules look at when they are asked about some patients: their readings of a kind, as rows and as arrays. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np

from alerts.courses import Courses
from alerts.measures import Measure
from firmware_profiles.readings import Kind, Result
from ingest.rows import Origin

_EPOCH: Final = date(1970, 1, 1)
IRREGULAR_PULSE: Final = "irregular_pulse"

# What a device that could only call it “HI” or “LO” measured: beyond every limit on its side.
_BEYOND: Final = {Result.ABOVE_RANGE: np.inf, Result.BELOW_RANGE: -np.inf}


class PastReading(NamedTuple):
    """One reading that counts, as far as rules look at it.

    Attributes:
        measured_at: best estimate, aware UTC.
        measured_day: the patient's local day.
        numbers: by measure, in its unit; without those that the reading does not have.
        is_irregular_pulse: whether the cuff said so.
        version: above 1 for a corrected one.
    """

    patient_id: UUID
    reading_id: UUID
    kind: Kind
    result: Result
    origin: Origin
    measured_at: datetime
    measured_day: date
    version: int
    numbers: Mapping[Measure, float]
    is_irregular_pulse: bool


@dataclass(frozen=True, slots=True)
class Past:
    """Readings of one kind.

    Attributes:
        readings: by patient and then by time.
        courses: the same, in the same order.
    """

    readings: tuple[PastReading, ...]
    courses: Courses


def past(kind: Kind, readings: Iterable[PastReading], until: datetime) -> Past:
    """Put readings of one kind in order, as rows and as arrays.

    Args:
        kind: What was measured; others are left out.
        readings: In any order.
        until: Until when it is known what was measured, aware UTC.
    """
    ordered = sorted(
        (one for one in readings if one.kind is kind),
        key=lambda one: (one.patient_id, one.measured_at, one.reading_id),
    )
    numbers_of = {one: number for number, one in enumerate(sorted({r.patient_id for r in ordered}))}
    measures = [measure for measure in Measure if measure.is_of(kind)]
    courses = Courses(
        patient=_integers([numbers_of[one.patient_id] for one in ordered]),
        at_s=_integers([int(one.measured_at.timestamp()) for one in ordered]),
        local_day=_integers([(one.measured_day - _EPOCH).days for one in ordered]),
        numbers={
            measure: np.array([_number(one, measure) for one in ordered], dtype=np.float64)
            for measure in measures
        },
        flags={IRREGULAR_PULSE: np.array([one.is_irregular_pulse for one in ordered], dtype=bool)},
        until_s=int(until.timestamp()),
    )
    return Past(tuple(ordered), courses)


def _integers(values: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def _number(reading: PastReading, measure: Measure) -> float:
    """Return what was measured; beyond everything for “HI” and “LO”, NaN where there is no number."""
    if reading.result in _BEYOND:
        # A meter that cannot show one of several numbers says nothing of the others.
        return _BEYOND[reading.result] if measure in _HAS_RANGE_RESULTS else np.nan
    return reading.numbers.get(measure, np.nan)


_HAS_RANGE_RESULTS: Final = frozenset({Measure.GLUCOSE_MG_DL, Measure.KETONE_MMOL_L})
