"""What the practice's rules ask of people, and how much of it was worth asking."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ccm_link import alert_burden
from ccm_link.console.desk import AtDesk

router = APIRouter(prefix="/rules/burden", include_in_schema=False)


class Span(StrEnum):
    """Of how many days the page tells."""

    WEEK = "7"
    MONTH = "30"
    QUARTER = "90"


@router.get("")
def rule_burden_page(desk: AtDesk, days: Span = Span.MONTH) -> HTMLResponse:
    """Show episodes, outcomes and delays of each rule, and what people had to do."""
    with desk.transaction() as cur:
        burden = alert_burden.of_practice(
            cur, desk.practice_id, desk.now - timedelta(days=int(days)), desk.now
        )
        desk.saw(tasks=burden.tasks, days=days)
        return desk.page(
            cur,
            "rule_burden.html",
            burden=burden,
            span=days,
            spans=list(Span),
        )
