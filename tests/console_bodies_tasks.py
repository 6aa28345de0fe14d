"""What a person would send to the routes about planned tasks; a part of :data:`tests.console_routes.BODIES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TASKS = "POST /patients/{patient_id}/tasks"
_SCHEDULE = {
    "title": "Monthly call",
    "severity": "outreach",
    "for_whom": "anybody",
    "unit": "month",
    "first_on": "2026-12-01",
}

BODIES: Mapping[str, Mapping[str, Any]] = {
    _TASKS: {"form_key": "drawn", "title": "Call", "severity": "outreach", "for_whom": "me"},
    f"{_TASKS}/schedules": _SCHEDULE,
    f"{_TASKS}/schedules/{{schedule_id}}/end": {"reason": "r"},
    "POST /planning/schedules": {**_SCHEDULE, "program": "ccm"},
    "POST /planning/schedules/{schedule_id}/end": {"reason": "r"},
    "POST /planning/cover": {
        "staff_id": "{staff_id}",
        "covered_by": "{staff_id}",
        "from_on": "2026-12-01",
        "until_on": "2026-12-02",
    },
    "POST /planning/cover/{cover_id}/call-off": {},
    "POST /planning/hand-over": {
        "from_staff_id": "{staff_id}",
        "to_whom": "anybody",
        "note": "Leaves.",
    },
    "POST /api/v1/patients/{patient_id}/tasks": {"title": "Call", "severity": "outreach"},
}
