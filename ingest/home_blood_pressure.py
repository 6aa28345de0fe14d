"""What a course of blood pressures taken at home says: the protocol's average, and how far they lie apart. Pure.

The protocol: for seven days two readings in the morning and two in the evening; the first day is not averaged, because
it is higher than those after it. Fewer than three days or twelve readings say too little, and then no number is given.
One value alone never is an average.

Source:
    Stergiou et al., 2021 European Society of Hypertension practice guidelines for office and out-of-office blood
    pressure measurement, Journal of Hypertension 39, 1293-1302, 2021; Parati et al., Home blood pressure monitoring: a
    2021 position paper, Journal of Hypertension 39, 1742-1767, 2021; Shimbo et al., AHA and AMA joint policy statement,
    Circulation 142, e42-e63, 2020 (who do not all discard the first day). Three days of four readings make the minimum
    of twelve, so it is counted with the first day. The hours are those of the British Hypertension Society's diary.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest import minimum_data, spread
from ingest.minimum_data import Lack, NotGiven
from ingest.spread import Numbers

PROTOCOL_DAYS: Final = 7
READINGS_A_SESSION: Final = 2
MIN_DAYS: Final = 3
MIN_READINGS: Final = 12
# Half of the minimum for each half of the day; ours.
MIN_READINGS_OF_A_PART: Final = 6
# From the first hour until before the second, by the clocks at the patient's home.
MORNING_HOURS: Final = (6, 12)
EVENING_HOURS: Final = (18, 24)

_SESSIONS: Final = 2 * PROTOCOL_DAYS
_PARTS: Final = (MORNING_HOURS, EVENING_HOURS)
_NO_SESSION: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class HomePressures:
    """One patient's measured blood pressures whose time is known, oldest first.

    Attributes:
        local_at: (n,) datetime64[ms], the wall clock at the patient's home.
        systolic_mmhg: (n,) float64, mmHg.
        diastolic_mmhg: (n,) float64, mmHg.
    """

    local_at: NDArray[np.datetime64]
    systolic_mmhg: Numbers
    diastolic_mmhg: Numbers

    def only(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> HomePressures:
        """Return those of an (n,) bool mask, or of indices."""
        return HomePressures(
            self.local_at[mask], self.systolic_mmhg[mask], self.diastolic_mmhg[mask]
        )

    def between(self, first_day: date, last_day: date) -> HomePressures:
        """Return those of a span of local days, both ends included."""
        days = _days(self.local_at)
        return self.only((days >= np.datetime64(first_day)) & (days <= np.datetime64(last_day)))


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean in mmHg with how many readings it is of; without numbers where there are too few."""

    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    readings: int
    not_given: NotGiven | None


@dataclass(frozen=True, slots=True)
class ProtocolAverage:
    """The protocol's average over the seven local days that end with ``last_day``.

    Attributes:
        average: Of the protocol's readings without those of ``day_dropped``.
        morning: Likewise of the mornings alone.
        evening: Likewise of the evenings alone.
        first_day: Of the seven.
        last_day: Of the seven.
        day_dropped: The first day with readings of the protocol; None where there is none.
        readings_taken: How many the protocol counts, ``day_dropped`` included: two a session at most.
        days: On how many days they were taken.
        completeness_percent: Of the 28 that the protocol asks for.
        beyond_protocol: Third and further readings of a session, which are not averaged: who measures again because a
            number was high would otherwise weigh that session more.
        outside_hours: Readings outside of the two sessions' hours, which are not averaged either.
    """

    average: Mean
    morning: Mean
    evening: Mean
    first_day: date
    last_day: date
    day_dropped: date | None
    readings_taken: int
    days: int
    completeness_percent: float
    beyond_protocol: int
    outside_hours: int


@dataclass(frozen=True, slots=True)
class Variability:
    """How far one of the two pressures varies; without numbers where there are too few readings or days.

    Attributes:
        sd_mmhg: Standard deviation of all readings.
        cv_percent: The same in percent of their mean.
        average_real_variability_mmhg: Mean change from one session's mean to the next one's.
        between_day_sd_mmhg: Standard deviation of the days' means.
    """

    sd_mmhg: float | None
    cv_percent: float | None
    average_real_variability_mmhg: float | None
    between_day_sd_mmhg: float | None


@dataclass(frozen=True, slots=True)
class Variabilities:
    """The variability of both pressures over the same readings.

    Attributes:
        readings: All of the window whose time is known.
        days: On how many local days they were taken.
        sessions: Of how many mornings and evenings.
    """

    systolic: Variability
    diastolic: Variability
    readings: int
    days: int
    sessions: int
    not_given: NotGiven | None


