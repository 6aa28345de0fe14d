"""Who measures with which peripheral: given, ended, corrected, with all that was ever said.

People change assignments and never readings. Each change queues, in its own transaction, which readings have to be
looked at again; an ingest worker lets them follow (ingest/attribution.py). Every function takes an open cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg

from ingest import named_queries, statements
from ingest.directory import UNDATED_REACHES_BACK

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ingest", "assignments")

# A worker looks up assignments shortly before it stores readings. What it decided before the change and commits after
# the first look is found by a second one. Decisions older than half a minute are made anew (ingest/worker.py), and no
# statement of a worker's transaction may take longer than one.
LOOK_AGAIN_AFTER: Final = timedelta(minutes=2)

_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when somebody measured with a slot; aware, ``valid_until`` is None while it is open."""

    patient_id: UUID
    valid_from: datetime
    valid_until: datetime | None

    @property
    def ends_at(self) -> datetime:
        """Return the end as an instant that can be compared."""
        return self.valid_until or _LAST


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment with its history, as people see it. Times are aware UTC.

    Attributes:
        user_slot: None for a peripheral that does not tell its users apart.
        assigned_at: When it was said; None for one of before.
        ended_at: When somebody said that it ends; ``valid_until`` says when it did.
        voided_at: When it was found to be wrong; it counts for nothing since.
        replaces: The assignment that this one corrects.
        reading_count: Readings of the patient that it accounts for.
    """

    assignment_id: UUID
    peripheral_id: UUID
    user_slot: int | None
    patient_id: UUID
    display_name: str
    record_number: str
    valid_from: datetime
    valid_until: datetime | None
    assigned_by: str
    assigned_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    voided_at: datetime | None
    voided_by: str | None
    void_reason: str | None
    replaces: UUID | None
    reading_count: int

    @property
    def span(self) -> Span:
        """Return whose and from when until when."""
        return Span(self.patient_id, self.valid_from, self.valid_until)

    @property
    def is_open(self) -> bool:
        """Say whether it counts and has no end yet."""
        return self.voided_at is None and self.valid_until is None


@dataclass(frozen=True, slots=True)
class CurrentAssignment:
    """Who measures with a slot now."""

    peripheral_id: UUID
    user_slot: int | None
    patient_id: UUID
    display_name: str
    record_number: str


@dataclass(frozen=True, slots=True)
class HiddenAssignment:
    """A slot that somebody has, or had, whom the one who asks does not see."""

    peripheral_id: UUID
    user_slot: int | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Peripheral:
    """A cuff or a meter, as people know it."""

    peripheral_id: UUID
    bluetooth_address: str
    profile_id: str
    first_seen_at: datetime


def assign(
    cur: Cursor,
    practice_id: UUID,
    *,
    peripheral_id: UUID,
    user_slot: int | None,
    patient_id: UUID,
    valid_from: datetime,
    assigned_by: str,
    at: datetime,
    valid_until: datetime | None = None,
) -> UUID:
    """Give one user slot of a peripheral to a patient and return the assignment's id; readings follow.

    Args:
        cur: Open cursor.
        practice_id: The practice of peripheral and patient.
        peripheral_id: Which cuff or glucometer.
        user_slot: Which of its users; None for a peripheral that does not tell them apart.
        patient_id: Whose measurements they are.
        valid_from: First instant, aware.
        assigned_by: Who says so.
        at: Now, aware.
        valid_until: Instant from which it is no longer so, aware; None leaves it open.

    Raises:
        RefusedByStoreError: somebody else has the slot in that time, it would end before it begins, or the practice
            lacks peripheral or patient.
    """
    span = Span(patient_id, valid_from, valid_until)
    assignment_id = _add(cur, practice_id, peripheral_id, user_slot, span, assigned_by, at)
    _queue(cur, practice_id, peripheral_id, user_slot, [span], assigned_by, at)
    return assignment_id


def end(
    cur: Cursor,
    practice_id: UUID,
    assignment: Assignment,
    *,
    valid_until: datetime,
    ended_by: str,
    at: datetime,
) -> bool:
    """End an open assignment; readings measured from then on are nobody's until somebody else is assigned.

    Args:
        cur: Open cursor.
        practice_id: Its practice.
        assignment: As it was looked at.
        valid_until: First instant at which it is no longer so, aware.
        ended_by: Who says so.
        at: Now, aware.

    Returns:
        False where it is not open any more, or begins at that instant or later.
    """
    parameters = {
        "practice_id": practice_id,
        "assignment_id": assignment.assignment_id,
        "valid_until": valid_until,
        "ended_by": ended_by,
        "at": at,
    }
    if not statements.changed(cur, _Q.end_assignment, parameters):
        return False
    lost = Span(assignment.patient_id, valid_until, None)
    _queue(cur, practice_id, assignment.peripheral_id, assignment.user_slot, [lost], ended_by, at)
    return True


def correct(
    cur: Cursor,
    practice_id: UUID,
    assignment: Assignment,
    instead: Sequence[Span],
    *,
    reason: str,
    corrected_by: str,
    at: datetime,
) -> list[UUID] | None:
    """Void an assignment and put what is right in its place; readings follow.

    Args:
        cur: Open cursor.
        practice_id: Its practice.
        assignment: As it was looked at.
        instead: Who had the slot and when; empty where nobody had.
        reason: Why, in words.
        corrected_by: Who says so.
        at: Now, aware.

    Returns:
        The ids of the new assignments, or None where it was voided already.

    Raises:
        RefusedByStoreError: as for :func:`assign`.
    """
    parameters = {
        "practice_id": practice_id,
        "assignment_id": assignment.assignment_id,
        "voided_by": corrected_by,
        "reason": reason,
        "at": at,
    }
    if not statements.changed(cur, _Q.void_assignment, parameters):
        return None
    peripheral_id, user_slot = assignment.peripheral_id, assignment.user_slot
    added = [
        _add(
            cur, practice_id, peripheral_id, user_slot, span, corrected_by, at,
            assignment.assignment_id,
        )
        for span in instead
    ]  # fmt: skip
    touched = [assignment.span, *instead]
    _queue(cur, practice_id, peripheral_id, user_slot, touched, corrected_by, at)
    return added


def with_part_of(
    whole: Span, patient_id: UUID | None, from_at: datetime, until_at: datetime | None
) -> list[Span]:
    """Return what an assignment becomes when a part of its time was somebody else's, or nobody's. Pure.

    Args:
        whole: The assignment.
        patient_id: Who measured in the part; None for nobody.
        from_at: First instant of the part, aware; before the beginning of the whole means from its beginning.
        until_at: First instant behind it, aware; None, or behind the end of the whole, means until its end.
    """
    part = Span(
        patient_id or whole.patient_id,
        max(whole.valid_from, from_at),
        whole.valid_until if until_at is None or until_at >= whole.ends_at else until_at,
    )
    if part.valid_from >= part.ends_at:
        return [whole]
    spans = [
        Span(whole.patient_id, whole.valid_from, part.valid_from),
        *([part] if patient_id else []),
        *(
            [Span(whole.patient_id, part.valid_until, whole.valid_until)]
            if part.valid_until
            else []
        ),
    ]
    return [span for span in spans if span.valid_from < span.ends_at]


def of_peripheral(cur: Cursor, practice_id: UUID, peripheral_id: UUID) -> list[Assignment]:
    """Return all assignments of a peripheral that may be seen, voided ones last, else the newest first."""
    which = {"practice_id": practice_id, "peripheral_id": peripheral_id}
    return statements.rows(cur, Assignment, _Q.assignments_of_peripheral, which)


def current(cur: Cursor, practice_id: UUID, at: datetime) -> list[CurrentAssignment]:
    """Return who measures with which peripheral at an instant, as far as they may be seen."""
    asked = {"practice_id": practice_id, "at": at}
    return statements.rows(cur, CurrentAssignment, _Q.current_assignments, asked)


def hidden(cur: Cursor, practice_id: UUID) -> list[HiddenAssignment]:
    """Return which slots somebody has, or had, whom the member of staff in force does not see."""
    asked = {"practice_id": practice_id}
    return statements.rows(cur, HiddenAssignment, _Q.hidden_assignments, asked)


def peripherals(cur: Cursor, practice_id: UUID) -> list[Peripheral]:
    """Return the practice's peripherals, those heard for the first time last on top."""
    return statements.rows(cur, Peripheral, _Q.peripherals, {"practice_id": practice_id})


