"""What another person has to approve before it counts: late entries, amendments, and by-hand entries where wanted.

An entry keeps whether it needs approval; what the practice wants later changes nothing about it. Everything is approved
or refused once, by somebody else than its author: the database holds both. What was refused counts for nothing and
stays.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.minutes import time_amendments, time_errors, time_log, time_store
from ccm_link.minutes.time_entry import TimeEntry
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

MOST_SHOWN: Final = 200
"""Entries that one page shows: nobody reads further."""

_Q: Final = named_queries.load("ccm_link.minutes", "time_approval")


def by_hand_needs_approval(cur: Cursor, practice_id: UUID) -> bool:
    """Tell whether entries by hand wait for another person; not unless the practice said so."""
    return bool(store.scalar(cur, _Q.policy, practice_id=practice_id))


def set_policy(
    cur: Cursor, practice_id: UUID, *, by_hand_needs_approval: bool, set_by: UUID, at: datetime
) -> None:
    """Set whether entries by hand wait for another person, from now on."""
    cur.execute(
        _Q.set_policy,
        {
            "practice_id": practice_id,
            "by_hand_needs_approval": by_hand_needs_approval,
            "set_by": set_by,
            "at": at,
        },
    )


def waiting(cur: Cursor, practice_id: UUID, limit: int = MOST_SHOWN) -> list[TimeEntry]:
    """Return the entries that wait, oldest first."""
    ids = [
        one["entry_id"]
        for one in store.rows(cur, dict[str, Any], _Q.waiting, practice_id=practice_id, limit=limit)
    ]
    found = (time_store.entry(cur, practice_id, entry_id) for entry_id in ids)
    return [entry for entry in found if entry is not None]


def decide_entry(
    cur: Cursor,
    practice_id: UUID,
    entry_id: UUID,
    *,
    is_approved: bool,
    note: str,
    decided_by: UUID,
    at: datetime,
) -> TimeEntry:
    """Approve or refuse an entry, and return it.

    Raises:
        errors.UnknownEntry: The practice has no such entry.
        errors.MissingWords: It is refused without a reason.
        time_errors.OwnWork: It is the person's own.
        time_errors.DecidedAlready: Somebody was quicker.
        time_errors.NothingWaits: It needs no approval, or is void.
    """
    time_log.known(cur, practice_id, entry_id)
    _decide(cur, _Q.decide_entry, practice_id, entry_id, is_approved, note, decided_by, at)
    return time_log.known(cur, practice_id, entry_id)


def decide_amendment(
    cur: Cursor,
    practice_id: UUID,
    amendment_id: UUID,
    *,
    is_approved: bool,
    note: str,
    decided_by: UUID,
    at: datetime,
) -> None:
    """Approve or refuse an amendment; an approved one counts from now on.

    Raises:
        errors.MissingWords: It is refused without a reason.
        errors.OverlappingTime: Approved, it would overlap other work of the same person.
        time_errors.OwnWork: It is the person's own.
        time_errors.DecidedAlready: Somebody was quicker.
        time_errors.NothingWaits: There is no such amendment.
    """
    if is_approved:
        time_amendments.refuse_overlap(cur, practice_id, amendment_id)
    _decide(cur, _Q.decide_amendment, practice_id, amendment_id, is_approved, note, decided_by, at)


def is_decided(cur: Cursor, practice_id: UUID, subject_id: UUID) -> bool:
    """Tell whether somebody has approved or refused an entry or an amendment."""
    return bool(store.scalar(cur, _Q.is_decided, practice_id=practice_id, subject_id=subject_id))


def _decide(
    cur: Cursor,
    statement: Any,
    practice_id: UUID,
    subject_id: UUID,
    is_approved: bool,
    note: str,
    decided_by: UUID,
    at: datetime,
) -> None:
    note = note.strip() if is_approved else time_log.words(note)
    try:
        with cur.connection.transaction():
            decided = store.scalar(
                cur,
                statement,
                practice_id=practice_id,
                subject_id=subject_id,
                is_approved=is_approved,
                note=note,
                decided_by=decided_by,
                at=at,
            )
    except psycopg.errors.CheckViolation as error:
        raise time_errors.OwnWork from error
    if decided is None:
        was_decided = is_decided(cur, practice_id, subject_id)
        raise time_errors.DecidedAlready if was_decided else time_errors.NothingWaits
