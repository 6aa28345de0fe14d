"""What did not arrive as it should: unassigned readings and quarantine. Read only."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ccm_link.console import permissions
from ccm_link.console.desk import AtDesk
from ccm_link.console.permissions import Action, Resource
from ingest import held_records, quarantine, store

router = APIRouter(include_in_schema=False)

# Each row carries its bytes, a whole message of 256 KiB at worst; nobody reads further anyway.
_MOST_ROWS: Final = 50
_MOST_BYTES: Final = 128  # of each, in hex; a peripheral's frame has about 20


@router.get("/unassigned")
def unassigned_page(desk: AtDesk) -> HTMLResponse:
    """Show which peripherals have readings that belong to nobody yet."""
    with desk.transaction() as cur:
        waiting = store.unassigned_readings(cur, desk.practice_id)
        desk.saw(readings=sum(row.reading_count for row in waiting))
        return desk.page(cur, "unassigned.html", waiting=waiting)


@router.get("/quarantine")
def quarantine_page(desk: AtDesk) -> HTMLResponse:
    """Show what could not become a reading and what to do; its bytes only to those who may see readings."""
    with_bytes = permissions.may(desk.who, Resource.QUARANTINE_BYTES, Action.VIEW)
    with desk.transaction() as cur:
        refused = held_records.still_open(cur, desk.practice_id, _MOST_ROWS)
        desk.saw(rows=len(refused), bytes=with_bytes)
        return desk.page(
            cur,
            "quarantine.html",
            rows=[
                (row, quarantine.explain(row.reason), row.raw if with_bytes else None)
                for row in refused
            ],
            with_bytes=with_bytes,
            most_rows=_MOST_ROWS,
            most_bytes=_MOST_BYTES,
        )
