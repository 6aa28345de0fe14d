"""Readings on their way out: whose they are, known before the first leaves, and the readings themselves, streamed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from firmware_profiles.readings import Kind
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "exports")

# Rows that the server hands over at once; a round trip for each megabyte.
_ROWS_AT_ONCE: Final = 5000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which readings.

    Attributes:
        practice_id: Whose patients.
        record_number: Of the one patient; None for all. Readings that wait for a patient are nobody's and stay.
        kind: What was measured; None for everything.
        from_at: Measured from then on, aware UTC; None from the beginning.
        until_at: Measured before then, aware UTC; None until the end.
        all_versions: Whether versions that count no more are wanted too.
    """

    practice_id: UUID
    record_number: str | None = None
    kind: Kind | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    all_versions: bool = False


def patients(cur: Cursor, wanted: Wanted) -> list[UUID]:
    """Return whose readings there are."""
    return [patient_id for (patient_id,) in cur.execute(_Q.patients_to_export, asdict(wanted))]


def readings(
    connection: psycopg.Connection[Any], wanted: Wanted, patient_ids: Sequence[UUID]
) -> Iterator[tuple[Any, ...]]:
    """Yield the readings of these patients, columns as in ``exporting/columns.py``, one small part in memory at a time.

    Args:
        connection: In a transaction that works for the practice and lasts until the end.
        wanted: Which readings.
        patient_ids: Those whom the audit trail names.
    """
    statement = _Q.versions_to_export if wanted.all_versions else _Q.readings_to_export
    with connection.cursor(name="exported_readings") as streamed:
        streamed.itersize = _ROWS_AT_ONCE
        streamed.execute(statement, asdict(wanted) | {"patient_ids": list(patient_ids)})
        yield from streamed
