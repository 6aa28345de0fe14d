"""The reading model: what a record means once it is decoded, in one set of units.

Pressures are millimetres of mercury, glucose is milligrams per decilitre, pulse is beats a minute.
Times are the peripheral's own wall clock, naive on purpose: which zone it runs in, and how wrong it
is, is known only to the gateway that read it, and ingest makes the instant out of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a peripheral measures."""

    BLOOD_PRESSURE = "blood_pressure"
    GLUCOSE = "glucose"


class Result(StrEnum):
    """What came of a measurement; only MEASURED carries numbers, the others say why not."""

    MEASURED = "measured"
    NOT_MEASURABLE = "not_measurable"  # the peripheral tried and failed
    ABOVE_RANGE = "above_range"  # "HI" on the display
    BELOW_RANGE = "below_range"  # "LO" on the display
    CONTROL_SOLUTION = "control_solution"  # a test of the strips, not of a person


@dataclass(frozen=True, slots=True)
class BloodPressureReading:
    """One blood-pressure measurement.

    Attributes:
        device_time: the cuff's wall clock, naive; None if absent or impossible.
        user_slot: the cuff's user number, 255 for "unknown user", None if the cuff does not tell
            users apart.
        result: numbers are None unless this is MEASURED.
        systolic_mmhg: millimetres of mercury, 10 to 400.
        diastolic_mmhg: millimetres of mercury, 10 to 400, never above the systolic.
        mean_arterial_mmhg: as the cuff sent it; None when it sent none that can be a mean of the
            other two.
        pulse_bpm: beats a minute, 10 to 400; None when the cuff sent none that can be a pulse.
        qualifiers: what the cuff said about the measurement, for example `irregular_pulse`.
    """

    device_time: datetime | None
    user_slot: int | None
    result: Result
    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    mean_arterial_mmhg: float | None
    pulse_bpm: float | None
    qualifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GlucoseReading:
    """One glucose measurement.

    Attributes:
        sequence_number: the meter's own count, 0 to 65535; survives a change of its clock.
        base_time: the meter's internal clock, naive; never changed by the user, hence part of the
            record's identity.
        device_time: base time plus the user's offset, naive: what the display showed.
        result: `glucose_mg_dl` is None unless this is MEASURED.
        glucose_mg_dl: milligrams per decilitre, 10 to 1000.
        qualifiers: what the meter said about the measurement, for example `sample_insufficient`.
        context_follows: whether the meter announced a context record with the same sequence number.
    """

    sequence_number: int
    base_time: datetime | None
    device_time: datetime | None
    result: Result
    glucose_mg_dl: float | None
    qualifiers: tuple[str, ...]
    context_follows: bool


@dataclass(frozen=True, slots=True)
class GlucoseContext:
    """What the user told the meter about one measurement: meal, carbohydrate, exercise, medication.

    Attributes:
        sequence_number: that of the measurement it belongs to.
        fields: only what was sent; names carry units (`carbohydrate_g`), coded answers are words
            (`meal`: `fasting`).
    """

    sequence_number: int
    fields: dict[str, str | float | int]


Decoded = BloodPressureReading | GlucoseReading | GlucoseContext
