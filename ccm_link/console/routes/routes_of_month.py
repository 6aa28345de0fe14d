"""Who may see what a month may be billed as, settle what holds it, vouch for claims; a part of the table of routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccm_link.console.routes.rights import Action, Resource, Rule

_VIEW: Final[Rule] = (Resource.MONTH, Action.VIEW)
_CHANGE: Final[Rule] = (Resource.MONTH, Action.CHANGE)
_CLAIM: Final[Rule] = (Resource.CLAIM, Action.CHANGE)
_OF_PATIENT: Final = "/patients/{patient_id}/month"

ROUTES: Final[Mapping[str, Rule | None]] = {
    "GET /month": _VIEW,
    "POST /month/work-out": _CHANGE,
    "POST /month/export": (Resource.CLAIM, Action.EXPORT),
    "GET /month/who-bills": _VIEW,
    "POST /month/who-bills": _CLAIM,
    "POST /month/who-bills/names": _CLAIM,
    f"GET {_OF_PATIENT}": _VIEW,
    f"GET {_OF_PATIENT}/{{month}}": _VIEW,
    f"POST {_OF_PATIENT}/{{month}}/settle": _CHANGE,
    f"POST {_OF_PATIENT}/{{month}}/propose": _CHANGE,
    f"POST {_OF_PATIENT}/{{month}}/monitoring": _CHANGE,
    f"POST {_OF_PATIENT}/{{month}}/monitoring/{{monitoring_id}}/end": _CHANGE,
    f"POST {_OF_PATIENT}/{{month}}/claims/{{claim_id}}/attest": (Resource.CLAIM, Action.SIGN),
    f"POST {_OF_PATIENT}/{{month}}/claims/{{claim_id}}/record": _CLAIM,
    "GET /api/v1/patients/{patient_id}/month/{month}": _VIEW,
    "GET /api/v1/claims": (Resource.CLAIM, Action.VIEW),
}
