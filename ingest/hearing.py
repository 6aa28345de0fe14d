"""Whether this service hears its broker: since when without a break, and until when there is proof.

A home that says nothing while we are deaf is no silent home. Each connected worker notes that it hears; nobody notes
that nobody does, so the end of the time shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]
Connection = psycopg.Connection[Any]

_Q: Final = named_queries.load("ingest", "hearing")

POLL_S: Final = 10.0
"""How often a worker notes it, seconds."""

# A worker that is started anew, or a broker that is: gateways keep what they have and say within a minute how they are.
_NO_BREAK: Final = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Hearing:
    """A time in which the broker was heard without a break; aware UTC."""

    since_at: datetime
    until_at: datetime


def note(connection: Connection, at: datetime, *, is_connected: bool) -> None:
    """Note that a worker hears the broker at an instant, aware UTC; role ingest, connection with autocommit."""
    if is_connected:
        connection.execute(_Q.note, {"at": at, "unbroken_since": at - _NO_BREAK})


def span(cur: Cursor) -> Hearing | None:
    """Return the last time in which the broker was heard; None where it never was."""
    return statements.first(cur, Hearing, _Q.span, {})
