"""Devices of the FHIR API: cuffs, meters and gateways of the practice, or those with which one patient measures."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import Response

from ccm_link import fhir_rows
from ccm_link.console import patient_head, problems, trail
from ccm_link.console.desk import Cursor, Desk
from ccm_link.console.fhir import answers, of_patient
from ccm_link.console.fhir import asked as asking
from ccm_link.console.fhir.asked import Given
from ccm_link.console.fhir.patients import known_id
from ccm_link.console.routes.rights import Action, Resource, Rule, may
from ccm_link.fhir import device
from ccm_link.fhir.codings import Json
from ingest import assignments, gateway_health, store

_WHO_MEASURES: Final[Rule] = (Resource.ASSIGNMENT, Action.VIEW)


def read(desk: Desk, resource_id: str) -> Response:
    """Return one device."""
    asking.check_format(desk.request)
    with desk.transaction() as cur:
        found = _one(cur, desk, resource_id)
        if found is None:
            raise problems.Refused(problems.NOT_FOUND)
        desk.saw(resource_id=resource_id)
    return answers.one(desk.request, found)


def search(desk: Desk, given: Given) -> Response:
    """Return the practice's devices, or those of one patient, in the order of ids."""
    asked = asking.search(desk, "Device", given)
    if asked.patient is not None and not may(desk.who, *_WHO_MEASURES):
        # Who looks after the gateways sees what measures in the homes, not who measures with it.
        trail.note_refusal(desk.request, desk.who, *_WHO_MEASURES)
        raise problems.Refused(problems.FORBIDDEN)
    with desk.transaction() as cur:
        seen: list[UUID] = []
        if asked.patient is not None:
            patient_id = known_id(asked.patient)
            patient_head.load(cur, desk, patient_id)
            seen.append(patient_id)
            own = fhir_rows.peripherals_of(cur, desk.practice_id, patient_id)
            found = [device.of_peripheral(one) for one in own]
        else:
            every = assignments.peripherals(cur, desk.practice_id)
            found = [*(device.of_peripheral(one) for one in every), *_gateways(cur, desk)]
        if asked.ids is not None:
            found = [one for one in found if one["id"] in asked.ids]
        wanted = [one for one in found if of_patient.is_asked_for(asked, one)]
        desk.saw(*seen, devices=len(wanted))
    return answers.page(desk, asked, of_patient.paged(asked, wanted))


def _one(cur: Cursor, desk: Desk, resource_id: str) -> Json | None:
    try:
        known = fhir_rows.peripheral(cur, desk.practice_id, UUID(resource_id))
    except ValueError:
        return next((one for one in _gateways(cur, desk) if one["id"] == resource_id), None)
    found = None if known is None else device.of_peripheral(known)
    return found if found is not None and found["id"] == resource_id else None


def _gateways(cur: Cursor, desk: Desk) -> list[Json]:
    said = gateway_health.last(cur, desk.practice_id)
    found = []
    for one in store.gateways(cur, desk.practice_id):
        word = said.get(one.gateway_id)
        health = None if word is None else word.health
        found.append(device.gateway(one, "" if health is None else health.software.package))
    return found
