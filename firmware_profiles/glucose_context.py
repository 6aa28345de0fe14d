"""Glucose Measurement Context (2a34): what the user told the meter about a measurement.

Source: Bluetooth SIG GATT Specification Supplement, Glucose Measurement Context; Glucose Service
1.0.1, 2022-01-18, section 3.2. Carbohydrate is kilograms, medication kilograms or litres, whatever
other decoders say.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.frame_reader import FrameReader
from firmware_profiles.readings import GlucoseContext

if TYPE_CHECKING:
    from firmware_profiles.sfloat import Sfloat

# Flags of the first byte. Source: the supplement, Glucose Measurement Context, Flags field. None is
# reserved.
_CARBOHYDRATE: Final = 0b0000_0001
_MEAL: Final = 0b0000_0010
_CIRCUMSTANCES: Final = 0b0000_0100
_EXERCISE: Final = 0b0000_1000
_MEDICATION: Final = 0b0001_0000
_MEDICATION_LITRES: Final = 0b0010_0000
_HBA1C: Final = 0b0100_0000
_EXTENDED: Final = 0b1000_0000

DURATION_OVERRUN_S: Final = 0xFFFF
"""Exercise that lasted longer than the field can say."""

_G_PER_KG: Final = 1000
_MG_PER_KG: Final = 1_000_000
_ML_PER_L: Final = 1000

# Words for the coded answers. A number that is not here is reserved and becomes
# "reserved_<number>".
CARBOHYDRATES: Final = {
    1: "breakfast",
    2: "lunch",
    3: "dinner",
    4: "snack",
    5: "drink",
    6: "supper",
    7: "brunch",
}
MEALS: Final = {
    1: "before_meal",
    2: "after_meal",
    3: "fasting",
    4: "casual",
    5: "bedtime",
}
TESTERS: Final = {1: "self", 2: "health_care_professional", 3: "laboratory", 15: "not_available"}
HEALTH: Final = {
    1: "minor_issues",
    2: "major_issues",
    3: "during_menses",
    4: "under_stress",
    5: "no_issues",
    15: "not_available",
}
MEDICATIONS: Final = {
    1: "rapid_acting_insulin",
    2: "short_acting_insulin",
    3: "intermediate_acting_insulin",
    4: "long_acting_insulin",
    5: "pre_mixed_insulin",
}


class MedicationUnit(StrEnum):
    """Unit on the wire, by UCUM code."""

    KG = "kg"
    L = "L"


@dataclass(frozen=True, slots=True)
class Carbohydrate:
    """What was eaten: a number of CARBOHYDRATES, and kilograms."""

    meal_id: int
    amount_kg: Sfloat


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who tested, and how the person felt: numbers of TESTERS and HEALTH, 0 to 15."""

    tester: int
    health: int

    def __post_init__(self) -> None:
        """Refuse what would spill from one half of the byte into the other.

        Raises:
            ValueError: one of them is not from 0 to 15.
        """
        if not (0 <= self.tester <= 15 and 0 <= self.health <= 15):
            raise ValueError("tester and health are from 0 to 15")


@dataclass(frozen=True, slots=True)
class Exercise:
    """Seconds (DURATION_OVERRUN_S: longer than that) and per cent of the person's maximum."""

    duration_s: int
    intensity_percent: int


@dataclass(frozen=True, slots=True)
class Medication:
    """What was taken: a number of MEDICATIONS, and the amount in the frame's unit."""

    medication_id: int
    amount: Sfloat


