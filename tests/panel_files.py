"""Panels as files: invented patients as a CSV table and as a FHIR bundle."""

from __future__ import annotations

import json
from typing import Any

HEADER = (
    "record_number,given_names,family_name,born_on,gender,mbi,phone,phone_may_text,street,city,state,postal_code,"
    "payer_kind,payer_name,member_id,covered_from,payer_kind_2,payer_name_2,covered_from_2,conditions,"
    "carer_name,carer_relationship,carer_phone,carer_may_talk,standing,standing_since"
)


def table(count: int) -> str:
    """Return a table of so many patients; each third has a second payer and a carer."""
    lines = [HEADER]
    for number in range(1, count + 1):
        second = "medigap,Elm Mutual,2026-01-01" if number % 3 == 0 else ",,"
        carer = "Bo Quist,HUSB,212 555 0199,yes" if number % 3 == 0 else ",,,"
        lines.append(
            f"P-{number},Ada {number},Quist,1950-02-03,female,,(212) 555-{number:04},no,1 Elm Street,Troy,NY,12180,"
            f"medicare_part_b,Medicare,M{number},2026-01-01,{second},I10@2015-03-01;E11.9,{carer},,"
        )
    return "\n".join(lines) + "\n"


def patient(number: int, **more: Any) -> dict[str, Any]:
    """Return a Patient."""
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "identifier": [
            {
                "type": {"coding": [{"code": "MR"}]},
                "system": "http://elm.example.org/records",
                "value": f"P-{number}",
            },
            {"system": "http://hl7.org/fhir/sid/us-mbi", "value": "1EG4TE5MK73"},
        ],
        "name": [{"family": "Quist", "given": ["Ada", "B"]}],
        "gender": "female",
        "birthDate": "1950-02-03",
        "telecom": [{"system": "phone", "value": "+1 212 555 0100", "use": "mobile"}],
        "address": [{"line": ["1 Elm Street"], "city": "Troy", "state": "NY", "country": "US"}],
        **more,
    }


def bundle(*resources: dict[str, Any]) -> str:
    """Return a bundle."""
    entries = [
        {"fullUrl": f"urn:uuid:{number}", "resource": one}
        for number, one in enumerate(resources, start=1)
    ]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


def of_patient_one() -> tuple[dict[str, Any], ...]:
    """Return what belongs to the first patient: two conditions of which one is over, a payer, a carer."""
    subject = {"reference": "Patient/p1"}
    icd = "http://hl7.org/fhir/sid/icd-10-cm"
    return (
        {
            "resourceType": "Condition",
            "subject": subject,
            "code": {"coding": [{"system": icd, "code": "E11.9"}]},
            "onsetDateTime": "2015-03-01",
        },
        {
            "resourceType": "Condition",
            "subject": subject,
            "clinicalStatus": {"coding": [{"code": "resolved"}]},
            "code": {"coding": [{"system": icd, "code": "J44.9"}]},
        },
        {
            "resourceType": "Coverage",
            "status": "active",
            "beneficiary": subject,
            "type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "121"}]},
            "payor": [{"display": "Medicare"}],
            "period": {"start": "2026-01-01"},
        },
        {
            "resourceType": "RelatedPerson",
            "patient": {"reference": "urn:uuid:1"},
            "name": [{"text": "Bo Quist"}],
            "relationship": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
                            "code": "HUSB",
                        }
                    ]
                }
            ],
        },
    )
