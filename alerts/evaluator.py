"""The service that takes evaluation work and turns breaches into episodes and tasks.

Exactly once, without any bookkeeping of its own: evaluation, episode, task and the removal from the
queue commit together or not at all. A killed evaluator leaves its work in the queue; two evaluators
share it (``skip locked``) and take turns patient by patient.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg

from alerts import practice_round, store
from alerts.care_side import CareSide
from alerts.practice_round import PatientShare
from alerts.settings import AlertsSettings
from ingest import evaluation_queue, lasting_connection, tenancy
from ingest.rows import EvaluationWork

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]

POLL_S: Final = 1.0
"""Longest time until work is found whose notification was missed, and until a stop is noticed."""

LONGEST_RETRY: Final = timedelta(hours=1)
"""Failed work is tried again after 2, 4, 8… seconds, then hourly: never given up, never first."""

_A_SECOND: Final = timedelta(seconds=1)

_SESSION_OPTIONS: Final = (
    "-c timezone=UTC -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
)


def run(settings: AlertsSettings, care_side: CareSide, stop: Event) -> None:
    """Evaluate until ``stop`` is set; survive every restart of the database.

    Args:
        settings: Of this evaluator.
        care_side: Turns an opened episode into a task in the same transaction, or declines.
        stop: Ends the service after the transaction at hand.
    """
    while not stop.is_set():
        try:
            with lasting_connection.connect(
                settings.database, stop, options=_SESSION_OPTIONS, log=log
            ) as connection:
                _serve(connection, settings, care_side, stop)
        except psycopg.Error as error:
            log.warning("database_lost", extra={"error": _kind(error)})
            stop.wait(POLL_S)


def _serve(
    connection: Connection, settings: AlertsSettings, care_side: CareSide, stop: Event
) -> None:
    store.listen(connection)
    log.info("evaluator_ready")
    while not stop.is_set():
        if not evaluate_batch(connection, settings, care_side, datetime.now(UTC)):
            for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                pass


def evaluate_batch(
    connection: Connection, settings: AlertsSettings, care_side: CareSide, at: datetime
) -> int:
    """Evaluate the oldest work in one transaction.

    1. Take work that no other evaluator holds, and take turns with others on its patients.
    2. Load and ask for each practice at once, working for it alone; write patient by patient in a savepoint of its own:
       one that fails is postponed and hurts no other.
    3. Remove the finished items from the queue; those that wait for a confirmation stay until its time is up.

    Args:
        connection: With autocommit, or between transactions.
        settings: Of this evaluator.
        care_side: Turns an opened episode into a task, or declines.
        at: Now.

    Returns:
        How many items were taken; 0 means that nothing is due.
    """
    with connection.transaction(), connection.cursor() as cur:
        work = evaluation_queue.take_evaluation_work(cur, settings.batch_size, at)
        if not work:
            return 0
        store.lock_patients(cur, {item.patient_id for item in work})
        by_practice: dict[UUID, list[EvaluationWork]] = {}
        for item in work:
            by_practice.setdefault(item.practice_id, []).append(item)
        batch = _Batch(cur, care_side, at, settings.late_after)
        for practice_id, items in by_practice.items():
            batch.evaluate(practice_id, items)
        evaluation_queue.finish_evaluation_work(cur, batch.finished)
    log.info("batch_evaluated", extra={"count": len(batch.finished), "failed": batch.failed_count})
    return len(work)


@dataclass(slots=True)
class _Batch:
    """One transaction's work.

    Attributes:
        finished: the queue ids of what is done.
        failed_count: items that were postponed.
    """

    cur: store.Cursor
    care_side: CareSide
    at: datetime
    late_after: timedelta
    finished: list[int] = field(default_factory=list)
    failed_count: int = 0

    def evaluate(self, practice_id: UUID, items: Sequence[EvaluationWork]) -> None:
        """Evaluate a practice's items; where loading them together fails, each patient's by themselves."""
        try:
            with tenancy.transaction(self.cur.connection, practice_id):
                shares, failures = practice_round.load(
                    self.cur, practice_id, items, self.care_side, self.at
                )
                store.record_rule_failures(self.cur, practice_id, failures, self.at)
                for failed, error in failures.items():
                    rule_id, version = failed
                    log.error(
                        "rule_failed",
                        extra={"rule_id": str(rule_id), "version": version, "error": error},
                    )
                self._write_quiet(practice_id, [share for share in shares if share.is_quiet])
                for share in shares:
                    if not share.is_quiet:
                        self._write(practice_id, share)
        except Exception as error:  # the top loop: one poisoned item must not stop the others
            if self.cur.connection.broken:
                raise
            patients = sorted({item.patient_id for item in items})
            if len(patients) == 1:
                self._postpone(items, error)
                return
            for patient_id in patients:
                self.evaluate(
                    practice_id, [item for item in items if item.patient_id == patient_id]
                )

    def _write_quiet(self, practice_id: UUID, shares: Sequence[PatientShare]) -> None:
        """Write what most readings come to in one piece; where that fails, each patient's by themselves."""
        try:
            with self.cur.connection.transaction():
                practice_round.write_quiet(self.cur, practice_id, shares, self.at)
        except Exception:  # as above
            if self.cur.connection.broken:
                raise
            for share in shares:
                self._write(practice_id, share)
            return
        self.finished += [item.queue_id for share in shares for item in share.work]

    def _write(self, practice_id: UUID, share: PatientShare) -> None:
        try:
            with self.cur.connection.transaction():
                written = practice_round.write(
                    self.cur, practice_id, share, self.care_side, self.at, self.late_after
                )
        except Exception as error:  # as above
            if self.cur.connection.broken:
                raise
            self._postpone(share.work, error)
            return
        for item in share.work:
            asks_again_at = written.asks_again_at.get(item.queue_id)
            if asks_again_at is None:
                self.finished.append(item.queue_id)
            else:
                evaluation_queue.ask_again(self.cur, item.queue_id, at=asks_again_at + _A_SECOND)

    def _postpone(self, items: Iterable[EvaluationWork], error: Exception) -> None:
        for item in items:
            pause = min(timedelta(seconds=2 ** min(item.attempts + 1, 12)), LONGEST_RETRY)
            evaluation_queue.postpone_evaluation_work(
                self.cur, item.queue_id, retry_at=self.at + pause, last_error=_kind(error)
            )
            self.failed_count += 1
            log.error(
                "evaluation_failed",
                extra={
                    "queue_id": item.queue_id,
                    "attempts": item.attempts + 1,
                    "error": _kind(error),
                },
            )


def _kind(error: BaseException) -> str:
    """Name an error without its message, which may repeat what was in the row."""
    if isinstance(error, psycopg.Error):
        constraint = error.diag.constraint_name or ""
        return f"{type(error).__name__} {error.sqlstate or ''} {constraint}".strip()
    return type(error).__name__
