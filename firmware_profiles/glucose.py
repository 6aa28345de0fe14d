"""Glucose Measurement (2a18): the frame, and the reading it means.

Where sources disagree we follow the specification and captures of real meters: concentrations are
kg/L or mol/L (not mg/dL), status bit 5 is "too high" and bit 6 "too low" (a widely copied decoder
has them the other way round), the type is the low nibble and the location the high one.

Source: Bluetooth SIG GATT Specification Supplement, Glucose Measurement; Glucose Service 1.0.1,
2022-01-18, section 3.1.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, IntFlag, StrEnum
from typing import TYPE_CHECKING, Final

from firmware_profiles import errors, gatt_time, status_bits
from firmware_profiles.errors import FrameReason
from firmware_profiles.frame_reader import FrameReader
from firmware_profiles.readings import GlucoseReading, Result
from firmware_profiles.sfloat import Sfloat, Special, of_word

if TYPE_CHECKING:
    from firmware_profiles.gatt_time import DateTime

# Flags of the first byte. Source: the supplement, Glucose Measurement, Flags field.
_TIME_OFFSET: Final = 0b0000_0001
_CONCENTRATION: Final = 0b0000_0010
_MOL_PER_L: Final = 0b0000_0100
_STATUS: Final = 0b0000_1000
_CONTEXT_FOLLOWS: Final = 0b0001_0000
_RESERVED: Final = 0b1110_0000

# Ordinary frames, by their flags without those that add no field: a concentration, and offset and status where there
# are any.
_ORDINARY: Final = {
    _CONCENTRATION: struct.Struct("<BHHBBBBBHB"),
    _CONCENTRATION | _STATUS: struct.Struct("<BHHBBBBBHBH"),
    _CONCENTRATION | _TIME_OFFSET: struct.Struct("<BHHBBBBBhHB"),
    _CONCENTRATION | _TIME_OFFSET | _STATUS: struct.Struct("<BHHBBBBBhHBH"),
}
_OFFSET_AT: Final = 8  # in what they unpack to; then comes the concentration

# 1 kg/L = 10^6 mg per 10 dL.
_MG_DL_PER_KG_L: Final = 100_000
# Source: molar mass of glucose 180.156 g/mol (PubChem CID 5793); hence 1 mmol/L = 18.0156 mg/dL.
_MG_DL_PER_MOL_L: Final = 1000 * Decimal("18.0156")

# Meters for the home show numbers from 10 or 20 to 600 mg/dL, and HI or LO beyond. This guards against misread bytes,
# and against a meter that writes its display's number in the other unit: a factor of 18, which takes whatever is above
# 55 mg/dL, or below 10 mmol/L, out of these limits.
_MIN_GLUCOSE_MG_DL: Final = 10
_MAX_GLUCOSE_MG_DL: Final = 1000

# The meter's user has moved the clock further than the field can say, up or down; there is no
# user-facing time then. Source: Glucose Measurement characteristic, XML of 2011; the current
# supplement only lists minutes.
_OFFSET_OVERRUN_MIN: Final = 0x7FFF
_OFFSET_UNDERRUN_MIN: Final = -0x8000


class ConcentrationUnit(StrEnum):
    """Unit on the wire, by UCUM code; says nothing about the unit on the meter's display."""

    KG_PER_L = "kg/L"
    MOL_PER_L = "mol/L"


class FluidType(IntEnum):
    """What was measured. Other numbers up to 15 are reserved."""

    CAPILLARY_WHOLE_BLOOD = 1
    CAPILLARY_PLASMA = 2
    VENOUS_WHOLE_BLOOD = 3
    VENOUS_PLASMA = 4
    ARTERIAL_WHOLE_BLOOD = 5
    ARTERIAL_PLASMA = 6
    UNDETERMINED_WHOLE_BLOOD = 7
    UNDETERMINED_PLASMA = 8
    INTERSTITIAL_FLUID = 9
    CONTROL_SOLUTION = 10


