"""Glucose Feature (2a51): what a meter can do, and which bits of a measurement's status mean something.

Source: Bluetooth SIG GATT Specification Supplement, Glucose Feature; Glucose Service 1.0.1, 2022-01-18.
"""

from __future__ import annotations

import struct
from enum import IntFlag
from typing import Final

from firmware_profiles.frame_reader import FrameReader
from firmware_profiles.glucose import SensorStatus


class Feature(IntFlag):
    """What a meter can do; bits 11 to 15 are reserved."""

    LOW_BATTERY = 1 << 0
    SENSOR_MALFUNCTION = 1 << 1
    SAMPLE_SIZE = 1 << 2
    STRIP_INSERTION = 1 << 3
    STRIP_TYPE = 1 << 4
    RESULT_HIGH_LOW = 1 << 5
    TEMPERATURE_HIGH_LOW = 1 << 6
    READ_INTERRUPT = 1 << 7
    GENERAL_FAULT = 1 << 8
    TIME_FAULT = 1 << 9
    MULTIPLE_BONDS = 1 << 10  # without it, pairing a phone cuts the gateway off


_STATUS_OF: Final = {
    Feature.LOW_BATTERY: SensorStatus.BATTERY_LOW,
    Feature.SENSOR_MALFUNCTION: SensorStatus.SENSOR_MALFUNCTION,
    Feature.SAMPLE_SIZE: SensorStatus.SAMPLE_INSUFFICIENT,
    Feature.STRIP_INSERTION: SensorStatus.STRIP_INSERTION_ERROR,
    Feature.STRIP_TYPE: SensorStatus.STRIP_TYPE_WRONG,
    Feature.RESULT_HIGH_LOW: SensorStatus.RESULT_TOO_HIGH | SensorStatus.RESULT_TOO_LOW,
    Feature.TEMPERATURE_HIGH_LOW: (
        SensorStatus.TEMPERATURE_TOO_HIGH | SensorStatus.TEMPERATURE_TOO_LOW
    ),
    Feature.READ_INTERRUPT: SensorStatus.READ_INTERRUPTED,
    Feature.GENERAL_FAULT: SensorStatus.GENERAL_FAULT,
    Feature.TIME_FAULT: SensorStatus.TIME_FAULT,
}


def from_bytes(raw: bytes) -> Feature:
    """Read the features.

    Raises:
        FrameError: not two bytes.
    """
    reader = FrameReader(raw)
    features = Feature(reader.u16())
    reader.finish()
    return features


def to_bytes(features: Feature) -> bytes:
    """Write the features."""
    return struct.pack("<H", features)


def supported_status(features: Feature) -> SensorStatus:
    """Return which bits of a status a meter with these features can tell; the others mean nothing, set or not."""
    supported = SensorStatus(0)
    for feature, bits in _STATUS_OF.items():
        if feature in features:
            supported |= bits
    return supported
