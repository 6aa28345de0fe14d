"""What a person would send to the routes about time; a part of :mod:`tests.console_routes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Parameters of addresses that name nothing in the made-up practice.
OF_NOTHING: Final = ("dropped_id", "rival_id", "amendment_id", "credential_id")

QUERIES: Final = {
    "/api/v1/time-entries": "?month=2026-11",
    "/api/v1/time-conflicts": "?month=2026-11",
}

BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "POST /tasks/{task_id}/draft": {"row_version": "1", "disposition": "not_reached", "note": ""},
    "POST /timer/pause": {},
    "POST /timer/resume": {},
    "POST /timer/pulse": {},
    "POST /timer/dropped/{dropped_id}": {
        "activity": "phone_call",
        "note": "Long call.",
        "reason": "No click.",
    },
    "POST /time/{entry_id}/amendments": {
        "worked_on": "2026-11-05",
        "started": "09:00",
        "ended": "09:10",
        "activity": "chart_review",
        "billing_role": "clinical_staff",
        "note": "n",
        "reason": "r",
    },
    "POST /time/approval/policy": {"by_hand_needs_approval": "yes"},
    "POST /time/approval/entries/{entry_id}": {"verdict": "approve"},
    "POST /time/approval/amendments/{amendment_id}": {"verdict": "approve"},
    "POST /time/conflicts/{entry_id}/{rival_id}": {
        "winner_id": "{entry_id}",
        "month": "2026-11",
        "reason": "r",
    },
    "POST /time/locks": {"month": "2026-09"},
    "POST /staff/{staff_id}/credentials": {
        "credential": "rn",
        "billing_role": "clinical_staff",
        "employer": "own",
        "from_on": "2026-01-01",
    },
    "POST /staff/credentials/{credential_id}/end": {"until_on": "2026-11-01", "reason": "r"},
    "POST /api/v1/timer/pause": {},
    "POST /api/v1/timer/resume": {},
    "POST /api/v1/timer/pulse": {},
}
