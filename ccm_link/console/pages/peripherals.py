"""Peripherals, and who measures with each: give it to a patient, end that, correct what was wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, time
from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from ccm_link.console import assigning, problems
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import assignment_inputs, forms, input_types
from ccm_link.console.posted.forms import NOTHING_REFUSED, Fields, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import wording
from ingest import assignments, people, store
from ingest.standing import Standing

router = APIRouter(prefix="/peripherals", include_in_schema=False)

_Model = TypeVar("_Model", bound=BaseModel)
# What a page shows again instead of an answer of its own: what a person can put right.
_TO_PUT_RIGHT: Final = frozenset({409, 422})


class Said(StrEnum):
    """What the page confirms after an action."""

    ASSIGNED = "assigned"
    ENDED = "ended"
    CORRECTED = "corrected"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        follow = "Readings follow within seconds; load the page again to see them counted."
        match self:
            case Said.ASSIGNED:
                return f"The peripheral is assigned. {follow}"
            case Said.ENDED:
                return f"The assignment has its end. {follow}"
            case Said.CORRECTED:
                return f"The assignment is corrected. {follow}"


class Skipped(ValueError):
    """A form names a time that the clocks skipped; carries which field."""

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field


@router.get("")
def peripherals_page(desk: AtDesk) -> HTMLResponse:
    """List the practice's peripherals, with who measures with them for those who may see patients."""
    with desk.transaction() as cur:
        found = assignments.peripherals(cur, desk.practice_id)
        with_patients = permissions.may(desk.who, Resource.ASSIGNMENT, Action.VIEW)
        current = assignments.current(cur, desk.practice_id, desk.now) if with_patients else []
        waiting = store.unassigned_readings(cur, desk.practice_id) if with_patients else []
        hidden = assignments.hidden(cur, desk.practice_id) if with_patients else []
        desk.saw(*(one.patient_id for one in current), peripherals=len(found))
        return desk.page(
            cur,
            "peripherals.html",
            peripherals=[
                (
                    one,
                    [each for each in current if each.peripheral_id == one.peripheral_id],
                    any(each.is_open for each in hidden if each.peripheral_id == one.peripheral_id),
                    sum(
                        row.reading_count
                        for row in waiting
                        if row.peripheral_id == one.peripheral_id
                    ),
                )
                for one in found
            ],
            with_patients=with_patients,
        )


@router.get("/{peripheral_id}")
def peripheral_page(desk: AtDesk, peripheral_id: UUID, said: Said | None = None) -> HTMLResponse:
    """Show one peripheral with all that was ever said about who measures with it."""
    with desk.transaction() as cur:
        return _show(desk, cur, peripheral_id, said=said.sentence if said else "")


@router.post("/{peripheral_id}/assignments")
def assign(desk: AtDesk, peripheral_id: UUID, fields: Posted) -> Response:
    """Give the peripheral to a patient from a moment on."""

    def change(cur: Cursor, given: assignment_inputs.AssignForm) -> None:
        span = _span(desk, cur, given)
        assigning.assign(desk, cur, peripheral_id, given.patient_id, given.user_slot, *span)

    def show(cur: Cursor, refusal: Refusal) -> HTMLResponse:
        return _show(desk, cur, peripheral_id, refusal=refusal)

    return _answer(
        desk,
        peripheral_id,
        "assign",
        fields,
        assignment_inputs.AssignForm,
        change,
        show,
        Said.ASSIGNED,
    )


@router.get("/{peripheral_id}/assignments/{assignment_id}")
def assignment_page(desk: AtDesk, peripheral_id: UUID, assignment_id: UUID) -> HTMLResponse:
    """Show one assignment with what can be done about it."""
    with desk.transaction() as cur:
        return _show_one(desk, cur, peripheral_id, assignment_id)


@router.post("/{peripheral_id}/assignments/{assignment_id}/end")
def end(desk: AtDesk, peripheral_id: UUID, assignment_id: UUID, fields: Posted) -> Response:
    """End an assignment."""

    def change(cur: Cursor, given: assignment_inputs.EndAssignmentForm) -> None:
        before = assigning.assignment(desk, cur, peripheral_id, assignment_id)
        zone = ZoneInfo(desk.practice(cur).time_zone)
        assigning.end(desk, cur, before, _instant(given.until_on, given.until_time, zone, "until"))

    return _answer(
        desk, peripheral_id, "end", fields, assignment_inputs.EndAssignmentForm, change,
        _shows(desk, peripheral_id, assignment_id), Said.ENDED,
    )  # fmt: skip


@router.post("/{peripheral_id}/assignments/{assignment_id}/correct-patient")
def correct_patient(
    desk: AtDesk, peripheral_id: UUID, assignment_id: UUID, fields: Posted
) -> Response:
    """Say that somebody else measured, or nobody known, in a part of an assignment's time."""

    def change(cur: Cursor, given: assignment_inputs.CorrectPatientForm) -> None:
        before = assigning.assignment(desk, cur, peripheral_id, assignment_id)
        span = _span(desk, cur, given)
        assigning.correct_patient(desk, cur, before, given.patient, *span, given.reason)

    return _answer(
        desk, peripheral_id, "owner", fields, assignment_inputs.CorrectPatientForm, change,
        _shows(desk, peripheral_id, assignment_id), Said.CORRECTED,
    )  # fmt: skip


