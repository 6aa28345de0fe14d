"""A care plan's PDF as US Core's DocumentReference, with the document in it. Pure.

Source: US Core 6.1.0, DocumentReference; FHIR R4 (4.0.1), Attachment: “hash” is SHA-1, whatever else is used elsewhere;
LOINC 18776-5, plan of care note.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ccm_link.plan.care_plan import Version

_PROFILE: Final = codings.US_CORE + "documentreference"
_CATEGORY: Final = codings.concept(
    codings.coding(
        "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note"
    )
)


def of(version: Version, pdf: bytes, *, is_in_force: bool) -> Json:
    """Return the printed form of one version of a plan."""
    return codings.resource(
        "DocumentReference",
        version.plan_id,
        profiles=[_PROFILE],
        identifier=[codings.uuid_identifier(version.plan_id)],
        status="current" if is_in_force else "superseded",
        type=codings.concept(codings.loinc("18776-5"), text="Plan of care"),
        category=[_CATEGORY],
        subject=codings.reference("Patient", version.patient_id),
        date=codings.instant(version.signed_at),
        author=[codings.named("Practitioner", version.signed_by_id, version.signed_by)],
        content=[
            {
                "attachment": {
                    "contentType": "application/pdf",
                    "data": base64.b64encode(pdf).decode(),
                    "size": len(pdf),
                    "hash": base64.b64encode(
                        hashlib.sha1(pdf, usedforsecurity=False).digest()
                    ).decode(),
                    "title": f"Care plan, version {version.version}",
                    "creation": codings.instant(version.signed_at),
                }
            }
        ],
    )
