"""The care plan as a patient or a carer reads it from home: the version in force, once it was given to them."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from ccm_link.console import plan_look, problems
from ccm_link.console.desk import AtDesk, Cursor, Desk
from ccm_link.plan import plan_print, plan_sharing
from ccm_link.plan.plan_print import PrintedPlan
from ingest import people

router = APIRouter(prefix="/own-record/plan", include_in_schema=False)


@router.get("")
def plan_page(desk: AtDesk) -> HTMLResponse:
    """Show the plan; where none was given yet, say so."""
    with desk.transaction() as cur:
        printed = _printed(desk, cur)
        desk.saw(desk.patient_id, plan=printed is not None)
        return desk.page(cur, "home_plan.html", printed=printed)


@router.get("/pdf")
def plan_pdf(desk: AtDesk) -> Response:
    """Hand it out as a PDF."""
    with desk.transaction() as cur:
        printed = _printed(desk, cur)
        desk.saw(desk.patient_id, plan=printed is not None, format="pdf")
    if printed is None:
        raise problems.Refused(problems.NOT_FOUND)
    return plan_look.as_pdf(printed)


def _printed(desk: Desk, cur: Cursor) -> PrintedPlan | None:
    patient = people.patient(cur, desk.practice_id, desk.patient_id)
    if patient is None:
        raise problems.Refused(problems.NOT_FOUND)
    version = plan_sharing.shared_version(cur, desk.practice_id, desk.patient_id)
    return plan_print.printed(version, patient, desk.practice(cur)) if version else None
