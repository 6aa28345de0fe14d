"""That a care plan was given to somebody, as FHIR's Communication. Pure.

Source: FHIR R4 (4.0.1), Communication; HL7 v3 ParticipationMode for the medium.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ccm_link.plan.plan_sharing import Method, Recipient, Share

_MEDIA: Final = {
    Method.PRINTED: ("WRITTEN", "written"),
    Method.POSTED: ("MAILWRIT", "mail"),
    Method.SECURE_MESSAGE: ("ONLINEWRIT", "online written"),
    Method.OWN_RECORD: ("ONLINEWRIT", "online written"),
}


def of(share: Share, patient_id: UUID) -> Json:
    """Return that a version was given to the patient or a carer."""
    patient = codings.reference("Patient", patient_id)
    return codings.resource(
        "Communication",
        share.share_id,
        identifier=[codings.uuid_identifier(share.share_id)],
        status="completed",
        medium=[codings.concept(codings.hl7("v3-ParticipationMode", *_MEDIA[share.method]))],
        subject=patient,
        topic=codings.concept(text=f"Care plan, version {share.version}"),
        about=[codings.reference("CarePlan", share.plan_id)],
        sent=codings.instant(share.shared_at),
        recipient=[
            patient
            if share.recipient is Recipient.PATIENT
            else {"type": "RelatedPerson", "display": share.recipient_name}
        ],
    )
