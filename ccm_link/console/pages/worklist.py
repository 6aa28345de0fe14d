"""The worklist in its tabs, the alerts of one patient together, and what is done with several tasks at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from alerts.measures import Severity
from ccm_link.console import problems, task_deeds, task_record
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.console.posted import forms, task_inputs
from ccm_link.console.posted.forms import NOTHING_REFUSED, Fields, Posted, Refusal
from ccm_link.console.problems import Problem
from ccm_link.console.words import task_words, wording
from ccm_link.errors import CcmLinkError
from ccm_link.registry import patient_standing
from ccm_link.task import worklist
from ccm_link.task.worklist import Tab
from ccm_link.work import Task, TaskStatus
from ingest import access

router = APIRouter(prefix="/worklist", include_in_schema=False)

# A box of the list that was ticked: which task, and the version that was looked at.
_CHOSEN: Final = re.compile("task-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")

_URGENT: Final = Problem(
    422,
    "Urgent tasks are opened one by one",
    "Several tasks can only be dealt with at once where none of them is urgent.",
    "Open the task and decide there.",
)


class Said(StrEnum):
    """What the page confirms after an action."""

    COMPLETED = "completed"
    RELEASED = "released"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    CHOSEN_CLAIMED = "chosen-claimed"
    CHOSEN_ASSIGNED = "chosen-assigned"
    CHOSEN_SNOOZED = "chosen-snoozed"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        match self:
            case Said.COMPLETED:
                return "The task is completed."
            case Said.RELEASED:
                return "The task is back in the worklist."
            case Said.ASSIGNED:
                return "The task is your colleague's, who takes it on by claiming it."
            case Said.SNOOZED:
                return "The task waits; it is seen again by itself."
            case Said.CHOSEN_CLAIMED:
                return "The tasks are yours."
            case Said.CHOSEN_ASSIGNED:
                return "The tasks are your colleague's, who takes them on by claiming them."
            case Said.CHOSEN_SNOOZED:
                return "The tasks wait; they are seen again by themselves."


_SAID_OF: Final = {
    "acknowledge": Said.CHOSEN_CLAIMED,
    "assign": Said.CHOSEN_ASSIGNED,
    "snooze": Said.CHOSEN_SNOOZED,
}


@dataclass(frozen=True, slots=True)
class Left:
    """A chosen task that stayed as it was, and why."""

    task: Task
    problem: Problem


@router.get("")
def page(desk: AtDesk, tab: Tab = Tab.NEEDS_ACTION, said: Said | None = None) -> HTMLResponse:
    """Show the tasks of a tab, what is urgent first, then what is overdue, then what is due first."""
    with desk.transaction() as cur:
        return _show(desk, cur, tab, said=said.sentence if said else "")


@router.post("/chosen")
def deal_with_chosen(desk: AtDesk, fields: Posted) -> Response:
    """Claim, assign or snooze the chosen tasks; each that cannot be is left as it is, and said."""
    versions, others = _split(fields)
    given, complaints = forms.check(task_inputs.ChosenTasks, others)
    if given is not None and not versions:
        given, complaints = None, {"form": "Choose at least one task."}
    if given is None:
        tab = others.get("tab", "")
        shown = Tab(tab) if tab in set(Tab) else Tab.NEEDS_ACTION
        with desk.transaction() as cur:
            return _show(desk, cur, shown, refusal=Refusal("chosen", others, complaints))
    with desk.transaction() as cur:
        chosen = [task_record.load(cur, desk, task_id) for task_id in versions]
        desk.saw(*(task.patient_id for task in chosen), tasks=len(chosen))
    left = [
        Left(task, problem)
        for task in chosen
        if (problem := _deal(desk, given, task, versions[task.task_id])) is not None
    ]
    if not left:
        return RedirectResponse(f"/worklist?tab={given.tab}&said={_SAID_OF[given.deed]}", 303)
    with desk.transaction() as cur:
        return _show(desk, cur, given.tab, left=left, done=len(chosen) - len(left))


def _split(fields: Fields) -> tuple[dict[UUID, Fields], Fields]:
    """Return the chosen tasks with the version of each, and the other fields."""
    chosen = {name: match[1] for name in fields if (match := _CHOSEN.fullmatch(name))}
    versions: dict[UUID, Fields] = {
        UUID(task_id): {"row_version": fields[name]} for name, task_id in chosen.items()
    }
    return versions, {name: text for name, text in fields.items() if name not in chosen}


def _deal(desk: Desk, given: task_inputs.ChosenTasks, task: Task, fields: Fields) -> Problem | None:
    """Deal with one chosen task in a transaction of its own; return why it stayed as it was, if it did."""
    looked_at, complaints = forms.check(task_inputs.ClaimTask, fields)
    if looked_at is None:
        return problems.invalid(complaints)
    if task.severity is Severity.URGENT:
        return _URGENT
    try:
        with desk.transaction() as cur:
            _do(desk, cur, given, task.task_id, looked_at.row_version)
    except CcmLinkError as error:
        return problems.of_error(error)
    return None


def _do(
    desk: Desk, cur: Cursor, given: task_inputs.ChosenTasks, task_id: UUID, row_version: int
) -> None:
    if given.deed == "assign" and given.owner_staff_id is not None:
        hand_over = task_inputs.AssignTask(
            row_version=row_version, owner_staff_id=given.owner_staff_id, note=given.reason
        )
        task_deeds.assign(cur, desk, task_id, hand_over)
    elif given.deed == "snooze" and given.wait_minutes is not None:
        until_at = desk.now + timedelta(minutes=given.wait_minutes)
        task_deeds.snooze(cur, desk, task_id, row_version, until_at, given.reason)
    else:
        task_deeds.claim(cur, desk, task_id, task_inputs.ClaimTask(row_version=row_version))


def _show(
    desk: Desk,
    cur: Cursor,
    tab: Tab,
    *,
    said: str = "",
    refusal: Refusal = NOTHING_REFUSED,
    left: Sequence[Left] = (),
    done: int = 0,
) -> HTMLResponse:
    viewer = task_record.viewer(cur, desk)
    listed = worklist.tasks_of(cur, viewer, tab)
    counts = worklist.counts(cur, viewer)
    desk.saw(
        *(task.patient_id for task in (*listed, *(one.task for one in left))), tasks=len(listed)
    )
    choosable = {
        task.severity
        for task in listed
        if task.severity is not Severity.URGENT and task.status is TaskStatus.OPEN
    }
    status = refusal.status if refusal is not NOTHING_REFUSED else 409 if left else 200
    return desk.page(
        cur,
        "worklist.html",
        status=status,
        tab=tab,
        tabs=[(each, words, counts[each]) for each, words in task_words.TABS.items()],
        patients=worklist.by_patient(listed),
        listed_count=len(listed),
        tab_count=counts[tab],
        hidden_count=worklist.hidden_count(cur, desk.practice_id),
        set_aside_count=patient_standing.count_open_tasks(cur, desk.practice_id),
        today=None if listed else worklist.measured_today(cur, desk.practice_id, desk.now),
        is_choosable=bool(choosable),
        colleagues=[
            (one.staff_id, f"{one.display_name}, {wording.role(one.role)}")
            for one in access.clinical_staff(cur, desk.practice_id)
            if one.staff_id != desk.staff_id
        ],
        waits=task_words.waits(*choosable) if choosable else [],
        stands_in_for=viewer.stands_in_for,
        said=said,
        refusal=refusal,
        left=left,
        done=done,
    )