class SampleLocation(IntEnum):
    """Where the sample came from. Other numbers up to 15 are reserved."""

    FINGER = 1
    ALTERNATE_SITE = 2
    EARLOBE = 3
    CONTROL_SOLUTION = 4
    NOT_AVAILABLE = 15


class SensorStatus(IntFlag):
    """What the meter noticed."""

    BATTERY_LOW = 1 << 0
    SENSOR_MALFUNCTION = 1 << 1
    SAMPLE_INSUFFICIENT = 1 << 2
    STRIP_INSERTION_ERROR = 1 << 3
    STRIP_TYPE_WRONG = 1 << 4
    RESULT_TOO_HIGH = 1 << 5
    RESULT_TOO_LOW = 1 << 6
    TEMPERATURE_TOO_HIGH = 1 << 7
    TEMPERATURE_TOO_LOW = 1 << 8
    READ_INTERRUPTED = 1 << 9
    GENERAL_FAULT = 1 << 10
    TIME_FAULT = 1 << 11


# Samples that are not the ordinary drop of capillary blood from a finger, and are read with that in
# mind.
_UNUSUAL_FLUIDS: Final = frozenset(
    {
        FluidType.VENOUS_WHOLE_BLOOD,
        FluidType.VENOUS_PLASMA,
        FluidType.ARTERIAL_WHOLE_BLOOD,
        FluidType.ARTERIAL_PLASMA,
        FluidType.INTERSTITIAL_FLUID,
    }
)
_UNUSUAL_SITES: Final = frozenset({SampleLocation.ALTERNATE_SITE, SampleLocation.EARLOBE})


@dataclass(frozen=True, slots=True)
class Sample:
    """Concentration with its type and location, which always come together.

    Attributes:
        concentration: in the frame's unit.
        fluid_type: a FluidType or a reserved number, 0 to 15.
        location: a SampleLocation or a reserved number, 0 to 15.
    """

    concentration: Sfloat
    fluid_type: int
    location: int

    def __post_init__(self) -> None:
        """Refuse what would spill from one half of the byte into the other.

        Raises:
            ValueError: type or location is not from 0 to 15.
        """
        if not (0 <= self.fluid_type <= 15 and 0 <= self.location <= 15):
            raise ValueError("fluid_type and location are from 0 to 15")


def read(raw: bytes) -> GlucoseReading:
    """Say what a frame means, in mg/dL: in one go if it is ordinary, as most are.

    Raises:
        FrameError: as :meth:`GlucoseMeasurement.from_bytes` and `reading`.
    """
    return _ordinary(raw) or GlucoseMeasurement.from_bytes(raw).reading()


