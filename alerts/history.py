"""Stored readings of a practice as the arrays that rules are asked about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg
from psycopg import sql
from psycopg.rows import kwargs_row, tuple_row

from alerts.courses import Courses
from alerts.measures import Measure
from alerts.past_readings import PastReading
from firmware_profiles import kinds
from firmware_profiles.readings import Kind, Result
from ingest import named_queries
from ingest.rows import EvaluationWork, Origin

_Q: Final = named_queries.load("alerts", "history")

# One row in PostgreSQL's binary copy format: the number of fields, then each with its length before it. Big-endian.
# Source: PostgreSQL documentation, COPY, "Binary Format".
_ROW: Final = np.dtype(
    [
        ("fields", ">i2"),
        *(
            part
            for name, form in (
                ("patient", "V16"),
                ("at_s", ">i8"),
                ("local_day", ">i8"),
                ("first", ">f8"),
                ("second", ">f8"),
                ("third", ">f8"),
                ("irregular_pulse", "?"),
            )
            for part in ((f"{name}_length", ">i4"), (name, form))
        ),
    ]
)
_HEADER_BYTES: Final = 19
_TRAILER_BYTES: Final = 2
_COLUMNS: Final = ("first", "second", "third")

MOST_READINGS: Final = 250_000
"""So many readings are looked at at once, by all rules and with all limits moved: some 200 MB."""


def shares(
    cur: psycopg.Cursor[Any],
    practice_id: UUID,
    kind: Kind,
    since: datetime,
    until: datetime,
    most_readings: int = MOST_READINGS,
) -> list[list[UUID]]:
    """Return the patients who have dated readings of one kind, in shares whose readings fit into memory together.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose patients.
        kind: What was measured.
        since: Measured from then on, aware.
        until: Measured before then, aware.
        most_readings: Of a share; a patient with more is one alone.

    Returns:
        At least one share, which is empty where nobody has any.
    """
    parameters = {"practice_id": practice_id, "kind": kind, "since": since, "until": until}
    with cur.connection.cursor(row_factory=tuple_row) as counting:
        counted = counting.execute(_Q.count_readings_of_kind, parameters).fetchall()
    found: list[list[UUID]] = [[]]
    in_share = 0
    for patient_id, count in counted:
        if found[-1] and in_share + count > most_readings:
            found.append([])
            in_share = 0
        found[-1].append(patient_id)
        in_share += count
    return found


def courses(
    cur: psycopg.Cursor[Any],
    practice_id: UUID,
    kind: Kind,
    since: datetime,
    until: datetime,
    of: Sequence[UUID] | None = None,
) -> tuple[Courses, list[UUID]]:
    """Return the dated readings of one kind, and the patients by their numbers.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose patients.
        kind: What was measured.
        since: Measured from then on, aware.
        until: Measured before then, aware; also until when silence is known.
        of: These patients only; None: all of the practice.
    """
    measures = [Measure(one.name) for one in kinds.OF[kind].numbers if one.name in set(Measure)]
    statement = sql.SQL(_Q.readings_of_kind).format(
        **{
            column: sql.Identifier("r", measures[place]) if place < len(measures) else sql.NULL
            for place, column in enumerate(_COLUMNS)
        }
    )
    parameters = {
        "practice_id": practice_id,
        "kind": kind,
        "since": since,
        "until": until,
        "patient_ids": None if of is None else list(of),
    }
    copied = bytearray()
    copying = sql.SQL("copy ({}) to stdout (format binary)").format(statement)
    with cur.copy(copying, parameters) as copy:
        for part in copy:
            copied += part
    rows = np.frombuffer(copied, dtype=_ROW, offset=_HEADER_BYTES, count=_row_count(len(copied)))
    patients, patient = np.unique(rows["patient"], return_inverse=True)
    numbers = {
        measure: rows[column].astype(np.float64)
        for measure, column in zip(measures, _COLUMNS, strict=False)
    }
    found = Courses(
        patient=patient.astype(np.int64),
        at_s=rows["at_s"].astype(np.int64),
        local_day=rows["local_day"].astype(np.int64),
        numbers=numbers,
        flags={"irregular_pulse": rows["irregular_pulse"].astype(np.bool_)},
        until_s=int(until.timestamp()),
    )
    return found, [UUID(bytes=one.tobytes()) for one in patients]


def _row_count(copied_bytes: int) -> int:
    return (copied_bytes - _HEADER_BYTES - _TRAILER_BYTES) // _ROW.itemsize


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReading:
    """A reading that waits for evaluation, whichever version of it.

    Attributes:
        is_superseded: a later version took its place; it counts no more.
    """

    reading_id: UUID
    patient_id: UUID
    kind: Kind
    result: Result
    measured_at: datetime
    version: int
    is_superseded: bool


def of_work(
    cur: psycopg.Cursor[Any], practice_id: UUID, work: Collection[EvaluationWork]
) -> dict[UUID, WaitingReading]:
    """Return the readings that work points at, by their ids.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose.
        work: Not empty.
    """
    parameters = {
        "practice_id": practice_id,
        "reading_ids": [item.reading_id for item in work],
        "from_at": min(item.measured_at for item in work),
        "until_at": max(item.measured_at for item in work),
    }
    with cur.connection.cursor(row_factory=kwargs_row(_waiting)) as rows:
        return {row.reading_id: row for row in rows.execute(_Q.readings_of_work, parameters)}


def of_patients(
    cur: psycopg.Cursor[Any],
    practice_id: UUID,
    patient_ids: Collection[UUID],
    kinds_wanted: Collection[Kind],
    from_at: datetime,
    until_at: datetime,
) -> list[PastReading]:
    """Return what counts of some patients and kinds in a span of time, both ends included."""
    parameters = {
        "practice_id": practice_id,
        "patient_ids": list(patient_ids),
        "kinds": list(kinds_wanted),
        "from_at": from_at,
        "until_at": until_at,
    }
    with cur.connection.cursor(row_factory=tuple_row) as rows:
        return [_past(row) for row in rows.execute(_Q.readings_of_patients, parameters)]


def _waiting(*, kind: str, result: str, **columns: Any) -> WaitingReading:
    return WaitingReading(kind=Kind(kind), result=Result(result), **columns)


def _past(row: tuple[Any, ...]) -> PastReading:
    patient_id, reading_id, kind, result, origin, at, day, version, irregular, *numbers = row
    return PastReading(
        patient_id,
        reading_id,
        Kind(kind),
        Result(result),
        Origin(origin),
        at,
        day,
        version,
        {
            measure: number
            for measure, number in zip(Measure, numbers, strict=True)
            if number is not None
        },
        bool(irregular),
    )
