"""Who stands in for whom while somebody is away, and whose tasks go to others when somebody leaves.

While a cover lasts, the colleague finds the tasks of who is away beside their own, and takes each on by claiming it;
what nobody claims is still there when its owner comes back. Whom an alert calls is another matter: the ladders and the
on-call schedule (:mod:`alerts.ladders`). Instants are aware.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

import psycopg

from ccm_link import errors, store
from ccm_link.minutes import time_log
from ccm_link.task import tasks
from ccm_link.work import Task
from ingest import access, named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.task", "cover")

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
class Owner:
    """Somebody who has open tasks; ``is_gone``: whose account is closed."""

    staff_id: UUID
    display_name: str
    is_gone: bool
    tasks: int


@dataclass(frozen=True, slots=True)
class Changed:
    """A task before and after it was handed over."""

    before: Task
    after: Task


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What became of somebody's open tasks."""

    given: Sequence[Changed]  # to the colleague
    released: Sequence[Changed]  # to everybody: asked for, or the colleague may not see the patient
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


def owners(cur: Cursor, practice_id: UUID) -> list[Owner]:
    """Return who has open tasks, as whoever asks sees them, by name."""
    return store.rows(cur, Owner, _Q.count_open_tasks, practice_id=practice_id)


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
    deed = _Deed(practice_id, made_by, note, at)
    given: list[Changed] = []
    released: list[Changed] = []
    for (task_id,) in found[:MOST_AT_ONCE]:
        before = tasks.known(cur, practice_id, task_id)
        try:
            if to_staff_id is not None and _sees(cur, before, to_staff_id):
                given.append(Changed(before, _give(cur, deed, before, to_staff_id)))
            else:
                released.append(Changed(before, _release(cur, deed, before)))
        except errors.TaskError:
            continue  # somebody was quicker; the page shows what is left
    left = len(found) - len(given) - len(released)
    return HandedOver(given=given, released=released, left=left)


@dataclass(frozen=True, slots=True)
class _Deed:
    practice_id: UUID
    staff_id: UUID
    note: str
    at: datetime


def _sees(cur: Cursor, task: Task, staff_id: UUID) -> bool:
    able = tasks.colleagues(cur, task.practice_id, task.patient_id)
    return staff_id in {colleague.staff_id for colleague in able}


def _release(cur: Cursor, deed: _Deed, task: Task) -> Task:
    return tasks.release(
        cur,
        deed.practice_id,
        task.task_id,
        deed.staff_id,
        task.row_version,
        deed.note,
        deed.at,
    )


def _give(cur: Cursor, deed: _Deed, task: Task, to_staff_id: UUID) -> Task:
    """Give one task to a colleague, or take it oneself."""
    if to_staff_id == deed.staff_id:
        nobodys = _release(cur, deed, task)
        return tasks.claim(
            cur, deed.practice_id, task.task_id, deed.staff_id, nobodys.row_version, deed.at
        )
    return tasks.assign(
        cur,
        deed.practice_id,
        task.task_id,
        deed.staff_id,
        task.row_version,
        owner_staff_id=to_staff_id,
        note=deed.note,
        at=deed.at,
    )
