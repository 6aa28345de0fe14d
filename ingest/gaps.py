"""Gaps: numbers of a gateway's outbox that have not arrived although later ones have.

A gateway numbers its records from 1 without gaps, anew with each outbox file (epoch), and sends each until it has a
receipt. So what is missing in the outbox in use is on its way; what is missing in one that a newer has replaced was in
the old file, and comes only if the gateway could save it, under a new number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "gaps")


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing of one epoch of one gateway. Times are aware UTC.

    Attributes:
        label: The gateway's.
        first_seen_at: When the first record of the epoch came.
        last_seen_at: When the last new one came.
        gap_since: Since when something is missing.
        is_superseded: A newer epoch has begun: the file is not in use any more.
        missing_count: How many numbers are missing.
        firsts: The first number of each hole, at most a hundred.
        lasts: The last number of each, in the same order.
    """

    gateway_id: str
    label: str
    epoch: str
    first_seen_at: datetime
    last_seen_at: datetime
    gap_since: datetime
    is_superseded: bool
    missing_count: int
    firsts: list[int]
    lasts: list[int]

    @property
    def holes(self) -> list[tuple[int, int]]:
        """Return first and last missing number of each hole, lowest first."""
        return list(zip(self.firsts, self.lasts, strict=True))


@dataclass(frozen=True, slots=True)
class OldGaps:
    """How many epochs have had something missing for long.

    Attributes:
        waiting: Outboxes in use.
        lost: Outboxes that were replaced lately.
    """

    waiting: int
    lost: int


def of_practice(cur: Cursor, practice_id: UUID, gateway_id: str | None = None) -> list[Gap]:
    """Return what is missing of a practice's gateways, or of one, the newest epoch first."""
    asked = {"practice_id": practice_id, "gateway_id": gateway_id}
    return statements.rows(cur, Gap, _Q.gaps, asked)


def count(cur: Cursor, *, before_at: datetime, replaced_since: datetime) -> OldGaps:
    """Count gaps of all practices for the log; role scheduler.

    Args:
        cur: Open cursor.
        before_at: Gaps since before then, aware UTC.
        replaced_since: Of replaced outboxes only those replaced since then; what was lost earlier was told, aware UTC.
    """
    asked = {"before_at": before_at, "replaced_since": replaced_since}
    return statements.rows(cur, OldGaps, _Q.count_gaps, asked)[0]
