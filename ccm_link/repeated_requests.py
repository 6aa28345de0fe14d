"""Requests that may come twice: a program that got no answer sends again, under the key that it chose before.

Source: IETF draft “The Idempotency-Key HTTP Header Field”, draft 06, 2025.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.rows import tuple_row

from ccm_link import errors, store
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link", "repeated_requests")
# A program that has not tried again within a day will not.
KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with its key. ``at`` is now, aware UTC; ``body`` the request in one spelling."""

    practice_id: UUID
    staff_id: UUID
    key: str
    body: bytes
    at: datetime


def made_before(cur: store.Cursor, request: KeyedRequest) -> UUID | None:
    """Return the entry that the same request made before; None where it is new.

    Two that come at once wait for each other: the second finds what the first made.

    Raises:
        errors.KeyUsed: The key came with another request.
    """
    store.lock_person(cur, request.staff_id)
    with cur.connection.cursor(row_factory=tuple_row) as own:
        found = own.execute(_Q.made_before, _asked(request)).fetchone()
    if found is None:
        return None
    entry_id, is_same = found
    if not is_same:
        raise errors.KeyUsed
    return UUID(str(entry_id))


def remember(cur: store.Cursor, request: KeyedRequest, entry_id: UUID) -> None:
    """Remember what a request made, and forget the person's old ones."""
    cur.execute(_Q.forget, _asked(request))
    cur.execute(
        _Q.remember,
        _asked(request) | {"entry_id": entry_id, "made_at": request.at},
    )


def _asked(request: KeyedRequest) -> dict[str, object]:
    return {
        "practice_id": request.practice_id,
        "staff_id": request.staff_id,
        "key_sha256": hashlib.sha256(request.key.encode()).digest(),
        "body_sha256": hashlib.sha256(request.body).digest(),
        "forgotten_before": request.at - KEPT,
    }
