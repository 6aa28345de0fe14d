"""What rules look at when they are asked about some patients: their readings of a kind, as rows and as arrays. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple, overload
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from alerts.courses import Courses
from alerts.measures import Measure
from firmware_profiles import kinds
from firmware_profiles.readings import Kind, Result
from ingest.rows import Origin

_EPOCH: Final = date(1970, 1, 1)
_EPOCH_AT: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US: Final = 1_000_000
_RESULTS: Final = tuple(Result)
_ORIGINS: Final = tuple(Origin)
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

    readings: Sequence[PastReading]
    courses: Courses


class _Rows(Sequence[PastReading]):
    """Readings of which each is made as it is looked at, for few are."""

    def __init__(
        self,
        kind: Kind,
        columns: Mapping[str, NDArray[Any]],
        numbers: Mapping[Measure, NDArray[np.float64]],
    ) -> None:
        self._kind = kind
        self._columns = columns
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._columns["patient"])

    @overload
    def __getitem__(self, place: int) -> PastReading: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[PastReading, ...]: ...
    def __getitem__(self, place: int | slice) -> PastReading | tuple[PastReading, ...]:
        """Return one reading, or some."""
        if isinstance(place, slice):
            return tuple(self[one] for one in range(*place.indices(len(self))))
        row = {name: column[place] for name, column in self._columns.items()}
        numbers = {measure: float(found[place]) for measure, found in self._numbers.items()}
        return PastReading(
            patient_id=UUID(bytes=row["patient"].tobytes()),
            reading_id=UUID(bytes=row["reading"].tobytes()),
            kind=self._kind,
            result=_RESULTS[row["result"]],
            origin=_ORIGINS[row["origin"]],
            measured_at=_EPOCH_AT + timedelta(microseconds=int(row["at_us"])),
            measured_day=_EPOCH + timedelta(days=int(row["local_day"])),
            version=int(row["version"]),
            numbers={measure: one for measure, one in numbers.items() if not math.isnan(one)},
            is_irregular_pulse=bool(row["irregular_pulse"]),
        )


def past(
    kind: Kind,
    columns: Mapping[str, NDArray[Any]],
    numbers: Mapping[Measure, NDArray[np.float64]],
    until: datetime,
) -> Past:
    """Return readings of one kind that come as columns, by patient and then by time.

    Args:
        kind: What was measured.
        columns: ``patient`` and ``reading`` (the 16 bytes of their ids), ``result`` and ``origin`` (their places in the
            enumerations), ``at_us`` (microseconds since 1970 UTC), ``local_day`` (days since 1970), ``version``,
            ``irregular_pulse``.
        numbers: By measure, in its unit; NaN where there is none.
        until: Until when it is known what was measured, aware UTC.
    """
    patient, result = columns["patient"], columns["result"]
    is_new = np.ones(len(patient), dtype=np.bool_)
    is_new[1:] = patient[1:] != patient[:-1]
    beyond = np.zeros(len(patient))
    for known, number in _BEYOND.items():
        # Where a device cannot show one of several numbers it says nothing of the others.
        told = number if kinds.OF[kind].has_range_results else np.nan
        beyond[result == _RESULTS.index(known)] = told
    courses = Courses(
        patient=np.cumsum(is_new) - 1,
        at_s=columns["at_us"].astype(np.int64) // _SECOND_US,
        local_day=columns["local_day"].astype(np.int64),
        numbers={
            measure: np.where(beyond == 0, found, beyond).astype(np.float64)
            for measure, found in numbers.items()
        },
        flags={IRREGULAR_PULSE: columns["irregular_pulse"]},
        until_s=int(until.timestamp()),
    )
    return Past(_Rows(kind, columns, numbers), courses)
