"""Blood Pressure Measurement (2a35): the frame, and the reading it means.

Source: Bluetooth SIG GATT Specification Supplement, Blood Pressure Measurement; Blood Pressure
Service 1.1.1, 2022-01-18, section 3.1.
"""

from __future__ import annotations

import functools
import math
import struct
from dataclasses import dataclass
from decimal import Decimal
from enum import IntFlag, StrEnum
from typing import TYPE_CHECKING, Final

from firmware_profiles import errors, gatt_time, pulse, status_bits
from firmware_profiles.errors import FrameReason
from firmware_profiles.frame_reader import FrameReader
from firmware_profiles.readings import BloodPressureReading, Result
from firmware_profiles.sfloat import Sfloat, Special, of_word

if TYPE_CHECKING:
    from firmware_profiles.gatt_time import DateTime

# Flags of the first byte. Source: the supplement, Blood Pressure Measurement, Flags field.
_KILOPASCAL: Final = 0b0000_0001
_TIME_STAMP: Final = 0b0000_0010
_PULSE_RATE: Final = 0b0000_0100
_USER_ID: Final = 0b0000_1000
_STATUS: Final = 0b0001_0000
_RESERVED: Final = 0b1110_0000

# An ordinary frame: pressures in mmHg, a time stamp and a pulse, then user and status where there are any; and how
# long it is with them.
_ORDINARY: Final = struct.Struct("<BHHHHBBBBBH")
_ORDINARY_SIZES: Final = {
    _TIME_STAMP | _PULSE_RATE: 16,
    _TIME_STAMP | _PULSE_RATE | _USER_ID: 17,
    _TIME_STAMP | _PULSE_RATE | _STATUS: 18,
    _TIME_STAMP | _PULSE_RATE | _USER_ID | _STATUS: 19,
}

# Source: the conventional millimetre of mercury, 13.5951 g/cm3 * 9.80665 m/s2 = 133.322387 Pa.
_MMHG_PER_KPA: Final = Decimal("7.500617")

# What no cuff on a living person reports. Wider than any alert: this guards against misread bytes,
# not bad health.
_MAX_PRESSURE_MMHG: Final = 400
# The lowest pressures that cuffs have to tell, newborns' diastolic ones, begin at 20 mmHg. Source: IEC 80601-2-30:2018,
# 201.12.1.105. Less is a misread exponent, or a cuff that sends 0 for "none".
_MIN_PRESSURE_MMHG: Final = 10
_MIN_PULSE_BPM: Final = pulse.LOWEST_BPM
_MAX_PULSE_BPM: Final = pulse.HIGHEST_BPM


class PressureUnit(StrEnum):
    """Unit on the wire, by UCUM code."""

    MMHG = "mm[Hg]"
    KPA = "kPa"


class MeasurementStatus(IntFlag):
    """What the cuff noticed.

    The two pulse-range bits are one field: in range, above, below, reserved.
    """

    BODY_MOVEMENT = 0b0000_0001
    CUFF_TOO_LOOSE = 0b0000_0010
    IRREGULAR_PULSE = 0b0000_0100
    PULSE_ABOVE_RANGE = 0b0000_1000
    PULSE_BELOW_RANGE = 0b0001_0000
    IMPROPER_POSITION = 0b0010_0000


_PULSE_RANGE: Final = MeasurementStatus.PULSE_ABOVE_RANGE | MeasurementStatus.PULSE_BELOW_RANGE


def intermediate_mmhg(raw: bytes) -> Decimal | None:
    """Return the pressure in the cuff that an Intermediate Cuff Pressure (2a36) tells: telemetry, never a reading.

    It has the layout of a measurement, whose first pressure it is; the other two say nothing.

    Raises:
        FrameError: the frame is empty, too short for its flags, or too long.
    """
    frame = BloodPressureMeasurement.from_bytes(raw)
    return mmhg(frame.systolic, frame.unit)


def read(raw: bytes) -> BloodPressureReading:
    """Say what a frame means, in mmHg and beats a minute: in one go if it is ordinary, as nearly all are.

    Raises:
        FrameError: as :meth:`BloodPressureMeasurement.from_bytes` and `reading`.
    """
    return _ordinary(raw) or BloodPressureMeasurement.from_bytes(raw).reading()


