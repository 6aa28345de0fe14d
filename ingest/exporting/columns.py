"""The columns of an exported reading, in their order: names with units, the same in every format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


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


# The columns of the statements in exports.sql, in their order. The generic import knows all of them.
COLUMNS: Final = (
    Column("record_number", Holds.TEXT),
    Column("measured_at", Holds.INSTANT, "UTC"),
    Column("kind", Holds.TEXT),
    Column("result", Holds.TEXT),
    Column("systolic_mmhg", Holds.NUMBER, "mm[Hg]"),
    Column("diastolic_mmhg", Holds.NUMBER, "mm[Hg]"),
    Column("mean_arterial_mmhg", Holds.NUMBER, "mm[Hg]"),
    Column("pulse_bpm", Holds.NUMBER, "/min"),
    Column("glucose_mg_dl", Holds.NUMBER, "mg/dL"),
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
