"""The loop of an ingest worker: take what is there, decide, commit, acknowledge, send receipts.

While the database writes one batch, the worker decides about the next: two threads, two connections, and never more
than these two batches. They are finished in the order in which they arrived, and a batch waits for no other: where
nothing more has arrived, it is acknowledged as soon as it is written.

Whatever goes wrong before the commit, the messages stay unacknowledged and come again. Whatever goes wrong after it,
the gateways send their records again and are told that they are known. So it may be killed anywhere.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import tenacity

from firmware_profiles import topics, wire
from firmware_profiles.wire import Batch
from ingest import arrivals, database_hand, receipts
from ingest.arrivals import Arrival, Opened
from ingest.commit import Committer
from ingest.database_hand import DatabaseHand
from ingest.inbox import Delivery
from ingest.intake import Plan
from ingest.quarantine import IngestReason
from ingest.receipts import Fates
from ingest.sessions import Sessions
from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

# How long the worker may overlook that it should stop, or that it hears nothing any more.
_IDLE_S: Final = 0.5
# Payloads of one transaction. After an outage messages hold hundreds of records each.
_MOST_BYTES: Final = 512 * 1024
# After this, what was decided about a batch is decided anew before it is written: assignments may have changed while
# the database was away. Ingest looks a second time at the readings of a changed assignment after two minutes
# (ingest/assignments.py); nothing decided before the change may be written later than that.
_DECISIONS_HOLD: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Messages on their way; ``plans`` is None where deciding about them failed as a whole."""

    deliveries: Sequence[Delivery]
    messages: Sequence[Opened]
    plans: Sequence[Plan] | None
    stored_at: datetime


class Worker:
    """Brings messages from the broker's sessions into the store.

    Args:
        settings: Of this worker.
        sessions: Started.
        stop: Set it to end the work after the batches in hand.
    """

    def __init__(self, settings: IngestSettings, sessions: Sessions, stop: threading.Event) -> None:
        self._settings = settings
        self._sessions = sessions
        self._stop = stop
        self._planner = DatabaseHand(settings.database, stop)
        self._writer = DatabaseHand(settings.database, stop)

    def run(self) -> None:
        """Work until ``stop`` is set.

        Raises:
            BrokerError: nothing can arrive any more.
        """
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="ingest-writer") as writing:
                self._work(writing)
        except tenacity.RetryError:
            log.warning("stopped_without_database")  # what is in hand stays unacknowledged
        finally:
            self._planner.close()
            self._writer.close()

    def _work(self, writing: ThreadPoolExecutor) -> None:
        written: Future[Fates] | None = None
        batch: _Batch | None = None
        while not self._stop.is_set():
            self._sessions.check()
            deliveries = self._sessions.take(
                self._settings.batch_size, _MOST_BYTES, 0.0 if written else _IDLE_S
            )
            following = self._decide(deliveries) if deliveries else None
            fates = written.result() if written else None
            # The next one is written while this one is acknowledged.
            written = writing.submit(self._write, following) if following else None
            if batch is not None and fates is not None:
                self._finish(batch, fates)
            batch = following
        if batch is not None and written is not None:
            self._finish(batch, written.result())

    def _decide(self, deliveries: Sequence[Delivery]) -> _Batch:
        messages = [_open(delivery.arrival) for delivery in deliveries]
        stored_at = _now()
        try:
            plans = self._planner.do(lambda committer: committer.plan(messages, stored_at))
        except tenacity.RetryError:
            raise
        except Exception as error:  # top loop: a defect must not stop the other messages
            log.warning(
                "messages_failed", extra=_told(error, len(messages)), exc_info=_is_defect(error)
            )
            return _Batch(deliveries, messages, None, stored_at)
        return _Batch(deliveries, messages, plans, stored_at)

    def _write(self, batch: _Batch) -> Fates:
        """Commit a batch, or else its messages in ever smaller parts; in the writer's thread."""
        if (plans := batch.plans) is not None:
            try:
                return self._writer.do(lambda committer: _written(committer, batch, plans))
            except tenacity.RetryError:
                raise
            except Exception as error:  # top loop: as above
                log.warning(
                    "messages_failed",
                    extra=_told(error, len(batch.messages)),
                    exc_info=_is_defect(error),
                )
        return self._take_in(batch.messages)

    def _take_in(self, messages: Sequence[Opened]) -> Fates:
        """Commit messages together, or else in halves and halves of these until only what fails is left.

        Messages fall into records at last; the record that fails alone goes to quarantine with the
        reason, and its neighbours are stored.
        """
        try:
            return self._writer.do(lambda committer: committer.take_in(messages, _now()))
        except tenacity.RetryError:
            raise
        except Exception as error:  # top loop: as above
            reason, detail = _blame(error)
            log.warning(
                "messages_failed", extra=_told(error, len(messages)), exc_info=_is_defect(error)
            )
        parts = messages if len(messages) > 1 else arrivals.one_by_one(messages[0])
        if len(parts) > 1:
            half = len(parts) // 2
            return {**self._take_in(parts[:half]), **self._take_in(parts[half:])}
        return self._writer.do(lambda committer: committer.refuse(parts[0], reason, detail, _now()))

    def _finish(self, batch: _Batch, fates: Fates) -> None:
        self._sessions.acknowledge(batch.deliveries)
        self._sessions.publish_all(
            [
                (topics.receipts(gateway_id), wire.encode_receipt(receipt))
                for gateway_id, receipt in receipts.receipts(fates)
            ]
        )
        counts = Counter(fate.status.value for fate in fates.values())
        log.info("messages_taken_in", extra={"count": len(batch.deliveries), **counts})


def _written(committer: Committer, batch: _Batch, plans: Sequence[Plan]) -> Fates:
    if abs(_now() - batch.stored_at) > _DECISIONS_HOLD:
        return committer.take_in(batch.messages, _now())
    return committer.write(plans, batch.stored_at)


def _open(arrival: Arrival) -> Opened:
    try:
        opened = arrivals.open_message(arrival)
    except Exception:  # top loop: a defect in reading must not stop the others
        log.exception("message_unreadable")
        return Opened(arrival, None, None)
    if isinstance(opened.content, Batch) and (count := opened.content.unknown_fields):
        log.warning(
            "unknown_fields_ignored", extra={"gateway_id": opened.gateway_id, "count": count}
        )
    return opened


def _told(error: Exception, count: int) -> dict[str, Any]:
    return {"count": count, "reason": _blame(error)[0], **database_hand.where(error)}


def _is_defect(error: Exception) -> bool:
    return _blame(error)[0] is IngestReason.PROCESSING_FAILED


def _blame(error: Exception) -> tuple[IngestReason, str]:
    if isinstance(error, psycopg.Error):
        return IngestReason.STORAGE_REFUSED, f"sqlstate {error.sqlstate or 'none'}"
    return IngestReason.PROCESSING_FAILED, f"{type(error).__name__} in ingest"


def _now() -> datetime:
    return datetime.now(UTC)
