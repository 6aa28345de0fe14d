from __future__ import annotations

from decimal import Decimal

import pytest

from ccm_link.care_record import resources
from ccm_link.care_record.port import Json

OURS = "6f0c0b7e-6a53-4a0e-a8ab-6f7d1f0f8a01"
RESOURCE: Json = {
    "resourceType": "Observation",
    "id": "ours",
    "meta": {"versionId": "1", "lastUpdated": "2026-11-12T15:42:00Z", "profile": ["p"]},
    "subject": {"reference": "Patient/here"},
    "device": {"reference": f"Device/{OURS}", "display": "Cuff"},
    "extension": [{"url": "u", "valueReference": {"reference": "Device/gw-home0001"}}],
    "valueQuantity": {"value": Decimal("37.0")},
}


def test_references_lead_to_the_other_record_or_name_what_they_mean() -> None:
    found = resources.readdressed(RESOURCE, {"Patient/here": "Patient/there"})
    assert found["subject"] == {"reference": "Patient/there"}
    assert found["device"] == {
        "type": "Device",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{OURS}"},
        "display": "Cuff",
    }
    (extension,) = found["extension"]
    assert extension["valueReference"] == {"type": "Device", "identifier": {"value": "gw-home0001"}}
    assert found["meta"] == {"profile": ["p"]}
    assert "id" not in found
    assert RESOURCE["id"] == "ours", "what was given is not changed"


def test_all_references_are_found() -> None:
    assert sorted(resources.references(RESOURCE)) == [
        f"Device/{OURS}",
        "Device/gw-home0001",
        "Patient/here",
    ]


@pytest.mark.parametrize(
    ("theirs", "is_there"),
    [
        ({}, True),
        ({"id": "x", "meta": {"versionId": "7"}, "text": {"div": "made there"}}, True),
        ({"code": {"text": "t", "coding": [{"display": "added there"}]}}, True),
        ({"number": Decimal("37.0")}, True),
        ({"status": "cancelled"}, False),
        ({"note": [{"text": "written there"}]}, False),
        ({"part": [1]}, False),
        ({"part": [2, 1]}, False),
    ],
    ids=["same", "servers", "deeper", "digits", "changed", "added", "shorter", "order"],
)
def test_what_is_there_is_what_we_say(theirs: Json, *, is_there: bool) -> None:
    ours: Json = {"status": "final", "code": {"text": "t"}, "number": Decimal(37), "part": [1, 2]}
    assert resources.is_there(ours | theirs, ours) is is_there
