"""Blood Pressure Feature (2a49): what a cuff can do, and which bits of a measurement's status mean something.

Source: Bluetooth SIG GATT Specification Supplement, Blood Pressure Feature; Blood Pressure Service 1.1.1, 2022-01-18.
"""

from __future__ import annotations

import struct
from enum import IntFlag
from typing import Final

from firmware_profiles.blood_pressure import MeasurementStatus
from firmware_profiles.frame_reader import FrameReader


class Feature(IntFlag):
    """What a cuff can do; bits 9 to 15 are reserved."""

    BODY_MOVEMENT = 1 << 0
    CUFF_FIT = 1 << 1
    IRREGULAR_PULSE = 1 << 2
    PULSE_RANGE = 1 << 3
    POSITION = 1 << 4
    MULTIPLE_BONDS = 1 << 5  # without it, pairing a phone cuts the gateway off
    E2E_CRC = 1 << 6
    USER_DATA = 1 << 7
    USER_FACING_TIME = 1 << 8


_STATUS_OF: Final = {
    Feature.BODY_MOVEMENT: MeasurementStatus.BODY_MOVEMENT,
    Feature.CUFF_FIT: MeasurementStatus.CUFF_TOO_LOOSE,
    Feature.IRREGULAR_PULSE: MeasurementStatus.IRREGULAR_PULSE,
    Feature.PULSE_RANGE: MeasurementStatus.PULSE_ABOVE_RANGE | MeasurementStatus.PULSE_BELOW_RANGE,
    Feature.POSITION: MeasurementStatus.IMPROPER_POSITION,
}


def from_bytes(raw: bytes) -> Feature:
    """Read the features; a later version of the service may make them longer.

    Raises:
        FrameError: less than two bytes.
    """
    return Feature(FrameReader(raw).u16())


def to_bytes(features: Feature) -> bytes:
    """Write the features."""
    return struct.pack("<H", features)


def supported_status(features: Feature) -> MeasurementStatus:
    """Return which bits of a status a cuff with these features can tell; the others mean nothing, set or not."""
    supported = MeasurementStatus(0)
    for feature, bits in _STATUS_OF.items():
        if feature in features:
            supported |= bits
    return supported
