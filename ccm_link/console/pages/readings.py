"""One reading: its numbers, how its time came about, its bytes, and every version of it with who and why."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ccm_link.console import patient_head, problems
from ccm_link.console.desk import AtDesk
from ccm_link.console.routes import permissions
from ccm_link.console.routes.permissions import Action, Resource
from ccm_link.evidence import lineage
from ingest import assignments, corrections, people, store

router = APIRouter(prefix="/readings", include_in_schema=False)

_MOST_BYTES: Final = 512  # in hex; a peripheral's frame has about 20, an imported row a few hundred


@router.get("/{reading_id}")
def reading_page(desk: AtDesk, reading_id: UUID) -> HTMLResponse:
    """Show one version of a reading with all that is known of it."""
    with desk.transaction() as cur:
        reading = store.reading(cur, desk.practice_id, reading_id)
        if reading is None:
            raise problems.Refused(problems.NOT_FOUND)
        head = None
        if reading.patient_id is not None:
            head = patient_head.load(cur, desk, reading.patient_id)
        versions = corrections.history(cur, desk.practice_id, reading_id)
        whose = {one.patient_id for one in versions if one.patient_id is not None}
        patients = {
            patient_id: people.patient(cur, desk.practice_id, patient_id) for patient_id in whose
        }
        peripheral = None
        if reading.peripheral_id is not None:
            peripheral = assignments.peripheral(cur, desk.practice_id, reading.peripheral_id)
        desk.saw(*whose, resource_id=reading_id, versions=len(versions))
        places = []
        if head is not None and permissions.may(desk.who, Resource.EVIDENCE, Action.VIEW):
            places = lineage.claims_of_reading(
                cur,
                desk.practice_id,
                head.record.patient_id,
                reading_id,
                reading.measured_at.astimezone(head.zone).date(),
            )
        highest = max((one.version for one in versions), default=reading.version)
        is_last_seen = not versions or versions[-1].superseded_at is None
        return desk.page(
            cur,
            "reading.html",
            reading=reading,
            patient=head,
            versions=versions,
            some_are_hidden=highest > len(versions) or not is_last_seen,
            patients=patients,
            peripheral=peripheral,
            counted_in=places,
            most_bytes=_MOST_BYTES,
            grant=head and patient_head.grant(cur, desk, head.record.patient_id),
        )
