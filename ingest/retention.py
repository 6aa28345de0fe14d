"""The end of readings: whole months of them are deleted when they are older than a practice has to keep them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import psycopg

from ingest import errors, named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "retention")


def drop_before(cur: Cursor, before_at: datetime) -> int:
    """Delete the partitions or chunks that lie wholly before an instant; return how many there were.

    The daily summaries of these readings go too. Record keys, corrections and evaluations stay: what was deleted and is
    sent again is still a repetition.

    Args:
        cur: In a transaction of the role ``homevitals_scheduler``.
        before_at: Aware UTC, at least two years ago; the database refuses a later one.

    Raises:
        StoreError: the database did not answer.
    """
    cur.execute(_Q.drop_series_before, {"before_at": before_at})
    row = cur.fetchone()
    if row is None:
        raise errors.StoreError
    return int(row[0])
