from __future__ import annotations

from datetime import datetime

import pytest

from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.pulse_oximetry import (
    Continuous,
    Feature,
    Features,
    MeasurementStatus,
    SaturationAndPulse,
    SensorStatus,
    SpotCheck,
)
from firmware_profiles.readings import PulseOximetryReading, Result
from firmware_profiles.sfloat import Sfloat

MORNING = datetime(2023, 6, 15, 8, 30)  # noqa: DTZ001 - a wall clock has no zone


def reading(frame: str) -> PulseOximetryReading:
    return SpotCheck.from_bytes(bytes.fromhex(frame)).reading()


def measured(spo2_percent: str = "97", pulse_bpm: str = "61") -> SaturationAndPulse:
    return SaturationAndPulse(Sfloat.of(spo2_percent), Sfloat.of(pulse_bpm))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        pytest.param(
            "00 6100 3d00",
            PulseOximetryReading(None, Result.MEASURED, 97.0, 61.0, ()),
            id="no optional field",
        ),
        pytest.param(
            "00 cff3 3d00",  # 0xf3cf: 975 * 10^-1
            PulseOximetryReading(None, Result.MEASURED, 97.5, 61.0, ()),
            id="tenths",
        ),
        pytest.param(
            "0f 6100 3d00 e707 06 0f 08 1e 00 8003 200000 2cf0",
            PulseOximetryReading(MORNING, Result.MEASURED, 97.0, 61.0, ("low_perfusion",)),
            id="every field",
        ),
        pytest.param(
            "11 6100 3d00 e707 06 0f 08 1e 00",
            PulseOximetryReading(None, Result.MEASURED, 97.0, 61.0, ("device_clock_not_set",)),
            id="clock not set",
        ),
        pytest.param(
            "00 ff07 ff07",
            PulseOximetryReading(None, Result.NOT_MEASURABLE, None, None, ()),
            id="NaN",
        ),
        pytest.param(
            "00 0208 3d00",
            PulseOximetryReading(None, Result.BELOW_RANGE, None, None, ()),
            id="below what it can tell",
        ),
        pytest.param(
            "00 6100 ff07",
            PulseOximetryReading(None, Result.MEASURED, 97.0, None, ()),
            id="no pulse",
        ),
        pytest.param(
            "00 6100 0000",
            PulseOximetryReading(None, Result.MEASURED, 97.0, None, ("pulse_implausible",)),
            id="pulse 0",
        ),
        pytest.param(
            "e0 6100 3d00",
            PulseOximetryReading(None, Result.MEASURED, 97.0, 61.0, ("reserved_flags",)),
            id="reserved flags",
        ),
        pytest.param(
            "02 6100 3d00 1f00",
            PulseOximetryReading(None, Result.MEASURED, 97.0, 61.0, ("reserved_status",)),
            id="reserved measurement status",
        ),
        pytest.param(
            "04 6100 3d00 0000ff",
            PulseOximetryReading(None, Result.MEASURED, 97.0, 61.0, ("reserved_status",)),
            id="reserved sensor status",
        ),
    ],
)
def test_known_frames_when_decoded(frame: str, expected: PulseOximetryReading) -> None:
    assert reading(frame) == expected


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        pytest.param("", FrameReason.EMPTY_FRAME, id="empty"),
        pytest.param("00 6100 3d", FrameReason.SHORT_FRAME, id="half a pulse"),
        pytest.param("04 6100 3d00 2000", FrameReason.SHORT_FRAME, id="two bytes of three"),
        pytest.param("00 6100 3d00 00", FrameReason.TRAILING_BYTES, id="a byte too many"),
        pytest.param("00 7800 3d00", FrameReason.IMPOSSIBLE_VALUE, id="120 per cent"),
        pytest.param("00 61f0 3d00", FrameReason.IMPOSSIBLE_VALUE, id="9.7 per cent"),
        pytest.param("00 0000 3d00", FrameReason.IMPOSSIBLE_VALUE, id="0 per cent"),
        pytest.param("00 6100 9101", FrameReason.IMPOSSIBLE_VALUE, id="pulse 401"),
    ],
)
def test_refuses_what_is_no_saturation(frame: str, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as caught:
        reading(frame)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "status",
    [
        MeasurementStatus.INVALID_MEASUREMENT,
        MeasurementStatus.MEASUREMENT_UNAVAILABLE,
        MeasurementStatus.DATA_FOR_DEMONSTRATION,
        MeasurementStatus.DATA_FOR_TESTING,
        SensorStatus.SENSOR_DISCONNECTED,
        SensorStatus.SENSOR_UNCONNECTED_TO_USER,
    ],
)
def test_no_number_where_the_oximeter_says_that_nobody_was_measured(
    status: MeasurementStatus | SensorStatus,
) -> None:
    is_of_measurement = isinstance(status, MeasurementStatus)
    got = SpotCheck(
        measured(),
        measurement_status=status if is_of_measurement else None,
        sensor_status=None if is_of_measurement else status,
    ).reading()
    assert (got.result, got.spo2_percent, got.pulse_bpm) == (Result.NOT_MEASURABLE, None, None)
    assert got.qualifiers == (str(status.name).lower(),)