@dataclass(frozen=True, slots=True)
class GlucoseMeasurement:
    """The frame's fields as sent; None for a field that its flag says is absent.

    Attributes:
        sequence_number: the meter's count, 0 to 65535.
        base_time: the meter's internal clock.
        sample: what was measured.
        unit: of the concentration; the flag is there even without a sample.
        time_offset_min: minutes from the base time to the display's time, signed.
        status: may hold reserved bits.
        context_follows: a context record with the same sequence number comes next.
        reserved_flags: bits 5 to 7 of the flags, in place. The exact length proves that they added
            no field.
    """

    sequence_number: int
    base_time: DateTime
    sample: Sample | None = None
    unit: ConcentrationUnit = ConcentrationUnit.KG_PER_L
    time_offset_min: int | None = None
    status: SensorStatus | None = None
    context_follows: bool = False
    reserved_flags: int = 0

    @classmethod
    def from_bytes(cls, raw: bytes) -> GlucoseMeasurement:
        """Take a frame apart.

        Raises:
            FrameError: the frame is empty, too short for its flags, or too long.
        """
        reader = FrameReader(raw)
        flags = reader.u8()
        measurement = cls(
            sequence_number=reader.u16(),
            base_time=reader.date_time(),
            time_offset_min=reader.s16() if flags & _TIME_OFFSET else None,
            sample=_read_sample(reader) if flags & _CONCENTRATION else None,
            unit=ConcentrationUnit.MOL_PER_L if flags & _MOL_PER_L else ConcentrationUnit.KG_PER_L,
            status=SensorStatus(reader.u16()) if flags & _STATUS else None,
            context_follows=bool(flags & _CONTEXT_FOLLOWS),
            reserved_flags=flags & _RESERVED,
        )
        reader.finish()
        return measurement

    def to_bytes(self) -> bytes:
        """Put the frame together; the flags follow from the fields."""
        flags = self.reserved_flags & _RESERVED
        flags |= _CONTEXT_FOLLOWS if self.context_follows else 0
        flags |= _MOL_PER_L if self.unit is ConcentrationUnit.MOL_PER_L else 0
        optional = b""
        if self.time_offset_min is not None:
            flags |= _TIME_OFFSET
            optional += struct.pack("<h", self.time_offset_min)
        if self.sample is not None:
            flags |= _CONCENTRATION
            nibbles = self.sample.location << 4 | self.sample.fluid_type
            optional += self.sample.concentration.to_bytes() + struct.pack("<B", nibbles)
        if self.status is not None:
            flags |= _STATUS
            optional += struct.pack("<H", self.status)
        head = struct.pack("<BH", flags, self.sequence_number)
        return head + self.base_time.to_bytes() + optional

    def reading(self, supported: SensorStatus | None = None) -> GlucoseReading:
        """Say what the frame means, in mg/dL.

        Args:
            supported: bits of the status that the meter can tell (`glucose_feature`); None if it did not say.

        Raises:
            FrameError: `impossible_value` for a concentration that no blood has, or for a result
                that is said to be too high and too low.
        """
        result = self.result(supported)
        return GlucoseReading(
            sequence_number=self.sequence_number,
            base_time=self.base_time.wall_clock(),
            device_time=self.device_time(),
            result=result,
            glucose_mg_dl=_glucose_mg_dl(self) if result is Result.MEASURED else None,
            qualifiers=self.qualifiers(supported),
            context_follows=self.context_follows,
        )

    def result(self, supported: SensorStatus | None = None) -> Result:
        """Say what came of the measurement, whatever the strip was for.

        Raises:
            FrameError: `impossible_value` for a result that is said to be too high and too low.
        """
        return _result(self, supported)

    def device_time(self) -> datetime | None:
        """Return what the display showed, naive: the base time moved by the user's offset."""
        return _device_time(self.base_time.wall_clock(), self.time_offset_min)

    def qualifiers(self, supported: SensorStatus | None = None) -> tuple[str, ...]:
        """Name what the meter said about the measurement, and what we could not make sense of."""
        return _qualifiers(self, supported)


def _ordinary(raw: bytes) -> GlucoseReading | None:
    """Read a frame with nothing unusual in it; None for any other, which is then taken apart field by field."""
    frame = _ORDINARY.get(raw[0] & ~(_MOL_PER_L | _CONTEXT_FOLLOWS)) if raw else None
    if frame is None or len(raw) != frame.size:
        return None
    flags, sequence_number, year, month, day, hour, minute, second, *rest = frame.unpack(raw)
    offset_min = rest.pop(0) if flags & _TIME_OFFSET else None
    base_time = gatt_time.wall_clock(year, month, day, hour, minute, second)
    device_time = _device_time(base_time, offset_min)
    glucose_mg_dl = _ordinary_mg_dl(*rest[:2], bool(flags & _MOL_PER_L))
    if device_time is None or glucose_mg_dl is None or (flags & _STATUS and rest[2]):
        return None
    return GlucoseReading(
        sequence_number,
        base_time,
        device_time,
        Result.MEASURED,
        glucose_mg_dl,
        (),
        bool(flags & _CONTEXT_FOLLOWS),
    )


