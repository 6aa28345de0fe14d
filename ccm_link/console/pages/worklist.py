"""The open tasks, what is urgent first."""

from __future__ import annotations

from enum import StrEnum

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ccm_link import tasks
from ccm_link.console.desk import AtDesk

router = APIRouter(include_in_schema=False)


class Said(StrEnum):
    """What the page confirms after an action."""

    COMPLETED = "completed"
    RELEASED = "released"

    @property
    def sentence(self) -> str:
        """Return the confirmation."""
        match self:
            case Said.COMPLETED:
                return "The task is completed and its alert closed."
            case Said.RELEASED:
                return "The task is back in the worklist."


@router.get("/worklist")
def worklist(desk: AtDesk, said: Said | None = None) -> HTMLResponse:
    """Show the open tasks of the practice: urgent first, then what is due first."""
    with desk.transaction() as cur:
        open_tasks = tasks.open_tasks(cur, desk.practice_id)
        desk.saw(*(task.patient_id for task in open_tasks), tasks=len(open_tasks))
        return desk.page(
            cur,
            "worklist.html",
            tasks=open_tasks,
            open_count=tasks.open_task_count(cur, desk.practice_id),
            hidden_count=tasks.hidden_open_task_count(cur, desk.practice_id),
            said=said.sentence if said else "",
        )
