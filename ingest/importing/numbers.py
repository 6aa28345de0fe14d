"""The numbers of an imported row: read strictly, and held to what can be. Pure.

The limits are those of the store and of the device decoders.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from firmware_profiles import kinds
from firmware_profiles.kinds import Number
from firmware_profiles.readings import Kind, Result
from ingest.importing.imported_row import FaultReason, Numbers, RowRefused

# Source: molar mass of glucose 180.156 g/mol (PubChem CID 5793); hence 1 mmol/L = 18.0156 mg/dL.
MG_DL_PER_MMOL_L: Final = Decimal("18.0156")

# Seventeen digits are what a double is written with at most.
_NUMBER: Final = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,17})?", re.ASCII)


def decimal(cell: str, name: str) -> Decimal | None:
    """Read one cell: digits with a point, or nothing.

    Raises:
        RowRefused: it is anything else.
    """
    text = cell.strip()
    if not text:
        return None
    if _NUMBER.fullmatch(text) is None:
        hint = " with a decimal point, not a comma" if "," in text else ""
        raise RowRefused(FaultReason.NOT_A_NUMBER, f"expected a number{hint}", name)
    return Decimal(text)


def mg_dl(glucose_mmol_l: Decimal) -> float:
    """Return a concentration in mg/dL, not rounded: 5.5 mmol/L are 99.0858 mg/dL."""
    return float(glucose_mmol_l * MG_DL_PER_MMOL_L)


def check(kind: Kind, result: Result, numbers: Numbers) -> None:
    """Hold the numbers of a reading to what can be together.

    Raises:
        RowRefused: one is missing, too many, out of range, or they contradict each other.
    """
    if result is not Result.MEASURED:
        if any(number is not None for number in numbers.by_name().values()):
            words = "a row with numbers has the result “measured”, the others have none"
            raise RowRefused(FaultReason.IMPOSSIBLE, words, "result")
        return
    found = {name: number for name, number in numbers.by_name().items() if number is not None}
    for declared in kinds.OF[kind].numbers:
        number = found.pop(declared.name, None)
        if number is not None:
            _check_range(declared, number)
        elif declared.is_needed:
            raise RowRefused(FaultReason.MISSING, "the number is missing", declared.name)
    for name in found:
        raise RowRefused(FaultReason.IMPOSSIBLE, "a number of another kind of measurement", name)
    _check_pressures(numbers)


def _check_range(declared: Number, number: float) -> None:
    if not 0 <= number <= declared.highest:
        words = f"expected 0 to {declared.highest:g} {declared.unit}; check unit and column"
        raise RowRefused(FaultReason.IMPOSSIBLE, words, declared.name)


def _check_pressures(numbers: Numbers) -> None:
    systolic, diastolic = numbers.systolic_mmhg, numbers.diastolic_mmhg
    if systolic is None or diastolic is None:
        return
    if diastolic > systolic:
        words = "the diastolic pressure is above the systolic; check the columns"
        raise RowRefused(FaultReason.IMPOSSIBLE, words, "diastolic_mmhg")
    mean = numbers.mean_arterial_mmhg
    if mean is not None and not diastolic <= mean <= systolic:
        words = "the mean pressure is not between the other two"
        raise RowRefused(FaultReason.IMPOSSIBLE, words, "mean_arterial_mmhg")
