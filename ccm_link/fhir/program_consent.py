"""A consent to a program as FHIR's Consent: what was agreed to, how, and from when until when. Pure.

Source: FHIR R4 (4.0.1), Consent: ppc-1 asks for a policy or a rule, which here are the words that the patient was told.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ccm_link.program.consents import Consent, GivenBy

_SCOPE: Final = codings.concept(codings.hl7("consentscope", "treatment"))
# Source: LOINC 59284-0, Consent Document; the category that FHIR's own examples have.
_CATEGORY: Final = codings.loinc("59284-0")


def of(known: Consent, program: str, holds_until: datetime | None) -> Json:
    """Return a consent.

    Args:
        known: The row of the register.
        program: Such as "ccm".
        holds_until: Until when it held or holds that was taken back or superseded; aware, excluded.
    """
    period = {"start": known.documented_at, "end": holds_until}
    return codings.resource(
        "Consent",
        known.consent_id,
        identifier=[codings.uuid_identifier(known.consent_id)],
        status="active" if known.is_in_force else "inactive",
        scope=_SCOPE,
        category=[codings.concept(_CATEGORY, text=f"Consent to {program.replace('_', ' ')}")],
        patient=codings.reference("Patient", known.patient_id),
        dateTime=codings.instant(known.documented_at),
        performer=_performer(known),
        policyRule=codings.concept(text=_told(known)),
        verification=_verification(known),
        provision={
            "type": "permit",
            "period": {name: codings.instant(at) for name, at in period.items() if at is not None},
            "actor": _practitioner(known),
        },
    )


def _told(known: Consent) -> str:
    how = f"Consent was {known.method.replace('_', ' ')}"
    if known.script is None:
        return f"{how}; what was told is not recorded."
    told = ", ".join(name.replace("_", " ") for name in known.elements)
    return f"{how}, by the {known.script} script, version {known.script_version}: {told}."


def _performer(known: Consent) -> list[Json]:
    if known.given_by is GivenBy.PATIENT:
        return [codings.reference("Patient", known.patient_id)]
    return [{"display": known.carer}] if known.given_by is GivenBy.CARER else []


def _verification(known: Consent) -> list[Json]:
    """Return that somebody wrote it down, where that is known."""
    if known.given_by is GivenBy.NOT_RECORDED:
        return []
    return [{"verified": True, "verificationDate": codings.instant(known.recorded_at)}]


def _practitioner(known: Consent) -> list[Json]:
    if known.practitioner_id is None:
        return []
    role = codings.concept(codings.hl7("v3-RoleClass", "PROV"))
    who = codings.named("Practitioner", known.practitioner_id, known.practitioner_name or "")
    return [{"role": role, "reference": who}]
