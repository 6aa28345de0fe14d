"""The broker's sessions that this worker works for: its own, and those of workers that are away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Final, cast

import psycopg

from ingest import errors
from ingest.consumer import Consumer, tls_context
from ingest.errors import BrokerReason
from ingest.inbox import Delivery, Inbox
from ingest.session_leases import SessionLeases
from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

# How soon a dead worker's session is taken over, once the database has let go of its leases.
_LOOK_S: Final = 2.0


class Sessions:
    """Keeps a connection for each session that is leased to this worker, all with one inbox.

    A thread looks after the leases, because the worker may be waiting for the database for long. Without the database
    no lease is sure, and nothing could be committed: the connections are given up, and the broker keeps everything.
    """

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._inbox = Inbox(settings.receive_maximum)
        self._leases = SessionLeases(settings.database, settings.sessions, own_session(settings))
        self._consumers: dict[int, Consumer] = {}
        self._failure: errors.BrokerError | None = None
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="session-leases")

    def start(self) -> None:
        """Take sessions and connect, in the background.

        Raises:
            BrokerError: certificate, key or authority cannot be read.
        """
        tls_context(self._settings)
        self._keeper.start()

    def stop(self) -> None:
        """Disconnect and give all sessions back; the broker keeps what is not acknowledged."""
        self._stop.set()
        self._keeper.join()

    def take(self, limit: int, most_bytes: int, timeout_s: float) -> list[Delivery]:
        """Wait for a message, then take what else is there; see :meth:`ingest.inbox.Inbox.take`."""
        return self._inbox.take(limit, most_bytes, timeout_s)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that messages are safe; those of an earlier connection will come again."""
        by_source: dict[Consumer, list[Delivery]] = {}
        for delivery in deliveries:
            by_source.setdefault(cast("Consumer", delivery.source), []).append(delivery)
        for consumer, its_deliveries in by_source.items():
            consumer.acknowledge(its_deliveries)

    def publish_all(self, publications: Sequence[tuple[str, bytes]]) -> None:
        """Publish over whichever connection is there; without any, gateways ask again by sending again."""
        connected = [one for one in list(self._consumers.values()) if one.is_connected]
        if connected:
            connected[0].publish_all(publications)

    @property
    def is_connected(self) -> bool:
        """Whether the broker is there for at least one of the sessions."""
        return any(one.is_connected for one in list(self._consumers.values()))

    def check(self) -> None:
        """Make sure that messages still arrive.

        Raises:
            BrokerError: they do not; the worker has to start again.
        """
        if self._failure is not None:
            raise self._failure
        if not self._keeper.is_alive():
            raise errors.BrokerError(
                "the thread that keeps the leases ended; start the worker again",
                BrokerReason.RECEIVING_STOPPED,
            )
        for consumer in list(self._consumers.values()):
            consumer.check()

    def _keep(self) -> None:
        try:
            while not self._stop.is_set():
                self._follow(self._leased())
                self._stop.wait(_LOOK_S)
        except errors.BrokerError as error:
            self._failure = error
        finally:
            self._follow([])
            self._leases.close()

    def _leased(self) -> list[int]:
        try:
            return self._leases.refresh()
        except psycopg.Error as error:
            log.warning("leases_lost", extra={"sqlstate": error.sqlstate or ""})
            return []

    def _follow(self, leased: Sequence[int]) -> None:
        """Connect for the sessions that are leased now, and for no others."""
        for number in [one for one in self._consumers if one not in leased]:
            self._consumers.pop(number).stop()
            log.info("session_left", extra={"client_id": _name(number)})
        for number in leased:
            if number not in self._consumers:
                consumer = Consumer(
                    self._settings, _name(number), self._inbox, hears_status=number == 1
                )
                consumer.start()
                self._consumers[number] = consumer
                log.info("session_taken", extra={"client_id": _name(number)})


def own_session(settings: IngestSettings) -> int:
    """Return the number in the worker's name, which is that of the session it prefers; 1 where it has none."""
    number = settings.worker_name.rpartition("-")[2]
    return int(number) if number.isdigit() else 1


def _name(number: int) -> str:
    return f"ingest-{number}"