@dataclass(frozen=True, slots=True)
class BloodPressureMeasurement:
    """The frame's fields as sent; None for a field that its flag says is absent.

    Attributes:
        unit: of the three pressures.
        systolic: pressure.
        diastolic: pressure.
        mean_arterial: pressure; always sent, often meaningless.
        time_stamp: the cuff's wall clock.
        pulse_rate: beats a minute.
        user_id: the cuff's user number, 255 for unknown.
        status: may hold reserved bits.
        reserved_flags: bits 5 to 7 of the flags, in place. The exact length proves that they added
            no field.
    """

    unit: PressureUnit
    systolic: Sfloat
    diastolic: Sfloat
    mean_arterial: Sfloat
    time_stamp: DateTime | None = None
    pulse_rate: Sfloat | None = None
    user_id: int | None = None
    status: MeasurementStatus | None = None
    reserved_flags: int = 0

    @classmethod
    def from_bytes(cls, raw: bytes) -> BloodPressureMeasurement:
        """Take a frame apart.

        Raises:
            FrameError: the frame is empty, too short for its flags, or too long.
        """
        reader = FrameReader(raw)
        flags = reader.u8()
        measurement = cls(
            unit=PressureUnit.KPA if flags & _KILOPASCAL else PressureUnit.MMHG,
            systolic=reader.sfloat(),
            diastolic=reader.sfloat(),
            mean_arterial=reader.sfloat(),
            time_stamp=reader.date_time() if flags & _TIME_STAMP else None,
            pulse_rate=reader.sfloat() if flags & _PULSE_RATE else None,
            user_id=reader.u8() if flags & _USER_ID else None,
            status=_status(reader.u16()) if flags & _STATUS else None,
            reserved_flags=flags & _RESERVED,
        )
        reader.finish()
        return measurement

    def to_bytes(self) -> bytes:
        """Put the frame together; the flags follow from the fields."""
        flags = self.reserved_flags & _RESERVED
        flags |= _KILOPASCAL if self.unit is PressureUnit.KPA else 0
        optional = b""
        if self.time_stamp is not None:
            flags |= _TIME_STAMP
            optional += self.time_stamp.to_bytes()
        if self.pulse_rate is not None:
            flags |= _PULSE_RATE
            optional += self.pulse_rate.to_bytes()
        if self.user_id is not None:
            flags |= _USER_ID
            optional += struct.pack("<B", self.user_id)
        if self.status is not None:
            flags |= _STATUS
            optional += struct.pack("<H", self.status)
        pressures = (
            self.systolic.to_bytes() + self.diastolic.to_bytes() + self.mean_arterial.to_bytes()
        )
        return struct.pack("<B", flags) + pressures + optional

    def reading(self, supported: MeasurementStatus | None = None) -> BloodPressureReading:
        """Say what the frame means, in mmHg and beats a minute.

        Args:
            supported: bits of the status that the cuff can tell (`blood_pressure_feature`); None if it did not say.

        Raises:
            FrameError: `impossible_value` for pressures or a pulse that no person has.
        """
        measured = _measured(self)
        return BloodPressureReading(
            device_time=None if self.time_stamp is None else self.time_stamp.wall_clock(),
            user_slot=self.user_id,
            result=_result(self),
            systolic_mmhg=_number(measured.systolic),
            diastolic_mmhg=_number(measured.diastolic),
            mean_arterial_mmhg=_number(measured.mean_arterial),
            pulse_bpm=_number(measured.pulse),
            qualifiers=_qualifiers(self, measured, supported),
        )


@dataclass(frozen=True, slots=True)
class _Measured:
    """Exact numbers, in mmHg and beats a minute; None for what was not measured."""

    systolic: Decimal | None = None
    diastolic: Decimal | None = None
    mean_arterial: Decimal | None = None
    pulse: Decimal | None = None
    about_pulse: tuple[str, ...] = ()


def _result(frame: BloodPressureMeasurement) -> Result:
    """Read the special words: a pressure the cuff could not express is never a number."""
    specials = {frame.systolic.special, frame.diastolic.special} - {None}
    if not specials:
        return Result.MEASURED
    above = Special.POSITIVE_INFINITY in specials
    below = Special.NEGATIVE_INFINITY in specials
    if above == below:  # neither, or a contradiction
        return Result.NOT_MEASURABLE
    return Result.ABOVE_RANGE if above else Result.BELOW_RANGE


