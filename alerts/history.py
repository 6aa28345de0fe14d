"""Stored readings of a practice as the arrays that rules are asked about."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql
from psycopg.rows import dict_row, kwargs_row, scalar_row, tuple_row

from alerts.courses import Courses
from alerts.measures import measures_of
from alerts.past_readings import IRREGULAR_PULSE, Past, past
from firmware_profiles.readings import Kind, Result
from ingest import named_queries
from ingest.rows import EvaluationWork, Origin

_Q: Final = named_queries.load("alerts", "history")


# The numbers of a reading have names of their own in the statements, for no kind has more than three.
_NUMBERS: Final = ("first", "second", "third")

# The forms of the columns in PostgreSQL's binary format: big-endian.
_TRIED: Final = {
    "patient": "V16",
    "at_s": ">i8",
    "local_day": ">i4",
    "irregular_pulse": "?",
    **dict.fromkeys(_NUMBERS, ">f8"),
}
_PAST: Final = {
    "patient": "V16",
    "reading": "V16",
    "result": ">i4",
    "origin": ">i4",
    "at_us": ">i8",
    "local_day": ">i4",
    "version": ">i4",
    "irregular_pulse": "?",
    **dict.fromkeys(_NUMBERS, ">f8"),
}
_ARRAY_HEADER_BYTES: Final = 20
_PATIENTS_AT_ONCE: Final = 50  # a year of each of them is some three MB

MOST_READINGS: Final = 250_000
"""So many readings are looked at at once, by all rules and with all limits moved: some 200 MB."""


def patient_count(cur: psycopg.Cursor[Any], practice_id: UUID) -> int:
    """Return how many patients a practice has."""
    with cur.connection.cursor(row_factory=scalar_row) as counting:
        return int(counting.execute(_Q.count_patients, {"practice_id": practice_id}).fetchall()[0])


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
    parameters = {
        "practice_id": practice_id,
        "kind": kind,
        "since": since,
        "until": until,
        "patient_ids": None if of is None else list(of),
    }
    columns = _columns(cur, of_kind(_Q.readings_of_kind, kind), parameters, _TRIED)
    return _tried(kind, columns, until)


def parts(
    cur: psycopg.Cursor[Any],
    practice_id: UUID,
    kind: Kind,
    since: datetime,
    until: datetime,
    most_readings: int = MOST_READINGS,
) -> Iterator[tuple[Courses, list[UUID]]]:
    """Yield the same of a whole practice in parts that fit into memory, some patients in each; one part at least.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose patients.
        kind: What was measured.
        since: Measured from then on, aware.
        until: Measured before then, aware; also until when silence is known.
        most_readings: Of a part; a patient with more is one alone.
    """
    parameters = {"practice_id": practice_id, "kind": kind, "since": since, "until": until}
    waiting: list[dict[str, NDArray[Any]]] = []
    readings = 0
    with cur.connection.cursor("history", row_factory=dict_row) as rows:
        rows.itersize = _PATIENTS_AT_ONCE
        rows.execute(of_kind(_Q.readings_of_kind_by_patient, kind), parameters, binary=True)
        for row in rows:
            columns = {name: _array(row[name], form) for name, form in _TRIED.items()}
            if waiting and readings + len(columns["patient"]) > most_readings:
                yield _tried(kind, _joined(waiting), until)
                waiting, readings = [], 0
            waiting.append(columns)
            readings += len(columns["patient"])
    yield _tried(kind, _joined(waiting), until)


def _joined(patients: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    nothing = {name: _array(None, form) for name, form in _TRIED.items()}
    return {
        name: np.concatenate([nothing[name], *(one[name] for one in patients)]) for name in _TRIED
    }


def _tried(
    kind: Kind, columns: Mapping[str, NDArray[Any]], until: datetime
) -> tuple[Courses, list[UUID]]:
    patients, patient = np.unique(columns["patient"], return_inverse=True)
    found = Courses(
        patient=patient.astype(np.int64),
        at_s=columns["at_s"].astype(np.int64),
        local_day=columns["local_day"].astype(np.int64),
        numbers={
            measure: columns[name].astype(np.float64)
            for measure, name in zip(measures_of(kind), _NUMBERS, strict=False)
        },
        flags={IRREGULAR_PULSE: columns["irregular_pulse"]},
        until_s=int(until.timestamp()),
    )
    return found, [UUID(bytes=one.tobytes()) for one in patients]


def of_kind(statement: LiteralString, kind: Kind) -> sql.Composed:
    """Return a statement that selects the numbers of a kind."""
    measures = dict(zip(_NUMBERS, measures_of(kind), strict=False))
    return sql.SQL(statement).format(
        **{
            name: sql.Identifier("r", measures[name]) if name in measures else sql.NULL
            for name in _NUMBERS
        }
    )


def _columns(
    cur: psycopg.Cursor[Any],
    statement: sql.Composed,
    parameters: Mapping[str, Any],
    forms: Mapping[str, str],
) -> dict[str, NDArray[Any]]:
    """Return what a statement finds, whose columns are arrays in binary, as arrays: nothing is made of each row."""
    with cur.connection.cursor(row_factory=dict_row, binary=True) as rows:
        (found,) = rows.execute(statement, parameters).fetchall()  # it aggregates
    return {name: _array(found[name], form) for name, form in forms.items()}


def _array(sent: bytes | None, form: str) -> NDArray[Any]:
    """Return the elements of an array of one dimension without nulls, as array_send wrote them; nothing for null.

    Source: PostgreSQL, src/backend/utils/adt/arrayfuncs.c: a header, then each element behind its length.
    """
    element = np.dtype([("length", ">i4"), ("element", form)])
    return np.frombuffer(sent or bytes(_ARRAY_HEADER_BYTES), element, offset=_ARRAY_HEADER_BYTES)[
        "element"
    ]


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
    kind: Kind,
    from_at: datetime,
    until_at: datetime,
    now: datetime,
) -> Past:
    """Return what counts of some patients' readings of a kind in a span of time, both ends included.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose patients.
        patient_ids: Which.
        kind: What was measured.
        from_at: The earliest instant of measurement, aware UTC.
        until_at: The latest.
        now: Until when it is known what was measured, aware UTC.
    """
    parameters = {
        "practice_id": practice_id,
        "patient_ids": list(patient_ids),
        "kind": kind,
        "from_at": from_at,
        "until_at": until_at,
        # What is a word there is a number in the arrays: its place in one of these.
        "results": list(Result),
        "origins": list(Origin),
    }
    columns = _columns(cur, of_kind(_Q.readings_of_patients, kind), parameters, _PAST)
    numbers = {
        measure: columns[name] for measure, name in zip(measures_of(kind), _NUMBERS, strict=False)
    }
    return past(kind, columns, numbers, now)


def _waiting(*, kind: str, result: str, **columns: Any) -> WaitingReading:
    return WaitingReading(kind=Kind(kind), result=Result(result), **columns)
