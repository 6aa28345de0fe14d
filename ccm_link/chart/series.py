"""Readings as arrays, and the arithmetic of a course of home readings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ccm_link.local_days import Days
from firmware_profiles.readings import Result
from ingest.rows import StoredReading

Instants = NDArray[np.datetime64]  # (n,) datetime64[ms], UTC unless said otherwise, oldest first
Numbers = NDArray[np.float64]  # (n,) float64
Mask = NDArray[np.bool_]  # (n,) bool

# The line of means ends where nothing was measured for two days: drawn through, it would show a course that
# nobody measured.
GAP: Final = np.timedelta64(48, "h")
# Source: Shimbo et al., AHA and AMA joint policy statement on self-measured blood pressure monitoring at home,
# Circulation 142, e42-e63, 2020: judge by the mean of 7 days (at least 3).
MEAN_SPAN: Final = np.timedelta64(7, "D")


@dataclass(frozen=True, slots=True, eq=False)
class BloodPressures:
    """Blood pressures of one patient, oldest first.

    Attributes:
        at: (n,) datetime64[ms], UTC.
        systolic_mmhg: (n,) float64, mmHg.
        diastolic_mmhg: (n,) float64, mmHg.
        not_measured_at: (m,) datetime64[ms], UTC; attempts that gave no number.
    """

    at: Instants
    systolic_mmhg: Numbers
    diastolic_mmhg: Numbers
    not_measured_at: Instants


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Measurements of one number of a patient, oldest first. Control solution is not a patient's and is left out.

    Attributes:
        at: (n,) datetime64[ms], UTC.
        numbers: (n,) float64, in the unit of the number.
        above_range_at: (m,) datetime64[ms], UTC; the device showed "HI".
        below_range_at: (k,) datetime64[ms], UTC; the device showed "LO".
        not_measured_at: (j,) datetime64[ms], UTC; attempts that gave no number.
    """

    at: Instants
    numbers: Numbers
    above_range_at: Instants
    below_range_at: Instants
    not_measured_at: Instants


def blood_pressures(readings: Sequence[StoredReading]) -> BloodPressures:
    """Return a patient's blood pressures as arrays; the readings come oldest first."""
    measured = [
        (one.measured_at, one.systolic_mmhg, one.diastolic_mmhg)
        for one in readings
        if one.systolic_mmhg is not None and one.diastolic_mmhg is not None
    ]
    return BloodPressures(
        at=instants([at for at, _, _ in measured]),
        systolic_mmhg=np.array([systolic for _, systolic, _ in measured], dtype=np.float64),
        diastolic_mmhg=np.array([diastolic for _, _, diastolic in measured], dtype=np.float64),
        not_measured_at=_instants_of(readings, Result.NOT_MEASURABLE),
    )


def points(readings: Sequence[StoredReading], name: str) -> Points:
    """Return a patient's measurements of one number, by its name, as arrays; the readings come oldest first."""
    measured = [
        (one.measured_at, number)
        for one in readings
        if (number := getattr(one, name)) is not None and one.result is Result.MEASURED
    ]
    return Points(
        at=instants([at for at, _ in measured]),
        numbers=np.array([number for _, number in measured], dtype=np.float64),
        above_range_at=_instants_of(readings, Result.ABOVE_RANGE),
        below_range_at=_instants_of(readings, Result.BELOW_RANGE),
        not_measured_at=_instants_of(readings, Result.NOT_MEASURABLE),
    )


def _instants_of(readings: Sequence[StoredReading], result: Result) -> Instants:
    return instants([one.measured_at for one in readings if one.result is result])


def instants(times: Sequence[datetime]) -> Instants:
    """Return aware times as (n,) datetime64[ms] in UTC."""
    naive = [at.astimezone(UTC).replace(tzinfo=None) for at in times]
    return np.array(naive, dtype="datetime64[ms]")


def wall_clock(at: Instants, zone: ZoneInfo) -> Instants:
    """Return the instants as the patient's clock showed them: (n,) datetime64[ms] without a zone."""
    local = [
        moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) for moment in at.tolist()
    ]
    return np.array(local, dtype="datetime64[ms]")


def within(at: Instants, days: Days) -> Mask:
    """Return an (n,) bool mask of the instants that lie on the days."""
    from_at, until_at = instants([days.from_at, days.until_at])
    mask: Mask = (at >= from_at) & (at < until_at)
    return mask


def trailing_mean(at: Instants, numbers: Numbers) -> Numbers:
    """Return, for each reading, the mean of the seven days that end with it.

    Args:
        at: (n,) datetime64[ms], UTC, oldest first.
        numbers: (n,) float64, any unit.

    Returns:
        (n,) float64 in the same unit.

    Example:
        >>> at = np.array(["2026-11-01", "2026-11-02", "2026-11-08T12"], dtype="datetime64[ms]")
        >>> trailing_mean(at, np.array([120.0, 130.0, 140.0])).tolist()  # the first is older than 7 days
        [120.0, 125.0, 135.0]
    """
    first = np.searchsorted(at, at - MEAN_SPAN, side="right")
    sums = np.concatenate(([0.0], np.cumsum(numbers)))
    last = np.arange(1, len(at) + 1)
    means: Numbers = (sums[last] - sums[first]) / (last - first)
    return means


def unbroken_runs(at: Instants) -> NDArray[np.int64]:
    """Return an (n,) int64 run number for each reading; a gap above 48 hours starts a new run."""
    if len(at) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.concatenate(([0], np.cumsum(np.diff(at) > GAP))).astype(np.int64)
