"""Corrections: new versions of readings that point at the ones before.

A stored reading is never changed. Where a newer device profile reads its bytes otherwise, or its peripheral turns out
to have been somebody else's, a new version takes its place, with who wanted it and why; the one before stays and can
be shown. The rules look at the new version, and take back what the former one led to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg

from ingest import evaluation_queue, named_queries, statements, store
from ingest.rows import StoredReading

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "corrections")


class Cause(StrEnum):
    """Why readings get a new version."""

    ASSIGNMENT = "assignment"  # the peripheral was somebody else's, or somebody's after all
    PROFILE = "profile"  # a newer device profile reads the same bytes otherwise


@dataclass(frozen=True, slots=True)
class Correction:
    """One act of correcting.

    Attributes:
        at: Now, aware UTC.
        made_by: Staff id, service or system user name.
        detail: In words, without any reading or name.
    """

    practice_id: UUID
    correction_id: UUID
    at: datetime
    cause: Cause
    made_by: str
    detail: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a reading; ``cause`` and what follows are None for the first."""

    reading_id: UUID
    version: int
    measured_at: datetime
    patient_id: UUID | None
    profile_id: str
    profile_version: int
    stored_at: datetime
    superseded_at: datetime | None
    cause: str | None
    made_by: str | None
    detail: str | None


def replace(
    cur: Cursor, correction: Correction, wanted: Sequence[tuple[StoredReading, StoredReading]]
) -> int:
    """Put new versions in the place of readings; return how many were replaced.

    1. Claim each reading's replacement: what somebody else replaced meanwhile is left alone.
    2. Mark the former versions, store the new ones.
    3. Queue the new ones for the rules, and the former ones of patients, whose episodes they may have opened.

    Args:
        cur: In a transaction of the role ``homevitals_ingest`` that works for the practice.
        correction: Who, when and why.
        wanted: (former, new) of the one practice; the new one has an id of its own and the next version's number.
    """
    if not wanted:
        return 0
    cur.execute(_Q.add_correction, asdict(correction))
    cur.execute(
        _Q.claim_replacements,
        {
            "practice_id": correction.practice_id,
            "correction_id": correction.correction_id,
            "reading_ids": [new.reading_id for _, new in wanted],
            "measured_ats": [new.measured_at for _, new in wanted],
            "replaces_ids": [former.reading_id for former, _ in wanted],
            "replaces_measured_ats": [former.measured_at for former, _ in wanted],
            "versions": [new.version for _, new in wanted],
        },
    )
    claimed = {reading_id for (reading_id,) in cur}
    replaced = [(former, new) for former, new in wanted if new.reading_id in claimed]
    if not replaced:
        return 0
    _supersede(cur, correction, [former for former, _ in replaced])
    store.add_readings(cur, [new for _, new in replaced])
    evaluation_queue.queue_evaluation(
        cur, [one for pair in replaced for one in pair], correction.at
    )
    return len(replaced)


def _supersede(cur: Cursor, correction: Correction, formers: Sequence[StoredReading]) -> None:
    cur.execute(_Q.lift_columnstore_limit)
    of_patients: dict[UUID | None, list[StoredReading]] = {}
    for former in formers:
        of_patients.setdefault(former.patient_id, []).append(former)
    for patient_id, readings in of_patients.items():
        # Never a prepared plan: made without the values it would look into every partition.
        cur.execute(
            _Q.supersede,
            {
                "practice_id": correction.practice_id,
                "patient_id": patient_id,
                "at": correction.at,
                "reading_ids": [reading.reading_id for reading in readings],
                "measured_ats": [reading.measured_at for reading in readings],
            },
            prepare=False,
        )


def history(cur: Cursor, practice_id: UUID, reading_id: UUID) -> list[Version]:
    """Return all versions of a reading, first stored first, whichever of them is asked for."""
    asked = {"practice_id": practice_id, "reading_id": reading_id}
    return statements.rows(cur, Version, _Q.history, asked)
