"""Temperature Measurement (2a1c) and Temperature Type (2a1d): the frame, and the reading it means.

An Intermediate Temperature (2a1e) has the same layout and is what the display shows while the thermometer still
measures: it is telemetry and is never a reading.

Source: Bluetooth SIG GATT Specification Supplement, Temperature Measurement, Temperature Type, Intermediate
Temperature.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.frame_reader import FrameReader
from firmware_profiles.readings import BodyTemperatureReading, Result
from firmware_profiles.sfloat import Special

if TYPE_CHECKING:
    from firmware_profiles.gatt_time import DateTime
    from firmware_profiles.medfloat32 import Medfloat32

# Flags of the first byte. Source: the supplement, Temperature Measurement, Flags field.
_FAHRENHEIT: Final = 0b0000_0001
_TIME_STAMP: Final = 0b0000_0010
_TYPE: Final = 0b0000_0100
_RESERVED: Final = 0b1111_1000

# What nobody at home has. A number in the other unit falls out of these limits, and so does a room's temperature.
_MIN_TEMPERATURE_CELSIUS: Final = 25
_MAX_TEMPERATURE_CELSIUS: Final = 45


class TemperatureUnit(StrEnum):
    """Unit on the wire, by UCUM code."""

    CELSIUS = "Cel"
    FAHRENHEIT = "[degF]"


class TemperatureType(IntEnum):
    """Where it was taken. 0 and numbers from 10 on are reserved."""

    ARMPIT = 1
    BODY = 2
    EAR = 3
    FINGER = 4
    GASTROINTESTINAL_TRACT = 5
    MOUTH = 6
    RECTUM = 7
    TOE = 8
    TYMPANUM = 9


@dataclass(frozen=True, slots=True)
class TemperatureMeasurement:
    """The frame's fields as sent; None for a field that its flag says is absent.

    Attributes:
        temperature: in the frame's unit.
        unit: of the temperature.
        time_stamp: the thermometer's wall clock.
        temperature_type: a TemperatureType or a reserved number, 0 to 255.
        reserved_flags: bits 3 to 7 of the flags, in place. The exact length proves that they added no field.
    """

    temperature: Medfloat32
    unit: TemperatureUnit = TemperatureUnit.CELSIUS
    time_stamp: DateTime | None = None
    temperature_type: int | None = None
    reserved_flags: int = 0

    @classmethod
    def from_bytes(cls, raw: bytes) -> TemperatureMeasurement:
        """Take a frame apart; an intermediate one too.

        Raises:
            FrameError: the frame is empty, too short for its flags, or too long.
        """
        reader = FrameReader(raw)
        flags = reader.u8()
        measurement = cls(
            temperature=reader.medfloat32(),
            unit=TemperatureUnit.FAHRENHEIT if flags & _FAHRENHEIT else TemperatureUnit.CELSIUS,
            time_stamp=reader.date_time() if flags & _TIME_STAMP else None,
            temperature_type=reader.u8() if flags & _TYPE else None,
            reserved_flags=flags & _RESERVED,
        )
        reader.finish()
        return measurement

    def to_bytes(self) -> bytes:
        """Put the frame together; the flags follow from the fields."""
        flags = self.reserved_flags & _RESERVED
        flags |= _FAHRENHEIT if self.unit is TemperatureUnit.FAHRENHEIT else 0
        optional = b""
        if self.time_stamp is not None:
            flags |= _TIME_STAMP
            optional += self.time_stamp.to_bytes()
        if self.temperature_type is not None:
            flags |= _TYPE
            optional += struct.pack("<B", self.temperature_type)
        return struct.pack("<B", flags) + self.temperature.to_bytes() + optional

    def reading(self) -> BodyTemperatureReading:
        """Say what the frame means, in degrees Celsius.

        Raises:
            FrameError: `impossible_value` for a temperature that no person has.
        """
        temperature_celsius = _celsius(self)
        return BodyTemperatureReading(
            device_time=None if self.time_stamp is None else self.time_stamp.wall_clock(),
            result=_result(self.temperature.special),
            temperature_celsius=temperature_celsius,
            qualifiers=(
                *_site(self.temperature_type),
                *(("reserved_flags",) if self.reserved_flags else ()),
            ),
        )


def type_from_bytes(raw: bytes) -> int:
    """Read a Temperature Type (2a1d): a TemperatureType or a reserved number.

    Raises:
        FrameError: not one byte.
    """
    reader = FrameReader(raw)
    temperature_type = reader.u8()
    reader.finish()
    return temperature_type


def type_to_bytes(temperature_type: int) -> bytes:
    """Write a Temperature Type."""
    return struct.pack("<B", temperature_type)


def _result(special: Special | None) -> Result:
    match special:
        case None:
            return Result.MEASURED
        case Special.POSITIVE_INFINITY:
            return Result.ABOVE_RANGE
        case Special.NEGATIVE_INFINITY:
            return Result.BELOW_RANGE
        case _:
            return Result.NOT_MEASURABLE


def _celsius(frame: TemperatureMeasurement) -> float | None:
    exact = frame.temperature.decimal()
    if exact is None:
        return None
    is_fahrenheit = frame.unit is TemperatureUnit.FAHRENHEIT
    # Compared in its own unit, for most Fahrenheit are no finite decimal in Celsius.
    lowest, highest = (
        _fahrenheit(limit) if is_fahrenheit else Decimal(limit)
        for limit in (_MIN_TEMPERATURE_CELSIUS, _MAX_TEMPERATURE_CELSIUS)
    )
    if not lowest <= exact <= highest:
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE,
            f"the temperature is outside {_MIN_TEMPERATURE_CELSIUS} to {_MAX_TEMPERATURE_CELSIUS} degrees Celsius",
        )
    return float((Fraction(exact) - 32) * 5 / 9 if is_fahrenheit else exact)


def _fahrenheit(celsius: int) -> Decimal:
    return Decimal(celsius) * 9 / 5 + 32


def _site(temperature_type: int | None) -> tuple[str, ...]:
    if temperature_type is None:
        return ()
    try:
        return (f"site_{TemperatureType(temperature_type).name.lower()}",)
    except ValueError:
        return ("reserved_site",)
