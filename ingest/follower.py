"""Work that waits in the database, followed beside a worker's own: in a thread, with a connection of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import psycopg

from ingest import lasting_connection

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]

_END_WITHIN_S: Final = 5.0  # what is in hand then is rolled back, and done by whoever looks next
_SESSION_OPTIONS: Final = (
    "-c timezone=UTC -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"
)


@dataclass(frozen=True, slots=True)
class Follower:
    """One kind of work.

    Attributes:
        name: Of the thread.
        follow: Does a part of what is due, over a connection in autocommit mode; says whether anything was.
        poll_s: Pause after a look that found nothing, seconds.
    """

    name: str
    follow: Callable[[Connection, datetime], object]
    poll_s: float


@contextmanager
def following(conninfo: str, *followers: Follower) -> Iterator[None]:
    """Follow beside whatever the block does, each in a thread with a connection of its own."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_run, args=(conninfo, one, stop), name=one.name, daemon=True)
        for one in followers
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(_END_WITHIN_S)


def _run(conninfo: str, follower: Follower, stop: threading.Event) -> None:
    """Follow until ``stop`` is set; survive every restart of the database."""
    while not stop.is_set():
        try:
            with lasting_connection.connect(
                conninfo, stop, options=_SESSION_OPTIONS, log=log
            ) as connection:
                while not stop.is_set():
                    if not follower.follow(connection, datetime.now(UTC)):
                        stop.wait(follower.poll_s)
        except psycopg.Error as error:
            extra = {"component": follower.name, "error": type(error).__name__}
            log.warning("database_lost", extra=extra)
            stop.wait(follower.poll_s)
