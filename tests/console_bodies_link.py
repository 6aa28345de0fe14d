"""What a person would send to the pages about other systems; a part of tests/console_routes.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BODIES: Mapping[str, Mapping[str, Any]] = {
    "POST /ehr-link/ehr": {"ehr": "main"},
    "POST /ehr-link/webhooks": {
        "name": "Panel",
        "address": "https://panel.example.org/hook",
        "tells_task_opened": "yes",
    },
    "POST /ehr-link/receivers/{receiver_id}/pause": {},
    "POST /ehr-link/receivers/{receiver_id}/resume": {},
    "POST /ehr-link/receivers/{receiver_id}/test": {},
    "POST /ehr-link/receivers/{receiver_id}/end": {"reason": "r"},
    "POST /ehr-link/dead-letters/redrive": {},
    "POST /ehr-link/dead-letters/{outgoing_id}/redrive": {},
    "POST /ehr-link/dead-letters/{outgoing_id}/give-up": {"reason": "r"},
    "POST /ehr-link/patients/{patient_id}": {"remote_id": "p1"},
    "POST /external-systems": {"name": "Panel"},
    "POST /external-systems/{system_id}/people": {
        "external_id": "7",
        "meant_staff_id": "{staff_id}",
    },
    "POST /external-systems/{system_id}/revoke": {},
    "POST /api/v1/external-time-entries": {
        "external_id": "e-1",
        "record_number": "MFP-100482",
        "staff_id": "7",
        "started_at": "2026-11-12T14:00:00Z",
        "ended_at": "2026-11-12T14:10:00Z",
        "activity": "phone_call",
        "note": "n",
    },
    "POST /api/v1/external-time-entries/void": {"external_id": "e-1", "reason": "r"},
}

OF_NOTHING = ("receiver_id", "outgoing_id", "system_id")
