"""Readings of one kind of many patients as arrays, and the windows of time that signals look at. Pure.

Everything is by patient and then by time, so a patient's course is one slice. A number that a device could only call
“HI” or “LO” is +inf or -inf: it is beyond every limit on its side and enters no mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.measures import Measure
from alerts.theil_sen import Slopes

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Courses:
    """Readings of one kind.

    Attributes:
        patient: int64 (n), number of the patient, ascending.
        at_s: int64 (n), when it was measured, seconds since 1970 UTC, ascending within a patient.
        local_day: int64 (n), the patient's local day, days since 1970.
        numbers: by measure, float64 (n) in its unit; NaN where the reading has none, ±inf for “HI” and “LO”.
        flags: by qualifier, bool (n).
        until_s: until when it is known what was measured, seconds since 1970 UTC: silence after that says nothing.
        trends: what was computed of them once, for another limit on the same trend: it takes long.
    """

    patient: NDArray[np.int64]
    at_s: NDArray[np.int64]
    local_day: NDArray[np.int64]
    numbers: Mapping[Measure, NDArray[np.float64]]
    flags: Mapping[str, NDArray[np.bool_]]
    until_s: int
    trends: dict[tuple[Measure, int, int], Slopes] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __len__(self) -> int:
        return len(self.at_s)

    def of(self, measure: Measure, *, finite: bool = False) -> Series:
        """Return the readings that carry a number; with `finite` without “HI” and “LO”."""
        numbers = self.numbers.get(measure)
        if numbers is None:
            numbers = np.full(len(self), np.nan)
        where = np.flatnonzero(np.isfinite(numbers) if finite else ~np.isnan(numbers))
        return Series(
            where, self.patient[where], self.at_s[where], self.local_day[where], numbers[where]
        )

    def marked(self, qualifier: str) -> Series:
        """Return all readings, 1.0 for those with a qualifier and 0.0 for the others."""
        flags = self.flags.get(qualifier)
        marks = np.zeros(len(self)) if flags is None else flags.astype(np.float64)
        return Series(np.arange(len(self)), self.patient, self.at_s, self.local_day, marks)


@dataclass(frozen=True, slots=True)
class Series:
    """One number of those readings of some courses that carry it.

    Attributes:
        where: int64 (m), their places in the courses.
        patient: int64 (m).
        at_s: int64 (m).
        local_day: int64 (m).
        values: float64 (m).
    """

    where: NDArray[np.int64]
    patient: NDArray[np.int64]
    at_s: NDArray[np.int64]
    local_day: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.at_s)

    def starts(self, span_s: float) -> NDArray[np.int64]:
        """Return, for each reading, the first one of its patient that is less than `span_s` older than it."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        first_s = int(self.at_s.min())
        stride = int(self.at_s.max()) - first_s + int(span_s) + 2
        keys = self.patient * stride + (self.at_s - first_s)
        sought = self.patient * stride + np.maximum(self.at_s - first_s - int(span_s), -1)
        found = np.searchsorted(keys, sought, side="right")
        return np.maximum(found, self.firsts())

    def firsts(self) -> NDArray[np.int64]:
        """Return, for each reading, the first one of its patient."""
        return np.searchsorted(self.patient, self.patient, side="left")

    def day_means(self) -> Series:
        """Return one point a patient and local day: its mean, at the day's start, where its first reading stands."""
        if not len(self):
            return self
        ranks = self.day_ranks() - 1
        firsts = np.flatnonzero(np.diff(ranks, prepend=-1))
        means = np.bincount(ranks, weights=self.values) / np.bincount(ranks)
        days = self.local_day[firsts]
        return Series(self.where[firsts], self.patient[firsts], days * DAY_S, days, means)

    def day_ranks(self) -> NDArray[np.int64]:
        """Return, for each reading, how many days with readings there were until it, all patients counted through."""
        is_new = np.ones(len(self), dtype=np.bool_)
        is_new[1:] = (self.local_day[1:] != self.local_day[:-1]) | (
            self.patient[1:] != self.patient[:-1]
        )
        return np.cumsum(is_new)


def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return running sums with a zero before them: ``sums[j] - sums[i]`` is the sum of ``values[i:j]``."""
    return np.concatenate(([0.0], np.cumsum(values)))
