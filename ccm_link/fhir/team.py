"""Who cares for a patient, as US Core's CareTeam: colleagues, and people and services outside. Pure.

Source: US Core 6.1.0, CareTeam: at least one participant, each with role and member.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ccm_link.program.care_team import Member

_PROFILE: Final = codings.US_CORE + "careteam"


def of(patient_id: UUID, members: Sequence[Member]) -> Json | None:
    """Return a patient's team of now; None where nobody is in it."""
    current = [one for one in members if one.until_at is None]
    if not current:
        return None
    return codings.resource(
        "CareTeam",
        patient_id,
        profiles=[_PROFILE],
        identifier=[codings.uuid_identifier(patient_id)],
        status="active",
        subject=codings.reference("Patient", patient_id),
        participant=[
            {
                "role": [codings.concept(text=one.role.replace("_", " "))],
                "member": _member(one),
                "period": {"start": codings.instant(one.from_at)},
            }
            for one in current
        ],
    )


def _member(one: Member) -> Json:
    if one.staff_id is not None:
        return codings.named("Practitioner", one.staff_id, one.name)
    return {"display": ", ".join(text for text in (one.name, one.organisation) if text)}
