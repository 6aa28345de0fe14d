"""What has to hold of every decoder, whatever bytes it is given: for property tests and for the fuzzer alike.

- It raises our own error or nothing.
- What it accepts, its encoder writes again as it was.
- A number is the one that stands in the bytes, worked out here in another way; no special word becomes one; nothing
  that failed has a number, and nothing that was measured lacks one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from firmware_profiles import (
    blood_pressure_feature,
    decode,
    device_information,
    glucose_feature,
    kinds,
    models,
    racp,
    uuids,
)
from firmware_profiles.blood_pressure import BloodPressureMeasurement
from firmware_profiles.blood_pressure_record import Segment
from firmware_profiles.body_temperature import TemperatureMeasurement
from firmware_profiles.body_weight import WeightMeasurement, WeightScaleFeature
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.device_time import DeviceTime
from firmware_profiles.enhanced_blood_pressure import (
    EnhancedIntermediatePressure,
    EnhancedMeasurement,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.gatt_time import CurrentTime, DateTime
from firmware_profiles.glucose import GlucoseMeasurement
from firmware_profiles.glucose_context import GlucoseMeasurementContext
from firmware_profiles.local_time import LocalTimeInformation
from firmware_profiles.medfloat32 import Medfloat32
from firmware_profiles.pulse_oximetry import Continuous, Features, SpotCheck
from firmware_profiles.readings import Decoded, GlucoseContext, Reading, Result
from firmware_profiles.sfloat import Sfloat

# Words of the health profiles that are no numbers. Source: IEEE 11073-20601.
_NO_NUMBERS_16: Final = frozenset({0x07FE, 0x07FF, 0x0800, 0x0801, 0x0802})
_NO_NUMBERS_32: Final = frozenset({0x7FFFFE, 0x7FFFFF, 0x800000, 0x800001, 0x800002})
_QUALIFIER: Final = re.compile(r"[a-z][a-z0-9_]{1,59}")

Numbers = Mapping[str, float | None]


def _word(raw: bytes, at: int) -> Fraction | None:
    """Return the 16-bit decimal number at a place, taken apart by arithmetic instead of by masks."""
    number = raw[at] + 256 * raw[at + 1]
    if number in _NO_NUMBERS_16:
        return None
    mantissa, exponent = number % 4096, number // 4096
    mantissa -= 4096 * (mantissa >= 2048)
    exponent -= 16 * (exponent >= 8)
    return Fraction(mantissa) * Fraction(10) ** exponent


def _double_word(raw: bytes, at: int) -> Fraction | None:
    number = int.from_bytes(raw[at : at + 4], "little")
    if number in _NO_NUMBERS_32:
        return None
    mantissa, exponent = number % 2**24, number // 2**24
    mantissa -= 2**24 * (mantissa >= 2**23)
    exponent -= 256 * (exponent >= 128)
    return Fraction(mantissa) * Fraction(10) ** exponent


def _times(number: Fraction | None, factor: Fraction) -> float | None:
    return None if number is None else float(number * factor)


def _pressures(raw: bytes, time_size: int) -> Numbers:
    factor = Fraction("7.500617") if raw[0] & 1 else Fraction(1)
    names = ("systolic_mmhg", "diastolic_mmhg", "mean_arterial_mmhg")
    found = {name: _times(_word(raw, 1 + 2 * n), factor) for n, name in enumerate(names)}
    pulse_at = 7 + time_size * bool(raw[0] & 2)
    return found | {"pulse_bpm": _times(_word(raw, pulse_at), Fraction(1)) if raw[0] & 4 else None}


def _glucose(raw: bytes) -> Numbers:
    if not raw[0] & 2:
        return {"glucose_mg_dl": None}
    number = _word(raw, 10 + 2 * bool(raw[0] & 1))
    factor = 1000 * Fraction("18.0156") if raw[0] & 4 else Fraction(100_000)
    return {"glucose_mg_dl": _times(number, factor)}


def _weight(raw: bytes) -> Numbers:
    steps = raw[1] + 256 * raw[2]
    step_kg = Fraction("0.01") * Fraction("0.45359237") if raw[0] & 1 else Fraction("0.005")
    return {"weight_kg": None if steps == 65535 else float(steps * step_kg)}


def _saturation(raw: bytes) -> Numbers:
    names = ("spo2_percent", "pulse_bpm")
    return {name: _times(_word(raw, 1 + 2 * n), Fraction(1)) for n, name in enumerate(names)}


def _temperature(raw: bytes) -> Numbers:
    number = _double_word(raw, 1)
    if number is not None and raw[0] & 1:
        number = (number - 32) * Fraction(5, 9)
    return {"temperature_celsius": _times(number, Fraction(1))}


@dataclass(frozen=True)
class Codec:
    """A decoder with its encoder.

    Attributes:
        seeds: frames that it accepts, to begin from.
        numbers: what numbers stand in an accepted frame, by the names of the reading; None if it is no reading.
    """

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    seeds: tuple[str, ...]
    numbers: Callable[[bytes], Numbers] | None = None


def _codec(of_class: Any, *seeds: str, numbers: Callable[[bytes], Numbers] | None = None) -> Codec:
    return Codec(of_class.from_bytes, lambda one: one.to_bytes(), seeds, numbers)


CODECS: Final[Mapping[str, Codec]] = {
    uuids.BLOOD_PRESSURE_MEASUREMENT: _codec(
        BloodPressureMeasurement,
        "1e 7800 5000 5d00 e707 06 0f 08 1e 00 4800 01 0400",
        "01 a0f0 6bf0 7cf0",
        numbers=lambda raw: _pressures(raw, 7),
    ),
    uuids.ENHANCED_BLOOD_PRESSURE_MEASUREMENT: _codec(
        EnhancedMeasurement,
        "7e 7800 5000 5d00 00000000 4800 02 0400 88881d2c",
        numbers=lambda raw: _pressures(raw, 4),
    ),
    uuids.ENHANCED_INTERMEDIATE_CUFF_PRESSURE: _codec(
        EnhancedIntermediatePressure, "62 9600 00000000 88881d2c"
    ),
    uuids.BLOOD_PRESSURE_RECORD: _codec(Segment, "17 0700 342b 40780050005d00"),
    uuids.GLUCOSE_MEASUREMENT: _codec(
        GlucoseMeasurement,
        "1b 0700 ea07 02 01 07 05 09 0a00 64b0 11 0000",
        "06 0700 ea07 02 01 07 05 09 37c0 f8",
        numbers=_glucose,
    ),
    uuids.GLUCOSE_MEASUREMENT_CONTEXT: _codec(
        GlucoseMeasurementContext, "ff 0700 00 01 1ed0 03 51 3c00 32 01 05a0 46f0"
    ),
    uuids.WEIGHT_MEASUREMENT: _codec(
        WeightMeasurement, "0e bc39 e707 06 0f 08 1e 00 02 f400 d606", "01 983a", numbers=_weight
    ),
    uuids.WEIGHT_SCALE_FEATURE: _codec(WeightScaleFeature, "bf010000"),
    uuids.PLX_SPOT_CHECK_MEASUREMENT: _codec(
        SpotCheck,
        "0f 6100 3d00 e707 06 0f 08 1e 00 8003 200000 2cf0",
        "00 cff3 3d00",
        numbers=_saturation,
    ),
    uuids.PLX_CONTINUOUS_MEASUREMENT: _codec(
        Continuous, "1f 6100 3d00 6000 3e00 6200 3c00 2000 000200 2cf0"
    ),
    uuids.PLX_FEATURES: _codec(Features, "0300 0040 100000"),
    uuids.TEMPERATURE_MEASUREMENT: _codec(
        TemperatureMeasurement,
        "06 6c0100ff e707 06 0f 08 1e 00 06",
        "01 da0300ff",
        numbers=_temperature,
    ),
    uuids.CURRENT_TIME: _codec(CurrentTime, "e707 06 0f 08 1e 00 04 80 02"),
    uuids.DATE_TIME: _codec(DateTime, "e707 06 0f 08 1e 00"),
    uuids.LOCAL_TIME_INFORMATION: _codec(LocalTimeInformation, "ec04"),
    uuids.DEVICE_TIME: _codec(DeviceTime, "88881d2c ec 04 1200"),
    uuids.GLUCOSE_FEATURE: Codec(glucose_feature.from_bytes, glucose_feature.to_bytes, ("ff03",)),
    uuids.BLOOD_PRESSURE_FEATURE: Codec(
        blood_pressure_feature.from_bytes, blood_pressure_feature.to_bytes, ("ff01",)
    ),
    uuids.BATTERY_LEVEL: Codec(
        device_information.battery_percent, device_information.battery_to_bytes, ("64",)
    ),
    "SFLOAT": _codec(Sfloat, "ff07", "78f0"),
    "FLOAT": _codec(Medfloat32, "6c0100ff", "ffff7f00"),
    "request of records": _codec(racp.Request, "01 03 01 2b00", "04 01", "01 04 01 2b00 3000"),
    "answer about records": Codec(
        racp.response_from_bytes,
        lambda one: one.to_bytes(),  # type: ignore[no-any-return]
        ("05 00 0300", "06 00 01 01"),
    ),
}
# A later version of the service may make it longer, so what is behind does not come back.
_MAY_BE_LONGER: Final = frozenset({uuids.BLOOD_PRESSURE_FEATURE})


def check_codec(name: str, raw: bytes) -> bool:
    """Hold one decoder to the rules; return whether it accepted the bytes."""
    codec = CODECS[name]
    try:
        frame = codec.decode(raw)
    except FrameError:
        return False
    again = codec.encode(frame)
    assert raw.startswith(again) if name in _MAY_BE_LONGER else again == raw
    if codec.numbers is not None:
        _check_numbers(frame, codec.numbers(raw))
    return True


def check_record(profile: DeviceProfile, characteristic: str, raw: bytes) -> bool:
    """Hold what a profile makes of a record to the rules; return whether it is a reading."""
    try:
        decoded = decode.decode_record(profile, characteristic, raw)
    except FrameError:
        return False
    _check_advice(decoded)
    if not isinstance(decoded, GlucoseContext):
        _check_sane(decoded)
        assert decoded.KIND in profile.kinds
    return True


def records() -> list[tuple[DeviceProfile, str]]:
    """Return every shipped profile with each characteristic under which it has records."""
    return [
        (profile, characteristic)
        for profile in models.SHIPPED.versions
        for characteristic in profile.measurement_characteristics
    ]


def _check_numbers(frame: Any, standing: Numbers) -> None:
    try:
        reading: Reading = frame.reading()
    except FrameError as refused:
        reason = refused.reason
    else:
        reason = None
    if reason is not None:
        assert reason is FrameReason.IMPOSSIBLE_VALUE
        return
    _check_sane(reading)
    for name, number in standing.items():
        said = getattr(reading, name)
        assert said is None or said == number, name


def _check_sane(reading: Reading) -> None:
    is_measured = reading.result is Result.MEASURED
    for declared in kinds.OF[reading.KIND].numbers:
        number = getattr(reading, declared.name)
        assert number is None or is_measured
        assert number is not None or not is_measured or not declared.is_needed
        assert number is None or (math.isfinite(number) and 0 <= number <= declared.highest)
    for at in (reading.device_time, getattr(reading, "base_time", None)):
        assert at is None or at.tzinfo is None
    assert all(_QUALIFIER.fullmatch(word) for word in reading.qualifiers)
    assert reading.user_slot is None or 0 <= reading.user_slot <= 255


def _check_advice(decoded: Decoded) -> None:
    json.dumps(decode.advisory(decoded), allow_nan=False)
