"""What a patient has, as US Core's problem. Pure.

A condition that was ended is “inactive”: whether it is over or was recorded by mistake stands in words, in the note.

Source: US Core 6.1.0, Condition Problems and Health Concerns.
"""

from __future__ import annotations

from typing import Final

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ccm_link.registry import conditions
from ccm_link.registry.conditions import Condition

_PROFILE: Final = codings.US_CORE + "condition-problems-health-concerns"


def of(known: Condition) -> Json:
    """Return a condition."""
    clinical = "active" if known.ended_at is None else "inactive"
    notes = [f"Known from: {known.source}"]
    if known.end_reason:
        notes.append(f"Ended: {known.end_reason}")
    return codings.resource(
        "Condition",
        known.condition_id,
        profiles=[_PROFILE],
        identifier=[codings.uuid_identifier(known.condition_id)],
        clinicalStatus=codings.concept(codings.hl7("condition-clinical", clinical)),
        category=[codings.concept(codings.hl7("condition-category", "problem-list-item"))],
        code=codings.concept(
            codings.coding(codings.ICD_10_CM, known.code), text=conditions.words(known.code)
        ),
        subject=codings.reference("Patient", known.patient_id),
        recordedDate=codings.instant(known.recorded_at),
        note=[{"text": text} for text in notes],
    )
