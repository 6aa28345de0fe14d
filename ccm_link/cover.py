"""Who stands in for whom while somebody is away, and whose tasks go to others when somebody leaves.

While a cover lasts, the colleague finds the tasks of who is away beside their own, and takes each on by claiming it;
what nobody claims is still there when its owner comes back. Whom an alert calls is another matter: the ladders and the
on-call schedule (:mod:`alerts.ladders`). Instants are aware.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import errors, store, tasks, time_log
from ingest import access, named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link", "cover")

LONGEST: Final = timedelta(days=366)
"""Who is away for longer has left: then the tasks are handed over."""

MOST_AT_ONCE: Final = 500
"""Tasks that are handed over in one transaction; what is left comes with the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """A time in which somebody stands in for somebody else."""

    cover_id: UUID
    staff_id: UUID  # who is away
    staff_name: str
    covered_by: UUID
    covered_by_name: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What became of somebody's open tasks."""

    given: int  # to the colleague
    released: (
        int  # to everybody, as was asked for, or because the colleague may not see the patient
    )
    left: int  # at least so many are still to be handed over


def arrange(
    cur: Cursor,
    practice_id: UUID,
    *,
    staff_id: UUID,
    covered_by: UUID,
    starts_at: datetime,
    ends_at: datetime,
    made_by: UUID,
    at: datetime,
) -> UUID:
    """Let a colleague stand in for somebody, and return the cover's id.

    Raises:
        errors.UnknownColleague: One of them is nobody who works with patients here.
        errors.BadCover: It is the same person, the time is none to come or longer than :data:`LONGEST`, or somebody
            stands in for the person in it already.
    """
    if staff_id == covered_by:
        raise errors.BadCover(errors.CoverReason.SAME_PERSON)
    if not starts_at < ends_at or ends_at <= at:
        raise errors.BadCover(errors.CoverReason.NO_TIME)
    if ends_at - starts_at > LONGEST:
        raise errors.BadCover(errors.CoverReason.TOO_LONG)
    able = {colleague.staff_id for colleague in access.clinical_staff(cur, practice_id)}
    if not {staff_id, covered_by} <= able:
        raise errors.UnknownColleague
    try:
        with cur.connection.transaction():
            arranged = store.scalar(
                cur,
                _Q.arrange,
                practice_id=practice_id,
                staff_id=staff_id,
                covered_by=covered_by,
                starts_at=starts_at,
                ends_at=ends_at,
                made_by=made_by,
                at=at,
            )
    except psycopg.errors.ExclusionViolation:
        raise errors.BadCover(errors.CoverReason.TWICE) from None
    return cast("UUID", arranged)


def call_off(cur: Cursor, practice_id: UUID, cover_id: UUID, staff_id: UUID, at: datetime) -> None:
    """Call a cover off that holds or is to come.

    Raises:
        errors.BadCover: There is none that is not over or called off.
    """
    if not store.changed(
        cur,
        _Q.call_off,
        practice_id=practice_id,
        cover_id=cover_id,
        staff_id=staff_id,
        at=at,
    ):
        raise errors.BadCover(errors.CoverReason.OVER)


def to_come(cur: Cursor, practice_id: UUID, at: datetime) -> list[Cover]:
    """Return the covers that hold or are to come, the next first."""
    return store.rows(cur, Cover, _Q.load_to_come, practice_id=practice_id, at=at)


def stands_in_for(cur: Cursor, practice_id: UUID, staff_id: UUID, at: datetime) -> frozenset[UUID]:
    """Return whose tasks a person looks after at an instant beside their own."""
    cur.execute(_Q.stands_in_for, {"practice_id": practice_id, "staff_id": staff_id, "at": at})
    return frozenset(away for (away,) in cur.fetchall())


def open_tasks(cur: Cursor, practice_id: UUID) -> dict[UUID, int]:
    """Count the open tasks of each member of staff who has some, as whoever asks sees them."""
    cur.execute(_Q.count_open_tasks, {"practice_id": practice_id})
    return dict(cur.fetchall())


def hand_over_all(
    cur: Cursor,
    practice_id: UUID,
    *,
    from_staff_id: UUID,
    to_staff_id: UUID | None,
    made_by: UUID,
    note: str,
    at: datetime,
) -> HandedOver:
    """Give all open tasks of somebody to a colleague, or back to everybody, each with its line in its history.

    1. Take the tasks that whoever does this may see, the severest first; at most :data:`MOST_AT_ONCE`.
    2. Hand each over; where the colleague may not see the patient, release it.

    Args:
        cur: In the scope of the person who does it.
        practice_id: The practice.
        from_staff_id: Whose they are.
        to_staff_id: Whose they are to be, who takes each on by claiming it; None: everybody's.
        made_by: Who does it.
        note: Why.
        at: Now.

    Raises:
        errors.BadCover: Both are the same person.
        errors.UnknownColleague: The colleague is nobody who works with patients here.
        errors.MissingWords: The note is empty.
    """
    note = time_log.words(note)
    if from_staff_id == to_staff_id:
        raise errors.BadCover(errors.CoverReason.SAME_PERSON)
    able = {colleague.staff_id for colleague in access.clinical_staff(cur, practice_id)}
    if to_staff_id is not None and to_staff_id not in able:
        raise errors.UnknownColleague
    asked = {"practice_id": practice_id, "staff_id": from_staff_id, "limit": MOST_AT_ONCE + 1}
    found = cur.execute(_Q.load_open_tasks, asked).fetchall()
    given = released = 0
    for task_id, row_version in found[:MOST_AT_ONCE]:
        deed = _Deed(practice_id, task_id, row_version, made_by, note, at)
        try:
            if to_staff_id is not None and _give(cur, deed, to_staff_id):
                given += 1
                continue
            tasks.release(cur, practice_id, task_id, made_by, row_version, note, at)
        except errors.TaskError:
            continue  # somebody was quicker; the page shows what is left
        released += 1
    return HandedOver(given=given, released=released, left=len(found) - given - released)


@dataclass(frozen=True, slots=True)
class _Deed:
    practice_id: UUID
    task_id: UUID
    row_version: int
    staff_id: UUID
    note: str
    at: datetime


def _give(cur: Cursor, deed: _Deed, to_staff_id: UUID) -> bool:
    """Give one task to a colleague; False where they may not see the patient."""
    able = tasks.colleagues(
        cur, deed.practice_id, tasks.known(cur, deed.practice_id, deed.task_id).patient_id
    )
    if to_staff_id not in {colleague.staff_id for colleague in able}:
        return False
    if to_staff_id == deed.staff_id:
        after = tasks.release(
            cur, deed.practice_id, deed.task_id, deed.staff_id, deed.row_version, deed.note, deed.at
        )
        tasks.claim(cur, deed.practice_id, deed.task_id, deed.staff_id, after.row_version, deed.at)
    else:
        tasks.assign(
            cur,
            deed.practice_id,
            deed.task_id,
            deed.staff_id,
            deed.row_version,
            owner_staff_id=to_staff_id,
            note=deed.note,
            at=deed.at,
        )
    return True
