"""What a person would send to the routes about programs; a part of :data:`tests.console_routes.BODIES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PROGRAM = "POST /patients/{patient_id}/program"
_ENROLMENT = f"{_PROGRAM}/enrolments/{{enrolment_id}}"
TOLD = {
    f"told_{name}": "yes"
    for name in (
        "services_available",
        "cost_sharing",
        "one_practitioner",
        "may_stop",
        "sharing",
    )
}

BODIES: Mapping[str, Mapping[str, Any]] = {
    "POST /program/after-hours": {
        "called_on": "2026-11-11",
        "called_time": "22:10",
        "caller": "Her son",
        "said": "Dizzy; told to call an ambulance.",
    },
    "POST /program/practice/line": {"based_on": "0", "phone": "+1 212 555 0100"},
    "POST /program/practice/attestations": {
        "requirement": "certified_record",
        "is_met": "yes",
        "basis": "The vendor's certificate.",
        "from_on": "2026-01-01",
    },
    "POST /program/practice/scripts/{program}": {
        "based_on": "0",
        **{name.replace("told_", "words_"): "In our own words." for name in TOLD},
    },
    f"{_PROGRAM}/enrolments": {"program": "rpm", "reason": "Raised pressure."},
    f"{_ENROLMENT}/attempts": {
        "row_version": "1",
        "try_method": "phone",
        "outcome": "voicemail",
    },
    f"{_ENROLMENT}/practitioner": {
        "row_version": "1",
        "biller_id": "{practitioner_id}",
        "reason": "Hers.",
    },
    f"{_ENROLMENT}/consent": {
        "row_version": "1",
        "consent_method": "verbal",
        "given_by": "patient",
        **TOLD,
    },
    f"{_ENROLMENT}/consent/take-back": {"row_version": "1", "reason": "Enough of it."},
    f"{_ENROLMENT}/step": {"row_version": "1", "to_state": "active"},
    f"{_ENROLMENT}/close": {"row_version": "1", "close_reason": "transferred"},
    f"{_PROGRAM}/attestations": {
        "requirement": "risk",
        "is_met": "yes",
        "basis": "Two admissions this year.",
        "from_on": "2026-11-01",
    },
    f"{_PROGRAM}/visits": {
        "practitioner_id": "{practitioner_id}",
        "visited_on": "2026-10-01",
        "visit_kind": "annual_wellness",
        "was_discussed": "yes",
    },
    f"{_PROGRAM}/visits/{{visit_id}}/withdraw": {"reason": "Another patient."},
    f"{_PROGRAM}/beside": {
        "what": "apcm",
        "by_whom": "others",
        "from_on": "2026-10-01",
        "source": "Told by the patient.",
    },
    f"{_PROGRAM}/beside/{{beside_id}}/end": {"reason": "It ended."},
    f"{_PROGRAM}/team/care-manager": {"staff_id": "{staff_id}"},
    f"{_PROGRAM}/team/colleagues": {"staff_id": "{staff_id}", "colleague_role": "nurse"},
    f"{_PROGRAM}/team/outside": {
        "outside_role": "pharmacy",
        "organisation": "Elm Street Pharmacy",
        "phone": "555 0134",
    },
    f"{_PROGRAM}/team/{{member_id}}/end": {},
}
OF_NOTHING = ("visit_id", "beside_id", "member_id")
