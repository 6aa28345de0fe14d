"""What the care of the practice's patients lacks, by kind, with the numbers and what to do."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from ccm_link.console.desk import AtDesk
from ccm_link.console.posted.plan_inputs import GapsQuery
from ccm_link.plan import care_gap_facts, care_gaps
from ccm_link.plan.care_gaps import GapKind

router = APIRouter(prefix="/care-gaps", include_in_schema=False)

_MOST_SHOWN = 200  # of a long list nobody reads more; the counts are of all


@router.get("")
def gaps_page(desk: AtDesk, asked: Annotated[GapsQuery, Query()]) -> HTMLResponse:
    """Show who lacks something."""
    with desk.transaction() as cur:
        facts = care_gap_facts.load(cur, desk.practice_id, None, desk.now)
        found = care_gaps.gaps(facts, desk.now)
        counts = Counter(kind for one in found for kind in {gap.kind for gap in one.gaps})
        wanted = [
            one
            for one in found
            if asked.gap is None or any(gap.kind is asked.gap for gap in one.gaps)
        ]
        shown = wanted[:_MOST_SHOWN]
        desk.saw(*(one.facts.patient_id for one in shown), patients=len(shown), gap=asked.gap)
        return desk.page(
            cur,
            "care_gaps.html",
            cared_for=len(facts),
            lacking=len(found),
            counts=[(kind, counts[kind]) for kind in GapKind],
            asked=asked.gap,
            shown=shown,
            wanted=len(wanted),
        )
