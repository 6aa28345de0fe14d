from __future__ import annotations

from datetime import datetime

import pytest

from firmware_profiles import body_temperature, medfloat32
from firmware_profiles.body_temperature import (
    TemperatureMeasurement,
    TemperatureType,
    TemperatureUnit,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.medfloat32 import Medfloat32
from firmware_profiles.readings import BodyTemperatureReading, Result

MORNING = datetime(2023, 6, 15, 8, 30)  # noqa: DTZ001 - a wall clock has no zone


def reading(frame: str) -> BodyTemperatureReading:
    return TemperatureMeasurement.from_bytes(bytes.fromhex(frame)).reading()


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        pytest.param(
            "00 6c0100ff",
            BodyTemperatureReading(None, Result.MEASURED, 36.4, ()),
            id="celsius",
        ),
        pytest.param(
            "01 da0300ff",  # 98.6 °F; (98.6 - 32) * 5 / 9 = 37 exactly
            BodyTemperatureReading(None, Result.MEASURED, 37.0, ()),
            id="fahrenheit",
        ),
        pytest.param(
            "06 6c0100ff e707 06 0f 08 1e 00 06",
            BodyTemperatureReading(MORNING, Result.MEASURED, 36.4, ("site_mouth",)),
            id="every field",
        ),
        pytest.param(
            "02 6c0100ff e707 0d 0f 08 1e 00",
            BodyTemperatureReading(None, Result.MEASURED, 36.4, ()),
            id="month 13",
        ),
        pytest.param(
            "04 6c0100ff 0a",
            BodyTemperatureReading(None, Result.MEASURED, 36.4, ("reserved_site",)),
            id="reserved type",
        ),
        pytest.param(
            "f8 6c0100ff",
            BodyTemperatureReading(None, Result.MEASURED, 36.4, ("reserved_flags",)),
            id="reserved flags",
        ),
        pytest.param(
            "00 ffff7f00",
            BodyTemperatureReading(None, Result.NOT_MEASURABLE, None, ()),
            id="NaN",
        ),
        pytest.param(
            "00 feff7f00",
            BodyTemperatureReading(None, Result.ABOVE_RANGE, None, ()),
            id="above",
        ),
        pytest.param(
            "00 02008000",
            BodyTemperatureReading(None, Result.BELOW_RANGE, None, ()),
            id="below",
        ),
        pytest.param(
            "00 00008000",
            BodyTemperatureReading(None, Result.NOT_MEASURABLE, None, ()),
            id="NRes",
        ),
    ],
)
def test_known_frames_when_decoded(frame: str, expected: BodyTemperatureReading) -> None:
    assert reading(frame) == expected


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        pytest.param("", FrameReason.EMPTY_FRAME, id="empty"),
        pytest.param("00 6c0100", FrameReason.SHORT_FRAME, id="three bytes of four"),
        pytest.param("04 6c0100ff", FrameReason.SHORT_FRAME, id="no type"),
        pytest.param("00 6c0100ff 06", FrameReason.TRAILING_BYTES, id="a byte too many"),
        pytest.param("00 da0300ff", FrameReason.IMPOSSIBLE_VALUE, id="98.6 °C"),
        pytest.param("01 6c0100ff", FrameReason.IMPOSSIBLE_VALUE, id="36.4 °F"),
        pytest.param("00 0100007f", FrameReason.IMPOSSIBLE_VALUE, id="exponent extreme"),
        pytest.param("01 01000080", FrameReason.IMPOSSIBLE_VALUE, id="exponent extremely small"),
        pytest.param("00 ffffffff", FrameReason.IMPOSSIBLE_VALUE, id="negative"),
    ],
)
def test_refuses_what_is_no_temperature(frame: str, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as caught:
        reading(frame)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("unit", "limits"),
    [(TemperatureUnit.CELSIUS, ("25", "45")), (TemperatureUnit.FAHRENHEIT, ("77", "113"))],
)
def test_limits_are_included_in_both_units(unit: TemperatureUnit, limits: tuple[str, str]) -> None:
    for limit, celsius in zip(limits, (25.0, 45.0), strict=True):
        measurement = TemperatureMeasurement(Medfloat32.of(limit), unit)
        assert measurement.reading().temperature_celsius == celsius


@pytest.mark.parametrize(
    ("fahrenheit", "celsius"),
    # (x - 32) * 5 / 9, each the double nearest to the exact quotient
    [("100.4", 38.0), ("99.5", 37.5), ("100", 340 / 9), ("101.3", 38.5), ("97.7", 36.5)],
)
def test_fahrenheit_is_converted_once(fahrenheit: str, celsius: float) -> None:
    measurement = TemperatureMeasurement(Medfloat32.of(fahrenheit), TemperatureUnit.FAHRENHEIT)
    assert measurement.reading().temperature_celsius == celsius


@pytest.mark.parametrize("site", TemperatureType)
def test_every_site_has_a_word(site: TemperatureType) -> None:
    raw = body_temperature.type_to_bytes(site)
    measurement = TemperatureMeasurement(
        Medfloat32.of("36.6"), temperature_type=body_temperature.type_from_bytes(raw)
    )
    assert measurement.reading().qualifiers == (f"site_{site.name.lower()}",)


def test_a_failed_measurement_keeps_where_it_was_tried() -> None:
    measurement = TemperatureMeasurement(medfloat32.NAN, temperature_type=1)
    assert measurement.reading().qualifiers == ("site_armpit",)
