"""Enhanced Blood Pressure Measurement (2b34) and Enhanced Intermediate Cuff Pressure (2b35).

They say the same as the older frames, with times in seconds since an epoch: a base time that nobody changes, and the
time that the user sees. An enhanced intermediate pressure has one pressure, not three, and is telemetry.

Source: Bluetooth SIG GATT Specification Supplement, Enhanced Blood Pressure Measurement, Enhanced Intermediate Cuff
Pressure.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from firmware_profiles import epoch_time
from firmware_profiles.blood_pressure import (
    BloodPressureMeasurement,
    MeasurementStatus,
    PressureUnit,
    mmhg,
)
from firmware_profiles.frame_reader import FrameReader

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from firmware_profiles.readings import BloodPressureReading
    from firmware_profiles.sfloat import Sfloat

# Flags of the first byte. Source: the supplement, Enhanced Blood Pressure Measurement, Flags field.
_KILOPASCAL: Final = 0b0000_0001
_TIME_STAMP: Final = 0b0000_0010
_PULSE_RATE: Final = 0b0000_0100
_USER_ID: Final = 0b0000_1000
_STATUS: Final = 0b0001_0000
_USER_FACING_TIME: Final = 0b0010_0000
_SINCE_2000: Final = 0b0100_0000
_RESERVED: Final = 0b1000_0000


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What both frames may say beside their pressures; None for a field that its flag says is absent.

    Attributes:
        time_stamp_s: the cuff's base time, seconds since the epoch.
        pulse_rate: beats a minute.
        user_id: the cuff's user number, 255 for unknown.
        status: may hold reserved bits.
        user_facing_time_s: what the user sees, seconds since the epoch.
        is_since_2000: whether the epoch is 2000; the flag is there even without a time.
        reserved_flags: bit 7 of the flags, in place.
    """

    time_stamp_s: int | None = None
    pulse_rate: Sfloat | None = None
    user_id: int | None = None
    status: MeasurementStatus | None = None
    user_facing_time_s: int | None = None
    is_since_2000: bool = True
    reserved_flags: int = 0

    @classmethod
    def read(cls, reader: FrameReader, flags: int) -> Circumstances:
        """Take them from a frame behind its pressures, to its end.

        Raises:
            FrameError: the frame is too short for its flags, or too long.
        """
        found = cls(
            time_stamp_s=reader.u32() if flags & _TIME_STAMP else None,
            pulse_rate=reader.sfloat() if flags & _PULSE_RATE else None,
            user_id=reader.u8() if flags & _USER_ID else None,
            status=MeasurementStatus(reader.u16()) if flags & _STATUS else None,
            user_facing_time_s=reader.u32() if flags & _USER_FACING_TIME else None,
            is_since_2000=bool(flags & _SINCE_2000),
            reserved_flags=flags & _RESERVED,
        )
        reader.finish()
        return found

    def to_bytes(self) -> tuple[int, bytes]:
        """Return their flags, and the fields."""
        flags = self.reserved_flags & _RESERVED
        flags |= _SINCE_2000 if self.is_since_2000 else 0
        fields = b""
        if self.time_stamp_s is not None:
            flags |= _TIME_STAMP
            fields += struct.pack("<I", self.time_stamp_s)
        if self.pulse_rate is not None:
            flags |= _PULSE_RATE
            fields += self.pulse_rate.to_bytes()
        if self.user_id is not None:
            flags |= _USER_ID
            fields += struct.pack("<B", self.user_id)
        if self.status is not None:
            flags |= _STATUS
            fields += struct.pack("<H", self.status)
        if self.user_facing_time_s is not None:
            flags |= _USER_FACING_TIME
            fields += struct.pack("<I", self.user_facing_time_s)
        return flags, fields

    def device_time(self) -> datetime | None:
        """Return what the display shows; the base time of a cuff that tells no other; None if there is neither."""
        seconds = self.user_facing_time_s
        if seconds is None:
            seconds = self.time_stamp_s
        if seconds is None:
            return None
        return epoch_time.wall_clock(seconds, is_since_2000=self.is_since_2000)


@dataclass(frozen=True, slots=True)
class EnhancedMeasurement:
    """The frame's fields as sent."""

    unit: PressureUnit
    systolic: Sfloat
    diastolic: Sfloat
    mean_arterial: Sfloat
    circumstances: Circumstances = Circumstances()

    @classmethod
    def from_bytes(cls, raw: bytes) -> EnhancedMeasurement:
        """Take a frame apart.

        Raises:
            FrameError: the frame is empty, too short for its flags, or too long.
        """
        reader = FrameReader(raw)
        flags = reader.u8()
        pressures = reader.sfloat(), reader.sfloat(), reader.sfloat()
        return cls(_unit(flags), *pressures, Circumstances.read(reader, flags))

    def to_bytes(self) -> bytes:
        """Put the frame together; the flags follow from the fields."""
        flags, fields = self.circumstances.to_bytes()
        flags |= _KILOPASCAL if self.unit is PressureUnit.KPA else 0
        pressures = self.systolic, self.diastolic, self.mean_arterial
        return bytes([flags]) + b"".join(one.to_bytes() for one in pressures) + fields

    def reading(self, supported: MeasurementStatus | None = None) -> BloodPressureReading:
        """Say what the frame means, in mmHg and beats a minute.

        Args:
            supported: bits of the status that the cuff can tell; None if it did not say.

        Raises:
            FrameError: `impossible_value` for pressures or a pulse that no person has.
        """
        beside = self.circumstances
        plain = BloodPressureMeasurement(
            unit=self.unit,
            systolic=self.systolic,
            diastolic=self.diastolic,
            mean_arterial=self.mean_arterial,
            pulse_rate=beside.pulse_rate,
            user_id=beside.user_id,
            status=beside.status,
            reserved_flags=beside.reserved_flags,
        )
        return replace(plain.reading(supported), device_time=beside.device_time())


@dataclass(frozen=True, slots=True)
class EnhancedIntermediatePressure:
    """The pressure in the cuff while it measures: telemetry, never a reading."""

    unit: PressureUnit
    pressure: Sfloat
    circumstances: Circumstances = Circumstances()

    @classmethod
    def from_bytes(cls, raw: bytes) -> EnhancedIntermediatePressure:
        """Take a frame apart.

        Raises:
            FrameError: the frame is empty, too short for its flags, or too long.
        """
        reader = FrameReader(raw)
        flags = reader.u8()
        pressure = reader.sfloat()
        return cls(_unit(flags), pressure, Circumstances.read(reader, flags))

    def to_bytes(self) -> bytes:
        """Put the frame together; the flags follow from the fields."""
        flags, fields = self.circumstances.to_bytes()
        flags |= _KILOPASCAL if self.unit is PressureUnit.KPA else 0
        return bytes([flags]) + self.pressure.to_bytes() + fields

    def pressure_mmhg(self) -> Decimal | None:
        """Return the pressure; None if the cuff has no number for it."""
        return mmhg(self.pressure, self.unit)


def _unit(flags: int) -> PressureUnit:
    return PressureUnit.KPA if flags & _KILOPASCAL else PressureUnit.MMHG
