"""Quarantined records that people want tried again: the console can ask only, for it writes no readings."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import psycopg

from ingest import lasting_connection, redrive
from ingest.audit import Agent, AgentKind
from ingest.redrive import Redriver

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]

POLL_S: Final = 2.0
"""How long a request may wait before it is followed."""

_AT_A_TIME: Final = 50
_END_WITHIN_S: Final = (
    5.0  # what was taken in and not noted by then is found as a duplicate at the next start
)
_SESSION_OPTIONS: Final = (
    "-c timezone=UTC -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"
)
_ME: Final = Agent(AgentKind.SERVICE, "ingest")


@contextmanager
def following(conninfo: str) -> Iterator[None]:
    """Follow requests beside whatever the block does, in a thread with a connection of its own."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(conninfo, stop), name="redrive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_END_WITHIN_S)


def run(conninfo: str, stop: threading.Event) -> None:
    """Follow requests until ``stop`` is set; survive every restart of the database."""
    while not stop.is_set():
        try:
            with lasting_connection.connect(
                conninfo, stop, options=_SESSION_OPTIONS, log=log
            ) as connection:
                while not stop.is_set():
                    if not follow(connection, datetime.now(UTC)):
                        stop.wait(POLL_S)
        except psycopg.Error as error:
            log.warning("database_lost", extra={"error": type(error).__name__})
            stop.wait(POLL_S)


def follow(connection: Connection, at: datetime) -> int:
    """Try what was asked for, longest waiting first; several workers may do so at once.

    Args:
        connection: Of the role ``homevitals_ingest``, in autocommit mode.
        at: Now, aware UTC.

    Returns:
        How many records were tried.
    """
    with connection.cursor() as cur:
        wanted = redrive.asked(cur, _AT_A_TIME)
    for practice_id, quarantine_id, asked_by in wanted:
        redriver = Redriver(connection, practice_id, _ME, asked_by)
        try:
            redriver.redrive(quarantine_id, at)
        except Exception as error:  # the top loop: one record must not stop the others
            if connection.broken:
                raise
            log.error(  # noqa: TRY400 - a database's message would repeat the row
                "redrive_failed", extra={"error": type(error).__name__}
            )
            redriver.give_up(quarantine_id, at)
    if wanted:
        log.info("records_redriven", extra={"count": len(wanted)})
    return len(wanted)
