"""What is planned for all: schedules of programs, who stands in for whom, and handing over when somebody leaves."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from ccm_link.console import planned_deeds, problems
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, planned_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import planned_words, wording
from ccm_link.errors import CcmLinkError
from ccm_link.task import cover, task_schedules
from ingest import access

router = APIRouter(prefix="/planning", include_in_schema=False)

Given = TypeVar("Given", bound=BaseModel)


class Said(StrEnum):
    """What the page confirms after an action."""

    SET_UP = "set-up"
    ENDED = "ended"
    ARRANGED = "arranged"
    CALLED_OFF = "called-off"
    HANDED_OVER = "handed-over"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        match self:
            case Said.SET_UP:
                return "The schedule holds. Its tasks are opened on their days."
            case Said.ENDED:
                return "The schedule is ended; tasks that it opened stay."
            case Said.ARRANGED:
                return "In that time the colleague finds the tasks under “Mine” and takes each on by claiming it."
            case Said.CALLED_OFF:
                return "It is called off."
            case Said.HANDED_OVER:
                return "The tasks are handed over."


@router.get("")
def planning_page(desk: AtDesk, said: Said | None = None) -> HTMLResponse:
    """Show schedules of programs, cover, and how many open tasks everybody has."""
    with desk.transaction() as cur:
        return _show(desk, cur, said=said.sentence if said else "")


@router.post("/schedules")
def set_up(desk: AtDesk, fields: Posted) -> Response:
    """Let something come again for everybody in a program."""

    def deed(cur: Cursor, given: planned_inputs.ProgramScheduleForm) -> str:
        planned_deeds.set_up_schedule(cur, desk, None, given, given.program)
        return f"?said={Said.SET_UP}"

    return _do(desk, "set-up", planned_inputs.ProgramScheduleForm, fields, deed)


@router.post("/schedules/{schedule_id}/end")
def end(desk: AtDesk, schedule_id: UUID, fields: Posted) -> Response:
    """End a program's schedule."""

    def deed(cur: Cursor, given: planned_inputs.EndSchedule) -> str:
        planned_deeds.end_schedule(cur, desk, None, schedule_id, given.reason)
        return f"?said={Said.ENDED}"

    return _do(desk, f"end-{schedule_id}", planned_inputs.EndSchedule, fields, deed)


@router.post("/cover")
def arrange(desk: AtDesk, fields: Posted) -> Response:
    """Let a colleague stand in for somebody."""

    def deed(cur: Cursor, given: planned_inputs.CoverForm) -> str:
        planned_deeds.arrange_cover(cur, desk, given)
        return f"?said={Said.ARRANGED}#cover"

    return _do(desk, "cover", planned_inputs.CoverForm, fields, deed)


@router.post("/cover/{cover_id}/call-off")
def call_off(desk: AtDesk, cover_id: UUID, fields: Posted) -> Response:
    """Call a cover off."""

    def deed(cur: Cursor, _given: planned_inputs.NoFields) -> str:
        planned_deeds.call_cover_off(cur, desk, cover_id)
        return f"?said={Said.CALLED_OFF}#cover"

    return _do(desk, f"call-off-{cover_id}", planned_inputs.NoFields, fields, deed)


@router.post("/hand-over")
def hand_over(desk: AtDesk, fields: Posted) -> Response:
    """Give all open tasks of somebody to a colleague, or back to everybody; say what stayed."""
    given, complaints = forms.check(planned_inputs.HandOverForm, fields)
    if given is None:
        return _refused(desk, Refusal("hand-over", fields, complaints))
    try:
        with desk.transaction() as cur:
            done = planned_deeds.hand_over_all(cur, desk, given)
    except CcmLinkError as error:
        return _refused(desk, Refusal("hand-over", fields, problem=problems.of_error(error)))
    with desk.transaction() as cur:
        return _show(desk, cur, said=_handed_over(done))


def _handed_over(done: cover.HandedOver) -> str:
    given, released = len(done.given), len(done.released)
    said = [f"{wording.count(given, 'task')} given to the colleague"] if given else []
    said += [f"{wording.count(released, 'task')} given back to everybody"] if released else []
    if not said:
        return "There was nothing to hand over that you may see."
    more = f" {done.left} or more are left: do it once more." if done.left else ""
    return f"{', '.join(said)}.{more}"


def _do(
    desk: Desk,
    form: str,
    model: type[Given],
    fields: Posted,
    deed: Callable[[Cursor, Given], str],
) -> Response:
    """Check a form, do what it says and lead back; or show the page again with what is wrong."""
    given, complaints = forms.check(model, fields)
    if given is None:
        return _refused(desk, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            behind = deed(cur, given)
    except CcmLinkError as error:
        return _refused(desk, Refusal(form, fields, problem=problems.of_error(error)))
    return RedirectResponse(f"/planning{behind}", 303)


def _refused(desk: Desk, refusal: Refusal) -> HTMLResponse:
    with desk.transaction() as cur:
        return _show(desk, cur, refusal=refusal)


def _show(
    desk: Desk, cur: Cursor, *, said: str = "", refusal: Refusal = NOTHING_REFUSED
) -> HTMLResponse:
    schedules = task_schedules.of_programs(cur, desk.practice_id)
    colleagues = access.clinical_staff(cur, desk.practice_id)
    desk.saw(resource=Resource.TASK, schedules=len(schedules))
    people = [
        (str(one.staff_id), f"{one.display_name}, {wording.role(one.role)}") for one in colleagues
    ]
    return desk.page(
        cur,
        "planning.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        schedules=schedules,
        programs=[
            (name, wording.sentence_case(wording.program(name)))
            for name in task_schedules.programs(cur, desk.practice_id, desk.now)
        ],
        for_whom=planned_words.for_whom_of_program(colleagues),
        covers=cover.to_come(cur, desk.practice_id, desk.now),
        people=people,
        owners=cover.owners(cur, desk.practice_id),
        may_change=permissions.may(desk.who, Resource.TASK, Action.CHANGE),
        said=said,
        refusal=refusal,
    )
