from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import glucose_feature
from firmware_profiles.errors import FrameError
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import GlucoseMeasurement, Sample, SensorStatus
from firmware_profiles.glucose_feature import Feature
from firmware_profiles.readings import Result
from firmware_profiles.sfloat import Sfloat


@given(st.integers(0, 0xFFFF))
def test_glucose_features_come_back(word: int) -> None:
    raw = word.to_bytes(2, "little")
    assert glucose_feature.to_bytes(glucose_feature.from_bytes(raw)) == raw


@pytest.mark.parametrize("raw", [b"", b"\0", b"\0\0\0"])
def test_refuses_glucose_features_of_another_length(raw: bytes) -> None:
    with pytest.raises(FrameError):
        glucose_feature.from_bytes(raw)


def test_glucose_features_tell_which_status_bits_mean_something() -> None:
    assert glucose_feature.supported_status(Feature(0)) == SensorStatus(0)
    assert glucose_feature.supported_status(Feature.RESULT_HIGH_LOW) == (
        SensorStatus.RESULT_TOO_HIGH | SensorStatus.RESULT_TOO_LOW
    )
    everything = SensorStatus(0)
    for bit in SensorStatus:
        everything |= bit
    assert glucose_feature.supported_status(Feature(0x3FF)) == everything


def test_a_status_bit_without_its_feature_decides_nothing() -> None:
    frame = GlucoseMeasurement(
        sequence_number=7,
        base_time=DateTime(2026, 2, 1, 7, 5, 9),
        sample=Sample(Sfloat.of("100E-5"), 1, 1),
        status=SensorStatus.RESULT_TOO_HIGH | SensorStatus.BATTERY_LOW,
    )
    assert frame.reading().result is Result.ABOVE_RANGE

    got = frame.reading(glucose_feature.supported_status(Feature.LOW_BATTERY))

    assert (got.result, got.glucose_mg_dl) == (Result.MEASURED, 100.0)
    assert got.qualifiers == ("battery_low", "result_too_high_unsupported")