def peripheral(cur: Cursor, practice_id: UUID, peripheral_id: UUID) -> Peripheral | None:
    """Return one peripheral of the practice."""
    which = {"practice_id": practice_id, "peripheral_id": peripheral_id}
    return statements.first(cur, Peripheral, _Q.peripheral, which)


def is_followed(cur: Cursor, practice_id: UUID, peripheral_id: UUID, at: datetime) -> bool:
    """Say whether the readings of a peripheral have followed all changes of its assignments."""
    asked = {"practice_id": practice_id, "peripheral_id": peripheral_id, "at": at}
    return cur.execute(_Q.is_attribution_due, asked).fetchone() == (False,)


def _add(
    cur: Cursor,
    practice_id: UUID,
    peripheral_id: UUID,
    user_slot: int | None,
    span: Span,
    assigned_by: str,
    at: datetime,
    replaces: UUID | None = None,
) -> UUID:
    return statements.add(
        cur,
        _Q.assign,
        {
            "practice_id": practice_id,
            "peripheral_id": peripheral_id,
            "user_slot": user_slot,
            "patient_id": span.patient_id,
            "valid_from": span.valid_from,
            "valid_until": span.valid_until,
            "assigned_by": assigned_by,
            "at": at,
            "replaces": replaces,
        },
    )


def _queue(
    cur: Cursor,
    practice_id: UUID,
    peripheral_id: UUID,
    user_slot: int | None,
    touched: Sequence[Span],
    made_by: str,
    at: datetime,
) -> None:
    """Queue a look at all readings that the change may concern, undated ones behind its end too."""
    is_open = any(span.valid_until is None for span in touched)
    cur.execute(
        _Q.queue_attribution,
        {
            "practice_id": practice_id,
            "peripheral_id": peripheral_id,
            "user_slot": user_slot,
            "from_at": min(span.valid_from for span in touched),
            "until_at": None
            if is_open
            else max(span.ends_at for span in touched) + UNDATED_REACHES_BACK,
            "made_by": made_by,
            "at": at,
            "due_ats": [at, at + LOOK_AGAIN_AFTER],
        },
    )