def protocol_average(pressures: HomePressures, last_day: date) -> ProtocolAverage:
    """Return the average of the seven local days that end with a day.

    Example:
        >>> day = ["2026-11-01T07:00", "2026-11-01T07:02", "2026-11-01T19:00", "2026-11-01T19:02"]
        >>> at = np.concatenate([np.array(day, "datetime64[ms]") + np.timedelta64(n, "D") for n in range(3)])
        >>> systolic = np.array([150.0] * 4 + [130.0, 130.0, 140.0, 140.0] * 2)
        >>> found = protocol_average(HomePressures(at, systolic, systolic - 50), date(2026, 11, 7))
        >>> found.average  # the first day is dropped: (4 x 130 + 4 x 140) / 8
        Mean(systolic_mmhg=135.0, diastolic_mmhg=85.0, readings=8, not_given=None)
        >>> found.readings_taken, found.days, round(found.completeness_percent, 1)  # 12 of 28
        (12, 3, 42.9)
    """
    first_day = last_day - timedelta(days=PROTOCOL_DAYS - 1)
    week = pressures.between(first_day, last_day)
    sessions = _sessions(week.local_at)
    counted = (sessions != _NO_SESSION) & (_places(sessions) < READINGS_A_SESSION)
    taken = week.only(counted)
    days = _days(taken.local_at)
    dropped = None if len(days) == 0 else date.fromisoformat(str(days[0]))
    averaged = taken.only(days > days[:1]) if len(days) else taken
    day_count = len(np.unique(days))
    lack = minimum_data.first_lack(
        (Lack.TOO_FEW_DAYS, MIN_DAYS, day_count),
        (Lack.TOO_FEW_READINGS, MIN_READINGS, len(days)),
    )
    parts = _sessions(averaged.local_at) % len(_PARTS)
    morning, evening = (
        _mean(averaged.only(parts == part), lack, MIN_READINGS_OF_A_PART)
        for part in range(len(_PARTS))
    )
    in_hours = int(np.count_nonzero(sessions != _NO_SESSION))
    return ProtocolAverage(
        average=_mean(averaged, lack, 1),
        morning=morning,
        evening=evening,
        first_day=first_day,
        last_day=last_day,
        day_dropped=dropped,
        readings_taken=len(days),
        days=day_count,
        completeness_percent=100.0 * len(days) / (_SESSIONS * READINGS_A_SESSION),
        beyond_protocol=in_hours - len(days),
        outside_hours=len(sessions) - in_hours,
    )


def variabilities(pressures: HomePressures) -> Variabilities:
    """Return how far the pressures vary.

    The average real variability and the deviation between days are of means, so that the two readings of one sitting,
    which lie a minute apart, do not make a course look calmer than it is.

    Source:
        Schutte, Kollias and Stergiou, Blood pressure and its variability, Nature Reviews Cardiology 19, 643-654, 2022;
        from day to day at home: Juhanoja et al., Hypertension 69, 599-607, 2017. The minima are those of the average.

    Example:
        >>> at = np.array(["2026-11-01T07:00"], "datetime64[ms]") + np.arange(12) * np.timedelta64(1, "D")
        >>> systolic = np.array([120.0, 130.0] * 6)
        >>> found = variabilities(HomePressures(at, systolic, systolic - 50)).systolic
        >>> found.average_real_variability_mmhg  # every day 10 mmHg away from the one before
        10.0
        >>> round(found.sd_mmhg, 2)  # √(12 x 25 / 11)
        5.22
    """
    days = _days(pressures.local_at)
    day_means = _means_of_runs(pressures, days)
    sessions = _sessions(pressures.local_at)
    in_session = sessions != _NO_SESSION
    session_means = _means_of_runs(pressures.only(in_session), sessions[in_session])
    lack = minimum_data.first_lack(
        (Lack.TOO_FEW_DAYS, MIN_DAYS, len(day_means[0])),
        (Lack.TOO_FEW_READINGS, MIN_READINGS, len(days)),
    )
    both = (pressures.systolic_mmhg, pressures.diastolic_mmhg)
    systolic, diastolic = (
        _variability(*numbers, is_given=lack is None)
        for numbers in zip(both, day_means, session_means, strict=True)
    )
    return Variabilities(
        systolic, diastolic, len(days), len(day_means[0]), len(session_means[0]), lack
    )


def _variability(
    readings: Numbers, day_means: Numbers, session_means: Numbers, *, is_given: bool
) -> Variability:
    if not is_given:
        return Variability(None, None, None, None)
    return Variability(
        sd_mmhg=spread.standard_deviation(readings),
        cv_percent=spread.coefficient_of_variation_percent(readings),
        average_real_variability_mmhg=(
            spread.average_real_variability(session_means)
            if len(session_means) >= MIN_DAYS
            else None
        ),
        between_day_sd_mmhg=spread.standard_deviation(day_means),
    )


def _mean(pressures: HomePressures, lack: NotGiven | None, needed: int) -> Mean:
    readings = len(pressures.local_at)
    lack = lack or minimum_data.first_lack((Lack.TOO_FEW_READINGS, needed, readings))
    if lack is not None:
        return Mean(None, None, readings, lack)
    return Mean(
        float(np.mean(pressures.systolic_mmhg)),
        float(np.mean(pressures.diastolic_mmhg)),
        readings,
        None,
    )


def _days(local_at: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Return the local days: (n,) datetime64[D]."""
    return local_at.astype("datetime64[D]")


def _sessions(local_at: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return (n,) int64: even for mornings, odd for evenings, rising with the days; -1 outside of both."""
    days = _days(local_at)
    hours = (local_at - days).astype("timedelta64[h]").astype(np.int64)
    found = np.full(len(local_at), _NO_SESSION, dtype=np.int64)
    for part, (from_hour, until_hour) in enumerate(_PARTS):
        is_part = (hours >= from_hour) & (hours < until_hour)
        found[is_part] = days[is_part].astype(np.int64) * len(_PARTS) + part
    return found


def _places(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each one's place in its group, from 0, in the given order: (n,) int64."""
    in_order = np.argsort(groups, kind="stable")
    ordered = groups[in_order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    places = np.empty(len(groups), dtype=np.int64)
    lengths = np.diff(np.append(starts, len(groups)))
    places[in_order] = np.arange(len(groups)) - np.repeat(starts, lengths)
    return places


def _means_of_runs(
    pressures: HomePressures, groups: NDArray[np.datetime64] | NDArray[np.int64]
) -> tuple[Numbers, Numbers]:
    """Return the means of both pressures by group, in the groups' order: two (m,) float64."""
    _, group = np.unique(groups, return_inverse=True)
    counts = np.bincount(group)
    systolic, diastolic = (
        np.bincount(group, weights=numbers) / counts
        for numbers in (pressures.systolic_mmhg, pressures.diastolic_mmhg)
    )
    return systolic, diastolic
