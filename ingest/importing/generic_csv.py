"""Our own CSV: documented in docs/import-export.md, the form that anything can be brought into, and that exports have.

Needed: ``measured_at`` (RFC 3339) and the numbers of a kind: of blood pressures ``systolic_mmhg`` and
``diastolic_mmhg``, of glucose ``glucose_mg_dl`` or ``glucose_mmol_l``, of the others the one of
``firmware_profiles/kinds.py``. ``record_number`` may be missing where one patient is named for the
whole file. All columns go by name, in any order; one that is not known refuses the file, for it may be a number under
another name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from firmware_profiles import kinds
from firmware_profiles.readings import Kind, Result
from ingest import errors, formula_cells
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
from ingest.measured_at import TimeQuality

PROFILE_ID: Final = "import-generic-csv"
PROFILE_VERSION: Final = 1

_READ: Final = frozenset(
    {
        "record_number",
        "measured_at",
        "time_zone",
        "kind",
        "result",
        *kinds.NUMBERS,
        "glucose_mmol_l",
        "time_quality",
        "qualifiers",
    }
)
# What an export says beside it, and what stays in the row's bytes.
_READ_OVER: Final = frozenset(
    {"device", "note", "origin", "time_method", "measured_day", "stored_at", "profile_id"}
    | {"profile_version", "reading_id", "version", "superseded_at"}
)
# As device decoders name them.
_QUALIFIER: Final = re.compile(r"[a-z][a-z_]{1,39}")


def is_header(columns: Mapping[str, int]) -> bool:
    """Say whether a header is ours."""
    names = columns.keys()
    return "measured_at" in names and (
        "glucose_mmol_l" in names
        or any(
            all(number.name in names for number in declaration.needed)
            for declaration in kinds.OF.values()
        )
    )


def read(table: CsvTable) -> Iterator[Outcome]:
    """Yield what each row says, or what is wrong with it.

    Raises:
        FileRefused: a column is missing or not known.
    """
    if not is_header(table.columns):
        raise errors.FileRefused(
            f"the header is not known; expected measured_at and {_needed_in_words()}, or glucose_mmol_l"
        )
    unknown = [place + 1 for name, place in table.columns.items() if name not in _READ | _READ_OVER]
    if unknown:
        raise errors.FileRefused(
            f"column {unknown[0]} of the header is not known; known are {', '.join(sorted(_READ))}; "
            "call free text “note”"
        )
    for row in table:
        if isinstance(row, Fault):
            yield row
            continue
        try:
            yield _imported(row, table.columns)
        except RowRefused as refused:
            yield refused.fault(row.line, row.raw)


def _imported(row: CsvRow, columns: Mapping[str, int]) -> ImportedRow:
    cells = {name: row.cells[place].strip() for name, place in columns.items()}
    if not cells["measured_at"]:
        raise RowRefused(FaultReason.MISSING, "the time is missing", "measured_at")
    measured_at, step = wall_time.rfc_3339(cells["measured_at"], "measured_at")
    zone = cells.get("time_zone") or None
    if zone is not None and wall_time.zone(zone) is None:
        words = "expected a zone like America/New_York"
        raise RowRefused(FaultReason.BAD_TIME, words, "time_zone")
    found = Numbers(
        **{name: _number(cells, name) for name in kinds.NUMBERS}
        | {"glucose_mg_dl": _glucose(cells)}
    )
    kind = _kind(cells, found)
    result = Result(_word(cells, "result", frozenset(Result), Result.MEASURED))
    numbers.check(kind, result, found)
    return ImportedRow(
        place=Place(row.line),
        record_number=_record_number(cells),
        kind=kind,
        result=result,
        measured_at=measured_at,
        time_zone=zone,
        time_step=step,
        raw=row.raw,
        time_quality=TimeQuality(
            _word(cells, "time_quality", frozenset(TimeQuality), TimeQuality.GOOD)
        ),
        numbers=found,
        qualifiers=_qualifiers(cells),
    )


def _number(cells: Mapping[str, str], name: str) -> float | None:
    number = numbers.decimal(cells.get(name, ""), name)
    return None if number is None else float(number)


def _glucose(cells: Mapping[str, str]) -> float | None:
    mass = _number(cells, "glucose_mg_dl")
    molar = numbers.decimal(cells.get("glucose_mmol_l", ""), "glucose_mmol_l")
    if mass is not None and molar is not None:
        words = "one number in one unit is enough; leave the other empty"
        raise RowRefused(FaultReason.IMPOSSIBLE, words, "glucose_mmol_l")
    return mass if molar is None else numbers.mg_dl(molar)


def _needed_in_words() -> str:
    return ", or ".join(
        " with ".join(number.name for number in declaration.needed)
        for declaration in kinds.OF.values()
    )


def _kind(cells: Mapping[str, str], found: Numbers) -> Kind:
    said = _word(cells, "kind", frozenset(Kind), "")
    there = {name for name, number in found.by_name().items() if number is not None}
    fitting = [
        kind
        for kind, declaration in kinds.OF.items()
        if there <= {number.name for number in declaration.numbers}
    ]
    if not fitting:
        words = "a row is one measurement of one kind; its numbers are of several"
        raise RowRefused(FaultReason.IMPOSSIBLE, words, "kind")
    if said and said not in fitting:
        raise RowRefused(FaultReason.IMPOSSIBLE, "the numbers are of another kind", "kind")
    if not said and not there:
        raise RowRefused(FaultReason.MISSING, "the row has no number", "")
    return Kind(said) if said else fitting[0]


def _word(cells: Mapping[str, str], name: str, known: frozenset[str], default: str) -> str:
    word = cells.get(name, "")
    if not word:
        return default
    if word not in known:
        words = f"expected {', '.join(sorted(known))}"
        raise RowRefused(FaultReason.UNKNOWN_WORD, words, name)
    return word


def _record_number(cells: Mapping[str, str]) -> str | None:
    if "record_number" not in cells:
        return None
    found = formula_cells.plain(cells["record_number"])
    if not found:
        raise RowRefused(FaultReason.MISSING, "the record number is missing", "record_number")
    return found


def _qualifiers(cells: Mapping[str, str]) -> tuple[str, ...]:
    names = tuple(cells.get("qualifiers", "").split())
    if not all(_QUALIFIER.fullmatch(name) for name in names):
        words = "expected words like irregular_pulse, with blanks between them"
        raise RowRefused(FaultReason.UNKNOWN_WORD, words, "qualifiers")
    return names
