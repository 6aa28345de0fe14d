"""Whom a rule can be for besides a patient and a whole practice: who is in which program, and has which conditions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row

from alerts.rules import Memberships
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link", "audience")


def memberships(
    cur: psycopg.Cursor[Any], practice_id: UUID, patient_ids: Collection[UUID], at: datetime
) -> Mapping[UUID, Memberships]:
    """Return what each of some patients belonged to at an instant (aware), in one question."""
    asked = {"practice_id": practice_id, "patient_ids": list(patient_ids), "at": at}
    with cur.connection.cursor(row_factory=tuple_row) as rows:
        found = rows.execute(_Q.memberships, asked).fetchall()
    return {
        patient_id: Memberships(programs=frozenset(programs), conditions=frozenset(codes))
        for patient_id, programs, codes in found
    }
