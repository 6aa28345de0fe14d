"""The columns of an exported reading, in their order: names with units, the same in every format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from firmware_profiles import kinds


class Holds(Enum):
    """What a column holds."""

    TEXT = "text"
    WORDS = "words"  # several, with blanks between them
    NUMBER = "number"
    COUNT = "count"
    INSTANT = "instant"  # aware UTC
    DAY = "day"  # of the patient's own zone


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        unit: UCUM unit of its number, or what its time is counted in; "" where there is none.
    """

    name: str
    holds: Holds
    unit: str = ""


_UNITS: Final = {
    number.name: str(number.quantity.ucum)
    for declaration in kinds.OF.values()
    for number in declaration.numbers
}

# The columns of the statements in exports.sql, in their order. The generic import knows all of them.
COLUMNS: Final = (
    Column("record_number", Holds.TEXT),
    Column("measured_at", Holds.INSTANT, "UTC"),
    Column("kind", Holds.TEXT),
    Column("result", Holds.TEXT),
    *(Column(name, Holds.NUMBER, _UNITS[name]) for name in kinds.NUMBERS),
    Column("qualifiers", Holds.WORDS),
    Column("origin", Holds.TEXT),
    Column("time_method", Holds.TEXT),
    Column("time_quality", Holds.TEXT),
    Column("measured_day", Holds.DAY, "the patient's time zone"),
    Column("stored_at", Holds.INSTANT, "UTC"),
    Column("profile_id", Holds.TEXT),
    Column("profile_version", Holds.COUNT),
    Column("reading_id", Holds.TEXT),
    Column("version", Holds.COUNT),
    Column("superseded_at", Holds.INSTANT, "UTC"),
)
