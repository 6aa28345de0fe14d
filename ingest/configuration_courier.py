"""Brings gateways' configurations to the broker, which keeps the last one for each, and hears what gateways follow.

It has a connection of its own, beside the sessions that readings come through: whatever goes wrong here holds up no
reading. One courier works at a time, that of the worker whose turn it is. What the store says should be at the broker
and is not is sent, again and again, so it may end anywhere:

- a version counts as sent when the broker has acknowledged it, never before;
- an answer is acknowledged to the broker when it is in the store, never before;
- a revoked gateway's version is taken back from the broker.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from firmware_profiles import errors as leaf_errors
from firmware_profiles import signed_configuration, topics
from firmware_profiles.signed_configuration import ConfigurationAnswer, ConfigurationRefusal
from ingest import errors, gateway_configurations, lasting_connection, store, tenancy
from ingest.courier_link import CourierLink, Heard
from ingest.directory import Standing
from ingest.rows import SecurityEvent
from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]

POLL_S: Final = 2.0
_AT_A_TIME: Final = 100
# A broker that was killed may have forgotten what it kept; a gateway that is away has not answered yet.
_SEND_AGAIN_AFTER: Final = timedelta(hours=1)
_PAUSE_AFTER_FAILURE_S: Final = 5.0
_END_WITHIN_S: Final = 20.0
_SESSION_OPTIONS: Final = (
    "-c timezone=UTC -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"
)
# No gateway that is what it should be sees these: somebody else's bytes reached it, or it is somebody else.
_SUSPICIOUS: Final = frozenset(
    {ConfigurationRefusal.BAD_SIGNATURE, ConfigurationRefusal.OTHER_GATEWAY}
)
REFUSED: Final = "configuration_refused"  # the security event


@contextmanager
def running(settings: IngestSettings) -> Iterator[None]:
    """Let a courier work, or wait for its turn, beside whatever the block does."""
    stop = threading.Event()
    thread = threading.Thread(
        target=_run, args=(settings, stop), name="configuration-courier", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_END_WITHIN_S)


def _run(settings: IngestSettings, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            with lasting_connection.connect(
                settings.database, stop, options=_SESSION_OPTIONS, log=log
            ) as connection:
                while not stop.is_set() and not gateway_configurations.take_turn(connection):
                    stop.wait(POLL_S)
                if not stop.is_set():
                    _work(settings, connection, stop)
        except Exception as error:  # the top of the thread: readings go on, and this begins anew
            is_away = isinstance(error, psycopg.Error | errors.IngestError)
            log.warning(
                "courier_begins_anew", extra={"error": type(error).__name__}, exc_info=not is_away
            )
            stop.wait(_PAUSE_AFTER_FAILURE_S)


def _work(settings: IngestSettings, connection: Connection, stop: threading.Event) -> None:
    """Send and hear until told to stop.

    Raises:
        psycopg.Error: the database is gone, and with it the turn.
        BrokerError, BrokerAway: the broker is, or refuses what has to be.
    """
    link = CourierLink(settings)
    try:
        link.open()
        log.info("courier_connected")
        while not stop.is_set():
            is_more = send_due(connection, link, datetime.now(UTC))
            for heard in link.heard(0.0 if is_more else POLL_S):
                take_down(connection, heard, datetime.now(UTC))
                link.acknowledge(heard)
    finally:
        link.close()


def send_due(connection: Connection, link: CourierLink, at: datetime) -> bool:
    """Send what is due and note what the broker has taken; say whether there may be more.

    Args:
        connection: Of the role ``homevitals_ingest``, in autocommit mode.
        link: Open.
        at: Now, aware UTC.

    Raises:
        BrokerError, BrokerAway: not all of it was taken.
    """
    with connection.cursor() as cur:
        wanted = gateway_configurations.due(cur, at - _SEND_AGAIN_AFTER, _AT_A_TIME)
        for one in wanted:
            payload = b"" if one.signed is None else signed_configuration.encode(one.signed)
            link.publish(topics.configuration(one.gateway_id), payload)
            gateway_configurations.note_sent(cur, one, at)
            event = "configuration_taken_back" if one.signed is None else "configuration_sent"
            log.info(event, extra={"gateway_id": one.gateway_id, "number": one.number})
    return len(wanted) == _AT_A_TIME


def take_down(connection: Connection, heard: Heard, at: datetime) -> None:
    """Store what a gateway says it follows; what says nothing, or comes from nobody, is dropped and told.

    Args:
        connection: Of the role ``homevitals_ingest``, in autocommit mode.
        heard: The message; the broker vouches for the gateway in its topic.
        at: Now, aware UTC.
    """
    try:
        gateway_id = topics.parse(heard.topic).gateway_id
        answer = signed_configuration.decode_answer(heard.payload)
    except leaf_errors.WireError as error:
        log.warning("configured_unreadable", extra={"reason": error.reason})
        return
    with connection.transaction(), connection.cursor() as cur:
        gateway = store.gateways_by_id(cur, [gateway_id]).get(gateway_id)
        if gateway is None or gateway.status is not Standing.ACTIVE:
            log.warning("configured_of_nobody", extra={"gateway_id": gateway_id})
            return
        tenancy.enter(cur, tenancy.Scope((gateway.practice_id,)))
        before = gateway_configurations.following(cur, gateway.practice_id, gateway_id)
        gateway_configurations.note_heard(cur, gateway.practice_id, gateway_id, answer, at)
        reason = answer.refused.reason if answer.refused else None
        if reason in _SUSPICIOUS and reason != before.refused_reason:
            event = SecurityEvent(
                gateway.practice_id, at, REFUSED, gateway_id, f"the gateway says: {reason}"
            )
            store.add_security_events(cur, [event])
    _tell(gateway_id, answer)


def _tell(gateway_id: str, answer: ConfigurationAnswer) -> None:
    told: dict[str, object] = {"gateway_id": gateway_id, "number": answer.applied}
    if answer.refused is None:
        log.info("configuration_followed", extra=told)
    else:
        log.warning("configuration_refused", extra={**told, "reason": answer.refused.reason})
