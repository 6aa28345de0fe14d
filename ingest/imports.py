"""What the store does for imports: who is meant, what is there already, how far a file came.

Every function takes an open cursor of the role ``homevitals_ingest`` whose transaction works for the practice.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from firmware_profiles import kinds
from ingest import errors, named_queries, statements
from ingest.import_candidates import ImportCandidate, Person
from ingest.rows import StoredReading

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "imports")


@dataclass(frozen=True, slots=True)
class File:
    """A file to import, told in one way.

    Attributes:
        sha256: Of its bytes.
        format: Its format's name.
        choices: What was said about it; with the hash, what makes an import the same one.
    """

    sha256: bytes
    format: str
    choices: dict[str, str | bool | None]


@dataclass(frozen=True, slots=True)
class Run:
    """How far an import is. ``rows_done`` counts the file's rows from its beginning, faulty ones too."""

    run_id: UUID
    rows_done: int
    stored_count: int
    row_count: int


@dataclass(frozen=True, slots=True)
class RowOfFile:
    """The row of a file that a reading came of."""

    row_number: int
    format: str
    file_sha256: bytes
    started_at: datetime
    started_by: str


def people(cur: Cursor, practice_id: UUID, record_numbers: Collection[str]) -> dict[str, Person]:
    """Return the known ones of these patients, by record number."""
    asked = {"practice_id": practice_id, "record_numbers": list(record_numbers)}
    found = statements.rows(cur, Person, _Q.people_by_record_number, asked)
    return {person.record_number: person for person in found}


def begin_looking(cur: Cursor) -> None:
    """Forget which rows were seen before."""
    cur.execute(_Q.make_seen)
    cur.execute(_Q.forget_seen)


def see(cur: Cursor, record_keys: Sequence[bytes]) -> set[bytes]:
    """Return the keys that stood in no earlier batch of the file."""
    return {key for (key,) in cur.execute(_Q.see, {"record_keys": list(record_keys)})}


def from_devices(
    cur: Cursor, practice_id: UUID, candidates: Sequence[ImportCandidate]
) -> set[UUID]:
    """Return the reading ids of the candidates that a peripheral of the patient sent already."""
    readings = [one.reading for one in candidates]
    asked = {
        "practice_id": practice_id,
        "patient_ids": [reading.patient_id for reading in readings],
        "kinds": [reading.kind for reading in readings],
        "results": [reading.result for reading in readings],
        "from_ats": [reading.measured_at for reading in readings],
        "until_ats": [one.until_at for one in candidates],
        "numbers": [json.dumps(_telling_numbers(reading)) for reading in readings],
    }
    return {
        readings[position - 1].reading_id for (position,) in cur.execute(_Q.from_devices, asked)
    }


def _telling_numbers(reading: StoredReading) -> dict[str, float | None]:
    """Return the numbers by which two readings of a kind are held to be one: a file may lack the others."""
    return {number.name: getattr(reading, number.name) for number in kinds.OF[reading.kind].needed}


def unfinished(cur: Cursor, practice_id: UUID, file: File) -> Run | None:
    """Return the import of this file, told the same, that was ended before its end."""
    asked = {
        "practice_id": practice_id,
        "file_sha256": file.sha256,
        "choices": Jsonb(file.choices),
    }
    return statements.first(cur, Run, _Q.unfinished_run, asked)


def begin(
    cur: Cursor,
    practice_id: UUID,
    file: File,
    *,
    row_count: int,
    fault_count: int,
    started_by: str,
    at: datetime,
) -> Run:
    """Write down that an import begins.

    Raises:
        RefusedByStoreError: another import of the same file began at the same moment.
    """
    run_id = uuid4()
    with statements.refusals():
        cur.execute(
            _Q.begin_run,
            {
                "practice_id": practice_id,
                "run_id": run_id,
                "file_sha256": file.sha256,
                "format": file.format,
                "choices": Jsonb(file.choices),
                "at": at,
                "started_by": started_by,
                "row_count": row_count,
                "fault_count": fault_count,
            },
        )
    return Run(run_id, 0, 0, row_count)


def advance(
    cur: Cursor,
    practice_id: UUID,
    run: Run,
    stored: Sequence[ImportCandidate],
    *,
    rows_done: int,
    at: datetime,
) -> Run:
    """Write down how far the import is, and which readings came of which rows, in the transaction that stores them.

    Raises:
        StoreError: another import of the same file went on meanwhile.
    """
    cur.execute(
        _Q.link_readings,
        {
            "practice_id": practice_id,
            "run_id": run.run_id,
            "reading_ids": [one.reading.reading_id for one in stored],
            "row_numbers": [one.row_number for one in stored],
        },
    )
    asked = {
        "practice_id": practice_id,
        "run_id": run.run_id,
        "rows_before": run.rows_done,
        "rows_done": rows_done,
        "stored": len(stored),
        "at": at,
    }
    if not statements.changed(cur, _Q.advance_run, asked):
        raise errors.StoreError(
            "another import of the same file is at work; wait for its end, then start again"
        )
    return Run(run.run_id, rows_done, run.stored_count + len(stored), run.row_count)


def row_of(cur: Cursor, practice_id: UUID, reading_id: UUID) -> RowOfFile | None:
    """Return which row of which file a reading came of; None for one that was not imported."""
    asked = {"practice_id": practice_id, "reading_id": reading_id}
    return statements.first(cur, RowOfFile, _Q.row_of_reading, asked)
