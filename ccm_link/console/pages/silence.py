"""What did not arrive as it should: unassigned readings and quarantine. Records are tried again by ingest, if asked."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ccm_link.console import problems
from ccm_link.console.desk import AtDesk
from ccm_link.console.posted.forms import Posted
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ingest import held_records, quarantine, store
from ingest.held_records import HeldRecord
from ingest.redrive_message import OBSTACLES, Obstacle

router = APIRouter(include_in_schema=False)

# Each row carries its bytes, a whole message of 256 KiB at worst; nobody reads further anyway.
_MOST_ROWS: Final = 50
_MOST_SETTLED: Final = 10  # what left the list lately, so that people see what became of it
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
        settled = held_records.redriven(cur, desk.practice_id, _MOST_SETTLED)
        desk.saw(rows=len(refused) + len(settled), bytes=with_bytes)
        return desk.page(
            cur,
            "quarantine.html",
            rows=[
                (row, quarantine.explain(row.reason), row.raw if with_bytes else None)
                for row in refused
            ],
            settled=[(row, quarantine.explain(row.reason)) for row in settled],
            tries={row.quarantine_id: _tried(row) for row in refused},
            may_redrive=permissions.may(desk.who, Resource.QUARANTINE, Action.CHANGE),
            with_bytes=with_bytes,
            most_rows=_MOST_ROWS,
            most_bytes=_MOST_BYTES,
        )


@router.post("/quarantine/{quarantine_id}/redrive")
def ask_for_redrive(desk: AtDesk, quarantine_id: UUID, _fields: Posted) -> Response:
    """Ask ingest to try a record again; the console itself writes no readings."""
    with desk.transaction() as cur:
        row = held_records.one(cur, desk.practice_id, quarantine_id)
        if row is None:
            raise problems.Refused(problems.NOT_FOUND)
        if held_records.ask_for_redrive(
            cur, desk.practice_id, quarantine_id, str(desk.staff_id), desk.now
        ):
            desk.changed(
                Resource.QUARANTINE,
                quarantine_id,
                before={"redrive_asked": False},
                after={"redrive_asked": True},
            )
        else:  # somebody was quicker, or it is settled: the page says which
            desk.saw(resource_id=quarantine_id)
    return RedirectResponse("/quarantine", 303)


def _tried(row: HeldRecord) -> str:
    """Say in words what the last try said; "" where there was none."""
    if row.redriven_at is None or row.redriven_reason is None:
        return ""
    if row.redriven_reason in OBSTACLES:
        return OBSTACLES[Obstacle(row.redriven_reason)]
    return quarantine.explain(row.redriven_reason).meaning
