"""The loop of an ingest worker: take what is there, commit it, acknowledge, send receipts.

Whatever goes wrong before the commit, the messages stay unacknowledged and come again. Whatever goes
wrong after it, the gateways send their records again and are told that they are known. So it may be
killed anywhere.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import tenacity

from firmware_profiles import topics, wire
from firmware_profiles.wire import Batch
from ingest import arrivals, receipts
from ingest.arrivals import Arrival, Opened
from ingest.commit import Committer
from ingest.consumer import Consumer, Delivery
from ingest.quarantine import IngestReason
from ingest.receipts import Fates
from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

# How long the worker may overlook that it should stop, or that it hears nothing any more.
_IDLE_S: Final = 0.5
_LONGEST_RETRY_S: Final = 30.0
_CONNECT_TIMEOUT_S: Final = 5
# No statement of a batch takes nearly that long; one that does waits for something that is lost.
_SESSION_OPTIONS: Final = "-c statement_timeout=60s -c lock_timeout=30s"

# What PostgreSQL says about the row and not about itself. Source: PostgreSQL 18, appendix A: classes
# 22 data exception, 23 integrity constraint violation, 54 program limit exceeded, P0 raised by a
# function. All else (connection, resources, rights, a missing migration) is no record's fault.
_BLAMES_RECORD: Final = frozenset({"22", "23", "44", "54", "P0"})


class Worker:
    """Brings messages from a consumer into the store.

    Args:
        settings: Of this worker.
        consumer: Started.
        stop: Set it to end the work after the batch in hand.
    """

    def __init__(self, settings: IngestSettings, consumer: Consumer, stop: threading.Event) -> None:
        self._settings = settings
        self._consumer = consumer
        self._stop = stop
        self._committer: Committer | None = None

    def run(self) -> None:
        """Work until ``stop`` is set.

        Raises:
            BrokerError: nothing can arrive any more.
        """
        try:
            while not self._stop.is_set():
                self._consumer.check()
                deliveries = self._consumer.take(self._settings.batch_size, _IDLE_S)
                if deliveries:
                    self._serve(deliveries)
        except tenacity.RetryError:
            log.warning("stopped_without_database")  # what is in hand stays unacknowledged
        finally:
            self._disconnect()

    def _serve(self, deliveries: Sequence[Delivery]) -> None:
        """Take a batch from the broker's hands.

        1. Commit it. 2. Acknowledge it. 3. Send the receipts.
        """
        fates = self._take_in([_open(delivery.arrival) for delivery in deliveries])
        self._consumer.acknowledge(deliveries)
        for gateway_id, receipt in receipts.receipts(fates):
            self._consumer.publish(topics.receipts(gateway_id), wire.encode_receipt(receipt))
        counts = Counter(fate.status.value for fate in fates.values())
        log.info("messages_taken_in", extra={"count": len(deliveries), **counts})

    def _take_in(self, messages: Sequence[Opened]) -> Fates:
        """Commit messages together, or else in ever smaller parts until only what fails is left.

        A batch falls into messages, a message into records; the record that fails alone goes to
        quarantine with the reason, and its neighbours are stored.
        """
        try:
            return self._patiently(lambda committer: committer.take_in(messages, _now()))
        except tenacity.RetryError:
            raise
        except Exception as error:  # top loop: a defect must not stop the other messages
            reason, detail = _blame(error)
            log.warning(
                "messages_failed",
                extra={"count": len(messages), "reason": reason, **_where(error)},
                exc_info=reason is IngestReason.PROCESSING_FAILED,
            )
        parts = messages if len(messages) > 1 else arrivals.one_by_one(messages[0])
        if len(parts) > 1:
            return {key: fate for part in parts for key, fate in self._take_in([part]).items()}
        return self._patiently(lambda committer: committer.refuse(parts[0], reason, detail, _now()))

    def _patiently(self, action: Callable[[Committer], Fates]) -> Fates:
        """Do something with the database, again and again while it is the database that fails.

        Raises:
            tenacity.RetryError: it still failed when the worker was told to stop.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_trouble_of_the_database),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=_LONGEST_RETRY_S),
            stop=tenacity.stop_when_event_set(self._stop),
            sleep=tenacity.sleep_using_event(self._stop),
        )
        return retrying(self._attempt, action)

    def _attempt(self, action: Callable[[Committer], Fates]) -> Fates:
        try:
            if self._committer is None:
                self._committer = Committer(_connect(self._settings.database))
            return action(self._committer)
        except psycopg.Error as error:
            if _is_trouble_of_the_database(error):
                log.warning("database_failed", extra=_where(error))
                self._disconnect()
            raise

    def _disconnect(self) -> None:
        if self._committer is not None:
            self._committer.close()
            self._committer = None


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


def _connect(conninfo: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        conninfo, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S, options=_SESSION_OPTIONS
    )


def _is_trouble_of_the_database(error: BaseException) -> bool:
    if not isinstance(error, psycopg.Error):
        return False
    # psycopg refuses by itself, without a code, what cannot be written as the type of a column.
    return (error.sqlstate or "")[:2] not in _BLAMES_RECORD and not (
        error.sqlstate is None and isinstance(error, psycopg.DataError)
    )


def _blame(error: Exception) -> tuple[IngestReason, str]:
    if isinstance(error, psycopg.Error):
        return IngestReason.STORAGE_REFUSED, f"sqlstate {error.sqlstate or 'none'}"
    return IngestReason.PROCESSING_FAILED, f"{type(error).__name__} in ingest"


def _where(error: Exception) -> dict[str, str]:
    """Return what may be logged of an error: a database's message would repeat the row."""
    if not isinstance(error, psycopg.Error):
        return {"error": type(error).__name__}
    return {
        "error": type(error).__name__,
        "sqlstate": error.sqlstate or "",
        "constraint": error.diag.constraint_name or "",
    }


def _now() -> datetime:
    return datetime.now(UTC)
