"""What a claim rests on, from each unit down to the readings behind it."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ccm_link.billing.words import duration
from ccm_link.console import patient_head, problems
from ccm_link.console.desk import AtDesk
from ccm_link.evidence import lineage

router = APIRouter(prefix="/claims", include_in_schema=False)


@router.get("/{claim_id}/evidence")
def evidence_page(desk: AtDesk, claim_id: UUID) -> HTMLResponse:
    """Show each line with the rules that led to it, each unit with its time or days, and the readings behind them."""
    with desk.transaction() as cur:
        found = lineage.of_claim(cur, desk.practice_id, claim_id)
        if found is None:
            raise problems.Refused(problems.NOT_FOUND)
        head = patient_head.load(cur, desk, found.claim.patient_id)
        desk.saw(found.claim.patient_id, resource_id=claim_id, lines=len(found.lines))
        return desk.page(
            cur,
            "evidence.html",
            patient=head,
            found=found,
            duration=duration,
            grant=patient_head.grant(cur, desk, found.claim.patient_id),
        )
