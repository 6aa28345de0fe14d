"""What each kind of reading is: its numbers with unit, code and words. The one place that declares a kind.

Everything that handles readings of any kind reads it from here: what is stored and exported, what the API says and with
which codes, how the console words and draws it. The database has the same names in columns of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from firmware_profiles import codes
from firmware_profiles.codes import Quantity
from firmware_profiles.readings import Kind


@dataclass(frozen=True, slots=True)
class Axis:
    """How a number is drawn: what an empty chart shows, and the step to which a chart's ends are rounded outwards."""

    low: float
    high: float
    step: float


@dataclass(frozen=True, slots=True)
class OtherUnit:
    """A unit that many people think in, shown beside the other: number * factor + offset."""

    unit: str
    factor: float
    offset: float = 0.0
    decimals: int = 1

    def text(self, number: float) -> str:
        """Write a number, given in the first unit, in this one and with it."""
        return f"{number * self.factor + self.offset:.{self.decimals}f} {self.unit}"


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a kind.

    Attributes:
        name: the field of the reading and the column of the store; ends with the unit.
        words: what a person calls it.
        unit: as a person reads it.
        quantity: its public codes.
        highest: what the store takes at most, in the unit of the name; at least is 0. Wider than what decoders let
            through, and than anything a person has.
        axis: how it is drawn.
        decimals: how many a person is shown; None for those that there are.
        other_unit: shown to people beside the unit; None if nobody needs one.
        is_needed: whether every measured reading has it. These, in their order, are the reading as it is written.
    """

    name: str
    words: str
    unit: str
    quantity: Quantity
    highest: float
    axis: Axis
    decimals: int | None = None
    other_unit: OtherUnit | None = None
    is_needed: bool = True

    def text(self, number: float) -> str:
        """Write a number as a person is shown it, without its unit."""
        return f"{number:g}" if self.decimals is None else f"{number:.{self.decimals}f}"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is to be known about a kind.

    Attributes:
        title: what a person calls it.
        device: what a person calls the peripheral that measures it.
        numbers: in the order in which they are told.
        has_range_results: whether “HI” and “LO” of it mean something to whoever reads it, as they do on a meter's
            display. A cuff that cannot tell a pressure has just failed.
    """

    title: str
    device: str
    numbers: tuple[Number, ...]
    has_range_results: bool = False

    @property
    def needed(self) -> tuple[Number, ...]:
        """The numbers that every measured reading has."""
        return tuple(number for number in self.numbers if number.is_needed)


_MMHG: Final = "mmHg"
_PRESSURE: Final = Axis(60, 160, 10)
_POUNDS: Final = OtherUnit("lb", 1 / 0.45359237)  # exact by definition: international pound, 1959
_FAHRENHEIT: Final = OtherUnit("°F", 9 / 5, 32)


def _pulse(quantity: Quantity) -> Number:
    return Number(
        "pulse_bpm", "pulse", "beats/min", quantity, 400, Axis(50, 100, 10), is_needed=False
    )


OF: Final[Mapping[Kind, Declaration]] = {
    Kind.BLOOD_PRESSURE: Declaration(
        "Blood pressure",
        "cuff",
        (
            Number("systolic_mmhg", "systolic pressure", _MMHG, codes.SYSTOLIC, 400, _PRESSURE),
            Number("diastolic_mmhg", "diastolic pressure", _MMHG, codes.DIASTOLIC, 400, _PRESSURE),
            Number(
                "mean_arterial_mmhg",
                "mean arterial pressure",
                _MMHG,
                codes.MEAN_ARTERIAL,
                400,
                _PRESSURE,
                is_needed=False,
            ),
            _pulse(codes.PULSE),
        ),
    ),
    Kind.GLUCOSE: Declaration(
        "Glucose",
        "meter",
        (Number("glucose_mg_dl", "glucose", "mg/dL", codes.GLUCOSE_MASS, 2000, Axis(60, 200, 10)),),
        has_range_results=True,
    ),
    Kind.BODY_WEIGHT: Declaration(
        "Weight",
        "scale",
        (
            Number(
                "weight_kg",
                "weight",
                "kg",
                codes.BODY_WEIGHT,
                500,
                Axis(60, 100, 5),
                decimals=1,
                other_unit=_POUNDS,
            ),
        ),
    ),
    Kind.PULSE_OXIMETRY: Declaration(
        "Oxygen saturation",
        "oximeter",
        (
            Number(
                "spo2_percent",
                "oxygen saturation",
                "%",
                codes.OXYGEN_SATURATION,
                100,
                Axis(85, 100, 5),
                decimals=0,
            ),
            _pulse(codes.OXIMETER_PULSE),
        ),
    ),
    Kind.BODY_TEMPERATURE: Declaration(
        "Temperature",
        "thermometer",
        (
            Number(
                "temperature_celsius",
                "temperature",
                "°C",
                codes.BODY_TEMPERATURE,
                60,
                Axis(36, 40, 1),
                decimals=1,
                other_unit=_FAHRENHEIT,
            ),
        ),
    ),
    Kind.KETONE: Declaration(
        "Ketone",
        "meter",
        (Number("ketone_mmol_l", "ketone", "mmol/L", codes.KETONE, 50, Axis(0, 3, 1), decimals=1),),
        has_range_results=True,
    ),
}

NUMBERS: Final = tuple(
    dict.fromkeys(number.name for declaration in OF.values() for number in declaration.numbers)
)
"""The names of all numbers, each once, in the order of the store's columns."""
