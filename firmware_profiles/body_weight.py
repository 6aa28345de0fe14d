"""Weight Measurement (2a9d) and Weight Scale Feature (2a9e): the frame, and the reading it means.

Source: Bluetooth SIG GATT Specification Supplement, Weight Measurement, Weight Scale Feature; Weight Scale Service
1.0.1, section 3.2, for the word that says that a measurement failed (as public stacks quote it; the text was not seen).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.frame_reader import FrameReader
from firmware_profiles.readings import BodyWeightReading, Result

if TYPE_CHECKING:
    from firmware_profiles.gatt_time import DateTime

# Flags of the first byte. Source: the supplement, Weight Measurement, Flags field.
_IMPERIAL: Final = 0b0000_0001
_TIME_STAMP: Final = 0b0000_0010
_USER_ID: Final = 0b0000_0100
_BMI_AND_HEIGHT: Final = 0b0000_1000
_RESERVED: Final = 0b1111_0000

UNSUCCESSFUL: Final = 0xFFFF
"""The weight of a measurement that failed."""

# What one step of the fields stands for. Source: the supplement, Weight Measurement.
_KG_PER_STEP: Final = Decimal("0.005")
_LB_PER_STEP: Final = Decimal("0.01")
_M_PER_STEP: Final = Decimal("0.001")
_IN_PER_STEP: Final = Decimal("0.1")
_BMI_PER_STEP: Final = Decimal("0.1")
# Exact by definition. Source: international yard and pound agreement, 1959.
_KG_PER_LB: Final = Decimal("0.45359237")
_M_PER_IN: Final = Decimal("0.0254")

# What no scale for a person at home reports of one: guards against misread bytes, and against the empty platform.
_MIN_WEIGHT_KG: Final = 1
_MAX_WEIGHT_KG: Final = 400


class WeightUnit(StrEnum):
    """Unit on the wire, by UCUM code; the height goes with it, in metres or inches."""

    KG = "kg"
    LB = "[lb_av]"


@dataclass(frozen=True, slots=True)
class Build:
    """Body mass index and height, which always come together, in the steps of the wire."""

    bmi_steps: int
    height_steps: int


@dataclass(frozen=True, slots=True)
class WeightMeasurement:
    """The frame's fields as sent; None for a field that its flag says is absent.

    Attributes:
        weight_steps: 0 to 65535, in steps of 0.005 kg or 0.01 lb; UNSUCCESSFUL if there is no weight.
        unit: of the weight.
        time_stamp: the scale's wall clock.
        user_id: the scale's user number, 255 for unknown.
        build: what the scale makes of the height that it was told.
        reserved_flags: bits 4 to 7 of the flags, in place. The exact length proves that they added no field.
    """

    weight_steps: int
    unit: WeightUnit = WeightUnit.KG
    time_stamp: DateTime | None = None
    user_id: int | None = None
    build: Build | None = None
    reserved_flags: int = 0

    @classmethod
    def from_bytes(cls, raw: bytes) -> WeightMeasurement:
        """Take a frame apart.

        Raises:
            FrameError: the frame is empty, too short for its flags, or too long.
        """
        reader = FrameReader(raw)
        flags = reader.u8()
        measurement = cls(
            weight_steps=reader.u16(),
            unit=WeightUnit.LB if flags & _IMPERIAL else WeightUnit.KG,
            time_stamp=reader.date_time() if flags & _TIME_STAMP else None,
            user_id=reader.u8() if flags & _USER_ID else None,
            build=Build(reader.u16(), reader.u16()) if flags & _BMI_AND_HEIGHT else None,
            reserved_flags=flags & _RESERVED,
        )
        reader.finish()
        return measurement

    def to_bytes(self) -> bytes:
        """Put the frame together; the flags follow from the fields."""
        flags = self.reserved_flags & _RESERVED
        flags |= _IMPERIAL if self.unit is WeightUnit.LB else 0
        optional = b""
        if self.time_stamp is not None:
            flags |= _TIME_STAMP
            optional += self.time_stamp.to_bytes()
        if self.user_id is not None:
            flags |= _USER_ID
            optional += struct.pack("<B", self.user_id)
        if self.build is not None:
            flags |= _BMI_AND_HEIGHT
            optional += struct.pack("<HH", self.build.bmi_steps, self.build.height_steps)
        return struct.pack("<BH", flags, self.weight_steps) + optional

    def weight_kg(self) -> Decimal | None:
        """Return the weight exactly, in kilograms; None if the measurement failed."""
        if self.weight_steps == UNSUCCESSFUL:
            return None
        if self.unit is WeightUnit.LB:
            return self.weight_steps * _LB_PER_STEP * _KG_PER_LB
        return self.weight_steps * _KG_PER_STEP

    def bmi_kg_per_m2(self) -> Decimal | None:
        """Return the body mass index as the scale made it."""
        return None if self.build is None else self.build.bmi_steps * _BMI_PER_STEP

    def height_m(self) -> Decimal | None:
        """Return the height that the scale was told, exactly, in metres."""
        if self.build is None:
            return None
        if self.unit is WeightUnit.LB:
            return self.build.height_steps * _IN_PER_STEP * _M_PER_IN
        return self.build.height_steps * _M_PER_STEP

    def reading(self) -> BodyWeightReading:
        """Say what the frame means, in kilograms.

        Raises:
            FrameError: `impossible_value` for a weight that no person has.
        """
        weight_kg = self.weight_kg()
        if weight_kg is not None and not _MIN_WEIGHT_KG <= weight_kg <= _MAX_WEIGHT_KG:
            raise errors.FrameError(
                FrameReason.IMPOSSIBLE_VALUE,
                f"the weight is outside {_MIN_WEIGHT_KG} to {_MAX_WEIGHT_KG} kg",
            )
        return BodyWeightReading(
            device_time=None if self.time_stamp is None else self.time_stamp.wall_clock(),
            user_slot=self.user_id,
            result=Result.NOT_MEASURABLE if weight_kg is None else Result.MEASURED,
            weight_kg=None if weight_kg is None else float(weight_kg),
            qualifiers=("reserved_flags",) if self.reserved_flags else (),
        )


# Places in the word of features. Source: the supplement, Weight Scale Feature.
_HAS_TIME_STAMP: Final = 1 << 0
_HAS_USERS: Final = 1 << 1
_HAS_BMI: Final = 1 << 2
_WEIGHT_RESOLUTION_AT: Final = 3
_HEIGHT_RESOLUTION_AT: Final = 7
_KNOWN_FEATURES: Final = 0x3FF

# Resolutions by their number, in kilograms and pounds; 0 is "not specified", further ones are reserved.
WEIGHT_RESOLUTIONS: Final = {
    1: (Decimal("0.5"), Decimal(1)),
    2: (Decimal("0.2"), Decimal("0.5")),
    3: (Decimal("0.1"), Decimal("0.2")),
    4: (Decimal("0.05"), Decimal("0.1")),
    5: (Decimal("0.02"), Decimal("0.05")),
    6: (Decimal("0.01"), Decimal("0.02")),
    7: (Decimal("0.005"), Decimal("0.01")),
}
# The same of the height, in metres and inches.
HEIGHT_RESOLUTIONS: Final = {
    1: (Decimal("0.01"), Decimal(1)),
    2: (Decimal("0.005"), Decimal("0.5")),
    3: (Decimal("0.001"), Decimal("0.1")),
}


@dataclass(frozen=True, slots=True)
class WeightScaleFeature:
    """What a scale can do.

    Attributes:
        has_time_stamp: whether it dates its measurements.
        has_users: whether it tells users apart.
        has_bmi: whether it sends body mass index and height.
        weight_resolution: a number of WEIGHT_RESOLUTIONS, 0 for not specified, or a reserved one; 0 to 15.
        height_resolution: the same of HEIGHT_RESOLUTIONS; 0 to 7.
        reserved: bits 10 to 31, in place.
    """

    has_time_stamp: bool = False
    has_users: bool = False
    has_bmi: bool = False
    weight_resolution: int = 0
    height_resolution: int = 0
    reserved: int = 0

    @classmethod
    def from_bytes(cls, raw: bytes) -> WeightScaleFeature:
        """Take the word apart.

        Raises:
            FrameError: not four bytes.
        """
        reader = FrameReader(raw)
        word = reader.u32()
        reader.finish()
        return cls(
            has_time_stamp=bool(word & _HAS_TIME_STAMP),
            has_users=bool(word & _HAS_USERS),
            has_bmi=bool(word & _HAS_BMI),
            weight_resolution=word >> _WEIGHT_RESOLUTION_AT & 0xF,
            height_resolution=word >> _HEIGHT_RESOLUTION_AT & 0x7,
            reserved=word & ~_KNOWN_FEATURES,
        )

    def to_bytes(self) -> bytes:
        """Put the word together."""
        word = self.reserved & ~_KNOWN_FEATURES
        word |= _HAS_TIME_STAMP if self.has_time_stamp else 0
        word |= _HAS_USERS if self.has_users else 0
        word |= _HAS_BMI if self.has_bmi else 0
        word |= self.weight_resolution << _WEIGHT_RESOLUTION_AT
        word |= self.height_resolution << _HEIGHT_RESOLUTION_AT
        return struct.pack("<I", word)
