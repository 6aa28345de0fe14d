from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from firmware_profiles import blood_pressure, blood_pressure_feature, sfloat
from firmware_profiles.blood_pressure import (
    BloodPressureMeasurement,
    MeasurementStatus,
    PressureUnit,
)
from firmware_profiles.blood_pressure_feature import Feature
from firmware_profiles.enhanced_blood_pressure import (
    EnhancedIntermediatePressure,
    EnhancedMeasurement,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.readings import BloodPressureReading, Result
from firmware_profiles.sfloat import Sfloat

MORNING = datetime(2023, 6, 15, 8, 30)  # noqa: DTZ001 - a wall clock has no zone
# Seconds from 2000-01-01 to 2023-06-15 08:30: 8566 days * 86400 + 30600 = 740133000 = 0x2c1d8888; and from 1900-01-01,
# 36524 days more.
SINCE_2000 = "88881d2c"
SINCE_1900 = (740133000 + 36524 * 86400).to_bytes(4, "little").hex()


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        pytest.param(
            "40 7800 5000 5d00",
            BloodPressureReading(None, None, Result.MEASURED, 120.0, 80.0, 93.0, None, ()),
            id="nothing beside the pressures",
        ),
        pytest.param(
            f"42 7800 5000 5d00 {SINCE_2000}",
            BloodPressureReading(MORNING, None, Result.MEASURED, 120.0, 80.0, 93.0, None, ()),
            id="time stamp since 2000",
        ),
        pytest.param(
            f"02 7800 5000 5d00 {SINCE_1900}",
            BloodPressureReading(MORNING, None, Result.MEASURED, 120.0, 80.0, 93.0, None, ()),
            id="time stamp since 1900",
        ),
        pytest.param(
            f"7e 7800 5000 5d00 00000000 4800 02 0400 {SINCE_2000}",
            BloodPressureReading(
                MORNING, 2, Result.MEASURED, 120.0, 80.0, 93.0, 72.0, ("irregular_pulse",)
            ),
            id="every field; the user's time counts",
        ),
        pytest.param(
            "41 a0f0 6bf0 7cf0",  # 16.0, 10.7, 12.4 kPa; * 7.500617
            BloodPressureReading(
                None, None, Result.MEASURED, 120.009872, 80.2566019, 93.0076508, None, ()
            ),
            id="kilopascal",
        ),
        pytest.param(
            "c0 ff07 ff07 ff07",
            BloodPressureReading(
                None, None, Result.NOT_MEASURABLE, None, None, None, None, ("reserved_flags",)
            ),
            id="failed, reserved flag",
        ),
    ],
)
def test_known_frames_when_decoded(frame: str, expected: BloodPressureReading) -> None:
    assert EnhancedMeasurement.from_bytes(bytes.fromhex(frame)).reading() == expected


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        pytest.param("40 7800 5000 5d", FrameReason.SHORT_FRAME, id="half a mean"),
        pytest.param("42 7800 5000 5d00 88881d", FrameReason.SHORT_FRAME, id="half a time"),
        pytest.param("40 7800 5000 5d00 00", FrameReason.TRAILING_BYTES, id="a byte too many"),
        pytest.param("", FrameReason.EMPTY_FRAME, id="empty"),
    ],
)
def test_refuses_another_length(frame: str, reason: FrameReason) -> None:
    for frame_class in (EnhancedMeasurement, EnhancedIntermediatePressure):
        if frame_class is EnhancedMeasurement or reason is FrameReason.EMPTY_FRAME:
            with pytest.raises(FrameError) as caught:
                frame_class.from_bytes(bytes.fromhex(frame))
            assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("frame", "pressure"),
    [
        ("40 9600", Decimal(150)),
        ("41 1400", 20 * Decimal("7.500617")),
        (f"62 9600 00000000 {SINCE_2000}", Decimal(150)),
        ("40 ff07", None),
    ],
)
def test_an_enhanced_intermediate_pressure_is_one_pressure(
    frame: str, pressure: Decimal | None
) -> None:
    taken = EnhancedIntermediatePressure.from_bytes(bytes.fromhex(frame))
    assert taken.pressure_mmhg() == pressure
    assert taken.to_bytes() == bytes.fromhex(frame)


def test_an_intermediate_pressure_is_the_first_of_three() -> None:
    frame = BloodPressureMeasurement(PressureUnit.MMHG, Sfloat.of(150), sfloat.NAN, sfloat.NAN)
    assert blood_pressure.intermediate_mmhg(frame.to_bytes()) == 150


@pytest.mark.parametrize("raw", ["0000", "ff01", "0002", "ff01 0000"])
def test_features_are_read_whatever_a_later_service_adds(raw: str) -> None:
    features = blood_pressure_feature.from_bytes(bytes.fromhex(raw))
    assert blood_pressure_feature.to_bytes(features) == bytes.fromhex(raw)[:2]


def test_refuses_half_a_feature() -> None:
    with pytest.raises(FrameError):
        blood_pressure_feature.from_bytes(b"\0")


@pytest.mark.parametrize(
    ("features", "status", "qualifiers"),
    [
        (Feature.IRREGULAR_PULSE, MeasurementStatus.IRREGULAR_PULSE, ("irregular_pulse",)),
        (Feature.CUFF_FIT, MeasurementStatus.IRREGULAR_PULSE, ("irregular_pulse_unsupported",)),
        (Feature(0), MeasurementStatus(0), ()),
        (Feature.PULSE_RANGE, MeasurementStatus.PULSE_BELOW_RANGE, ("pulse_below_range",)),
        (
            Feature(0),
            MeasurementStatus.PULSE_ABOVE_RANGE,
            ("pulse_above_range_unsupported",),
        ),
        (Feature(0), MeasurementStatus(0x18), ("reserved_status",)),  # neither bit says anything
        (Feature.POSITION, MeasurementStatus(0x8020), ("improper_position", "reserved_status")),
    ],
)
def test_a_status_bit_without_its_feature_says_nothing(
    features: Feature, status: MeasurementStatus, qualifiers: tuple[str, ...]
) -> None:
    frame = BloodPressureMeasurement(
        PressureUnit.MMHG, Sfloat.of(120), Sfloat.of(80), Sfloat.of(93), status=status
    )
    got = frame.reading(blood_pressure_feature.supported_status(features))
    assert got.qualifiers == qualifiers
