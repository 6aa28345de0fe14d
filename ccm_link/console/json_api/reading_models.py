"""What the JSON API says about readings: as they are, day by day, and in statistics.

Units stand in the names; the public codes of what was measured stand once in each answer. Times are RFC 3339 in UTC,
days are those of the patient's time zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from ccm_link.console.json_api.api_models import Answer
from firmware_profiles import kinds
from firmware_profiles.readings import Kind, Result
from ingest import daily_summary, reading_pages
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.minimum_data import Lack
from ingest.rows import Origin, StoredReading


class Code(BaseModel):
    """How others call a quantity (LOINC) and its unit (UCUM)."""

    loinc: str
    ucum: str


def codes_of(*of: Kind) -> dict[str, Code]:
    """Return the codes of what readings of these kinds hold, by the name of the field."""
    declared = (number for kind in of for number in kinds.OF[kind].numbers)
    return {
        number.name: Code(loinc=number.quantity.loinc, ucum=number.quantity.ucum or "1")
        for number in declared
    }


class Reading(Answer):
    """A measurement. Numbers are null where ``result`` is not ``measured``.

    ``time_quality`` says how far ``measured_at`` can be relied on: where it is ``unknown``, the reading was measured
    then or earlier. ``origin`` says whether a peripheral sent it or a file was imported. A corrected reading has an id
    of its own and a higher ``version``; the one before is not listed any more.
    """

    reading_id: UUID
    patient_id: UUID
    kind: Kind
    result: Result
    measured_at: datetime
    time_method: TimeMethod
    time_quality: TimeQuality
    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    mean_arterial_mmhg: float | None
    pulse_bpm: float | None
    glucose_mg_dl: float | None
    weight_kg: float | None
    spo2_percent: float | None
    temperature_celsius: float | None
    ketone_mmol_l: float | None
    qualifiers: tuple[str, ...]
    origin: Origin
    version: int
    stored_at: datetime


class Readings(Answer):
    """A page of a patient's measurements of one kind, oldest first.

    ``next_cursor`` is null on the last page; it leads on for an hour, with the same query and whatever ``limit``.
    """

    codes: dict[str, Code]
    readings: list[Reading]
    next_cursor: str | None

    @classmethod
    def of(cls, kind: Kind, found: reading_pages.Page, next_cursor: str | None) -> Self:
        """Return a page as the API shows it."""
        return cls(
            codes=codes_of(kind),
            readings=[Reading.model_validate(reading) for reading in found.readings],
            next_cursor=next_cursor,
        )


class AgedReading(BaseModel):
    """A reading and how long ago it was measured; for one that cannot be dated, how long ago it arrived."""

    reading: Reading
    age_s: int

    @classmethod
    def of(cls, reading: StoredReading | None, now: datetime) -> Self | None:
        """Return a reading with its age at an instant (aware)."""
        if reading is None:
            return None
        age = now - reading.measured_at
        return cls(reading=Reading.model_validate(reading), age_s=round(age.total_seconds()))


class LatestOfKind(BaseModel):
    """The latest measurements of one kind; null where there is none.

    ``latest`` also has what gave no number, such as “HI” and “LO”. ``undated`` arrived last within 90 days of those
    that cannot be dated: it may be older than the others, so it is never the latest.
    """

    latest_with_number: AgedReading | None
    latest: AgedReading | None
    undated: AgedReading | None

    @classmethod
    def of(cls, found: reading_pages.Latest, now: datetime) -> Self:
        """Return the latest of a kind as the API shows them."""
        return cls(
            latest_with_number=AgedReading.of(found.with_number, now),
            latest=AgedReading.of(found.whatever_came, now),
            undated=AgedReading.of(found.undated, now),
        )


class LatestReadings(BaseModel):
    """The latest measurements of each kind, as of ``now``."""

    now: datetime
    codes: dict[str, Code]
    blood_pressure: LatestOfKind
    glucose: LatestOfKind
    body_weight: LatestOfKind
    pulse_oximetry: LatestOfKind
    body_temperature: LatestOfKind
    ketone: LatestOfKind


class Numbers(Answer):
    """What the numbers of one quantity come to on one day, in the unit of the name that it stands under."""

    count: int
    mean: float | None
    smallest: float | None
    largest: float | None


class Day(Answer):
    """One local day of the patient on which something was measured or arrived.

    ``reading_count`` counts what carries numbers, ``device_count`` what a peripheral measured, “HI” and “LO” among
    them: an import never makes a device day. What cannot be dated stands under the day of its arrival and in no other
    number.
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
    systolic_mmhg: Numbers | None
    diastolic_mmhg: Numbers | None
    pulse_bpm: Numbers | None
    glucose_mg_dl: Numbers | None
    weight_kg: Numbers | None
    spo2_percent: Numbers | None
    temperature_celsius: Numbers | None
    ketone_mmol_l: Numbers | None

    @classmethod
    def of(cls, kind: Kind, summary: daily_summary.DailySummary) -> Self:
        """Return a day as the API shows it, without quantities that the kind does not have."""
        own = cls.model_validate(summary)
        its = {number.name for number in kinds.OF[kind].numbers}
        others = (name for name in daily_summary.SUMMED if name not in its)
        return own.model_copy(update=dict.fromkeys(others))


