"""The practice's own claims, looked at as a regulator would."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ccm_link.console import surroundings
from ccm_link.console.desk import AtDesk
from ccm_link.console.words import self_audit_words
from ccm_link.evidence import self_audit

router = APIRouter(prefix="/self-audit", include_in_schema=False)


class Span(StrEnum):
    """Of how many days the page tells."""

    QUARTER = "90"
    HALF_YEAR = "180"
    YEAR = "365"


@router.get("")
def self_audit_page(desk: AtDesk, days: Span = Span.YEAR) -> HTMLResponse:
    """Show the regulator's measures and what was found in claims and entries."""
    tables = surroundings.of(desk.request).tables
    with desk.transaction() as cur:
        zone = ZoneInfo(desk.practice(cur).time_zone)
        today = desk.now.astimezone(zone).date()
        found = self_audit.of_practice(
            cur,
            desk.practice_id,
            zone,
            tables.book.last_known(today),
            today - timedelta(days=int(days)),
            today + timedelta(days=1),
        )
        shown = {one.patient_id for one in found.findings if one.patient_id is not None}
        desk.saw(*shown, findings=len(found.findings), days=days)
        return desk.page(
            cur,
            "self_audit.html",
            found=found,
            speak=self_audit_words,
            span=days,
            spans=list(Span),
        )