@pytest.mark.parametrize(
    "status",
    [MeasurementStatus.QUESTIONABLE_MEASUREMENT, MeasurementStatus.EARLY_ESTIMATED_DATA],
)
def test_a_doubtful_number_is_kept_and_marked(status: MeasurementStatus) -> None:
    got = SpotCheck(measured(), measurement_status=status).reading()
    assert (got.spo2_percent, got.qualifiers) == (97.0, (str(status.name).lower(),))


def test_a_status_that_the_oximeter_cannot_tell_decides_nothing() -> None:
    frame = SpotCheck(
        measured(),
        measurement_status=MeasurementStatus.INVALID_MEASUREMENT,
        sensor_status=SensorStatus.LOW_PERFUSION | SensorStatus.POOR_SIGNAL,
    )
    features = Features(Feature(0), sensor_status=SensorStatus.POOR_SIGNAL)
    got = frame.reading(features)
    assert got.result is Result.MEASURED
    assert got.qualifiers == (
        *("invalid_measurement_unsupported", "poor_signal", "low_perfusion_unsupported"),
    )


@pytest.mark.parametrize(
    ("raw", "features"),
    [
        ("0000", Features(Feature(0))),
        (
            "8c00",
            Features(Feature.MEASUREMENT_STORAGE | Feature.TIME_STAMP | Feature.MULTIPLE_BONDS),
        ),
        ("0100 0080", Features(Feature(0), MeasurementStatus.INVALID_MEASUREMENT)),
        (
            "0300 0040 100000",
            Features(
                Feature(0), MeasurementStatus.QUESTIONABLE_MEASUREMENT, SensorStatus.POOR_SIGNAL
            ),
        ),
    ],
)
def test_features(raw: str, features: Features) -> None:
    assert Features.from_bytes(bytes.fromhex(raw)) == features
    assert features.to_bytes() == bytes.fromhex(raw)


@pytest.mark.parametrize("raw", ["01", "0100", "0100 00", "0200 0000", "0000 00"])
def test_refuses_features_of_another_length(raw: str) -> None:
    with pytest.raises(FrameError):
        Features.from_bytes(bytes.fromhex(raw))


def test_every_field_of_a_moment() -> None:
    moment = Continuous(
        normal=measured("97", "61"),
        fast=measured("96", "62"),
        slow=measured("98", "60"),
        measurement_status=MeasurementStatus.MEASUREMENT_ONGOING,
        sensor_status=SensorStatus.SIGNAL_ANALYSIS_ONGOING,
        amplitude_percent=Sfloat.of("4.4"),
    )
    raw = bytes.fromhex("1f 6100 3d00 6000 3e00 6200 3c00 2000 000200 2cf0")
    assert moment.to_bytes() == raw
    assert Continuous.from_bytes(raw) == moment
