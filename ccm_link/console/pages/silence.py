"""What did not arrive as it should: unassigned readings, quarantine, gateways. Read only."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ccm_link.console import gateway_words
from ccm_link.console.desk import AtDesk
from ingest import quarantine, store

router = APIRouter(include_in_schema=False)

# Each row carries its bytes, a whole message of 256 KiB at worst; nobody reads further anyway.
_MOST_ROWS: Final = 50
_MOST_BYTES: Final = 128  # of each, in hex; a peripheral's frame has about 20


@router.get("/unassigned")
def unassigned_page(desk: AtDesk) -> HTMLResponse:
    """Show which peripherals have readings that belong to nobody yet."""
    with desk.transaction() as cur:
        waiting = store.unassigned_readings(cur, desk.practice_id)
        return desk.page(cur, "unassigned.html", waiting=waiting)


@router.get("/quarantine")
def quarantine_page(desk: AtDesk) -> HTMLResponse:
    """Show what could not become a reading, with its bytes and what to do."""
    with desk.transaction() as cur:
        refused = store.quarantined(cur, desk.practice_id, _MOST_ROWS)
        return desk.page(
            cur,
            "quarantine.html",
            rows=[(row, quarantine.explain(row.reason)) for row in refused],
            most_rows=_MOST_ROWS,
            most_bytes=_MOST_BYTES,
        )


@router.get("/gateways")
def gateways_page(desk: AtDesk) -> HTMLResponse:
    """Show the state of each home's gateway in words."""
    with desk.transaction() as cur:
        gateways = store.gateways(cur, desk.practice_id)
        return desk.page(
            cur,
            "gateways.html",
            gateways=[(gateway, gateway_words.state(gateway, desk.now)) for gateway in gateways],
        )
