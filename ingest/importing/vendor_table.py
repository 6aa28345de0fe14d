"""Tables of blood pressures as vendors' apps export them: which columns say what, and each row's reading. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from firmware_profiles.readings import Kind, Result
from ingest import errors
from ingest.importing import numbers, wall_time
from ingest.importing.csv_table import CsvRow, CsvTable
from ingest.importing.imported_row import (
    Fault,
    FaultReason,
    ImportedRow,
    Numbers,
    Outcome,
    Place,
    RowRefused,
)
from ingest.importing.wall_time import DateOrder

_NUMBERS: Final = ("systolic_mmhg", "diastolic_mmhg", "pulse_bpm")
# What apps write where there is nothing.
_NOTHING: Final = frozenset({"", "-", "--"})


@dataclass(frozen=True, slots=True)
class Variant:
    """One header that an app writes.

    Attributes:
        title: App, region and language.
        date: Names of the column with the date; with date and time where there is no column for the time.
        time: Names of the column with the time of day.
        zone: Names of the column with the zone, an IANA name.
        systolic_mmhg, diastolic_mmhg, pulse_bpm: Names of the columns with the numbers.
        irregular: Names of the column that says whether the pulse was irregular.
        detected: What stands there if it was.

    A column may have several names; each is in small letters.
    """

    title: str
    date: Collection[str]
    systolic_mmhg: Collection[str]
    diastolic_mmhg: Collection[str]
    pulse_bpm: Collection[str]
    time: Collection[str] = ()
    zone: Collection[str] = ()
    irregular: Collection[str] = ()
    detected: Collection[str] = field(default=frozenset())

    def places(self, columns: Mapping[str, int]) -> dict[str, int] | None:
        """Return where each part stands in a header, or None if something is missing that the variant has."""
        found = {}
        for part in ("date", "time", "zone", *_NUMBERS, "irregular"):
            names = getattr(self, part)
            place = next((columns[name] for name in names if name in columns), None)
            if place is not None:
                found[part] = place
            elif names and part != "irregular":
                return None
        return found

    def in_words(self) -> str:
        """Return the columns that a header of this variant has."""
        parts = (self.date, self.time, self.zone, *(getattr(self, name) for name in _NUMBERS))
        return ", ".join("/".join(names) for names in parts if names)


def variant_of(columns: Mapping[str, int], variants: Sequence[Variant]) -> Variant | None:
    """Return the first variant whose columns a header has."""
    return next((each for each in variants if each.places(columns) is not None), None)


def read(
    table: CsvTable, variants: Sequence[Variant], order: DateOrder | None
) -> Iterator[Outcome]:
    """Yield what each row says, or what is wrong with it.

    Raises:
        FileRefused: the header is none of the variants'.
    """
    variant = variant_of(table.columns, variants)
    if variant is None:
        expected = "; or ".join(f"{each.in_words()} ({each.title})" for each in variants)
        raise errors.FileRefused(f"the header is not known; expected the columns {expected}")
    places = variant.places(table.columns) or {}
    for row in table:
        yield row if isinstance(row, Fault) else _outcome(row, variant, places, order)


def _outcome(
    row: CsvRow, variant: Variant, places: Mapping[str, int], order: DateOrder | None
) -> Outcome:
    cells = {
        part: "" if row.cells[place].strip() in _NOTHING else row.cells[place].strip()
        for part, place in places.items()
    }
    try:
        return _imported(row, variant, cells, order)
    except RowRefused as refused:
        return refused.fault(row.line, row.raw)


def _imported(
    row: CsvRow, variant: Variant, cells: Mapping[str, str], order: DateOrder | None
) -> ImportedRow:
    date_cell, time_cell = cells["date"], cells.get("time")
    if time_cell is None:  # one column holds both
        date_cell, _, time_cell = date_cell.rpartition(" ")
        if time_cell.lower() in {"am", "pm"}:
            date_cell, _, hours = date_cell.rpartition(" ")
            time_cell = f"{hours} {time_cell}"
    time_of_day, step = wall_time.clock(time_cell, "time" if variant.time else "date")
    measured_at = datetime.combine(wall_time.day(date_cell, order, "date"), time_of_day)
    zone = cells.get("zone") or None
    if zone is not None and wall_time.zone(zone) is None:
        raise RowRefused(FaultReason.BAD_TIME, "expected a zone like Asia/Tokyo", "zone")
    found = Numbers(**{name: _number(cells, name) for name in _NUMBERS})
    numbers.check(Kind.BLOOD_PRESSURE, Result.MEASURED, found)
    is_irregular = cells.get("irregular", "").casefold() in variant.detected
    return ImportedRow(
        place=Place(row.line),
        record_number=None,
        kind=Kind.BLOOD_PRESSURE,
        result=Result.MEASURED,
        measured_at=measured_at,
        time_zone=zone,
        time_step=step,
        raw=row.raw,
        numbers=found,
        qualifiers=("irregular_pulse",) if is_irregular else (),
    )


def _number(cells: Mapping[str, str], name: str) -> float | None:
    number = numbers.decimal(cells[name], name)
    return None if number is None else float(number)
