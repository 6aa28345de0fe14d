"""Whether a patient is still cared for: active, inactive, transferred or deceased, since when, and why; append-only.

Who is not active is in no list and no count, and nobody is called about them (:mod:`alerts.set_aside`). Readings of
theirs are stored as ever: whoever measures with a cuff that nobody gave back is somebody.

A standing that is over is followed by the next. One that was wrong is withdrawn: the one before it then holds as if
there had been no other, so that the days in between count. Nobody comes back from death but by a withdrawal.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from ingest import errors, named_queries, statements
from ingest.errors import StandingReason

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "standing")


class Standing(StrEnum):
    """How a patient stands to the practice."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    TRANSFERRED = "transferred"
    DECEASED = "deceased"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStanding:
    """What is to be recorded; instants are aware UTC.

    Attributes:
        since_at: From when on it holds: of a death the instant, or the end of the day; when neither is known, now.
        died_on: The day where the patient lived; None: not known.
        died_at: None: the time is not known.
        transferred_to: Who cares for the patient now.
    """

    standing: Standing
    since_at: datetime
    died_on: date | None = None
    died_at: datetime | None = None
    transferred_to: str | None = None

    @classmethod
    def death(cls, on: date | None, at_time: time | None, zone: ZoneInfo, now: datetime) -> Self:
        """Return the standing of somebody who died, as exactly as that is known.

        Args:
            on: The day by the patient's own clocks; None: not known.
            at_time: The time on that day; None: not known.
            zone: The patient's.
            now: Aware UTC.

        Raises:
            StandingRefused: the day or the time is still to come.
        """
        if on is None:
            return cls(standing=Standing.DECEASED, since_at=now)
        if on > now.astimezone(zone).date():
            raise errors.StandingRefused(StandingReason.FUTURE)
        if at_time is None:
            day_after = datetime.combine(on + timedelta(days=1), time(), zone).astimezone(UTC)
            return cls(standing=Standing.DECEASED, since_at=min(day_after, now), died_on=on)
        died_at = datetime.combine(on, at_time, zone).astimezone(UTC)
        if died_at > now:
            raise errors.StandingRefused(StandingReason.FUTURE)
        return cls(standing=Standing.DECEASED, since_at=died_at, died_on=on, died_at=died_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One line of the history; fields as in :class:`NewStanding`. ``withdrawn_at`` None: it was so."""

    standing_id: UUID
    standing: Standing
    since_at: datetime
    died_on: date | None
    died_at: datetime | None
    transferred_to: str | None
    reason: str
    recorded_by: str
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_why: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "standing", Standing(self.standing))

    def is_after_death(self, measured_at: datetime) -> bool:
        """Say whether a reading of an instant (aware) cannot be the patient's, who was dead by then."""
        if self.standing is not Standing.DECEASED or self.withdrawn_at is not None:
            return False
        return measured_at > (self.died_at or self.since_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotActive:
    """A patient who is not active.

    Attributes:
        readings: How many were measured since.
        last_at: When the last of them was, aware UTC.
    """

    patient_id: UUID
    display_name: str
    record_number: str
    time_zone: str
    standing: Standing
    standing_since: datetime
    readings: int
    last_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "standing", Standing(self.standing))


def record(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    new: NewStanding,
    *,
    seen: Standing,
    reason: str,
    recorded_by: str,
    at: datetime,
) -> UUID:
    """Record how a patient stands from now on, and return the line's id.

    1. Hold the patient's row, so that of two people who decide at once the second decides again.
    2. Refuse what contradicts what holds.
    3. Add the line; the patient's row says the same from then on.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        patient_id: Whom.
        new: What holds from now on.
        seen: What held when whoever decides looked.
        reason: Why; their words.
        recorded_by: Who.
        at: Now, aware UTC.

    Raises:
        StandingRefused: another standing holds than was seen; it holds already; the patient is deceased; it would
            begin in the future or before the one that holds.
    """
    held, since = _hold(cur, practice_id, patient_id)
    if held is not seen:
        raise errors.StandingRefused(StandingReason.CHANGED_MEANWHILE)
    if held is new.standing:
        raise errors.StandingRefused(StandingReason.HOLDS_ALREADY)
    if held is Standing.DECEASED:
        raise errors.StandingRefused(StandingReason.DECEASED)
    if new.since_at > at:
        raise errors.StandingRefused(StandingReason.FUTURE)
    if since is not None and new.since_at <= since:
        raise errors.StandingRefused(StandingReason.BEFORE_THE_FORMER)
    return statements.add(
        cur,
        _Q.record,
        {
            "practice_id": practice_id,
            "patient_id": patient_id,
            "standing": new.standing,
            "since_at": new.since_at,
            "died_on": new.died_on,
            "died_at": new.died_at,
            "transferred_to": new.transferred_to,
            "reason": reason,
            "recorded_by": recorded_by,
            "at": at,
        },
    )


def withdraw(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID,
    standing_id: UUID,
    *,
    why: str,
    withdrawn_by: str,
    at: datetime,
) -> Standing:
    """Withdraw the standing that holds, for it was wrong; return the one that holds instead.

    Raises:
        StandingRefused: it does not hold any more, or is not the patient's.
    """
    _hold(cur, practice_id, patient_id)
    parameters = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "standing_id": standing_id,
        "why": why,
        "withdrawn_by": withdrawn_by,
        "at": at,
    }
    if not statements.changed(cur, _Q.withdraw, parameters):
        raise errors.StandingRefused(StandingReason.CHANGED_MEANWHILE)
    return _hold(cur, practice_id, patient_id)[0]


def history(cur: Cursor, practice_id: UUID, patient_id: UUID) -> list[Recorded]:
    """Return all that was ever recorded of a patient, what holds first; nobody else than active has no line."""
    whose = {"practice_id": practice_id, "patient_id": patient_id}
    return statements.rows(cur, Recorded, _Q.history, whose)


def not_active(cur: Cursor, practice_id: UUID, patient_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return which of some patients are not active."""
    asked = {"practice_id": practice_id, "patient_ids": list(patient_ids)}
    return frozenset(patient_id for (patient_id,) in cur.execute(_Q.not_active, asked).fetchall())


def measured_since(
    cur: Cursor, practice_id: UUID, patient_id: UUID, since: datetime, at: datetime
) -> tuple[int, datetime | None]:
    """Return how many readings a patient has from after an instant, and when the last was measured, aware UTC.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        patient_id: Whose.
        since: Aware.
        at: Now, aware UTC; what a clock dates more than a day behind it is left out.
    """
    asked = {"practice_id": practice_id, "patient_id": patient_id, "since": since, "at": at}
    row = cur.execute(_Q.measured_since, asked).fetchone()
    return (0, None) if row is None else (row[0], row[1])


def not_active_of_practice(cur: Cursor, practice_id: UUID, at: datetime) -> list[NotActive]:
    """Return all patients who are not active, the latest first, with what was measured since then.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        at: Now, aware UTC; what a clock dates more than a day behind it is left out.
    """
    asked = {"practice_id": practice_id, "at": at}
    return statements.rows(cur, NotActive, _Q.not_active_of_practice, asked)


def _hold(cur: Cursor, practice_id: UUID, patient_id: UUID) -> tuple[Standing, datetime | None]:
    whose = {"practice_id": practice_id, "patient_id": patient_id}
    row = cur.execute(_Q.hold, whose).fetchone()
    if row is None:
        raise errors.StandingRefused(StandingReason.UNKNOWN_PATIENT)
    return Standing(row[0]), row[1]
