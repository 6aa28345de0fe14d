"""What a person would send to the routes about patients' records; a part of :data:`tests.console_routes.BODIES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RECORD = "POST /patients/{patient_id}/record"
_WHO = {
    "display_name": "Ada Quist",
    "born_on": "1950-02-03",
    "record_number": "MFP-9",
    "time_zone": "America/New_York",
}

BODIES: Mapping[str, Mapping[str, Any]] = {
    "POST /patients": _WHO,
    f"{_RECORD}/identity": {**_WHO, "based_on": "0", "reason": "A typing error."},
    f"{_RECORD}/standing": {"seen": "active", "standing": "inactive", "reason": "Moved."},
    f"{_RECORD}/standing/{{standing_id}}/withdraw": {"reason": "Another patient."},
    f"{_RECORD}/identifiers": {"identifier_kind": "MC", "number": "1EG4-TE5-MK73"},
    f"{_RECORD}/identifiers/{{identifier_id}}/end": {"reason": "A new card."},
    f"{_RECORD}/coverage": {
        "coverage_kind": "medicare_part_b",
        "payer_name": "Medicare",
        "rank": "1",
        "covered_from": "2026-01-01",
    },
    f"{_RECORD}/coverage/{{coverage_id}}/end": {"covered_until": "2026-12-31"},
    f"{_RECORD}/coverage/{{coverage_id}}/withdraw": {"reason": "Another patient's card."},
    f"{_RECORD}/telecoms": {
        "telecom_kind": "phone",
        "reached_at": "+1 212 555 0100",
        "used_for": "home",
    },
    f"{_RECORD}/telecoms/{{telecom_id}}/end": {},
    f"{_RECORD}/address": {"street": "1 Elm Street", "city": "Troy", "country": "US"},
    f"{_RECORD}/related": {"related_name": "Bo Quist", "relationship": "SPS"},
    f"{_RECORD}/related/{{related_id}}/end": {},
    f"{_RECORD}/related/{{related_id}}/allow": {"given_on": "2026-11-01"},
    f"{_RECORD}/related/{{related_id}}/stop": {},
}
# Of nothing, unless a test makes one.
OF_NOTHING = ("standing_id", "identifier_id", "coverage_id", "telecom_id", "related_id")
