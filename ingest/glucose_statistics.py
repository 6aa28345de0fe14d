"""What a course of glucose measurements says. Pure.

Strips tell what glucose was at moments that somebody chose; only a sensor tells how much *time* it spent where. So the
shares here are shares of readings and are named so. Time in range and the glucose management indicator (GMI) are given
where the data are those of a sensor that was worn long enough, and refused with the reason otherwise.

Source:
    Battelino et al., Clinical targets for continuous glucose monitoring data interpretation: recommendations from the
    international consensus on time in range, Diabetes Care 42, 1593-1603, 2019 (ranges; coefficient of variation at
    most 36 %; 14 days with 70 % of the data); Bergenstal et al., Glucose management indicator (GMI), Diabetes Care 41,
    2275-2280, 2018 (GMI % = 3.31 + 0.02392 x mean glucose in mg/dL).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest import minimum_data, spread
from ingest.minimum_data import Lack, NotGiven
from ingest.spread import Numbers

BELOW_54_MG_DL: Final = 54.0
LOW_MG_DL: Final = 70.0
HIGH_MG_DL: Final = 180.0
ABOVE_250_MG_DL: Final = 250.0
MOST_CV_PERCENT: Final = 36.0

SENSOR_DAYS: Final = 14
SENSOR_SHARE_PERCENT: Final = 70
# The slowest of the usual sensors gives a number each quarter of an hour.
SLOT_MINUTES: Final = 15
SLOTS_A_DAY: Final = 24 * 60 // SLOT_MINUTES

_GMI_OFFSET_PERCENT: Final = 3.31
_GMI_PERCENT_PER_MG_DL: Final = 0.02392


@dataclass(frozen=True, slots=True, eq=False)
class GlucoseCourse:
    """One patient's glucose measurements whose time is known, oldest first; control solution is not a patient's.

    Attributes:
        at: (n,) datetime64[ms], UTC.
        glucose_mg_dl: (n,) float64, mg/dL.
        above_range: How often the meter showed "HI": more than it can measure.
        below_range: How often it showed "LO".
    """

    at: NDArray[np.datetime64]
    glucose_mg_dl: Numbers
    above_range: int
    below_range: int


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of all readings, "HI" and "LO" among them, in percent; not of time.

    "HI" counts as above 250 mg/dL and "LO" as below 54: meters measure from 20 or less to 500 or more. The first two
    overlap, and so do the last two: what is below 54 is below 70.
    """

    below_54_percent: float
    below_70_percent: float
    in_70_to_180_percent: float
    above_180_percent: float
    above_250_percent: float


@dataclass(frozen=True, slots=True)
class GlucoseStatistics:
    """A course in numbers.

    Attributes:
        readings: With and without number.
        numbers: Those with a number, of which mean and spread are.
        above_range: "HI"; in the shares, and in no mean.
        below_range: "LO"; likewise.
        mean_mg_dl: None without any number.
        shares: None without any reading.
        sd_mg_dl: None where ``spread_not_given`` says why, as the next two.
        cv_percent: Standard deviation in percent of the mean.
        is_cv_above_limit: Whether it is above 36 %.
        gmi_percent: None where ``sensor_not_given`` says why, as the next one.
        time_in_range_percent: From 70 to 180 mg/dL.
    """

    readings: int
    numbers: int
    above_range: int
    below_range: int
    mean_mg_dl: float | None
    mean_not_given: NotGiven | None
    shares: Shares | None
    sd_mg_dl: float | None
    cv_percent: float | None
    is_cv_above_limit: bool | None
    spread_not_given: NotGiven | None
    gmi_percent: float | None
    time_in_range_percent: float | None
    sensor_not_given: NotGiven | None


