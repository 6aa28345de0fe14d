"""Claims as FHIR R4: a bundle with a Claim for each, and a ChargeItem for each line that says what it rests on. Pure.

They say "draft": submitting is the practice's own deed.

Source: FHIR R4 (4.0.1), Claim and ChargeItem; systems of codes: HL7 Terminology for CPT and HCPCS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from ccm_link.claim_files.contents import Biller, FileClaim, FileLine

Json = dict[str, Any]

_CPT: Final = "http://www.ama-assn.org/go/cpt"
_HCPCS: Final = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_ICD_10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
_NPI: Final = "http://hl7.org/fhir/sid/us-npi"
_URI: Final = "urn:ietf:rfc:3986"
_HL7: Final = "http://terminology.hl7.org/CodeSystem/"
_CENTS: Final = 100


def bundle(biller: Biller, claims: Iterable[FileClaim], at: datetime) -> Json:
    """Return all claims with their charge items.

    Args:
        biller: complete for this kind of file, see `contents.missing`.
        claims: likewise.
        at: when it is written, aware.
    """
    entries = [
        {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
        for claim in claims
        for resource in (_claim(biller, claim, at), *_charge_items(claim))
    ]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": at.isoformat(),
        "entry": entries,
    }


def _claim(biller: Biller, claim: FileClaim, at: datetime) -> Json:
    insured = claim.insured
    found: Json = {
        "resourceType": "Claim",
        "id": str(claim.claim_id),
        "identifier": [{"system": _URI, "value": f"urn:uuid:{claim.claim_id}"}],
        "status": "draft",
        "type": {"coding": [{"system": f"{_HL7}claim-type", "code": "professional"}]},
        "use": "claim",
        "patient": _patient(claim),
        "billablePeriod": {
            "start": min(line.first_on for line in claim.lines).isoformat(),
            "end": max(line.last_on for line in claim.lines).isoformat(),
        },
        "created": at.isoformat(),
        "insurer": {"display": insured.payer_name},
        "provider": {
            "type": "Organization",
            "identifier": {"system": _NPI, "value": biller.npi},
            "display": biller.legal_name,
        },
        "priority": {"coding": [{"system": f"{_HL7}processpriority", "code": "normal"}]},
        "careTeam": [{"sequence": 1, "provider": _practitioner(claim), "responsible": True}],
        "diagnosis": [
            {
                "sequence": place,
                "diagnosisCodeableConcept": {"coding": [{"system": _ICD_10, "code": code}]},
            }
            for place, code in enumerate(claim.diagnoses, 1)
        ],
        "insurance": [
            {
                "sequence": 1,
                "focal": True,
                "coverage": {
                    "type": "Coverage",
                    "identifier": {"value": insured.member_id},
                    "display": insured.payer_name,
                },
            }
        ],
        "item": [_item(line) for line in claim.lines],
    }
    if claim.corrects:
        found["related"] = [
            {
                "relationship": {
                    "coding": [{"system": f"{_HL7}ex-relatedclaimrelationship", "code": "prior"}]
                },
                "reference": {"value": claim.corrects},
            }
        ]
    if all(line.charge_cents is not None for line in claim.lines):
        found["total"] = _money(sum(line.charge_cents or 0 for line in claim.lines))
    return found


def _item(line: FileLine) -> Json:
    found: Json = {
        "sequence": line.number,
        "careTeamSequence": [1],
        "diagnosisSequence": list(line.pointers),
        "productOrService": _code(line.code),
        "servicedDate": line.service_on.isoformat(),
        "quantity": {"value": line.units},
    }
    if line.charge_cents is not None:
        found["net"] = _money(line.charge_cents)
    return found


def _charge_items(claim: FileClaim) -> Iterator[Json]:
    for line in claim.lines:
        found: Json = {
            "resourceType": "ChargeItem",
            "id": str(uuid5(claim.claim_id, str(line.number))),
            "status": "billable",
            "code": _code(line.code),
            "subject": _patient(claim),
            "occurrencePeriod": {
                "start": line.first_on.isoformat(),
                "end": line.last_on.isoformat(),
            },
            "performer": [{"actor": _practitioner(claim)}],
            "quantity": {"value": line.units},
            "note": [{"text": _rests_on(line)}],
            "supportingInformation": [{"reference": f"urn:uuid:{claim.claim_id}"}],
        }
        if line.reading_ids:
            found["service"] = [_observation(one) for one in line.reading_ids]
        yield found


def _rests_on(line: FileLine) -> str:
    parts = [f"{line.seconds} s of work"] if line.seconds else []
    parts += [f"{line.days} days with automatic readings"] if line.days else []
    return f"Rests on {' and '.join(parts) or 'nothing that was counted'}."


def _patient(claim: FileClaim) -> Json:
    return {"reference": f"Patient/{claim.insured.patient_id}"}


def _practitioner(claim: FileClaim) -> Json:
    return {
        "type": "Practitioner",
        "identifier": {"system": _NPI, "value": claim.practitioner.npi},
        "display": claim.practitioner.name,
    }


def _observation(reading_id: UUID) -> Json:
    return {"reference": f"Observation/{reading_id}"}


def _code(code: str) -> Json:
    return {"coding": [{"system": _CPT if code.isdigit() else _HCPCS, "code": code}]}


def _money(cents: int) -> Json:
    return {"value": cents / _CENTS, "currency": "USD"}
