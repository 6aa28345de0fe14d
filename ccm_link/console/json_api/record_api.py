"""The JSON API of what is known of who a patient is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter

from ccm_link.console import patient_head
from ccm_link.console.desk import AtDesk
from ccm_link.console.json_api import api_models
from ccm_link.console.json_api.api_models import Answer
from ccm_link.registry import coverage, patient_contacts, patient_identifiers, related_people
from ingest.standing import Standing

router = APIRouter(prefix="/api/v1/patients/{patient_id}/record", responses=api_models.REFUSALS)

_OF_PATIENT: Final = (
    "patient_id",
    "display_name",
    "family_name",
    "given_names",
    "born_on",
    "record_number",
    "time_zone",
    "administrative_gender",
    "birth_sex",
    "language",
    "standing",
    "standing_since",
)


class Identifier(Answer):
    """A number under which the patient is known elsewhere; ``kind`` is a word of HL7 v2 table 0203."""

    identifier_id: UUID
    kind: patient_identifiers.Kind
    system: str
    value: str


class Coverage(Answer):
    """Who pays, both days included; ``rank`` 1 is billed first, ``covered_until`` null has no known end."""

    coverage_id: UUID
    kind: coverage.Kind
    payer_name: str | None
    payer_id: str | None
    member_id: str | None
    rank: int
    covered_from: date
    covered_until: date | None


class Telecom(Answer):
    """By what the patient is reached, and what may be left there."""

    telecom_id: UUID
    kind: patient_contacts.TelecomKind
    address: str
    used_for: patient_contacts.UsedFor
    is_preferred: bool
    may_text: bool
    may_voicemail: bool


class Address(Answer):
    """Where the patient lives; ``country`` is ISO 3166-1."""

    street: str
    city: str
    state: str | None
    postal_code: str | None
    country: str


class RelatedPerson(Answer):
    """Somebody close to the patient; ``relationship`` is a word of HL7 v3-RoleCode.

    ``may_talk_since`` null: the practice may not talk with them.
    """

    related_id: UUID
    name: str
    relationship: str
    phone: str | None
    may_talk_since: datetime | None


class Record(Answer):
    """Who a patient is, as of now: what was ended or withdrawn is not in it. Null is not known, or nobody asked."""

    patient_id: UUID
    display_name: str
    family_name: str | None
    given_names: str | None
    born_on: date
    record_number: str
    time_zone: str
    administrative_gender: str | None
    birth_sex: str | None
    language: str | None
    standing: Standing
    standing_since: datetime | None
    identifiers: list[Identifier]
    coverages: list[Coverage]
    telecoms: list[Telecom]
    address: Address | None
    related_people: list[RelatedPerson]


@router.get("")
def of_patient(desk: AtDesk, patient_id: UUID) -> Record:
    """Return what is known of who a patient is."""
    with desk.transaction() as cur:
        known = patient_head.load(cur, desk, patient_id).record
        practice_id = desk.practice_id
        identifiers = patient_identifiers.of_patient(cur, practice_id, patient_id)
        coverages = coverage.of_patient(cur, practice_id, patient_id)
        telecoms = patient_contacts.telecoms(cur, practice_id, [patient_id])
        addresses = patient_contacts.addresses(cur, practice_id, [patient_id])
        related = related_people.of_patients(cur, practice_id, [patient_id])
        desk.saw(patient_id, coverages=len(coverages), related=len(related))
    return Record(
        **{name: getattr(known, name) for name in _OF_PATIENT},
        identifiers=[Identifier.model_validate(one) for one in identifiers if not one.ended_at],
        coverages=[Coverage.model_validate(one) for one in coverages if not one.withdrawn_at],
        telecoms=[Telecom.model_validate(one) for one in telecoms],
        address=next((Address.model_validate(one) for one in addresses), None),
        related_people=[RelatedPerson.model_validate(one) for one in related],
    )
