"""Patients who are not active: how they stand, what was measured since, and which tasks of theirs are still open."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ccm_link.console.desk import AtDesk
from ccm_link.registry import patient_standing
from ccm_link.registry.patient_standing import WaitingTask
from ingest import standing

router = APIRouter(prefix="/patients/not-active", include_in_schema=False)


@router.get("")
def page(desk: AtDesk) -> HTMLResponse:
    """List them, the latest first; nothing of theirs stands in another list."""
    with desk.transaction() as cur:
        found = standing.not_active_of_practice(cur, desk.practice_id, desk.now)
        tasks: dict[UUID, list[WaitingTask]] = {}
        for task in patient_standing.open_tasks(cur, desk.practice_id):
            tasks.setdefault(task.patient_id, []).append(task)
        desk.saw(*(one.patient_id for one in found), patients=len(found))
        return desk.page(
            cur,
            "not_active.html",
            patients=[
                (one, ZoneInfo(one.time_zone), tasks.get(one.patient_id, [])) for one in found
            ],
        )