@dataclass(frozen=True, slots=True)
class GlucoseMeasurementContext:
    """The frame's fields as sent; None for a field that its flag says is absent.

    Attributes:
        sequence_number: that of the measurement, 0 to 65535.
        extended_flags: reserved bits, one byte.
        carbohydrate: what was eaten.
        meal: a number of MEALS.
        circumstances: who tested and how the person felt.
        exercise: before the measurement.
        medication: what was taken.
        medication_unit: of its amount; the flag is there even without a medication.
        hba1c_percent: glycated haemoglobin.
    """

    sequence_number: int
    extended_flags: int | None = None
    carbohydrate: Carbohydrate | None = None
    meal: int | None = None
    circumstances: Circumstances | None = None
    exercise: Exercise | None = None
    medication: Medication | None = None
    medication_unit: MedicationUnit = MedicationUnit.KG
    hba1c_percent: Sfloat | None = None

    @classmethod
    def from_bytes(cls, raw: bytes) -> GlucoseMeasurementContext:
        """Take a frame apart.

        Raises:
            FrameError: the frame is empty, too short for its flags, or too long.
        """
        reader = FrameReader(raw)
        flags = reader.u8()
        context = cls(
            sequence_number=reader.u16(),
            extended_flags=reader.u8() if flags & _EXTENDED else None,
            carbohydrate=(
                Carbohydrate(reader.u8(), reader.sfloat()) if flags & _CARBOHYDRATE else None
            ),
            meal=reader.u8() if flags & _MEAL else None,
            circumstances=_circumstances(reader.u8()) if flags & _CIRCUMSTANCES else None,
            exercise=Exercise(reader.u16(), reader.u8()) if flags & _EXERCISE else None,
            medication=Medication(reader.u8(), reader.sfloat()) if flags & _MEDICATION else None,
            medication_unit=MedicationUnit.L if flags & _MEDICATION_LITRES else MedicationUnit.KG,
            hba1c_percent=reader.sfloat() if flags & _HBA1C else None,
        )
        reader.finish()
        return context

    def to_bytes(self) -> bytes:
        """Put the frame together; the flags follow from the fields."""
        parts: list[tuple[int, bytes]] = []
        if self.extended_flags is not None:
            parts.append((_EXTENDED, struct.pack("<B", self.extended_flags)))
        if self.carbohydrate is not None:
            meal_id = struct.pack("<B", self.carbohydrate.meal_id)
            parts.append((_CARBOHYDRATE, meal_id + self.carbohydrate.amount_kg.to_bytes()))
        if self.meal is not None:
            parts.append((_MEAL, struct.pack("<B", self.meal)))
        if self.circumstances is not None:
            nibbles = self.circumstances.health << 4 | self.circumstances.tester
            parts.append((_CIRCUMSTANCES, struct.pack("<B", nibbles)))
        if self.exercise is not None:
            fields = self.exercise.duration_s, self.exercise.intensity_percent
            parts.append((_EXERCISE, struct.pack("<HB", *fields)))
        if self.medication is not None:
            medication_id = struct.pack("<B", self.medication.medication_id)
            parts.append((_MEDICATION, medication_id + self.medication.amount.to_bytes()))
        if self.hba1c_percent is not None:
            parts.append((_HBA1C, self.hba1c_percent.to_bytes()))
        flags = _MEDICATION_LITRES if self.medication_unit is MedicationUnit.L else 0
        for flag, _ in parts:
            flags |= flag
        head = struct.pack("<BH", flags, self.sequence_number)
        return head + b"".join(octets for _, octets in parts)

    def reading(self) -> GlucoseContext:
        """Say what the frame means, with units in the names and words for the codes.

        Raises:
            FrameError: `impossible_value` for a negative amount or more than 100 per cent.
        """
        fields: dict[str, str | float | int] = {}
        if self.carbohydrate is not None:
            fields["carbohydrate"] = _word(CARBOHYDRATES, self.carbohydrate.meal_id)
            _put(fields, "carbohydrate_g", self.carbohydrate.amount_kg, _G_PER_KG)
        if self.meal is not None:
            fields["meal"] = _word(MEALS, self.meal)
        if self.circumstances is not None:
            fields["tester"] = _word(TESTERS, self.circumstances.tester)
            fields["health"] = _word(HEALTH, self.circumstances.health)
        if self.exercise is not None:
            _put_exercise(fields, self.exercise)
        if self.medication is not None:
            fields["medication"] = _word(MEDICATIONS, self.medication.medication_id)
            if self.medication_unit is MedicationUnit.L:
                _put(fields, "medication_ml", self.medication.amount, _ML_PER_L)
            else:
                _put(fields, "medication_mg", self.medication.amount, _MG_PER_KG)
        if self.hba1c_percent is not None:
            _put(fields, "hba1c_percent", self.hba1c_percent, 1, maximum=100)
        return GlucoseContext(sequence_number=self.sequence_number, fields=fields)


def _circumstances(nibbles: int) -> Circumstances:
    return Circumstances(tester=nibbles & 0x0F, health=nibbles >> 4)


def _word(words: Mapping[int, str], code: int) -> str:
    return words.get(code, f"reserved_{code}")


def _put(
    fields: dict[str, str | float | int],
    name: str,
    amount: Sfloat,
    factor: int,
    *,
    maximum: int | None = None,
) -> None:
    """Add a number in our unit; an SFLOAT that is no number adds nothing."""
    exact = amount.decimal()
    if exact is None:
        return
    exact *= factor
    if exact < 0 or (maximum is not None and exact > maximum):
        raise errors.FrameError(FrameReason.IMPOSSIBLE_VALUE, f"{name} is out of range")
    fields[name] = float(exact)


def _put_exercise(fields: dict[str, str | float | int], exercise: Exercise) -> None:
    if exercise.intensity_percent > 100:
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE, "exercise_intensity_percent is out of range"
        )
    if exercise.duration_s == DURATION_OVERRUN_S:
        fields["exercise_duration"] = "overrun"
    else:
        fields["exercise_duration_s"] = exercise.duration_s
    fields["exercise_intensity_percent"] = exercise.intensity_percent