def require_plausible(systolic_mmhg: Decimal | int, diastolic_mmhg: Decimal | int) -> None:
    """Refuse pressures that no person has; proprietary records are held to the same limits.

    Raises:
        FrameError: `impossible_value` outside 10 to 400 mmHg, or for a systolic below the diastolic.
    """
    if max(systolic_mmhg, diastolic_mmhg) > _MAX_PRESSURE_MMHG or (
        min(systolic_mmhg, diastolic_mmhg) < _MIN_PRESSURE_MMHG
    ):
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE,
            f"a pressure is outside {_MIN_PRESSURE_MMHG} to {_MAX_PRESSURE_MMHG} mmHg",
        )
    if systolic_mmhg < diastolic_mmhg:
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE, "the systolic pressure is below the diastolic"
        )


def _measured(frame: BloodPressureMeasurement) -> _Measured:
    systolic = mmhg(frame.systolic, frame.unit)
    diastolic = mmhg(frame.diastolic, frame.unit)
    if systolic is None or diastolic is None:
        return _Measured(about_pulse=pulse.not_expressible(frame.pulse_rate))
    require_plausible(systolic, diastolic)
    # Some cuffs send 0 or nonsense here, and the other two are right all the same: never refuse a
    # record for it.
    mean_arterial = mmhg(frame.mean_arterial, frame.unit)
    if mean_arterial is not None and not diastolic <= mean_arterial <= systolic:
        mean_arterial = None
    return _Measured(systolic, diastolic, mean_arterial, *pulse.plausible(frame.pulse_rate))


def _qualifiers(
    frame: BloodPressureMeasurement, measured: _Measured, supported: MeasurementStatus | None
) -> tuple[str, ...]:
    """Name what the cuff said about the measurement, and what we could not make sense of."""
    names = list(_status_names(int(frame.status or 0), supported))
    if frame.reserved_flags:
        names.append("reserved_flags")
    names += measured.about_pulse
    if (
        measured.systolic is not None
        and measured.mean_arterial is None
        and frame.mean_arterial.decimal()
    ):
        names.append("mean_arterial_implausible")
    return tuple(names)


def _ordinary(raw: bytes) -> BloodPressureReading | None:
    """Read a frame with nothing unusual in it; None for any other, which is then taken apart field by field."""
    if len(raw) < _ORDINARY.size:
        return None
    flags, *pressures, year, month, day, hour, minute, second, pulse = _ORDINARY.unpack_from(raw)
    if len(raw) != _ORDINARY_SIZES.get(flags):
        return None
    systolic, diastolic, mean_arterial = [_float(word) for word in pressures]
    device_time = gatt_time.wall_clock(year, month, day, hour, minute, second)
    pulse_bpm = _float(pulse)
    if (
        _MIN_PRESSURE_MMHG <= diastolic <= mean_arterial <= systolic <= _MAX_PRESSURE_MMHG
        and _MIN_PULSE_BPM <= pulse_bpm <= _MAX_PULSE_BPM
        and device_time is not None
    ):
        return BloodPressureReading(
            device_time,
            raw[_ORDINARY.size] if flags & _USER_ID else None,
            Result.MEASURED,
            systolic,
            diastolic,
            mean_arterial,
            pulse_bpm,
            _status_names(raw[-2] | raw[-1] << 8) if flags & _STATUS else (),
        )
    return None


@functools.lru_cache(4096)  # a few thousand of the 65 536 words are pressures or pulses
def _float(word: int) -> float:
    """Return the number, or NaN for a special word: that is within no limits."""
    exact = of_word(word).decimal()
    return math.nan if exact is None else float(exact)


@functools.cache  # flags are slow to make and to ask; there are 2^16 of them, and a cuff uses a few
def _status(word: int) -> MeasurementStatus:
    return MeasurementStatus(word)


@functools.cache
def _status_names(word: int, supported: MeasurementStatus | None = None) -> tuple[str, ...]:
    status = MeasurementStatus(word)
    if _PULSE_RANGE not in status:
        return status_bits.words(status, supported=supported)
    # Both bits of the one field: a reserved value, of which neither bit says anything.
    names = status_bits.words(status & ~_PULSE_RANGE, supported=supported)
    return tuple(dict.fromkeys((*names, "reserved_status")))


def mmhg(pressure: Sfloat, unit: PressureUnit) -> Decimal | None:
    """Return a pressure exactly, in mmHg; None for a word that is no number."""
    number = pressure.decimal()
    if number is None or unit is PressureUnit.MMHG:
        return number
    return number * _MMHG_PER_KPA


def _number(exact: Decimal | None) -> float | None:
    """Leave decimal arithmetic: the one rounding there is."""
    return None if exact is None else float(exact)
