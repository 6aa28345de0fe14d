"""What a person would send to the routes around care plans; a part of :data:`tests.console_routes.BODIES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PLAN = "POST /patients/{patient_id}/plan"
_DRAFT = {"row_version": "1"}

BODIES: Mapping[str, Mapping[str, Any]] = {
    f"{_PLAN}/reviews": {"plan_id": "{plan_id}", "note": "Went through it by phone."},
    f"{_PLAN}/shares": {
        "plan_id": "{plan_id}",
        "method": "printed",
        "recipient": "patient",
        "given_on": "2026-11-12",
        "given_time": "09:00",
    },
    f"{_PLAN}/draft": {},
    f"{_PLAN}/draft/text": {
        **_DRAFT,
        "problems": "Hypertension",
        "interventions": "Care manager: calls",
        "contributors": "carer: Ada",
        "review_months": "6",
        "medication_months": "12",
    },
    f"{_PLAN}/draft/goals": {**_DRAFT, "what": "Walk"},
    f"{_PLAN}/draft/goals/take-out": {**_DRAFT, "place": "0"},
    f"{_PLAN}/draft/sign": {**_DRAFT, "signature": "Dana Achterberg"},
    f"{_PLAN}/draft/discard": {**_DRAFT, "reason": "Begun by mistake."},
    f"{_PLAN}/medication": {"name": "Metformin", "dose": "500 mg", "source": "Package."},
    f"{_PLAN}/medication/{{medication_id}}/end": {"reason": "Stopped."},
    f"{_PLAN}/medication/reconciliations": {"from_patient": "yes"},
    f"{_PLAN}/stays": {
        "stay_kind": "inpatient",
        "facility": "County hospital",
        "source": "The daughter called.",
        "admitted_on": "2026-11-09",
        "admitted_time": "08:00",
    },
    f"{_PLAN}/stays/{{stay_id}}/discharge": {
        "discharged_on": "2026-11-11",
        "discharged_time": "08:00",
    },
    f"{_PLAN}/stays/{{stay_id}}/void": {"reason": "Another patient."},
    f"{_PLAN}/education": {
        "topic": "medication",
        "taught_how": "phone",
        "learner": "patient",
        "taught_on": "2026-11-11",
        "taught_time": "08:00",
        "teach_back": "yes",
    },
    f"{_PLAN}/education/set-ups": {
        "peripheral_id": "{peripheral_id}",
        "learner": "patient",
        "set_up_on": "2026-11-11",
        "set_up_time": "08:00",
        "taught_on": "2026-11-11",
        "taught_time": "08:10",
    },
}
OF_NOTHING = ("medication_id", "stay_id")
"""Parts of addresses of which the made-up practice has none."""
