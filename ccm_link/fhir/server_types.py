"""What our FHIR server has: types of resources with the parameters by which each is searched. Pure.

Requests are read by it, and the CapabilityStatement is made of it: what one knows, the other says.

Source: FHIR R4 (4.0.1), search parameters of each resource; US Core 6.1.0, the ones that its server has to have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ccm_link.fhir import codings


class Form(StrEnum):
    """How a parameter's text is read."""

    TOKEN = "token"  # noqa: S105 - a word of FHIR
    DATE = "date"
    STRING = "string"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter, and what is to be known about it here."""

    form: Form
    words: str


@dataclass(frozen=True, slots=True)
class ServerType:
    """One type of resources.

    Attributes:
        words: What of ours it is.
        parameters: By name.
        profiles: What our resources claim.
        sorts: What can follow ``_sort=``; the first is what is done without it.
    """

    words: str
    parameters: Mapping[str, Parameter]
    profiles: tuple[str, ...] = ()
    sorts: tuple[str, ...] = ("_id",)


_ID: Final = Parameter(Form.TOKEN, "ids of this server")
_PATIENT: Final = {
    "patient": Parameter(Form.REFERENCE, "one patient; needed, but where _id is given"),
    "subject": Parameter(Form.REFERENCE, "the same as patient"),
}
_OF_PATIENT: Final = {"_id": _ID, **_PATIENT}


def _vital(*names: str) -> tuple[str, ...]:
    return tuple(codings.US_CORE + name for name in names)


TYPES: Final[Mapping[str, ServerType]] = {
    "Patient": ServerType(
        "The practice's patients, also those who are not active any more.",
        {
            "_id": _ID,
            "identifier": Parameter(Form.TOKEN, "a number, with its system and | before it"),
            "name": Parameter(Form.STRING, "how a name or a word of it begins"),
            "family": Parameter(Form.STRING, "how a family name begins"),
            "given": Parameter(Form.STRING, "how a given name begins"),
            "birthdate": Parameter(Form.DATE, "days, with prefixes"),
            "gender": Parameter(Form.TOKEN, "a code of administrative-gender"),
            "active": Parameter(Form.TOKEN, "true or false"),
        },
        (codings.US_CORE + "patient",),
    ),
    "Observation": ServerType(
        "Readings, each thing that was measured on its own. Versions that were replaced are entered-in-error: they "
        "are read by their ids, and found where status or _lastUpdated asks for them. LOINC 96607-7 is made when it is "
        "asked for: the protocol's average over seven days, the last of which date names, or today.",
        {
            **_OF_PATIENT,
            "category": Parameter(Form.TOKEN, "vital-signs or phd"),
            "code": Parameter(Form.TOKEN, "LOINC or MDC"),
            "date": Parameter(
                Form.DATE, "when it was measured; readings of unknown time are not found by it"
            ),
            "status": Parameter(Form.TOKEN, "final, amended, entered-in-error"),
            "_lastUpdated": Parameter(
                Form.DATE,
                "when a version was stored or replaced; overlap questions by some minutes",
            ),
        },
        (
            *_vital("blood-pressure", "average-blood-pressure", "heart-rate", "body-weight"),
            *_vital("pulse-oximetry", "body-temperature"),
            codings.PHD + "PhdCompoundNumericObservation",
            codings.PHD + "PhdNumericObservation",
            codings.PHD + "PhdCodedEnumerationObservation",
        ),
        ("-date", "date"),
    ),
    "Device": ServerType(
        "Cuffs, meters and gateways.",
        {
            "_id": _ID,
            "patient": Parameter(Form.REFERENCE, "who measures with them, or did"),
            "identifier": Parameter(Form.TOKEN, "a Bluetooth address or our own id"),
            "type": Parameter(Form.TOKEN, "MDC 65573 (cuffs and meters) or 531981 (gateways)"),
        },
        (codings.PHD + "PhdDevice", codings.PHD + "PhgDevice"),
    ),
    "Task": ServerType(
        "Tasks, those that alerts made and others.",
        {
            **_OF_PATIENT,
            "status": Parameter(
                Form.TOKEN, "requested, in-progress, on-hold, completed, cancelled"
            ),
            "priority": Parameter(Form.TOKEN, "routine, urgent, stat"),
            "authored-on": Parameter(Form.DATE, "when it was opened"),
        },
        sorts=("-authored-on", "authored-on"),
    ),
    "Condition": ServerType(
        "What patients have, with what was ended.",
        {
            **_OF_PATIENT,
            "category": Parameter(Form.TOKEN, "problem-list-item"),
            "clinical-status": Parameter(Form.TOKEN, "active or inactive"),
            "code": Parameter(Form.TOKEN, "ICD-10-CM"),
            "recorded-date": Parameter(Form.DATE, "when it was recorded"),
        },
        (codings.US_CORE + "condition-problems-health-concerns",),
    ),
    "CarePlan": ServerType(
        "Signed versions of care plans.",
        {
            **_OF_PATIENT,
            "category": Parameter(Form.TOKEN, "assess-plan"),
            "status": Parameter(Form.TOKEN, "active or revoked"),
            "date": Parameter(Form.DATE, "when it was signed"),
        },
        (codings.US_CORE + "careplan",),
        ("-date", "date"),
    ),
    "Goal": ServerType(
        "Goals of signed care plans.",
        {
            **_OF_PATIENT,
            "lifecycle-status": Parameter(Form.TOKEN, "active or cancelled"),
            "target-date": Parameter(Form.DATE, "until when"),
        },
        (codings.US_CORE + "goal",),
    ),
    "CareTeam": ServerType(
        "Who cares for a patient now.",
        {**_OF_PATIENT, "status": Parameter(Form.TOKEN, "active")},
        (codings.US_CORE + "careteam",),
    ),
    "Consent": ServerType(
        "Consents to programs.",
        {
            **_OF_PATIENT,
            "status": Parameter(Form.TOKEN, "active or inactive"),
            "date": Parameter(Form.DATE, "when it was documented"),
        },
        sorts=("-date", "date"),
    ),
}

RESULT_PARAMETERS: Final[Mapping[str, str]] = {
    "_count": "how many on a page, 500 at most; 0 counts where that is told",
    "_sort": "as each type says",
    "_summary": "count or false",
    "_format": "json",
    "_cursor": "in the link “next” only; it leads on for an hour",
}
"""What a search says about its answer."""
