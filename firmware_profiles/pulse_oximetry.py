"""PLX Spot-Check Measurement (2a5e): the frame, and the reading it means; what else the service has beside it.

The Continuous Measurement (2a5f) is live telemetry while a sensor is worn: it is decoded here and is never a reading.

Source: Bluetooth SIG Pulse Oximeter Service 1.0.1, sections 3.1 to 3.3, as quoted in public stacks; bit 4 of the flags
is in the XML of the characteristic too. The GATT Specification Supplement leaves these to the service.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Final

from firmware_profiles import errors, pulse, status_bits
from firmware_profiles.errors import FrameReason
from firmware_profiles.frame_reader import FrameReader
from firmware_profiles.readings import PulseOximetryReading, Result
from firmware_profiles.sfloat import Sfloat, Special

if TYPE_CHECKING:
    from decimal import Decimal

    from firmware_profiles.gatt_time import DateTime

# Flags of the first byte of a spot check. Source: the service, table 3.3.
_TIME_STAMP: Final = 0b0000_0001
_MEASUREMENT_STATUS: Final = 0b0000_0010
_SENSOR_STATUS: Final = 0b0000_0100
_AMPLITUDE: Final = 0b0000_1000
_CLOCK_NOT_SET: Final = 0b0001_0000
_RESERVED: Final = 0b1110_0000

# Flags of the first byte of a continuous measurement. Source: the service, table 3.6.
_FAST: Final = 0b0000_0001
_SLOW: Final = 0b0000_0010
_CONTINUOUS_MEASUREMENT_STATUS: Final = 0b0000_0100
_CONTINUOUS_SENSOR_STATUS: Final = 0b0000_1000
_CONTINUOUS_AMPLITUDE: Final = 0b0001_0000

# A saturation of 100 % cannot be passed; far below what oximeters show it is a misread exponent, or a device that sends
# 0 for "none".
_MIN_SPO2_PERCENT: Final = 20
_MAX_SPO2_PERCENT: Final = 100


class MeasurementStatus(IntFlag):
    """How far a measurement can be relied on; bits 0 to 4 are reserved."""

    MEASUREMENT_ONGOING = 1 << 5
    EARLY_ESTIMATED_DATA = 1 << 6
    VALIDATED_DATA = 1 << 7
    FULLY_QUALIFIED_DATA = 1 << 8
    DATA_FROM_MEASUREMENT_STORAGE = 1 << 9
    DATA_FOR_DEMONSTRATION = 1 << 10
    DATA_FOR_TESTING = 1 << 11
    CALIBRATION_ONGOING = 1 << 12
    MEASUREMENT_UNAVAILABLE = 1 << 13
    QUESTIONABLE_MEASUREMENT = 1 << 14
    INVALID_MEASUREMENT = 1 << 15


class SensorStatus(IntFlag):
    """What the oximeter noticed at itself and at its sensor; bits 16 to 23 are reserved."""

    EXTENDED_DISPLAY_UPDATE_ONGOING = 1 << 0
    EQUIPMENT_MALFUNCTION = 1 << 1
    SIGNAL_PROCESSING_IRREGULARITY = 1 << 2
    INADEQUATE_SIGNAL = 1 << 3
    POOR_SIGNAL = 1 << 4
    LOW_PERFUSION = 1 << 5
    ERRATIC_SIGNAL = 1 << 6
    NON_PULSATILE_SIGNAL = 1 << 7
    QUESTIONABLE_PULSE = 1 << 8
    SIGNAL_ANALYSIS_ONGOING = 1 << 9
    SENSOR_INTERFERENCE = 1 << 10
    SENSOR_UNCONNECTED_TO_USER = 1 << 11
    UNKNOWN_SENSOR_CONNECTED = 1 << 12
    SENSOR_DISPLACED = 1 << 13
    SENSOR_MALFUNCTIONING = 1 << 14
    SENSOR_DISCONNECTED = 1 << 15


# The oximeter itself says that there is no measurement of a person, whatever numbers stand beside it.
_NO_MEASUREMENT: Final = (
    MeasurementStatus.MEASUREMENT_UNAVAILABLE
    | MeasurementStatus.INVALID_MEASUREMENT
    | MeasurementStatus.DATA_FOR_DEMONSTRATION
    | MeasurementStatus.DATA_FOR_TESTING
)
_NO_SENSOR: Final = SensorStatus.SENSOR_UNCONNECTED_TO_USER | SensorStatus.SENSOR_DISCONNECTED
# What makes a measurement no other than it looks.
_ORDINARY: Final = (
    MeasurementStatus.VALIDATED_DATA,
    MeasurementStatus.FULLY_QUALIFIED_DATA,
    MeasurementStatus.DATA_FROM_MEASUREMENT_STORAGE,
)


@dataclass(frozen=True, slots=True)
class SaturationAndPulse:
    """Per cent of haemoglobin that carries oxygen, and beats a minute."""

    spo2_percent: Sfloat
    pulse_bpm: Sfloat

    def to_bytes(self) -> bytes:
        """Put both together."""
        return self.spo2_percent.to_bytes() + self.pulse_bpm.to_bytes()


@dataclass(frozen=True, slots=True)
class SpotCheck:
    """The frame's fields as sent; None for a field that its flag says is absent.

    Attributes:
        measured: saturation and pulse.
        time_stamp: the oximeter's wall clock.
        measurement_status: may hold reserved bits.
        sensor_status: may hold reserved bits; 24 of them.
        amplitude_percent: pulse amplitude index.
        is_clock_unset: the oximeter says that its clock is not set.
        reserved_flags: bits 5 to 7 of the flags, in place. The exact length proves that they added no field.
    """

    measured: SaturationAndPulse
    time_stamp: DateTime | None = None
    measurement_status: MeasurementStatus | None = None
    sensor_status: SensorStatus | None = None
    amplitude_percent: Sfloat | None = None
    is_clock_unset: bool = False
    reserved_flags: int = 0

    @classmethod
    def from_bytes(cls, raw: bytes) -> SpotCheck:
        """Take a frame apart.

        Raises:
            FrameError: the frame is empty, too short for its flags, or too long.
        """
        reader = FrameReader(raw)
        flags = reader.u8()
        measurement = cls(
            measured=_saturation_and_pulse(reader),
            time_stamp=reader.date_time() if flags & _TIME_STAMP else None,
            measurement_status=(
                MeasurementStatus(reader.u16()) if flags & _MEASUREMENT_STATUS else None
            ),
            sensor_status=SensorStatus(reader.u24()) if flags & _SENSOR_STATUS else None,
            amplitude_percent=reader.sfloat() if flags & _AMPLITUDE else None,
            is_clock_unset=bool(flags & _CLOCK_NOT_SET),
            reserved_flags=flags & _RESERVED,
        )
        reader.finish()
        return measurement

    def to_bytes(self) -> bytes:
        """Put the frame together; the flags follow from the fields."""
        flags = self.reserved_flags & _RESERVED
        flags |= _CLOCK_NOT_SET if self.is_clock_unset else 0
        optional = b""
        if self.time_stamp is not None:
            flags |= _TIME_STAMP
            optional += self.time_stamp.to_bytes()
        if self.measurement_status is not None:
            flags |= _MEASUREMENT_STATUS
            optional += struct.pack("<H", self.measurement_status)
        if self.sensor_status is not None:
            flags |= _SENSOR_STATUS
            optional += _three_bytes(self.sensor_status)
        if self.amplitude_percent is not None:
            flags |= _AMPLITUDE
            optional += self.amplitude_percent.to_bytes()
        return struct.pack("<B", flags) + self.measured.to_bytes() + optional

    def reading(self, features: Features | None = None) -> PulseOximetryReading:
        """Say what the frame means, in per cent and beats a minute.

        Args:
            features: what the oximeter says of itself; None if that is not known.

        Raises:
            FrameError: `impossible_value` for a saturation or a pulse that no person has.
        """
        result = _result(self, features)
        spo2_percent = _spo2_percent(self.measured.spo2_percent)
        pulse_bpm, about_pulse = pulse.plausible(self.measured.pulse_bpm)
        is_measured = result is Result.MEASURED
        return PulseOximetryReading(
            device_time=(
                None
                if self.time_stamp is None or self.is_clock_unset
                else self.time_stamp.wall_clock()
            ),
            result=result,
            spo2_percent=None if spo2_percent is None or not is_measured else float(spo2_percent),
            pulse_bpm=None if pulse_bpm is None or not is_measured else float(pulse_bpm),
            qualifiers=(
                *_status_words(self, features),
                *(("device_clock_not_set",) if self.is_clock_unset else ()),
                *(about_pulse if is_measured else ()),
                *(("reserved_flags",) if self.reserved_flags else ()),
            ),
        )


@dataclass(frozen=True, slots=True)
class Continuous:
    """One moment of a worn sensor: telemetry, never a reading.

    Attributes:
        normal: saturation and pulse, as the oximeter usually averages them.
        fast: averaged over less time; None if it was not sent, as the following.
        slow: averaged over more time.
        measurement_status: may hold reserved bits.
        sensor_status: may hold reserved bits; 24 of them.
        amplitude_percent: pulse amplitude index.
        reserved_flags: bits 5 to 7 of the flags, in place.
    """

    normal: SaturationAndPulse
    fast: SaturationAndPulse | None = None
    slow: SaturationAndPulse | None = None
    measurement_status: MeasurementStatus | None = None
    sensor_status: SensorStatus | None = None
    amplitude_percent: Sfloat | None = None
    reserved_flags: int = 0

    @classmethod
    def from_bytes(cls, raw: bytes) -> Continuous:
        """Take a frame apart.

        Raises:
            FrameError: the frame is empty, too short for its flags, or too long.
        """
        reader = FrameReader(raw)
        flags = reader.u8()
        moment = cls(
            normal=_saturation_and_pulse(reader),
            fast=_saturation_and_pulse(reader) if flags & _FAST else None,
            slow=_saturation_and_pulse(reader) if flags & _SLOW else None,
            measurement_status=(
                MeasurementStatus(reader.u16()) if flags & _CONTINUOUS_MEASUREMENT_STATUS else None
            ),
            sensor_status=SensorStatus(reader.u24()) if flags & _CONTINUOUS_SENSOR_STATUS else None,
            amplitude_percent=reader.sfloat() if flags & _CONTINUOUS_AMPLITUDE else None,
            reserved_flags=flags & _RESERVED,
        )
        reader.finish()
        return moment

    def to_bytes(self) -> bytes:
        """Put the frame together; the flags follow from the fields."""
        parts: list[tuple[int, bytes]] = []
        if self.fast is not None:
            parts.append((_FAST, self.fast.to_bytes()))
        if self.slow is not None:
            parts.append((_SLOW, self.slow.to_bytes()))
        if self.measurement_status is not None:
            status = struct.pack("<H", self.measurement_status)
            parts.append((_CONTINUOUS_MEASUREMENT_STATUS, status))
        if self.sensor_status is not None:
            parts.append((_CONTINUOUS_SENSOR_STATUS, _three_bytes(self.sensor_status)))
        if self.amplitude_percent is not None:
            parts.append((_CONTINUOUS_AMPLITUDE, self.amplitude_percent.to_bytes()))
        flags = self.reserved_flags & _RESERVED
        for flag, _ in parts:
            flags |= flag
        return (
            struct.pack("<B", flags)
            + self.normal.to_bytes()
            + b"".join(octets for _, octets in parts)
        )


class Feature(IntFlag):
    """What an oximeter can do; bits 8 to 15 are reserved. The first two are said by `Features` itself."""

    MEASUREMENT_STORAGE = 1 << 2
    TIME_STAMP = 1 << 3
    FAST = 1 << 4
    SLOW = 1 << 5
    AMPLITUDE = 1 << 6
    MULTIPLE_BONDS = 1 << 7


_HAS_MEASUREMENT_STATUS: Final = 1 << 0
_HAS_SENSOR_STATUS: Final = 1 << 1


@dataclass(frozen=True, slots=True)
class Features:
    """PLX Features (2a60).

    Attributes:
        features: may hold reserved bits.
        measurement_status: which bits of that status it can tell; None if it has none of them.
        sensor_status: the same of the other.
    """

    features: Feature
    measurement_status: MeasurementStatus | None = None
    sensor_status: SensorStatus | None = None

    @classmethod
    def from_bytes(cls, raw: bytes) -> Features:
        """Take the value apart.

        Raises:
            FrameError: it is too short for what it says it has, or too long.
        """
        reader = FrameReader(raw)
        word = reader.u16()
        features = cls(
            features=Feature(word & ~(_HAS_MEASUREMENT_STATUS | _HAS_SENSOR_STATUS)),
            measurement_status=(
                MeasurementStatus(reader.u16()) if word & _HAS_MEASUREMENT_STATUS else None
            ),
            sensor_status=SensorStatus(reader.u24()) if word & _HAS_SENSOR_STATUS else None,
        )
        reader.finish()
        return features

    def to_bytes(self) -> bytes:
        """Put the value together."""
        word, supported = int(self.features), b""
        if self.measurement_status is not None:
            word |= _HAS_MEASUREMENT_STATUS
            supported += struct.pack("<H", self.measurement_status)
        if self.sensor_status is not None:
            word |= _HAS_SENSOR_STATUS
            supported += _three_bytes(self.sensor_status)
        return struct.pack("<H", word) + supported


def _saturation_and_pulse(reader: FrameReader) -> SaturationAndPulse:
    return SaturationAndPulse(reader.sfloat(), reader.sfloat())


def _three_bytes(status: SensorStatus) -> bytes:
    return int(status).to_bytes(3, "little")


def _supported(
    features: Features | None,
) -> tuple[MeasurementStatus | None, SensorStatus | None]:
    """Return which bits of both statuses mean something; None where nothing is known of that."""
    if features is None:
        return None, None
    return (
        features.measurement_status or MeasurementStatus(0),
        features.sensor_status or SensorStatus(0),
    )


def _result(frame: SpotCheck, features: Features | None) -> Result:
    measurement, sensor = _supported(features)
    no_measurement = _NO_MEASUREMENT if measurement is None else _NO_MEASUREMENT & measurement
    no_sensor = _NO_SENSOR if sensor is None else _NO_SENSOR & sensor
    if (frame.measurement_status or 0) & no_measurement or (frame.sensor_status or 0) & no_sensor:
        return Result.NOT_MEASURABLE
    match frame.measured.spo2_percent.special:
        case None:
            return Result.MEASURED
        case Special.POSITIVE_INFINITY:
            return Result.ABOVE_RANGE
        case Special.NEGATIVE_INFINITY:
            return Result.BELOW_RANGE
        case _:
            return Result.NOT_MEASURABLE


def _spo2_percent(saturation: Sfloat) -> Decimal | None:
    spo2_percent = saturation.decimal()
    if spo2_percent is not None and not _MIN_SPO2_PERCENT <= spo2_percent <= _MAX_SPO2_PERCENT:
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE,
            f"the saturation is outside {_MIN_SPO2_PERCENT} to {_MAX_SPO2_PERCENT} per cent",
        )
    return spo2_percent


def _status_words(frame: SpotCheck, features: Features | None) -> tuple[str, ...]:
    measurement, sensor = _supported(features)
    named: tuple[str, ...] = ()
    if frame.measurement_status is not None:
        named += status_bits.words(
            frame.measurement_status, supported=measurement, silent=_ORDINARY
        )
    if frame.sensor_status is not None:
        named += status_bits.words(frame.sensor_status, supported=sensor)
    return tuple(dict.fromkeys(named))
