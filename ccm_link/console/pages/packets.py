"""An audit packet of a patient's month, as JSON or on paper."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from ccm_link.billing import periods
from ccm_link.console import patient_head, problems, rate_limits, surroundings
from ccm_link.console.desk import AtDesk, Desk
from ccm_link.console.rate_limits import Deed
from ccm_link.evidence import audit_packet, packet_print
from ccm_link.evidence.audit_packet import Packet
from ccm_link.month import Month
from ccm_link.registry import coverage
from ingest import audit
from ingest.audit import Kind

router = APIRouter(prefix="/patients/{patient_id}/month/{month}", include_in_schema=False)

_PDF: Final = "application/pdf"


@router.get("/packet.json")
def as_json(desk: AtDesk, patient_id: UUID, month: str) -> Response:
    """Hand out everything that is in a packet."""
    packet = _packet(desk, patient_id, month)
    return _file(packet.text, "application/json", f"audit-packet-{month}.json")


@router.get("/packet.pdf")
def as_pdf(desk: AtDesk, patient_id: UUID, month: str) -> Response:
    """Hand out what a reviewer asks for first, on paper."""
    packet = _packet(desk, patient_id, month)
    return _file(packet_print.pdf(packet_print.printed(packet)), _PDF, f"audit-packet-{month}.pdf")


def _packet(desk: Desk, patient_id: UUID, month: str) -> Packet:
    rate_limits.of_person(desk.request, desk.who, Deed.EXPORT)
    of_month = Month.parse(month)
    tables = surroundings.of(desk.request).tables
    with desk.transaction() as cur:
        patient_head.load(cur, desk, patient_id)
        payers = coverage.payers_on(
            cur, desk.practice_id, [patient_id], periods.last_day_of(of_month)
        )
        packet = audit_packet.of_patient_month(
            cur,
            desk.practice_id,
            patient_id,
            of_month,
            tables.of_payer(payers.get(patient_id)),
            made_by=desk.who.display_name,
            at=desk.now,
        )
        if packet is None:
            raise problems.Refused(problems.NOT_FOUND)
        desk.did(
            Kind.EXPORT,
            patient_id,
            action=audit.Action.READ,
            month=str(of_month),
            sha256=packet.sha256,
        )
    return packet


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