@router.post("/{peripheral_id}/assignments/{assignment_id}/correct-time")
def correct_time(
    desk: AtDesk, peripheral_id: UUID, assignment_id: UUID, fields: Posted
) -> Response:
    """Say that an assignment's time was another."""

    def change(cur: Cursor, given: assignment_inputs.CorrectTimeForm) -> None:
        before = assigning.assignment(desk, cur, peripheral_id, assignment_id)
        assigning.correct_time(desk, cur, before, *_span(desk, cur, given), given.reason)

    return _answer(
        desk, peripheral_id, "span", fields, assignment_inputs.CorrectTimeForm, change,
        _shows(desk, peripheral_id, assignment_id), Said.CORRECTED,
    )  # fmt: skip


def _answer(
    desk: Desk,
    peripheral_id: UUID,
    form: str,
    fields: Fields,
    model: type[_Model],
    change: Callable[[Cursor, _Model], None],
    show: Callable[[Cursor, Refusal], HTMLResponse],
    said: Said,
) -> Response:
    """Make a change in a transaction, or show the page again with what is wrong."""
    given, complaints = forms.check(model, fields)
    refusal = Refusal(form, fields, complaints)
    if given is not None:
        try:
            with assigning.refusals(), desk.transaction() as cur:
                change(cur, given)
        except Skipped as error:
            refusal = Refusal(form, fields, {error.field: wording.SKIPPED_HOUR})
        except problems.Refused as error:
            if error.problem.status not in _TO_PUT_RIGHT:
                raise
            refusal = Refusal(form, fields, problem=error.problem)
        else:
            return RedirectResponse(f"/peripherals/{peripheral_id}?said={said}", 303)
    with desk.transaction() as cur:
        return show(cur, refusal)


def _shows(
    desk: Desk, peripheral_id: UUID, assignment_id: UUID
) -> Callable[[Cursor, Refusal], HTMLResponse]:
    return lambda cur, refusal: _show_one(desk, cur, peripheral_id, assignment_id, refusal)


def _span(
    desk: Desk, cur: Cursor, given: assignment_inputs.WallSpan
) -> tuple[datetime, datetime | None]:
    zone = ZoneInfo(desk.practice(cur).time_zone)
    from_at = _instant(given.from_on, given.from_time, zone, "from")
    if given.until_on is None or given.until_time is None:
        return from_at, None
    return from_at, _instant(given.until_on, given.until_time, zone, "until")


def _instant(day: date, wall: time, zone: ZoneInfo, which: str) -> datetime:
    at = input_types.local_instant(day, wall, zone)
    if at is None:
        raise Skipped(f"{which}_time")
    return at


def _show(
    desk: Desk,
    cur: Cursor,
    peripheral_id: UUID,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    peripheral = assigning.peripheral(desk, cur, peripheral_id)
    with_patients = permissions.may(desk.who, Resource.ASSIGNMENT, Action.VIEW)
    may_change = permissions.may(desk.who, Resource.ASSIGNMENT, Action.CHANGE)
    found = assignments.of_peripheral(cur, desk.practice_id, peripheral_id) if with_patients else []
    waiting = store.unassigned_readings(cur, desk.practice_id) if with_patients else []
    hidden = assignments.hidden(cur, desk.practice_id) if with_patients else []
    desk.saw(
        *(one.patient_id for one in found),
        resource=Resource.PERIPHERAL,
        resource_id=peripheral_id,
        assignments=len(found),
    )
    of_this = [row for row in waiting if row.peripheral_id == peripheral_id]
    return desk.page(
        cur,
        "peripheral.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        peripheral=peripheral,
        with_patients=with_patients,
        in_force=[one for one in found if one.voided_at is None],
        voided=[one for one in found if one.voided_at is not None],
        hidden=[one for one in hidden if one.peripheral_id == peripheral_id],
        waiting=of_this,
        begins_at=min((row.first_measured_at for row in of_this), default=desk.now),
        first_slot=of_this[0].user_slot if of_this else None,
        is_followed=assignments.is_followed(cur, desk.practice_id, peripheral_id, desk.now),
        patients=_patients(desk, cur) if may_change else [],
        said=said,
        refusal=refusal,
    )


def _show_one(
    desk: Desk,
    cur: Cursor,
    peripheral_id: UUID,
    assignment_id: UUID,
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    peripheral = assigning.peripheral(desk, cur, peripheral_id)
    one = assigning.assignment(desk, cur, peripheral_id, assignment_id)
    desk.saw(one.patient_id, resource=Resource.ASSIGNMENT, resource_id=assignment_id)
    return desk.page(
        cur,
        "assignment.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        peripheral=peripheral,
        assignment=one,
        patients=[
            *(
                choice
                for choice in _patients(
                    desk, cur, tuple(Standing)
                )  # it may have been somebody who is gone
                if choice[0] != str(one.patient_id)
            ),
            (str(assignment_inputs.NOBODY), "Nobody whom the practice knows"),
        ],
        refusal=refusal,
    )


def _patients(
    desk: Desk, cur: Cursor, standings: Collection[Standing] = (Standing.ACTIVE,)
) -> list[tuple[str, str]]:
    """Return the choices of a form; the first is none, so that nobody is chosen by oversight."""
    return [
        ("", "Choose a patient"),
        *(
            (str(one.patient_id), f"{one.display_name}, {one.record_number}")
            for one in people.patients(cur, desk.practice_id, standings)
        ),
    ]