class DailySummaries(Answer):
    """A patient's days, oldest first; days without anything are not listed."""

    patient_id: UUID
    time_zone: str
    kind: Kind
    codes: dict[str, Code]
    days: list[Day]

    @classmethod
    def of(
        cls,
        patient_id: UUID,
        time_zone: str,
        kind: Kind,
        found: Sequence[daily_summary.DailySummary],
    ) -> Self:
        """Return days as the API shows them."""
        return cls(
            patient_id=patient_id,
            time_zone=time_zone,
            kind=kind,
            codes=codes_of(kind),
            days=[Day.of(kind, one) for one in found],
        )


class NotGiven(Answer):
    """Why a number is not given: what there is too little of, how much it takes, how much there was."""

    reason: Lack
    needed: int
    had: int


class Material(Answer):
    """Which readings entered the statistics, and which did not."""

    entered: int
    imported: int = Field(description="of those that entered, not sent by a peripheral")
    undated: int = Field(description="left out: when they were measured is not known")
    without_number: int = Field(description="left out: attempts that gave nothing")
    control_solution: int = Field(description="left out: tests of strips")


class _Window(Answer):
    patient_id: UUID
    time_zone: str
    first_day: date
    last_day: date
    days: int
    codes: dict[str, Code]
    material: Material


class MeanPressure(Answer):
    """A mean of blood pressures, or why there is none."""

    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    readings: int
    not_given: NotGiven | None


class ProtocolAverage(Answer):
    """The home protocol over seven local days: two readings each morning (06:00 to 12:00) and evening (18:00 to 24:00).

    The first day is measured and not averaged. ``completeness_percent`` is of the 28 readings that the protocol wants.
    Third and further readings of a session, and readings outside of the hours, are counted and not averaged.
    """

    average: MeanPressure
    morning: MeanPressure
    evening: MeanPressure
    first_day: date
    last_day: date
    day_dropped: date | None
    readings_taken: int
    days: int
    completeness_percent: float
    beyond_protocol: int
    outside_hours: int


class Variability(Answer):
    """How far one pressure varies; null where ``not_given`` says why."""

    sd_mmhg: float | None
    cv_percent: float | None
    average_real_variability_mmhg: float | None
    between_day_sd_mmhg: float | None


class Variabilities(Answer):
    """How far blood pressure varies over all dated readings of the window.

    The standard deviation (sd) and the coefficient of variation (cv) are of readings, the average real variability of
    the means of mornings and evenings in their order, the deviation between days of the days' means.
    """

    systolic: Variability
    diastolic: Variability
    readings: int
    days: int
    sessions: int
    not_given: NotGiven | None


class BloodPressureStatistics(_Window):
    """What a window of blood pressures says; ``protocol`` is of the seven days with which it ends."""

    protocol: ProtocolAverage
    variability: Variabilities


class Shares(Answer):
    """Shares of readings in percent, “HI” (above 250 mg/dL) and “LO” (below 54) among them; no shares of time."""

    below_54_percent: float
    below_70_percent: float
    in_70_to_180_percent: float
    above_180_percent: float
    above_250_percent: float


class GlucoseStatistics(Answer):
    """A course of glucose in numbers.

    “HI” and “LO” are in ``share_of_readings`` and in no mean. A coefficient of variation above 36 % is called high.
    Time in range and the glucose management indicator (GMI) need a sensor that was worn for at least 14 days and 70 %
    of the window; ``needed`` and ``had`` of ``sensor_not_given`` are days or quarters of an hour with a number.
    """

    readings: int
    numbers: int
    above_range: int
    below_range: int
    mean_mg_dl: float | None
    mean_not_given: NotGiven | None
    share_of_readings: Shares | None = Field(validation_alias="shares")
    sd_mg_dl: float | None
    cv_percent: float | None
    is_cv_above_limit: bool | None
    spread_not_given: NotGiven | None
    gmi_percent: float | None
    time_in_range_percent: float | None
    sensor_not_given: NotGiven | None


class GlucoseWindowStatistics(_Window):
    """What a window of glucose measurements says."""

    statistics: GlucoseStatistics
