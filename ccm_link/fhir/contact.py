"""An attempt to reach a patient as FHIR's Communication. Pure.

A call that nobody answered is a communication that was not done, and says why not.

Source: FHIR R4 (4.0.1), Communication; HL7 v3 ParticipationMode for the medium.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from ccm_link.fhir import codings
from ccm_link.fhir.codings import Json
from ccm_link.program.outreach import Attempt, Method, Outcome

_MEDIA: Final = {
    Method.PHONE: ("PHONE", "telephone"),
    Method.VIDEO: ("VIDEOCONF", "videoconferencing"),
    Method.IN_PERSON: ("FACE", "face-to-face"),
    Method.PORTAL_MESSAGE: ("ONLINEWRIT", "online written"),
    Method.TEXT_MESSAGE: ("SMSWRIT", "SMS message"),
    Method.LETTER: ("MAILWRIT", "mail"),
}
_DONE: Final = frozenset({Outcome.REACHED, Outcome.SENT})


def of_attempt(communication_id: UUID, patient_id: UUID, attempt: Attempt) -> Json:
    """Return an attempt."""
    is_done = attempt.outcome in _DONE
    outcome = attempt.outcome.replace("_", " ")
    return codings.resource(
        "Communication",
        communication_id,
        identifier=[codings.uuid_identifier(communication_id)],
        status="completed" if is_done else "not-done",
        statusReason=None if is_done else codings.concept(text=outcome),
        medium=[codings.concept(codings.hl7("v3-ParticipationMode", *_MEDIA[attempt.method]))],
        subject=codings.reference("Patient", patient_id),
        topic=codings.concept(text="Care management program"),
        sent=codings.instant(attempt.tried_at),
        recipient=[] if attempt.spoke_with is None else [_spoke_with(attempt, patient_id)],
        note=[{"text": attempt.note}] if attempt.note else [],
    )


def _spoke_with(attempt: Attempt, patient_id: UUID) -> Json:
    if attempt.spoke_with == "patient":
        return codings.reference("Patient", patient_id)
    return {"type": "RelatedPerson", "display": "carer"}