def statistics(course: GlucoseCourse, days: int) -> GlucoseStatistics:
    """Return what can honestly be said about a course over a number of local days.

    Example:
        >>> at = np.array(["2026-11-01T07:00"], "datetime64[ms]") + np.arange(4) * np.timedelta64(1, "D")
        >>> found = statistics(GlucoseCourse(at, np.array([60.0, 100.0, 140.0, 200.0]), 0, 1), days=14)
        >>> found.mean_mg_dl, found.shares.below_70_percent  # 500 / 4; 60 and "LO" of five
        (125.0, 40.0)
        >>> found.gmi_percent, found.sensor_not_given.reason.value
        (None, 'not_continuous')
    """
    numbers = course.glucose_mg_dl
    no_mean = minimum_data.first_lack((Lack.TOO_FEW_READINGS, 1, len(numbers)))
    no_spread = minimum_data.first_lack((Lack.TOO_FEW_READINGS, spread.MIN_READINGS, len(numbers)))
    no_sensor = minimum_data.first_lack(
        (Lack.TOO_FEW_DAYS, SENSOR_DAYS, days),
        (Lack.NOT_CONTINUOUS, needed_slots(days), _slots(course.at)),
    )
    mean = None if no_mean else float(np.mean(numbers))
    cv_percent = None if no_spread else spread.coefficient_of_variation_percent(numbers)
    found = shares(course)
    is_sensor = no_sensor is None and mean is not None and found is not None
    return GlucoseStatistics(
        readings=len(numbers) + course.above_range + course.below_range,
        numbers=len(numbers),
        above_range=course.above_range,
        below_range=course.below_range,
        mean_mg_dl=mean,
        mean_not_given=no_mean,
        shares=found,
        sd_mg_dl=None if no_spread else spread.standard_deviation(numbers),
        cv_percent=cv_percent,
        is_cv_above_limit=None if cv_percent is None else cv_percent > MOST_CV_PERCENT,
        spread_not_given=no_spread,
        gmi_percent=gmi_percent(mean) if is_sensor and mean is not None else None,
        time_in_range_percent=found.in_70_to_180_percent if is_sensor and found else None,
        sensor_not_given=no_sensor,
    )


def shares(course: GlucoseCourse) -> Shares | None:
    """Return the shares of all readings in each range; None where there are none.

    Example:
        >>> at = np.arange(4).astype("datetime64[ms]")
        >>> shares(GlucoseCourse(at, np.array([53.9, 70.0, 180.0, 180.1]), 0, 0))
        Shares(below_54_percent=25.0, below_70_percent=25.0, in_70_to_180_percent=50.0, above_180_percent=25.0, \
above_250_percent=0.0)
    """
    numbers, high, low = course.glucose_mg_dl, course.above_range, course.below_range
    total = len(numbers) + high + low
    if not total:
        return None

    def percent(mask: NDArray[np.bool_], beyond: int) -> float:
        return 100.0 * (int(np.count_nonzero(mask)) + beyond) / total

    return Shares(
        below_54_percent=percent(numbers < BELOW_54_MG_DL, low),
        below_70_percent=percent(numbers < LOW_MG_DL, low),
        in_70_to_180_percent=percent((numbers >= LOW_MG_DL) & (numbers <= HIGH_MG_DL), 0),
        above_180_percent=percent(numbers > HIGH_MG_DL, high),
        above_250_percent=percent(numbers > ABOVE_250_MG_DL, high),
    )


def gmi_percent(mean_mg_dl: float) -> float:
    """Return the glucose management indicator of a sensor's mean.

    Example:
        >>> round(gmi_percent(154.0), 2)  # 3.31 + 0.02392 x 154 = 3.31 + 3.68368
        6.99
    """
    return _GMI_OFFSET_PERCENT + _GMI_PERCENT_PER_MG_DL * mean_mg_dl


def needed_slots(days: int) -> int:
    """Return in how many quarters of an hour of that many days a sensor has to have measured.

    Example:
        >>> needed_slots(14)  # 70 % of 14 x 96 = 940.8, rounded up
        941
    """
    return -(-days * SLOTS_A_DAY * SENSOR_SHARE_PERCENT // 100)


def _slots(at: NDArray[np.datetime64]) -> int:
    """Return in how many quarters of an hour there is a number."""
    return len(np.unique(at.astype("datetime64[m]").astype(np.int64) // SLOT_MINUTES))
