"""What each route about planned tasks does with which resource; a part of :data:`permissions.ROUTES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccm_link.console.routes.rights import Action, Resource, Rule

_VIEW: Final[Rule] = (Resource.TASK, Action.VIEW)
_CHANGE: Final[Rule] = (Resource.TASK, Action.CHANGE)
_OF_PATIENT: Final = "/patients/{patient_id}/tasks"

ROUTES: Final[Mapping[str, Rule | None]] = {
    f"GET {_OF_PATIENT}": _VIEW,
    f"POST {_OF_PATIENT}": _CHANGE,
    f"POST {_OF_PATIENT}/schedules": _CHANGE,
    f"POST {_OF_PATIENT}/schedules/{{schedule_id}}/end": _CHANGE,
    "GET /planning": _VIEW,
    "POST /planning/schedules": _CHANGE,
    "POST /planning/schedules/{schedule_id}/end": _CHANGE,
    "POST /planning/cover": _CHANGE,
    "POST /planning/cover/{cover_id}/call-off": _CHANGE,
    "POST /planning/hand-over": _CHANGE,
    f"GET /api/v1{_OF_PATIENT}": _VIEW,
    f"POST /api/v1{_OF_PATIENT}": _CHANGE,
}
