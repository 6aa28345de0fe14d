"""The reading model: what a record means once it is decoded, in one set of units.

Pressures are millimetres of mercury, glucose is milligrams per decilitre, ketone is millimoles per
litre, pulse is beats a minute, weight is kilograms, temperature is degrees Celsius.
Times are the peripheral's own wall clock, naive on purpose: which zone it runs in, and how wrong it
is, is known only to the gateway that read it, and ingest makes the instant out of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """What a peripheral measures."""

    BLOOD_PRESSURE = "blood_pressure"
    GLUCOSE = "glucose"
    BODY_WEIGHT = "body_weight"
    PULSE_OXIMETRY = "pulse_oximetry"
    BODY_TEMPERATURE = "body_temperature"
    KETONE = "ketone"


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

    KIND: ClassVar = Kind.BLOOD_PRESSURE
    sequence_number: ClassVar[int | None] = None

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
        sequence_number: the meter's own count, 0 to 65535; survives a change of its clock. None if the
            record does not carry it.
        base_time: the meter's internal clock, naive; never changed by the user, hence part of the
            record's identity.
        device_time: base time plus the user's offset, naive: what the display showed.
        result: `glucose_mg_dl` is None unless this is MEASURED.
        glucose_mg_dl: milligrams per decilitre, 10 to 1000.
        qualifiers: what the meter said about the measurement, for example `sample_insufficient`.
        context_follows: whether the meter announced a context record with the same sequence number.
    """

    KIND: ClassVar = Kind.GLUCOSE
    user_slot: ClassVar[int | None] = None

    sequence_number: int | None
    base_time: datetime | None
    device_time: datetime | None
    result: Result
    glucose_mg_dl: float | None
    qualifiers: tuple[str, ...]
    context_follows: bool


@dataclass(frozen=True, slots=True)
class KetoneReading:
    """One measurement of ketone (beta-hydroxybutyrate in blood), which meters keep among their glucose.

    Attributes:
        sequence_number: the meter's own count, 0 to 65535, shared with its glucose measurements; None
            if it numbers nothing.
        base_time: as for glucose.
        device_time: as for glucose.
        result: `ketone_mmol_l` is None unless this is MEASURED.
        ketone_mmol_l: millimoles per litre, 0 to 30.
        qualifiers: what the meter said about the measurement.
        context_follows: as for glucose.
    """

    KIND: ClassVar = Kind.KETONE
    user_slot: ClassVar[int | None] = None

    sequence_number: int | None
    base_time: datetime | None
    device_time: datetime | None
    result: Result
    ketone_mmol_l: float | None
    qualifiers: tuple[str, ...]
    context_follows: bool


@dataclass(frozen=True, slots=True)
class BodyWeightReading:
    """One weighing.

    Attributes:
        device_time: the scale's wall clock, naive; None if absent or impossible.
        user_slot: the scale's user number, 255 for "unknown user", None if the scale does not tell
            users apart.
        result: `weight_kg` is None unless this is MEASURED.
        weight_kg: kilograms, 1 to 400.
        qualifiers: what the scale said about the measurement.
    """

    KIND: ClassVar = Kind.BODY_WEIGHT
    sequence_number: ClassVar[int | None] = None

    device_time: datetime | None
    user_slot: int | None
    result: Result
    weight_kg: float | None
    qualifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PulseOximetryReading:
    """One spot check of oxygen saturation.

    Attributes:
        device_time: the oximeter's wall clock, naive; None if absent, impossible or said to be unset.
        result: numbers are None unless this is MEASURED.
        spo2_percent: per cent of haemoglobin that carries oxygen, 20 to 100.
        pulse_bpm: beats a minute, 10 to 400; None when the oximeter sent none that can be a pulse.
        qualifiers: what the oximeter said about the measurement, for example `low_perfusion`.
    """

    KIND: ClassVar = Kind.PULSE_OXIMETRY
    sequence_number: ClassVar[int | None] = None
    user_slot: ClassVar[int | None] = None

    device_time: datetime | None
    result: Result
    spo2_percent: float | None
    pulse_bpm: float | None
    qualifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BodyTemperatureReading:
    """One measurement of body temperature.

    Attributes:
        device_time: the thermometer's wall clock, naive; None if absent or impossible.
        result: `temperature_celsius` is None unless this is MEASURED.
        temperature_celsius: degrees Celsius, 25 to 45.
        qualifiers: where it was taken, for example `site_armpit`, and what could not be read.
    """

    KIND: ClassVar = Kind.BODY_TEMPERATURE
    sequence_number: ClassVar[int | None] = None
    user_slot: ClassVar[int | None] = None

    device_time: datetime | None
    result: Result
    temperature_celsius: float | None
    qualifiers: tuple[str, ...]


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


Reading = (
    BloodPressureReading
    | GlucoseReading
    | KetoneReading
    | BodyWeightReading
    | PulseOximetryReading
    | BodyTemperatureReading
)
Decoded = Reading | GlucoseContext
