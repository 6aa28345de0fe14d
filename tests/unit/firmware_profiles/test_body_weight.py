from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from firmware_profiles.body_weight import (
    UNSUCCESSFUL,
    Build,
    WeightMeasurement,
    WeightScaleFeature,
    WeightUnit,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.readings import BodyWeightReading, Result

MORNING = datetime(2023, 6, 15, 8, 30)  # noqa: DTZ001 - a wall clock has no zone

EVERYTHING = WeightScaleFeature(
    has_time_stamp=True, has_users=True, has_bmi=True, weight_resolution=7, height_resolution=3
)


def reading(frame: str) -> BodyWeightReading:
    return WeightMeasurement.from_bytes(bytes.fromhex(frame)).reading()


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        pytest.param(
            "00 bc39",  # 0x39bc = 14780; * 0.005 kg
            BodyWeightReading(None, None, Result.MEASURED, 73.9, ()),
            id="kilograms",
        ),
        pytest.param(
            "01 983a",  # 0x3a98 = 15000; * 0.01 lb = 150 lb; * 0.45359237 = 68.0388555 kg
            BodyWeightReading(None, None, Result.MEASURED, 68.0388555, ()),
            id="pounds",
        ),
        pytest.param(
            "02 bc39 e707 06 0f 08 1e 00",
            BodyWeightReading(MORNING, None, Result.MEASURED, 73.9, ()),
            id="time stamp",
        ),
        pytest.param(
            "02 bc39 0000 06 0f 08 1e 00",
            BodyWeightReading(None, None, Result.MEASURED, 73.9, ()),
            id="year unknown",
        ),
        pytest.param(
            "0e bc39 e707 06 0f 08 1e 00 02 f400 d606",  # BMI 24.4, height 1.750 m
            BodyWeightReading(MORNING, 2, Result.MEASURED, 73.9, ()),
            id="every field",
        ),
        pytest.param(
            "04 bc39 ff",
            BodyWeightReading(None, 255, Result.MEASURED, 73.9, ()),
            id="unknown user",
        ),
        pytest.param(
            "02 ffff e707 06 0f 08 1e 00",
            BodyWeightReading(MORNING, None, Result.NOT_MEASURABLE, None, ()),
            id="unsuccessful",
        ),
        pytest.param(
            "01 ffff",  # 655.35 lb if it were a number
            BodyWeightReading(None, None, Result.NOT_MEASURABLE, None, ()),
            id="unsuccessful in pounds",
        ),
        pytest.param(
            "f0 bc39",
            BodyWeightReading(None, None, Result.MEASURED, 73.9, ("reserved_flags",)),
            id="reserved flags",
        ),
    ],
)
def test_known_frames_when_decoded(frame: str, expected: BodyWeightReading) -> None:
    assert reading(frame) == expected


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        pytest.param("", FrameReason.EMPTY_FRAME, id="empty"),
        pytest.param("00 bc", FrameReason.SHORT_FRAME, id="half a weight"),
        pytest.param("02 bc39 e70706", FrameReason.SHORT_FRAME, id="half a time"),
        pytest.param("08 bc39 f400", FrameReason.SHORT_FRAME, id="no height"),
        pytest.param("00 bc39 00", FrameReason.TRAILING_BYTES, id="a byte too many"),
        pytest.param("00 0000", FrameReason.IMPOSSIBLE_VALUE, id="nobody on it"),
        pytest.param("00 c700", FrameReason.IMPOSSIBLE_VALUE, id="0.995 kg"),
    ],
)
def test_refuses_what_is_no_weight(frame: str, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as caught:
        reading(frame)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("steps", "unit", "kg"),
    [
        (0xFFFE, WeightUnit.KG, Decimal("327.670")),  # the most that a frame can say
        (0xFFFE, WeightUnit.LB, Decimal("655.34") * Decimal("0.45359237")),
        (200, WeightUnit.KG, Decimal("1.000")),
        (14001, WeightUnit.KG, Decimal("70.005")),
    ],
)
def test_weight_is_exact(steps: int, unit: WeightUnit, kg: Decimal) -> None:
    measurement = WeightMeasurement(steps, unit)
    assert measurement.weight_kg() == kg
    assert measurement.reading().weight_kg == float(kg)


@pytest.mark.parametrize(
    ("unit", "height_m"),
    # 1750 * 0.001 m; 689 * 0.1 in * 0.0254 m
    [(WeightUnit.KG, (1750, Decimal("1.750"))), (WeightUnit.LB, (689, Decimal("1.750060")))],
)
def test_build_is_in_the_unit_of_the_weight(
    unit: WeightUnit, height_m: tuple[int, Decimal]
) -> None:
    measurement = WeightMeasurement(15000, unit, build=Build(244, height_m[0]))
    assert measurement.height_m() == height_m[1]
    assert measurement.bmi_kg_per_m2() == Decimal("24.4")


def test_there_is_no_build_without_its_flag() -> None:
    measurement = WeightMeasurement(UNSUCCESSFUL, time_stamp=DateTime.of(MORNING))
    assert (measurement.weight_kg(), measurement.height_m(), measurement.bmi_kg_per_m2()) == (
        *(None, None, None),
    )


@pytest.mark.parametrize(
    ("raw", "feature"),
    [
        # 0b0111 at bit 3 and 0b011 at bit 7: 0x38 + 0x180; bits 0 to 2: 0x07
        ("bf010000", EVERYTHING),
        ("00000000", WeightScaleFeature()),
        ("000400f0", WeightScaleFeature(reserved=0xF000_0400)),
        ("78000000", WeightScaleFeature(weight_resolution=15)),  # a reserved resolution
    ],
)
def test_features(raw: str, feature: WeightScaleFeature) -> None:
    assert WeightScaleFeature.from_bytes(bytes.fromhex(raw)) == feature
    assert feature.to_bytes().hex() == raw
