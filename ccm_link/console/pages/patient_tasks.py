"""A patient's tasks: what is open and was done, what somebody opens by hand, and what comes again."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar
from uuid import UUID, uuid4

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from ccm_link.console import patient_head, planned_deeds, problems
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, planned_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Posted, Refusal
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.console.words import planned_words
from ccm_link.errors import CcmLinkError
from ccm_link.program import care_team
from ccm_link.task import task_schedules, tasks

router = APIRouter(prefix="/patients/{patient_id}/tasks", include_in_schema=False)

Given = TypeVar("Given", bound=BaseModel)


class Said(StrEnum):
    """What the page confirms after an action."""

    OPENED = "opened"
    SET_UP = "set-up"
    ENDED = "ended"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        match self:
            case Said.OPENED:
                return "The task is open."
            case Said.SET_UP:
                return "The schedule holds. Its tasks are opened on their days."
            case Said.ENDED:
                return "The schedule is ended; tasks that it opened stay."


@router.get("")
def tasks_page(desk: AtDesk, patient_id: UUID, said: Said | None = None) -> HTMLResponse:
    """Show the patient's tasks and schedules."""
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id, said=said.sentence if said else "")


@router.post("")
def open_task(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Open a task for the patient."""

    def deed(cur: Cursor, given: planned_inputs.OpenTaskForm) -> Said:
        wanted = given.wanted(desk.staff_id, planned_deeds.zone_of(cur, desk))
        planned_deeds.open_by_hand(cur, desk, patient_id, wanted, given.form_key)
        return Said.OPENED

    return _do(desk, patient_id, "open-task", planned_inputs.OpenTaskForm, fields, deed)


@router.post("/schedules")
def set_up(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Let something come again for the patient."""

    def deed(cur: Cursor, given: planned_inputs.ScheduleForm) -> Said:
        planned_deeds.set_up_schedule(cur, desk, patient_id, given, None)
        return Said.SET_UP

    return _do(desk, patient_id, "set-up", planned_inputs.ScheduleForm, fields, deed)


@router.post("/schedules/{schedule_id}/end")
def end(desk: AtDesk, patient_id: UUID, schedule_id: UUID, fields: Posted) -> Response:
    """End a schedule of the patient."""

    def deed(cur: Cursor, given: planned_inputs.EndSchedule) -> Said:
        planned_deeds.end_schedule(cur, desk, patient_id, schedule_id, given.reason)
        return Said.ENDED

    form = f"end-{schedule_id}"
    return _do(desk, patient_id, form, planned_inputs.EndSchedule, fields, deed)


def _do(
    desk: Desk,
    patient_id: UUID,
    form: str,
    model: type[Given],
    fields: Posted,
    deed: Callable[[Cursor, Given], Said],
) -> Response:
    """Check a form, do what it says and lead back; or show the page again with what is wrong."""
    given, complaints = forms.check(model, fields)
    if given is None:
        return _refused(desk, patient_id, Refusal(form, fields, complaints))
    try:
        with desk.transaction() as cur:
            patient_head.load(cur, desk, patient_id)
            said = deed(cur, given)
    except CcmLinkError as error:
        refusal = Refusal(form, fields, problem=problems.of_error(error))
        return _refused(desk, patient_id, refusal)
    return RedirectResponse(f"/patients/{patient_id}/tasks?said={said}", 303)


def _refused(desk: Desk, patient_id: UUID, refusal: Refusal) -> HTMLResponse:
    with desk.transaction() as cur:
        return _show(desk, cur, patient_id, refusal=refusal)


def _show(
    desk: Desk,
    cur: Cursor,
    patient_id: UUID,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
) -> HTMLResponse:
    patient = patient_head.load(cur, desk, patient_id)
    grant = patient_head.grant(cur, desk, patient_id)
    found = tasks.tasks_of_patient(cur, desk.practice_id, patient_id)
    manager = care_team.care_manager_of(cur, desk.practice_id, [patient_id], desk.now)
    desk.saw(patient_id, resource=Resource.TASK, tasks=len(found))
    return desk.page(
        cur,
        "patient_tasks.html",
        status=200 if refusal is NOTHING_REFUSED else refusal.status,
        patient=patient,
        tasks=found,
        most_shown=tasks.MOST_SHOWN,
        schedules=task_schedules.of_patient(cur, desk.practice_id, patient_id),
        for_whom=planned_words.for_whom(
            tasks.colleagues(cur, desk.practice_id, patient_id),
            desk.staff_id,
            manager.get(patient_id),
        ),
        form_key=str(uuid4()),
        may_change=not grant and permissions.may(desk.who, Resource.TASK, Action.CHANGE),
        grant=grant,
        said=said,
        refusal=refusal,
    )
