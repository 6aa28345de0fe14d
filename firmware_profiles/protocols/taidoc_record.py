"""What TaiDoc's answers mean: model, time and value of one record.

Sources: those of `firmware_profiles.protocols.taidoc`.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Final

from firmware_profiles import blood_pressure, errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.pulse import LOWEST_BPM
from firmware_profiles.readings import (
    BloodPressureReading,
    Decoded,
    GlucoseReading,
    KetoneReading,
    Result,
)

# Model numbers as the devices write them: four decimal digits, one in each half octet.
D40: Final = 0x3261
_CUFFS: Final = range(0x3100, 0x3200)
_METERS: Final = range(0x4100, 0x4400)

_CENTURY: Final = 2000
# In the time answer: which of a D40's two kinds a record is, and an irregular pulse.
_IS_PRESSURE: Final = 0x80
_IS_IRREGULAR: Final = 0x40
_IS_AVERAGE: Final = 0x80
# In the value answer of a meter, last octet: what was measured, and the meal.
_GLUCOSE, _KETONE = 0, 7
_MEALS: Final = {0x00: (), 0x40: ("before_meal",), 0x80: ("after_meal",)}
_MEAL: Final = 0xC0

# Source: advmeds-bluetooth-lib, which divides by 30 for mmol/L.
_KETONE_STEPS_PER_MMOL_L: Final = 30
_MAX_KETONE_MMOL_L: Final = 30
# What the meters show as numbers; beyond it they show LO and HI. Source: labels of TaiDoc's meters, 20 to 600 mg/dL.
_LOWEST_MG_DL, _HIGHEST_MG_DL = 20, 600


def model(answer: bytes) -> int:
    """Return the model number in an answer."""
    return int(struct.unpack_from("<H", answer, 2)[0])


def minute_of(answer: bytes) -> datetime | None:
    """Return the naive time in an answer, to the minute, or None if it holds none."""
    day, minute, hour = struct.unpack_from("<HBB", answer, 2)
    try:
        return datetime(  # noqa: DTZ001  # the device's clock knows no zone
            _CENTURY + (day >> 9), day >> 5 & 0x0F, day & 0x1F, hour & 0x1F, minute & 0x3F
        )
    except ValueError:
        return None


def packed_minute(at: datetime) -> bytes:
    """Write a naive time as a time answer holds it."""
    day = (at.year - _CENTURY) << 9 | at.month << 5 | at.day
    return struct.pack("<HBB", day, at.minute, at.hour)


def reading(
    model_answer: bytes, time_answer: bytes, value_answer: bytes, *, user: int | None
) -> Decoded:
    """Say what three sound answers mean.

    Raises:
        FrameError: `reserved_value` for a model or a kind that nobody has described, `impossible_value` for numbers
            that no person has.
    """
    number = model(model_answer)
    is_pressure = number in _CUFFS or (number == D40 and time_answer[4] & _IS_PRESSURE)
    if is_pressure:
        return _pressure(number, time_answer, value_answer, user)
    if number == D40 or number in _METERS:
        return _blood(time_answer, value_answer)
    raise errors.FrameError(FrameReason.RESERVED_VALUE, "the record is of a model not described")


def _pressure(
    number: int, time_answer: bytes, value_answer: bytes, user: int | None
) -> BloodPressureReading:
    systolic, mean, diastolic, pulse = value_answer[2:6]
    if number == D40:  # it writes the systolic as a word, and no mean
        systolic, mean = systolic | mean << 8, 0
    blood_pressure.require_plausible(systolic, diastolic)
    names = (
        ("irregular_pulse", time_answer[4] & _IS_IRREGULAR),
        ("average_of_several", time_answer[5] & _IS_AVERAGE),
        ("pulse_implausible", pulse < LOWEST_BPM),
    )
    return BloodPressureReading(
        device_time=minute_of(time_answer),
        user_slot=user,
        result=Result.MEASURED,
        systolic_mmhg=float(systolic),
        diastolic_mmhg=float(diastolic),
        mean_arterial_mmhg=float(mean) if diastolic <= mean <= systolic else None,
        pulse_bpm=float(pulse) if pulse >= LOWEST_BPM else None,
        qualifiers=tuple(name for name, is_so in names if is_so),
    )


def _blood(time_answer: bytes, value_answer: bytes) -> GlucoseReading | KetoneReading:
    value, _, marks = struct.unpack_from("<HBB", value_answer, 2)
    meal = _MEALS.get(marks & _MEAL)
    if meal is None:
        # Perhaps a control solution: nobody has said so, and a person's reading must not be lost in that guess.
        raise errors.FrameError(FrameReason.RESERVED_VALUE, "the record's mark is not described")
    at = minute_of(time_answer)
    match marks >> 2 & 0x0F:
        case 0:
            return _glucose(value, at, meal)
        case 7:
            return _ketone(value, at, meal)
        case _:
            raise errors.FrameError(
                FrameReason.RESERVED_VALUE, "the record is neither glucose nor ketone"
            )


def _glucose(value: int, at: datetime | None, meal: tuple[str, ...]) -> GlucoseReading:
    if value == 0:
        raise errors.FrameError(FrameReason.IMPOSSIBLE_VALUE, "the glucose is 0")
    result = Result.MEASURED
    if value > _HIGHEST_MG_DL:
        result = Result.ABOVE_RANGE
    elif value < _LOWEST_MG_DL:
        result = Result.BELOW_RANGE
    return GlucoseReading(
        sequence_number=None,
        base_time=at,
        device_time=at,
        result=result,
        glucose_mg_dl=float(value) if result is Result.MEASURED else None,
        qualifiers=meal,
        context_follows=False,
    )


def _ketone(value: int, at: datetime | None, meal: tuple[str, ...]) -> KetoneReading:
    ketone_mmol_l = value / _KETONE_STEPS_PER_MMOL_L
    if ketone_mmol_l > _MAX_KETONE_MMOL_L:
        raise errors.FrameError(FrameReason.IMPOSSIBLE_VALUE, "the ketone is above 30 mmol/L")
    return KetoneReading(
        sequence_number=None,
        base_time=at,
        device_time=at,
        result=Result.MEASURED,
        ketone_mmol_l=round(ketone_mmol_l, 1),
        qualifiers=meal,
        context_follows=False,
    )
