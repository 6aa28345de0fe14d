"""How the console speaks of other systems: what was to leave, why it did not, who a patient is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccm_link.care_record.port import Failure, Match

FIELDS: Final = {
    "connect-ehr": "EHR",
    "webhook-name": "What you call it",
    "webhook-address": "Address",
    "system-name": "What you call it",
    "remote_id": "Id of the patient in the EHR",
    "external_id": "Id in that system",
    "meant_staff_id": "Member of staff",
}

KINDS: Final[Mapping[str, str]] = {
    "observation": "reading",
    "task": "task",
    "communication": "contact",
    "care_plan": "care plan",
    "consent": "consent",
    "document": "document",
    "task.opened": "task opened",
    "task.returned": "task open again",
    "task.completed": "task completed",
    "alert.opened": "alert opened",
    "alert.escalated": "alert more severe",
    "alert.returned": "alert back again",
    "month.closed": "month closed",
    "test": "test",
}

FAILURES: Final[Mapping[Failure, str]] = {
    Failure.UNREACHABLE: "the other side cannot be reached",
    Failure.TIMEOUT: "the other side did not answer in time",
    Failure.TLS: "the other side's certificate is not to be believed",
    Failure.BUSY: "the other side asked for time",
    Failure.SIGN_IN: "the other side does not let us in",
    Failure.SETTINGS: "the operator's settings for it cannot be read, or are gone",
    Failure.REDIRECTED: "the other side points elsewhere, where nothing is sent",
    Failure.NOT_ALLOWED: "the operator does not let anything be sent there",
    Failure.SERVER_FAULT: "the other side failed",
    Failure.BAD_ANSWER: "the other side's answer could not be understood",
    Failure.REFUSED: "the other side refuses it",
    Failure.CHANGED_THERE: "somebody has changed it in the EHR",
    Failure.TWICE_THERE: "the EHR has it more than once",
    Failure.GONE_THERE: "it was deleted in the EHR",
    Failure.NOTHING_HERE: "what it is about is not here any more",
    Failure.NOT_BUILT: "it cannot be written in the EHR's form: tell us",
    Failure.PATIENT_UNKNOWN: "the EHR does not know the patient",
    Failure.PATIENT_AMBIGUOUS: "the EHR has several such patients",
    Failure.PATIENT_DIFFERS: "the patient found in the EHR was born on another day",
    Failure.UNKNOWN: "a fault of ours: tell us",
}

MATCHES: Final[Mapping[Match, str]] = {
    Match.MATCHED: "known",
    Match.UNKNOWN: "the EHR knows nobody by this number",
    Match.AMBIGUOUS: "the EHR has several by this number",
    Match.DIFFERS: "who has this number there was born on another day",
}


def kind(of: str) -> str:
    """Return what something is about: "reading"."""
    return KINDS.get(of, of)


def failure(of: str) -> str:
    """Return why something was not taken, for the middle of a sentence."""
    return FAILURES[Failure(of)] if of else ""


def subject_address(of: str, subject_id: object) -> str:
    """Return where the subject of a dead letter is shown; "" where it has no page of its own."""
    if of == "observation":
        return f"/readings/{subject_id}"
    return f"/tasks/{subject_id}" if of.startswith("task") else ""
