"""The parts that resources of FHIR R4 are made of: codes with their systems, quantities, references, absences. Pure.

Source: FHIR R4 (4.0.1), Datatypes and Extensibility; facts of each system stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from firmware_profiles.codes import LOINC_SYSTEM, MDC_SYSTEM, UCUM_SYSTEM

Json = dict[str, Any]

TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
STRUCTURE: Final = "http://hl7.org/fhir/StructureDefinition/"
US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
PHD: Final = "http://hl7.org/fhir/uv/phd/StructureDefinition/"
ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
# A UUID as an identifier. Source: FHIR R4, Identifier Registry, “As defined by RFC 3986”.
URI: Final = "urn:ietf:rfc:3986"

_ABSENT: Final = STRUCTURE + "data-absent-reason"
_ABSENT_SYSTEM: Final = TERMINOLOGY + "data-absent-reason"


def resource(
    kind: str, resource_id: object, *, profiles: Iterable[str] = (), **members: Any
) -> Json:
    """Return a resource; members that are None or empty are left out, for FHIR has neither.

    Args:
        kind: Such as "Observation".
        resource_id: What it is known by here.
        profiles: The profiles that it claims to follow.
        members: In the names of FHIR; one that begins with an underline is an argument of that name.
    """
    claimed = list(profiles)
    meta = {"profile": claimed} | members.pop("meta", {}) if claimed else members.pop("meta", {})
    return without_empty({"resourceType": kind, "id": str(resource_id), "meta": meta, **members})


def without_empty(node: Mapping[str, Any]) -> Json:
    """Return what has content."""
    return {name: entry for name, entry in node.items() if entry not in (None, [], {}, "")}


def coding(system: str, code: object, display: str = "") -> Json:
    """Return a Coding."""
    return without_empty({"system": system, "code": str(code), "display": display})


def loinc(code: str, display: str = "") -> Json:
    """Return a Coding of LOINC."""
    return coding(LOINC_SYSTEM, code, display)


def mdc(code: int, name: str = "") -> Json:
    """Return a Coding of IEEE 11073-10101."""
    return coding(MDC_SYSTEM, code, name)


def hl7(system: str, code: str, display: str = "") -> Json:
    """Return a Coding of HL7's own terminology; ``system`` is the last part of its address."""
    return coding(TERMINOLOGY + system, code, display)


def concept(*codings: Json, text: str = "") -> Json:
    """Return a CodeableConcept."""
    return without_empty({"coding": list(codings), "text": text})


def quantity(number: Decimal, ucum: str) -> Json:
    """Return a Quantity in a unit of UCUM, with as many digits as the number has."""
    return {"value": number, "unit": ucum, "system": UCUM_SYSTEM, "code": ucum}


def reference(kind: str, resource_id: object, display: str = "") -> Json:
    """Return a Reference to a resource of this server."""
    return without_empty({"reference": f"{kind}/{resource_id}", "display": display})


def named(kind: str, resource_id: UUID | None, display: str) -> Json:
    """Return who or what is meant, by its id and words: a reference to a resource that this server does not have."""
    identifier = None if resource_id is None else uuid_identifier(resource_id)
    return without_empty({"type": kind, "identifier": identifier, "display": display})


def uuid_identifier(named: UUID) -> Json:
    """Return a UUID as an Identifier."""
    return {"system": URI, "value": named.urn}


def instant(at: datetime) -> str:
    """Return an instant (aware) as FHIR writes it: UTC, with the parts of a second that there are."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def absent(reason: str, text: str = "") -> Json:
    """Return a dataAbsentReason."""
    return concept(coding(_ABSENT_SYSTEM, reason), text=text)


def absent_extension(reason: str) -> Json:
    """Return what stands in the place of an element that is needed and not known: an element with an extension."""
    return {"extension": [{"url": _ABSENT, "valueCode": reason}]}
