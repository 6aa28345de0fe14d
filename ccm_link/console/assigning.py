"""Changing who measures with a peripheral, the same for pages and API: whether it may be, and what the trail tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from ccm_link.console import patient_head, problems, states, trail
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.routes.permissions import Resource
from ingest import assignments
from ingest.assignments import Assignment, Peripheral, Span
from ingest.errors import RefusalReason, RefusedByStoreError

_LOOK_AGAIN: Final = "Look at what holds now, and decide again."
SOMEBODY_HAS_IT: Final = problems.Problem(
    409,
    "Somebody has it in that time",
    "One user slot of a peripheral belongs to one patient at a time, and in a part of this time another assignment "
    "holds. If no such assignment is shown, it is of a patient whom you do not see.",
    "End or correct that assignment first, or ask the patient’s care team.",
    reason="overlapping_assignment",
)
CHANGED_MEANWHILE: Final = problems.Problem(
    409,
    "The assignment has changed",
    "It was ended or corrected meanwhile, or it begins only after the end that you gave.",
    _LOOK_AGAIN,
    reason="assignment_changed",
)
NOTHING_CHANGES: Final = problems.Problem(
    409,
    "Nothing would change",
    "The assignment does not hold in the time that you gave, or it is that patient’s already.",
    _LOOK_AGAIN,
    reason="nothing_changes",
)


@contextmanager
def refusals() -> Iterator[None]:
    """Say in the console's words what the store refuses; goes around the transaction, which is lost then.

    Raises:
        Refused: 409 where somebody else has the slot, 422 where the fields contradict each other or the store.
    """
    try:
        yield
    except RefusedByStoreError as error:
        if error.reason is RefusalReason.OVERLAPPING_ASSIGNMENT:
            raise problems.Refused(SOMEBODY_HAS_IT) from None
        raise problems.Refused(problems.invalid({})) from None


def peripheral(desk: Desk, cur: Cursor, peripheral_id: UUID) -> Peripheral:
    """Load a peripheral of the practice.

    Raises:
        Refused: 404; the practice has none of this id.
    """
    found = assignments.peripheral(cur, desk.practice_id, peripheral_id)
    if found is None:
        raise problems.Refused(problems.NOT_FOUND)
    return found


def assignment(desk: Desk, cur: Cursor, peripheral_id: UUID, assignment_id: UUID) -> Assignment:
    """Load an assignment of a peripheral.

    Raises:
        Refused: 404; there is none of this id, or the person does not see its patient.
    """
    found = assignments.of_peripheral(cur, desk.practice_id, peripheral_id)
    one = next((each for each in found if each.assignment_id == assignment_id), None)
    if one is None:
        raise problems.Refused(problems.NOT_FOUND)
    return one


def assign(
    desk: Desk,
    cur: Cursor,
    peripheral_id: UUID,
    patient_id: UUID,
    user_slot: int | None,
    valid_from: datetime,
    valid_until: datetime | None,
) -> UUID:
    """Give a slot of a peripheral to a patient whom the person sees; return the assignment's id.

    Raises:
        Refused: 404 for an unknown patient or peripheral.
        AccessLimited: the patient is hidden from the person.
        RefusedByStoreError: as :func:`refusals` says it.
    """
    peripheral(desk, cur, peripheral_id)
    patient_head.load(cur, desk, patient_id)
    assignment_id = assignments.assign(
        cur,
        desk.practice_id,
        peripheral_id=peripheral_id,
        user_slot=user_slot,
        patient_id=patient_id,
        valid_from=valid_from,
        valid_until=valid_until,
        assigned_by=desk.who.display_name,
        at=desk.now,
    )
    _added(desk, cur, peripheral_id, [assignment_id])
    return assignment_id


def end(desk: Desk, cur: Cursor, before: Assignment, valid_until: datetime) -> None:
    """End an open assignment.

    Raises:
        Refused: 409; it is not open any more, or begins later.
    """
    is_ended = assignments.end(
        cur,
        desk.practice_id,
        before,
        valid_until=valid_until,
        ended_by=desk.who.display_name,
        at=desk.now,
    )
    if not is_ended:
        raise problems.Refused(CHANGED_MEANWHILE)
    after = assignment(desk, cur, before.peripheral_id, before.assignment_id)
    _changed(desk, before, after)


def correct_patient(
    desk: Desk,
    cur: Cursor,
    before: Assignment,
    patient_id: UUID | None,
    from_at: datetime,
    until_at: datetime | None,
    reason: str,
) -> None:
    """Say that in a part of an assignment's time somebody else measured, or nobody known; the rest stays.

    Raises:
        Refused: 404 for an unknown patient; 409 where nothing would change or the assignment has changed.
        AccessLimited: the patient is hidden from the person.
        RefusedByStoreError: as :func:`refusals` says it.
    """
    if patient_id is not None:
        patient_head.load(cur, desk, patient_id)
    becomes = assignments.with_part_of(before.span, patient_id, from_at, until_at)
    if patient_id == before.patient_id or becomes == [before.span]:
        raise problems.Refused(NOTHING_CHANGES)
    _correct(desk, cur, before, becomes, reason)


def correct_time(
    desk: Desk,
    cur: Cursor,
    before: Assignment,
    valid_from: datetime,
    valid_until: datetime | None,
    reason: str,
) -> None:
    """Say that an assignment's time was another.

    Raises:
        Refused: 409 where nothing would change or the assignment has changed.
        RefusedByStoreError: as :func:`refusals` says it.
    """
    span = Span(before.patient_id, valid_from, valid_until)
    if span == before.span:
        raise problems.Refused(NOTHING_CHANGES)
    _correct(desk, cur, before, [span], reason)


def _correct(
    desk: Desk, cur: Cursor, before: Assignment, becomes: Sequence[Span], reason: str
) -> None:
    added = assignments.correct(
        cur,
        desk.practice_id,
        before,
        becomes,
        reason=reason,
        corrected_by=desk.who.display_name,
        at=desk.now,
    )
    if added is None:
        raise problems.Refused(CHANGED_MEANWHILE)
    after = assignment(desk, cur, before.peripheral_id, before.assignment_id)
    _changed(desk, before, after, why=reason)
    _added(desk, cur, before.peripheral_id, added)


def _changed(desk: Desk, before: Assignment, after: Assignment, *, why: str = "") -> None:
    note = {"reason": trail.sha256_of(why)} if why else {}
    desk.changed(
        Resource.ASSIGNMENT,
        before.assignment_id,
        before=states.assignment(before),
        after={**states.assignment(after), **note},
        patient_id=before.patient_id,
    )


def _added(desk: Desk, cur: Cursor, peripheral_id: UUID, added: Sequence[UUID]) -> None:
    found = assignments.of_peripheral(cur, desk.practice_id, peripheral_id)
    for one in found:
        if one.assignment_id in added:
            desk.changed(
                Resource.ASSIGNMENT,
                one.assignment_id,
                after=states.assignment(one),
                patient_id=one.patient_id,
            )
