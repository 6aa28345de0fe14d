"""Stored readings of a practice as the arrays that rules are asked about."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg
from psycopg import sql

from alerts.courses import Courses
from alerts.rules import Measure
from firmware_profiles import kinds
from firmware_profiles.readings import Kind
from ingest import named_queries

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


def courses(
    cur: psycopg.Cursor[Any], practice_id: UUID, kind: Kind, since: datetime, until: datetime
) -> tuple[Courses, list[UUID]]:
    """Return the dated readings of one kind of all patients of a practice, and the patients by their numbers.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose patients.
        kind: What was measured.
        since: Measured from then on, aware.
        until: Measured before then, aware; also until when silence is known.
    """
    measures = [Measure(one.name) for one in kinds.OF[kind].numbers if one.name in set(Measure)]
    statement = sql.SQL(_Q.readings_of_kind).format(
        **{
            column: sql.Identifier("r", measures[place]) if place < len(measures) else sql.NULL
            for place, column in enumerate(_COLUMNS)
        }
    )
    parameters = {"practice_id": practice_id, "kind": kind, "since": since, "until": until}
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
