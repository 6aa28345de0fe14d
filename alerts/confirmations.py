"""What patients are asked to measure again, while nobody is called yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import scalar_row

from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("alerts", "confirmations")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationRequest:
    """What a patient is asked to do, and until when an answer counts."""

    reading_id: UUID
    family: str
    ask: str
    asked_at: datetime
    until_at: datetime


def asked_patients(
    cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID]
) -> frozenset[UUID]:
    """Return those of some patients who were asked to measure again."""
    asked = {"practice_id": practice_id, "patient_ids": list(patient_ids)}
    with cur.connection.cursor(row_factory=scalar_row) as rows:
        return frozenset(rows.execute(_Q.load_asked_patients, asked))


def replace(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    settled: Collection[UUID],
    requests: Sequence[ConfirmationRequest],
    at: datetime,
) -> None:
    """Put what a patient is asked from now on in the place of what was asked because of some readings, or is over."""
    whose = {"practice_id": practice_id, "patient_id": patient_id, "at": at}
    cur.execute(_Q.delete_confirmation_requests, whose | {"reading_ids": list(settled)})
    for request in requests:
        fields = {name: getattr(request, name) for name in request.__slots__}
        cur.execute(_Q.insert_confirmation_request, whose | fields)


def of_patient(
    cur: Cursor, practice_id: UUID, patient_id: UUID, at: datetime
) -> list[ConfirmationRequest]:
    """Return what a patient is asked at an instant."""
    asked = {"practice_id": practice_id, "patient_id": patient_id, "at": at}
    return statements.rows(cur, ConfirmationRequest, _Q.load_confirmation_requests, asked)