@functools.lru_cache(4096)  # meters show some six hundred numbers
def _ordinary_mg_dl(word: int, sample: int, is_molar: bool) -> float | None:
    """Return the concentration of an ordinary drop of blood; None where there is more to say about it."""
    frame = GlucoseMeasurement(
        sequence_number=0,
        base_time=gatt_time.UNKNOWN,
        sample=Sample(of_word(word), fluid_type=sample & 0x0F, location=sample >> 4),
        unit=ConcentrationUnit.MOL_PER_L if is_molar else ConcentrationUnit.KG_PER_L,
    )
    try:
        reading = frame.reading()
    except errors.FrameError:
        return None
    return None if reading.qualifiers else reading.glucose_mg_dl


def _read_sample(reader: FrameReader) -> Sample:
    concentration = reader.sfloat()
    nibbles = reader.u8()
    return Sample(concentration, fluid_type=nibbles & 0x0F, location=nibbles >> 4)


def _result(frame: GlucoseMeasurement, supported: SensorStatus | None) -> Result:
    sample, status = frame.sample, frame.status or SensorStatus(0)
    if supported is not None:
        status &= supported
    if sample is not None and (
        sample.fluid_type == FluidType.CONTROL_SOLUTION
        or sample.location == SampleLocation.CONTROL_SOLUTION
    ):
        return Result.CONTROL_SOLUTION
    special = None if sample is None else sample.concentration.special
    above = SensorStatus.RESULT_TOO_HIGH in status or special is Special.POSITIVE_INFINITY
    below = SensorStatus.RESULT_TOO_LOW in status or special is Special.NEGATIVE_INFINITY
    if above and below:
        # One of the two is an emergency, and guessing which could invert it: a person must look.
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE, "the result is said to be too high and too low"
        )
    if above:
        return Result.ABOVE_RANGE
    if below:
        return Result.BELOW_RANGE
    return Result.NOT_MEASURABLE if sample is None or special is not None else Result.MEASURED


def _glucose_mg_dl(frame: GlucoseMeasurement) -> float | None:
    exact = None if frame.sample is None else frame.sample.concentration.decimal()
    if exact is None:
        return None
    molar = frame.unit is ConcentrationUnit.MOL_PER_L
    glucose_mg_dl = exact * (_MG_DL_PER_MOL_L if molar else _MG_DL_PER_KG_L)
    if not _MIN_GLUCOSE_MG_DL <= glucose_mg_dl <= _MAX_GLUCOSE_MG_DL:
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE,
            f"the concentration is outside {_MIN_GLUCOSE_MG_DL} to {_MAX_GLUCOSE_MG_DL} mg/dL",
        )
    return float(glucose_mg_dl)


def _device_time(base_time: datetime | None, offset_min: int | None) -> datetime | None:
    if base_time is None or offset_min in {_OFFSET_OVERRUN_MIN, _OFFSET_UNDERRUN_MIN}:
        return None
    try:
        return base_time + timedelta(minutes=offset_min or 0)
    except OverflowError:  # the last weeks of the year 9999
        return None


def _qualifiers(frame: GlucoseMeasurement, supported: SensorStatus | None) -> tuple[str, ...]:
    status = frame.status or SensorStatus(0)
    told = status_bits.words(status, supported=supported)
    names = [name for name in told if name != status_bits.RESERVED]
    if frame.sample is not None:
        names += [
            fluid.name.lower() for fluid in _UNUSUAL_FLUIDS if fluid == frame.sample.fluid_type
        ]
        names += [site.name.lower() for site in _UNUSUAL_SITES if site == frame.sample.location]
    if frame.time_offset_min == _OFFSET_OVERRUN_MIN:
        names.append("time_offset_overrun")
    if frame.time_offset_min == _OFFSET_UNDERRUN_MIN:
        names.append("time_offset_underrun")
    if status_bits.RESERVED in told:
        names.append(status_bits.RESERVED)
    if frame.reserved_flags:
        names.append("reserved_flags")
    return tuple(names)
