"""How a patient is reached, and with whom the practice may talk: forms of the patient's record."""

from __future__ import annotations

from datetime import UTC, datetime, time
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from ccm_link.console.desk import AtDesk, Cursor
from ccm_link.console.pages import record
from ccm_link.console.pages.record import Said
from ccm_link.console.patient_head import PatientHead
from ccm_link.console.posted import record_inputs as inputs
from ccm_link.console.posted.forms import Posted
from ccm_link.console.routes.permissions import Resource
from ccm_link.errors import CcmLinkError
from ccm_link.registry import patient_contacts, related_people

router = APIRouter(prefix="/patients/{patient_id}/record", include_in_schema=False)


@router.post("/telecoms")
def add_telecom(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record a telephone or an e-mail address."""

    def deed(cur: Cursor, _head: PatientHead, given: inputs.AddTelecom) -> Said:
        new = given.telecom()
        telecom_id = patient_contacts.add_telecom(
            cur, desk.practice_id, patient_id, new, by=desk.who.display_name, at=desk.now
        )
        after = {
            "kind": new.kind,
            "is_preferred": new.is_preferred,
            "may_text": new.may_text,
            "may_voicemail": new.may_voicemail,
        }
        desk.changed(Resource.REGISTRY, telecom_id, after=after, patient_id=patient_id)
        return Said.RECORDED

    return record.do(desk, patient_id, "telecom", inputs.AddTelecom, fields, deed)


@router.post("/telecoms/{telecom_id}/end")
def end_telecom(desk: AtDesk, patient_id: UUID, telecom_id: UUID, fields: Posted) -> Response:
    """End what the patient is not reached by any more."""

    def deed(cur: Cursor, _head: PatientHead, _given: inputs.Nothing) -> Said:
        patient_contacts.end_telecom(
            cur, desk.practice_id, patient_id, telecom_id, by=desk.who.display_name, at=desk.now
        )
        desk.changed(
            Resource.REGISTRY, telecom_id, before={"ended_at": None}, patient_id=patient_id
        )
        return Said.ENDED

    return record.do(desk, patient_id, "end-telecom", inputs.Nothing, fields, deed)


@router.post("/address")
def set_address(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record where the patient lives from now on."""

    def deed(cur: Cursor, _head: PatientHead, given: inputs.SetAddress) -> Said:
        address_id = patient_contacts.set_address(
            cur,
            desk.practice_id,
            patient_id,
            given.postal_address(),
            by=desk.who.display_name,
            at=desk.now,
        )
        after = {"country": given.country}
        desk.changed(Resource.REGISTRY, address_id, after=after, patient_id=patient_id)
        return Said.RECORDED

    return record.do(desk, patient_id, "address", inputs.SetAddress, fields, deed)


@router.post("/related")
def add_related(desk: AtDesk, patient_id: UUID, fields: Posted) -> Response:
    """Record somebody close to the patient."""

    def deed(cur: Cursor, _head: PatientHead, given: inputs.AddRelated) -> Said:
        related_id = related_people.add(
            cur,
            desk.practice_id,
            patient_id,
            given.person(),
            by=desk.who.display_name,
            at=desk.now,
        )
        after = {"relationship": given.relationship}
        desk.changed(Resource.REGISTRY, related_id, after=after, patient_id=patient_id)
        return Said.RECORDED

    return record.do(desk, patient_id, "related", inputs.AddRelated, fields, deed)


@router.post("/related/{related_id}/end")
def end_related(desk: AtDesk, patient_id: UUID, related_id: UUID, fields: Posted) -> Response:
    """End somebody who is not close to the patient any more."""

    def deed(cur: Cursor, _head: PatientHead, _given: inputs.Nothing) -> Said:
        related_people.end(
            cur, desk.practice_id, patient_id, related_id, by=desk.who.display_name, at=desk.now
        )
        desk.changed(
            Resource.REGISTRY, related_id, before={"ended_at": None}, patient_id=patient_id
        )
        return Said.ENDED

    return record.do(desk, patient_id, "end-related", inputs.Nothing, fields, deed)


@router.post("/related/{related_id}/allow")
def allow(desk: AtDesk, patient_id: UUID, related_id: UUID, fields: Posted) -> Response:
    """Record that the practice may talk with somebody about the patient."""

    def deed(cur: Cursor, head: PatientHead, given: inputs.Allow) -> Said:
        given_at = datetime.combine(given.given_on, time(), head.zone).astimezone(UTC)
        if given_at > desk.now:
            raise CcmLinkError("That day is still to come. Record it when it is so.")
        related_people.allow(
            cur, desk.practice_id, patient_id, related_id, given_at, by=desk.who.display_name
        )
        after = {"may_talk_since": given_at}
        desk.changed(Resource.REGISTRY, related_id, before={}, after=after, patient_id=patient_id)
        return Said.ALLOWED

    return record.do(desk, patient_id, f"allow-{related_id}", inputs.Allow, fields, deed)


@router.post("/related/{related_id}/stop")
def stop(desk: AtDesk, patient_id: UUID, related_id: UUID, fields: Posted) -> Response:
    """Record that the practice may talk with somebody no more."""

    def deed(cur: Cursor, _head: PatientHead, _given: inputs.Nothing) -> Said:
        related_people.end_permission(
            cur, desk.practice_id, patient_id, related_id, by=desk.who.display_name, at=desk.now
        )
        desk.changed(
            Resource.REGISTRY,
            related_id,
            before={"may_talk": True},
            after={"may_talk": False},
            patient_id=patient_id,
        )
        return Said.NOT_ALLOWED

    return record.do(desk, patient_id, "stop-talking", inputs.Nothing, fields, deed)
