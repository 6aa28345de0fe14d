"""What a person would send to the routes about months and claims; a part of :data:`tests.console_routes.BODIES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MONTH = "POST /patients/{patient_id}/month/{month}"

BODIES: Mapping[str, Mapping[str, Any]] = {
    f"{_MONTH}/settle": {"hold_key": "set_up:99453", "becomes": "settled", "reason": "Never."},
    f"{_MONTH}/propose": {},
    f"{_MONTH}/monitoring": {"started_on": "2026-10-20", "set_up_billed": "no"},
    f"{_MONTH}/monitoring/{{monitoring_id}}/end": {"ended_on": "2026-11-01", "reason": "Done."},
    f"{_MONTH}/claims/{{claim_id}}/attest": {
        "row_version": "1",
        "diagnoses": "I10",
        "vouched": "yes",
    },
    f"{_MONTH}/claims/{{claim_id}}/record": {"becomes": "submitted", "reference": "12"},
    "POST /month/work-out": {"month": "2026-10"},
    "POST /month/export": {"month": "2026-10", "file_format": "csv"},
    "POST /month/who-bills": {
        "from_on": "2026-01-01",
        "site": "office",
        "prefers_personal": "no",
        "npi": "1234567893",
    },
    "POST /month/who-bills/names": {
        "staff_id": "{staff_id}",
        "family_name": "O’Hara",
        "given_names": "Robin",
    },
}
# Of nothing, unless a test makes one.
OF_NOTHING = ("monitoring_id",)
