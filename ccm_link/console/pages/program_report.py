"""What the program does for its patients and asks of its people: the practice's report."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ccm_link.console import surroundings
from ccm_link.console.desk import AtDesk
from ccm_link.console.words import report_words
from ccm_link.evidence import program_report

router = APIRouter(prefix="/reports", include_in_schema=False)


class Span(StrEnum):
    """Of how many days the page tells."""

    MONTH = "30"
    QUARTER = "90"
    YEAR = "365"


@router.get("")
def program_report_page(desk: AtDesk, days: Span = Span.QUARTER) -> HTMLResponse:
    """Show enrolment, measuring, control, triage, minutes and revenue, for the practice and group by group."""
    tables = surroundings.of(desk.request).tables
    with desk.transaction() as cur:
        zone = ZoneInfo(desk.practice(cur).time_zone)
        until_on = desk.now.astimezone(zone).date() + timedelta(days=1)
        found = program_report.of_practice(
            cur,
            desk.practice_id,
            zone,
            tables.fees,
            until_on - timedelta(days=int(days)),
            until_on,
        )
        desk.saw(patients=found.whole.patients, days=days)
        return desk.page(
            cur, "program_report.html", found=found, speak=report_words, span=days, spans=list(Span)
        )
