"""Locked months: after one nothing of it is added or voided; late entries and amendments need another person.

The database itself refuses: who adds or voids shares the practice's months, who locks one has them alone, so that
nothing slips in between. A lock keeps the head of the time log's chain, which thereby stands in the audit trail and its
anchors. It is never taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.minutes import month_work, time_decisions, time_errors
from ccm_link.month import Month
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.minutes", "month_lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A locked month, [from_at, until_at) by the practice's clocks; the chain's last link at that moment."""

    practice_id: UUID
    month_on: date
    from_at: datetime
    until_at: datetime
    chain_position: int  # 0: the chain had no link
    chain_sha256: str  # in hexadecimal digits
    locked_by_name: str
    locked_at: datetime

    @property
    def month(self) -> Month:
        """The month."""
        return Month(self.month_on.year, self.month_on.month)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOpen:
    """What stands in the way of locking a month."""

    is_over: bool
    timers: int  # that ran in it, or before
    approvals: int
    conflicts: int

    @property
    def is_finished(self) -> bool:
        """Whether it can be locked."""
        return self.is_over and not (self.timers or self.approvals or self.conflicts)


def is_locked(cur: Cursor, practice_id: UUID, month: Month) -> bool:
    """Tell whether a month is locked."""
    return any(one.month == month for one in locks(cur, practice_id))


def is_span_locked(cur: Cursor, practice_id: UUID, from_at: datetime, until_at: datetime) -> bool:
    """Tell whether a span touches a locked month."""
    return bool(
        store.scalar(cur, _Q.is_locked, practice_id=practice_id, from_at=from_at, until_at=until_at)
    )


def locks(cur: Cursor, practice_id: UUID) -> list[Lock]:
    """Return the locked months, the newest first."""
    return store.rows(cur, Lock, _Q.locks, practice_id=practice_id)


def left_open(cur: Cursor, practice_id: UUID, month: Month, at: datetime) -> LeftOpen:
    """Return what stands in the way of locking a month at an instant."""
    from_at, until_at = month_work.span_of(cur, practice_id, month)
    counts = store.row(
        cur,
        dict[str, Any],
        _Q.left_open,
        practice_id=practice_id,
        from_at=from_at,
        until_at=until_at,
    )
    undecided = [
        one for one in time_decisions.conflicts(cur, practice_id, month) if one.is_undecided
    ]
    return LeftOpen(is_over=until_at <= at, conflicts=len(undecided), **(counts or {}))


def lock(cur: Cursor, practice_id: UUID, month: Month, *, locked_by: UUID, at: datetime) -> Lock:
    """Lock a month for good; one that is locked stays as it is.

    1. Wait until nobody is adding or voiding time of the practice.
    2. Look again whether the month is finished, and lock it with the head of the chain.

    Raises:
        time_errors.MonthUnfinished: It is not over, or something of it is left open.
    """
    cur.execute(_Q.take_turn, {"practice_id": practice_id})
    if not is_locked(cur, practice_id, month):
        if not left_open(cur, practice_id, month, at).is_finished:
            raise time_errors.MonthUnfinished
        from_at, until_at = month_work.span_of(cur, practice_id, month)
        cur.execute(
            _Q.lock_month,
            {
                "practice_id": practice_id,
                "month_on": month.first_on,
                "from_at": from_at,
                "until_at": until_at,
                "locked_by": locked_by,
                "at": at,
            },
        )
    return next(one for one in locks(cur, practice_id) if one.month == month)
