"""The service that takes evaluation work and turns breaches into episodes and tasks.

Exactly once, without any bookkeeping of its own: evaluation, episode, task and the removal from the
queue commit together or not at all. A killed evaluator leaves its work in the queue; two evaluators
share it (``skip locked``) and take turns patient by patient.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg

from alerts import errors, store, withdrawal
from alerts.episode import EpisodeEvent, EpisodeEventKind, OpenedEpisode, TaskSink
from alerts.evaluate import Answer, Outcome, Silence, evaluate
from alerts.rules import Rule
from alerts.settings import AlertsSettings
from ingest import evaluation_queue, lasting_connection, tenancy
from ingest import store as ingest_store
from ingest.rows import EvaluationWork

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]

POLL_S: Final = 1.0
"""Longest time until work is found whose notification was missed, and until a stop is noticed."""

LONGEST_RETRY: Final = timedelta(hours=1)
"""Failed work is tried again after 2, 4, 8… seconds, then hourly: never given up, never first."""

_SESSION_OPTIONS: Final = (
    "-c timezone=UTC -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
)


def run(settings: AlertsSettings, sink: TaskSink, stop: Event) -> None:
    """Evaluate until ``stop`` is set; survive every restart of the database.

    Args:
        settings: Of this evaluator.
        sink: Turns an opened episode into a task in the same transaction, or declines.
        stop: Ends the service after the transaction at hand.
    """
    while not stop.is_set():
        try:
            with lasting_connection.connect(
                settings.database, stop, options=_SESSION_OPTIONS, log=log
            ) as connection:
                _serve(connection, settings, sink, stop)
        except psycopg.Error as error:
            log.warning("database_lost", extra={"error": _kind(error)})
            stop.wait(POLL_S)


def _serve(connection: Connection, settings: AlertsSettings, sink: TaskSink, stop: Event) -> None:
    store.listen(connection)
    log.info("evaluator_ready")
    while not stop.is_set():
        if not evaluate_batch(connection, settings, sink, datetime.now(UTC)):
            for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                pass


def evaluate_batch(
    connection: Connection, settings: AlertsSettings, sink: TaskSink, at: datetime
) -> int:
    """Evaluate the oldest work in one transaction.

    1. Take work that no other evaluator holds, and take turns with others on its patients.
    2. Evaluate each item in a savepoint of its own, working for its practice alone: one that fails is
       postponed and hurts no other.
    3. Remove the finished items from the queue.

    Args:
        connection: With autocommit, or between transactions.
        settings: Of this evaluator.
        sink: Turns an opened episode into a task, or declines.
        at: Now.

    Returns:
        How many items were taken; 0 means that nothing is due.
    """
    with connection.transaction(), connection.cursor() as cur:
        work = evaluation_queue.take_evaluation_work(cur, settings.batch_size, at)
        if not work:
            return 0
        store.lock_patients(cur, {item.patient_id for item in work})
        finished = [
            item.queue_id
            for item in _in_event_time(work)
            if _evaluate_safely(cur, item, sink, at, settings.late_after)
        ]
        evaluation_queue.finish_evaluation_work(cur, finished)
    log.info("batch_evaluated", extra={"count": len(finished), "failed": len(work) - len(finished)})
    return len(work)


def _in_event_time(work: Iterable[EvaluationWork]) -> list[EvaluationWork]:
    return sorted(work, key=lambda item: (item.measured_at, item.queue_id))


def _evaluate_safely(
    cur: store.Cursor, item: EvaluationWork, sink: TaskSink, at: datetime, late_after: timedelta
) -> bool:
    try:
        with tenancy.transaction(cur.connection, item.practice_id):
            evaluate_item(cur, item, sink, at, late_after)
    except Exception as error:  # the top loop: one poisoned item must not stop the others
        if cur.connection.broken:
            raise
        retry_at = at + min(timedelta(seconds=2 ** min(item.attempts + 1, 12)), LONGEST_RETRY)
        evaluation_queue.postpone_evaluation_work(
            cur, item.queue_id, retry_at=retry_at, last_error=_kind(error)
        )
        log.error(  # noqa: TRY400 - a traceback's message may carry a patient's numbers
            "evaluation_failed",
            extra={
                "queue_id": item.queue_id,
                "attempts": item.attempts + 1,
                "error": _kind(error),
            },
        )
        return False
    return True


def evaluate_item(
    cur: store.Cursor, item: EvaluationWork, sink: TaskSink, at: datetime, late_after: timedelta
) -> None:
    """Evaluate one reading and write all that follows from it.

    1. A reading that counts no more is withdrawn from the episodes in which it stands.
    2. A reading that was evaluated before needs nothing more.
    3. Ask the rules in force.
    4. Where a former version of the reading stands in an episode of the rule, the breach takes its place there. For
       each other breach open an episode with its task, or add the breach to the open episode.
    5. Store the evaluation with its trace.

    Raises:
        errors.WorkWithoutReading: The work points at no reading of its patient.
    """
    reading = ingest_store.reading(cur, item.practice_id, item.reading_id)
    if reading is None or reading.patient_id != item.patient_id:
        raise errors.WorkWithoutReading
    if reading.superseded_at is not None:
        withdrawal.withdraw(cur, reading, item.patient_id, at)
        return
    if store.is_evaluated(cur, item.practice_id, item.reading_id):
        return
    rules = store.rules_of_patient(cur, item.practice_id, item.patient_id)
    evaluation = evaluate(reading, item.patient_id, rules, evaluated_at=at, late_after=late_after)
    former = withdrawal.former_breaches(cur, reading, item.patient_id, at)
    followed = [
        _take_place(cur, item, breach, former[breach.rule.rule_id], at)
        if breach.rule.rule_id in former
        else _follow(cur, item, breach, sink, at)
        for breach in evaluation.breached
        if breach in evaluation.breaches or breach.rule.rule_id in former
    ]
    outcome, silence = _outcome(evaluation.silence, [each.event for each in followed])
    trace = evaluation.trace | {
        "outcome": outcome.value,
        "silence": None if silence is None else silence.value,
        "episodes": [each.traced() for each in followed],
    }
    store.insert_evaluation(
        cur,
        reading,
        item.patient_id,
        evaluated_at=at,
        outcome=outcome,
        silence=silence,
        trace=trace,
    )


@dataclass(frozen=True, slots=True)
class _Followed:
    """What followed from one breach; without an event the sink declined and nothing did."""

    rule: Rule
    event: EpisodeEventKind | None = None
    episode_id: UUID | None = None
    task_id: UUID | None = None

    def traced(self) -> dict[str, Any]:
        return {
            "rule_id": str(self.rule.rule_id),
            "event": Silence.NOT_ENROLLED.value if self.event is None else self.event.value,
            "episode_id": None if self.episode_id is None else str(self.episode_id),
            "task_id": None if self.task_id is None else str(self.task_id),
        }


def _follow(
    cur: store.Cursor, item: EvaluationWork, breach: Answer, sink: TaskSink, at: datetime
) -> _Followed:
    """Open episode and task of a breach, or add it to the open episode, or undo both."""
    task_id = None
    with cur.connection.transaction() as savepoint:
        episode_id, is_new = store.record_breach(
            cur, breach.rule, item.patient_id, measured_at=item.measured_at, at=at
        )
        event = EpisodeEventKind.OPENED if is_new else EpisodeEventKind.BREACHED_AGAIN
        store.insert_episode_event(
            cur,
            item.practice_id,
            episode_id,
            EpisodeEvent(
                at=at,
                event=event,
                reading_id=item.reading_id,
                measured_at=item.measured_at,
                note=breach.sentence,
            ),
        )
        if is_new:
            task_id = sink(cur, _opened(episode_id, item, breach, at))
            if task_id is None:
                raise psycopg.Rollback(savepoint)
        return _Followed(breach.rule, event, episode_id, task_id)
    return _Followed(breach.rule)


def _take_place(
    cur: store.Cursor, item: EvaluationWork, breach: Answer, episode_id: UUID, at: datetime
) -> _Followed:
    """Put a breach in the place of the one that a former version of the reading was: one measurement, one breach."""
    event = EpisodeEvent(
        at=at,
        event=EpisodeEventKind.CORRECTED,
        reading_id=item.reading_id,
        measured_at=item.measured_at,
        note=breach.sentence,
    )
    store.insert_episode_event(cur, item.practice_id, episode_id, event)
    store.recount_breaches(cur, item.practice_id, episode_id)
    return _Followed(breach.rule, EpisodeEventKind.CORRECTED, episode_id)


def _opened(episode_id: UUID, item: EvaluationWork, breach: Answer, at: datetime) -> OpenedEpisode:
    rule = breach.rule
    return OpenedEpisode(
        practice_id=item.practice_id,
        patient_id=item.patient_id,
        episode_id=episode_id,
        rule_id=rule.rule_id,
        rule_version=rule.version,
        title=rule.title,
        severity=rule.question.severity,
        opened_at=at,
        due_at=at + rule.due_within,
        reading_id=item.reading_id,
        measured_at=item.measured_at,
        sentence=breach.sentence,
    )


def _outcome(
    silence: Silence | None, events: Sequence[EpisodeEventKind | None]
) -> tuple[Outcome, Silence | None]:
    if silence is not None and not events:
        return Outcome.SILENT, silence
    if not events:
        return Outcome.NO_BREACH, None
    if EpisodeEventKind.OPENED in events:
        return Outcome.EPISODE_OPENED, None
    if EpisodeEventKind.BREACHED_AGAIN in events or EpisodeEventKind.CORRECTED in events:
        return Outcome.EPISODE_CONTINUED, None
    return Outcome.SILENT, Silence.NOT_ENROLLED


def _kind(error: BaseException) -> str:
    """Name an error without its message, which may repeat what was in the row."""
    if isinstance(error, psycopg.Error):
        constraint = error.diag.constraint_name or ""
        return f"{type(error).__name__} {error.sqlstate or ''} {constraint}".strip()
    return type(error).__name__
