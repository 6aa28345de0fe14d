"""What rules ask about: the numbers of readings, the side of a limit, and how soon somebody has to look."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from firmware_profiles import kinds
from firmware_profiles.readings import Kind


class Measure(StrEnum):
    """A number of a reading that a rule can ask about; also the name of its column."""

    SYSTOLIC_MMHG = "systolic_mmhg"
    DIASTOLIC_MMHG = "diastolic_mmhg"
    PULSE_BPM = "pulse_bpm"
    GLUCOSE_MG_DL = "glucose_mg_dl"
    WEIGHT_KG = "weight_kg"
    SPO2_PERCENT = "spo2_percent"
    TEMPERATURE_CELSIUS = "temperature_celsius"
    KETONE_MMOL_L = "ketone_mmol_l"

    def is_of(self, kind: Kind) -> bool:
        """Tell whether readings of a kind carry it: a pulse, those of cuffs and oximeters."""
        return any(number.name == self for number in kinds.OF[kind].numbers)

    @property
    def words(self) -> str:
        """What a person calls it."""
        return _DECLARED[self].words

    @property
    def unit(self) -> str:
        """The unit as a person reads it."""
        return _DECLARED[self].unit


_DECLARED: Final = {
    number.name: number for declaration in kinds.OF.values() for number in declaration.numbers
}


class Comparison(StrEnum):
    """On which side of the limit the breach lies; the limit itself is one of AT_OR_ABOVE only."""

    AT_OR_ABOVE = "at_or_above"
    BELOW = "below"


class Severity(StrEnum):
    """How soon somebody has to look, and who; the severest first."""

    URGENT = "urgent"
    CLINICAL = "clinical"
    OUTREACH = "outreach"  # readings are missed: whoever keeps in touch with patients
    TECHNICAL = "technical"  # a battery, a clock, a silent gateway: whoever looks after the devices

    @property
    def rank(self) -> int:
        """Return a number that is the higher the severer it is."""
        return _RANKS[self]


_RANKS: Final = {severity: rank for rank, severity in enumerate(reversed(Severity))}


def measures_of(kind: Kind) -> tuple[Measure, ...]:
    """Return the numbers of a kind of readings that rules can ask about."""
    return tuple(measure for measure in Measure if measure.is_of(kind))
