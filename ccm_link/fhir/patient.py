"""A patient as US Core's Patient: what the practice knows, and absent with a reason what it does not. Pure.

A name that is only known as a whole is not taken apart: it is ``text``, and says that it is. A gender that nobody
recorded is “unknown”, which is a code of its own.

Source: US Core 6.1.0, Patient (us-core-6 for names); HL7 v2-0203 for kinds of identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ccm_link.registry.patient_contacts import NewAddress, NewTelecom
from ccm_link.registry.patient_identifiers import Identifier
from ccm_link.registry.related_people import NewRelatedPerson

PROFILE: Final = codings.US_CORE + "patient"
_BIRTH_SEX: Final = codings.US_CORE + "birthsex"
_LANGUAGES: Final = "urn:ietf:bcp:47"


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What is known of who a patient is; None where it is not.

    Attributes:
        record_number: The practice's own.
        standing: "active", "inactive", "deceased" or "transferred".
        died_on: The day where the patient lived.
        died_at: Aware; None where the time of day is not known.
    """

    practice_id: UUID
    patient_id: UUID
    display_name: str
    family_name: str | None
    given_names: str | None
    born_on: date
    record_number: str
    administrative_gender: str | None
    birth_sex: str | None
    language: str | None
    standing: str
    died_on: date | None
    died_at: datetime | None
    identifiers: tuple[Identifier, ...] = ()
    telecoms: tuple[NewTelecom, ...] = ()
    addresses: tuple[NewAddress, ...] = ()
    related: tuple[NewRelatedPerson, ...] = ()


def record_number_system(practice_id: UUID) -> str:
    """Return the system of a practice's record numbers: no registered one is known, so the practice's id names it."""
    return practice_id.urn


def of(known: Particulars) -> Json:
    """Return a patient."""
    return codings.resource(
        "Patient",
        known.patient_id,
        profiles=[PROFILE],
        extension=[{"url": _BIRTH_SEX, "valueCode": known.birth_sex}] if known.birth_sex else [],
        identifier=[
            _identifier("MR", record_number_system(known.practice_id), known.record_number),
            *(_identifier(one.kind, one.system, one.value) for one in known.identifiers),
        ],
        active=known.standing == "active",
        name=[_name(known)],
        telecom=[_telecom(one) for one in known.telecoms],
        gender=known.administrative_gender or "unknown",
        birthDate=known.born_on.isoformat(),
        **_death(known),
        address=[_address(one) for one in known.addresses],
        contact=[_contact(one) for one in known.related],
        communication=_communication(known.language),
    )


def _identifier(kind: str, system: str, value: str) -> Json:
    return {
        "type": codings.concept(codings.hl7("v2-0203", kind)),
        "system": system,
        "value": value,
    }


def _name(known: Particulars) -> Json:
    name = codings.without_empty(
        {
            "text": known.display_name,
            "family": known.family_name,
            "given": [known.given_names] if known.given_names else [],
        }
    )
    if not known.family_name and not known.given_names:
        name |= codings.absent_extension("as-text")
    return name


def _death(known: Particulars) -> Json:
    if known.died_at is not None:
        return {"deceasedDateTime": codings.instant(known.died_at)}
    if known.died_on is not None:
        return {"deceasedDateTime": known.died_on.isoformat()}
    return {"deceasedBoolean": True} if known.standing == "deceased" else {}


def _telecom(one: NewTelecom) -> Json:
    return codings.without_empty(
        {
            "system": one.kind,
            "value": one.address,
            "use": one.used_for,
            "rank": 1 if one.is_preferred else None,
        }
    )


def _address(one: NewAddress) -> Json:
    return codings.without_empty(
        {
            "line": [one.street],
            "city": one.city,
            "state": one.state,
            "postalCode": one.postal_code,
            "country": one.country,
        }
    )


def _contact(one: NewRelatedPerson) -> Json:
    phone = [{"system": "phone", "value": one.phone}] if one.phone else []
    return codings.without_empty(
        {
            "relationship": [codings.concept(codings.hl7("v3-RoleCode", one.relationship))],
            "name": {"text": one.name},
            "telecom": phone,
        }
    )


def _communication(language: str | None) -> list[Json]:
    return [{"language": codings.concept(codings.coding(_LANGUAGES, language))}] if language else []
