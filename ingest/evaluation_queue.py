"""Readings that wait for the rules: queued as they are stored, taken off the queue as they are judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import psycopg

from firmware_profiles.readings import Result
from ingest import errors, named_queries, rows, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest")

# What the rules judge: numbers, and "HI" and "LO", which say more than any number.
JUDGED: Final = (Result.MEASURED, Result.ABOVE_RANGE, Result.BELOW_RANGE)


def queue_evaluation(
    cur: Cursor, readings: Sequence[rows.StoredReading], queued_at: datetime
) -> None:
    """Queue what the rules judge of these readings, those of patients, and wake the evaluators at commit."""
    readings = [r for r in readings if r.patient_id is not None and r.result in JUDGED]
    if not readings:
        return
    cur.execute(
        _Q.queue_evaluation,
        {
            "practice_ids": [r.practice_id for r in readings],
            "patient_ids": [r.patient_id for r in readings],
            "reading_ids": [r.reading_id for r in readings],
            "measured_ats": [r.measured_at for r in readings],
            "queued_at": queued_at,
        },
    )
    cur.execute(_Q.wake_evaluators)


def take_evaluation_work(cur: Cursor, limit: int, at: datetime) -> list[rows.EvaluationWork]:
    """Lock the oldest work due at ``at`` that no other evaluator holds, until the transaction ends."""
    return statements.rows(
        cur, rows.EvaluationWork, _Q.take_evaluation_work, {"limit": limit, "at": at}
    )


def finish_evaluation_work(cur: Cursor, queue_ids: Sequence[int]) -> None:
    """Delete work in the transaction that took it and wrote its result.

    Raises:
        StoreError: some of it was not there, so somebody else did it too; the transaction must not commit.
    """
    cur.execute(_Q.finish_evaluation_work, {"queue_ids": list(queue_ids)})
    if cur.rowcount != len(set(queue_ids)):
        raise errors.StoreError("evaluation work vanished while it was being done; roll back")


def postpone_evaluation_work(
    cur: Cursor, queue_id: int, *, retry_at: datetime, last_error: str
) -> None:
    """Count a failed evaluation and leave its work alone until ``retry_at``.

    Args:
        cur: in the transaction that took the work.
        queue_id: the work.
        retry_at: when it is due again, aware UTC.
        last_error: the kind of failure, without any content.
    """
    cur.execute(
        _Q.postpone_evaluation_work,
        {"queue_id": queue_id, "retry_at": retry_at, "last_error": last_error},
    )


def ask_again(cur: Cursor, queue_id: int, *, at: datetime) -> None:
    """Leave work in the queue as if it had come at an instant to come: nothing failed, something is waited for.

    Args:
        cur: in the transaction that took the work and did it.
        queue_id: the work.
        at: when it is due, aware UTC.
    """
    cur.execute(_Q.ask_again, {"queue_id": queue_id, "at": at})


def oldest_evaluation_work_at(cur: Cursor) -> datetime | None:
    """Return since when the oldest evaluation work waits, aware UTC; None when none does."""
    cur.execute(_Q.oldest_evaluation_work_at)
    oldest_at: datetime | None = _first(cur)
    return oldest_at


def _first(cur: Cursor) -> Any:
    row = cur.fetchone()
    return None if row is None else row[0]
