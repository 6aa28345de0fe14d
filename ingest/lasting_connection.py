"""Connecting to the database for a service that outlives it: with longer and longer pauses until it answers."""

from __future__ import annotations

import logging
from threading import Event
from typing import Any

import psycopg
import tenacity


def connect(
    conninfo: str, stop: Event, *, options: str, log: logging.Logger
) -> psycopg.Connection[Any]:
    """Return a connection in autocommit mode.

    Args:
        conninfo: Where the database is.
        stop: Ends the attempts.
        options: Of the session, for libpq.
        log: The service's own, which tells that nothing answers.

    Raises:
        psycopg.Error: It refuses for good, or ``stop`` was set before it answered.
    """
    patient = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(psycopg.OperationalError),
        wait=tenacity.wait_exponential_jitter(multiplier=0.2, max=10),
        stop=tenacity.stop_when_event_set(stop),
        sleep=tenacity.sleep_using_event(stop),
        before_sleep=lambda state: log.warning(
            "database_unreachable", extra={"attempts": state.attempt_number}
        ),
        reraise=True,
    )
    return patient(psycopg.connect, conninfo, autocommit=True, connect_timeout=5, options=options)
