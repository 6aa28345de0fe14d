"""The numbers of a stored reading as they were sent: with the digits and in the unit of the frame. Pure.

The store holds every number as a float in one unit, which forgets that a thermometer said 37.0 and a meter 5.5 mmol/L.
The bytes are beside it. What they say is taken only where it comes to the very number that was stored: a device profile
may know better than the frame, and then the stored number counts, with the digits that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from firmware_profiles import codes, glucose_pair, kinds, uuids
from firmware_profiles.blood_pressure import BloodPressureMeasurement, PressureUnit
from firmware_profiles.body_temperature import TemperatureMeasurement, TemperatureUnit
from firmware_profiles.body_weight import WeightMeasurement, WeightUnit
from firmware_profiles.errors import FrameError
from firmware_profiles.glucose import ConcentrationUnit, GlucoseMeasurement
from firmware_profiles.pulse_oximetry import SpotCheck
from firmware_profiles.readings import Kind
from ingest.rows import StoredReading

POUND: Final = "[lb_av]"
FAHRENHEIT: Final = "[degF]"
_KG_PER_LB: Final = Decimal("0.45359237")  # exact by definition: international pound, 1959
# Source: molar mass of glucose, as in firmware_profiles/glucose.py.
_MG_DL_PER_MMOL_L: Final = Decimal("18.0156")
_LB_PER_STEP: Final = Decimal("0.01")
_KG_PER_STEP: Final = Decimal("0.005")


@dataclass(frozen=True, slots=True)
class Sent:
    """A number in a unit of UCUM, with the digits that were sent."""

    number: Decimal
    ucum: str


@dataclass(frozen=True, slots=True)
class _Said:
    """What a frame says of one number, and what it comes to in the store's unit."""

    sent: Sent
    stored: Fraction


def of(reading: StoredReading) -> Mapping[str, Sent]:
    """Return the numbers that a reading has, by the names of the store."""
    said = _said(reading)
    found = {}
    for declared in kinds.OF[reading.kind].numbers:
        stored = getattr(reading, declared.name)
        if stored is None:
            continue
        one = said.get(declared.name)
        if one is not None and float(one.stored) == stored:
            found[declared.name] = one.sent
        else:
            found[declared.name] = Sent(shortest(stored), str(declared.quantity.ucum))
    return found


def shortest(number: float) -> Decimal:
    """Return a float with the fewest digits that tell it from others: 120.0 is 120."""
    return Decimal(int(number)) if number.is_integer() else Decimal(repr(number))


def fluid_type(reading: StoredReading) -> int | None:
    """Return what the meter says its strip measured: a FluidType or a reserved number; None if it does not say."""
    frame = _glucose_frame(reading)
    return None if frame is None or frame.sample is None else frame.sample.fluid_type


def _glucose_frame(reading: StoredReading) -> GlucoseMeasurement | None:
    if reading.characteristic != uuids.GLUCOSE_MEASUREMENT:
        return None
    try:
        return GlucoseMeasurement.from_bytes(glucose_pair.parted(reading.raw)[0])
    except FrameError:  # the device profile puts such frames right before it reads them
        return None


def _said(reading: StoredReading) -> Mapping[str, _Said]:
    reader = _READERS.get(reading.characteristic)
    if reader is None:
        return {}
    try:
        return reader(reading)
    except FrameError:  # as above
        return {}


def _one(number: Decimal | None, ucum: str, factor: Decimal | int = 1) -> _Said | None:
    if number is None:
        return None
    return _Said(Sent(number, ucum), Fraction(number) * Fraction(factor))


def _known(**said: _Said | None) -> Mapping[str, _Said]:
    return {name: one for name, one in said.items() if one is not None}


def _blood_pressure(reading: StoredReading) -> Mapping[str, _Said]:
    frame = BloodPressureMeasurement.from_bytes(reading.raw)
    beats = None if frame.pulse_rate is None else frame.pulse_rate.decimal()
    pulse = _one(beats, codes.PER_MINUTE)
    if frame.unit is not PressureUnit.MMHG:  # US Core has mm[Hg] only, so that one is converted
        return _known(pulse_bpm=pulse)
    return _known(
        systolic_mmhg=_one(frame.systolic.decimal(), codes.MMHG),
        diastolic_mmhg=_one(frame.diastolic.decimal(), codes.MMHG),
        mean_arterial_mmhg=_one(frame.mean_arterial.decimal(), codes.MMHG),
        pulse_bpm=pulse,
    )


def _glucose(reading: StoredReading) -> Mapping[str, _Said]:
    frame = _glucose_frame(reading)
    exact = None if frame is None or frame.sample is None else frame.sample.concentration.decimal()
    if frame is None or exact is None or reading.kind is not Kind.GLUCOSE:
        return {}
    if frame.unit is ConcentrationUnit.MOL_PER_L:
        return _known(glucose_mg_dl=_one(exact.scaleb(3), codes.MMOL_PER_L, _MG_DL_PER_MMOL_L))
    return _known(glucose_mg_dl=_one(exact.scaleb(5), codes.MG_PER_DL))


def _weight(reading: StoredReading) -> Mapping[str, _Said]:
    frame = WeightMeasurement.from_bytes(reading.raw)
    if frame.unit is WeightUnit.LB:
        pounds = frame.weight_steps * _LB_PER_STEP
        return _known(weight_kg=_one(pounds, POUND, _KG_PER_LB))
    return _known(weight_kg=_one(frame.weight_steps * _KG_PER_STEP, codes.KILOGRAM))


def _pulse_oximetry(reading: StoredReading) -> Mapping[str, _Said]:
    measured = SpotCheck.from_bytes(reading.raw).measured
    return _known(
        spo2_percent=_one(measured.spo2_percent.decimal(), codes.PER_CENT),
        pulse_bpm=_one(measured.pulse_bpm.decimal(), codes.PER_MINUTE),
    )


def _temperature(reading: StoredReading) -> Mapping[str, _Said]:
    frame = TemperatureMeasurement.from_bytes(reading.raw)
    exact = frame.temperature.decimal()
    if exact is None:
        return {}
    if frame.unit is TemperatureUnit.FAHRENHEIT:
        celsius = (Fraction(exact) - 32) * 5 / 9
        return _known(temperature_celsius=_Said(Sent(exact, FAHRENHEIT), celsius))
    return _known(temperature_celsius=_one(exact, codes.CELSIUS))


_READERS: Final[Mapping[str, Callable[[StoredReading], Mapping[str, _Said]]]] = {
    uuids.BLOOD_PRESSURE_MEASUREMENT: _blood_pressure,
    uuids.GLUCOSE_MEASUREMENT: _glucose,
    uuids.WEIGHT_MEASUREMENT: _weight,
    uuids.PLX_SPOT_CHECK_MEASUREMENT: _pulse_oximetry,
    uuids.TEMPERATURE_MEASUREMENT: _temperature,
}
