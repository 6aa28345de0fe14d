"""Quarantined records that people want tried again: the console can ask only, for it writes no readings."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, Final, TypeAlias

import psycopg

from ingest import redrive
from ingest.audit import Agent, AgentKind
from ingest.redrive import Redriver

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]

POLL_S: Final = 2.0
"""How long a request may wait before it is followed."""

_AT_A_TIME: Final = 50
_ME: Final = Agent(AgentKind.SERVICE, "ingest")


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
