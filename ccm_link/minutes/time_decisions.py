"""Seconds that two entries claim: found, shown with both, decided by a person, never guessed.

One patient's seconds may be claimed for two programs, and one person's for two patients. Until somebody decides they
count for neither; a decision gives them to one of the two entries, and stays when another one takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import store
from ccm_link.billing import intervals
from ccm_link.minutes import month_work, time_errors, time_log
from ccm_link.minutes.time_entry import TimeEntry
from ccm_link.month import Month
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.minutes", "time_decisions")


class Kind(StrEnum):
    """What two entries cannot both have."""

    TWO_PROGRAMS = "two_programs"  # one patient's seconds for two programs
    TWO_PATIENTS = "two_patients"  # one person's seconds for two patients


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What holds about two entries in [from_at, until_at)."""

    decision_id: UUID
    entry_id: UUID  # it counts
    rival_id: UUID  # it does not
    from_at: datetime
    until_at: datetime
    reason: str
    decided_by_name: str
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two entries that share the seconds [from_at, until_at), the one that began first in front."""

    former: TimeEntry
    later: TimeEntry
    kind: Kind
    from_at: datetime
    until_at: datetime
    decision: Decision | None  # what holds; None: nobody has decided

    @property
    def seconds(self) -> int:
        """Elapsed whole seconds that both claim."""
        return intervals.seconds(intervals.between(self.from_at, self.until_at))

    @property
    def is_undecided(self) -> bool:
        """Whether seconds are held: nobody decided, or the entries were amended since and share further ones."""
        found = self.decision
        return found is None or found.from_at > self.from_at or found.until_at < self.until_at


def conflicts(cur: Cursor, practice_id: UUID, month: Month) -> list[Conflict]:
    """Return the conflicts of a month of the practice, oldest first, decided ones too."""
    from_at, until_at = month_work.span_of(cur, practice_id, month)
    claims = store.rows(
        cur, dict[str, Any], _Q.claims, practice_id=practice_id, from_at=from_at, until_at=until_at
    )
    ids = {one[side] for one in claims for side in ("former_id", "later_id")}
    decided = _in_force(cur, practice_id, ids)
    entries = {one: time_log.entry(cur, practice_id, one) for one in ids}
    return [
        Conflict(
            former=former,
            later=later,
            kind=Kind(one["kind"]),
            from_at=one["from_at"],
            until_at=one["until_at"],
            decision=decided.get(frozenset({former.entry_id, later.entry_id})),
        )
        for one in claims
        if (former := entries[one["former_id"]]) and (later := entries[one["later_id"]])
    ]


def conflict(
    cur: Cursor, practice_id: UUID, entry_id: UUID, rival_id: UUID, month: Month
) -> Conflict | None:
    """Return the conflict between two entries in a month; None where they share no seconds."""
    both = {entry_id, rival_id}
    return next(
        (
            one
            for one in conflicts(cur, practice_id, month)
            if {one.former.entry_id, one.later.entry_id} == both
        ),
        None,
    )


def decide(
    cur: Cursor,
    practice_id: UUID,
    found: Conflict,
    winner_id: UUID,
    *,
    former_decision: UUID | None,
    decided_by: UUID,
    reason: str,
    at: datetime,
) -> UUID:
    """Give the shared seconds to one of two entries, and return the decision's id.

    ``former_decision`` is the one that the person saw and replaces; None: they saw none.

    Raises:
        time_errors.NoConflict: The entry is none of the two.
        time_errors.ConflictDecided: What holds is another decision than the person saw.
        errors.MissingWords: The reason is empty.
    """
    reason = time_log.words(reason)
    sides = {found.former.entry_id, found.later.entry_id}
    if winner_id not in sides:
        raise time_errors.NoConflict
    holds = None if found.decision is None else found.decision.decision_id
    if holds != former_decision:
        raise time_errors.ConflictDecided
    try:
        with cur.connection.transaction():
            decision_id = store.scalar(
                cur,
                _Q.decide,
                practice_id=practice_id,
                entry_id=winner_id,
                rival_id=next(iter(sides - {winner_id})),
                from_at=found.from_at,
                until_at=found.until_at,
                reason=reason,
                decided_by=decided_by,
                at=at,
                supersedes=holds,
            )
    except psycopg.errors.UniqueViolation as error:
        raise time_errors.ConflictDecided from error
    if decision_id is None:
        raise time_errors.NoConflict
    return cast("UUID", decision_id)


def counted_already(entries: Iterable[TimeEntry]) -> Mapping[UUID, int]:
    """Return by entry how many of its seconds an earlier one of the same patient and program holds. Pure."""
    taken: dict[tuple[UUID, str | None], intervals.Spans] = {}
    found: dict[UUID, int] = {}
    for one in sorted(entries, key=lambda one: (one.started_at, one.ended_at, one.entry_id)):
        if not one.counts_by_itself:
            continue
        spans = intervals.between(one.started_at, one.ended_at)
        key = (one.patient_id, one.program)
        former = taken.get(key, intervals.NEVER)
        if again := intervals.common(spans, former):
            found[one.entry_id] = intervals.seconds(again)
        taken[key] = intervals.union((*former, *spans))
    return found


def _in_force(
    cur: Cursor, practice_id: UUID, entry_ids: Iterable[UUID]
) -> dict[frozenset[UUID], Decision]:
    rows = store.rows(
        cur, Decision, _Q.in_force, practice_id=practice_id, entry_ids=list(entry_ids)
    )
    return {frozenset({one.entry_id, one.rival_id}): one for one in rows}
