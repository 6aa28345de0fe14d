"""What each route about patients' records does with which resource; a part of :data:`permissions.ROUTES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccm_link.console.routes.rights import Action, Resource, Rule

_VIEW: Final[Rule] = (Resource.REGISTRY, Action.VIEW)
_CHANGE: Final[Rule] = (Resource.REGISTRY, Action.CHANGE)
_OF_PATIENT: Final = "/patients/{patient_id}/record"

ROUTES: Final[Mapping[str, Rule | None]] = {
    "POST /patients": (Resource.REGISTRY, Action.CREATE),
    "GET /patients/not-active": _VIEW,
    f"GET {_OF_PATIENT}": _VIEW,
    f"POST {_OF_PATIENT}/identity": _CHANGE,
    f"POST {_OF_PATIENT}/standing": _CHANGE,
    f"POST {_OF_PATIENT}/standing/{{standing_id}}/withdraw": _CHANGE,
    f"POST {_OF_PATIENT}/identifiers": _CHANGE,
    f"POST {_OF_PATIENT}/identifiers/{{identifier_id}}/end": _CHANGE,
    f"POST {_OF_PATIENT}/coverage": _CHANGE,
    f"POST {_OF_PATIENT}/coverage/{{coverage_id}}/end": _CHANGE,
    f"POST {_OF_PATIENT}/coverage/{{coverage_id}}/withdraw": _CHANGE,
    f"POST {_OF_PATIENT}/telecoms": _CHANGE,
    f"POST {_OF_PATIENT}/telecoms/{{telecom_id}}/end": _CHANGE,
    f"POST {_OF_PATIENT}/address": _CHANGE,
    f"POST {_OF_PATIENT}/related": _CHANGE,
    f"POST {_OF_PATIENT}/related/{{related_id}}/end": _CHANGE,
    f"POST {_OF_PATIENT}/related/{{related_id}}/allow": _CHANGE,
    f"POST {_OF_PATIENT}/related/{{related_id}}/stop": _CHANGE,
    "GET /api/v1/patients/{patient_id}/record": _VIEW,
}
