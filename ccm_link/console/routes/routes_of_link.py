"""What each route about other systems does with which resource; a part of :data:`permissions.ROUTES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccm_link.console.routes.rights import ANYBODY, Action, Resource, Rule

_LINK: Final[Rule] = (Resource.LINK, Action.CHANGE)
_LETTER: Final[Rule] = (Resource.OUTGOING, Action.CHANGE)
_SYSTEM: Final[Rule] = (Resource.EXTERNAL_SYSTEM, Action.CHANGE)

ROUTES: Final[Mapping[str, Rule | None]] = {
    "GET /ehr-link": (Resource.OUTGOING, Action.VIEW),
    "POST /ehr-link/ehr": _LINK,
    "POST /ehr-link/webhooks": _LINK,
    "POST /ehr-link/receivers/{receiver_id}/pause": _LINK,
    "POST /ehr-link/receivers/{receiver_id}/resume": _LINK,
    "POST /ehr-link/receivers/{receiver_id}/test": _LINK,
    "POST /ehr-link/receivers/{receiver_id}/end": _LINK,
    "POST /ehr-link/dead-letters/redrive": _LETTER,
    "POST /ehr-link/dead-letters/{outgoing_id}/redrive": _LETTER,
    "POST /ehr-link/dead-letters/{outgoing_id}/give-up": _LETTER,
    "GET /ehr-link/patients": (Resource.EHR_PATIENT, Action.VIEW),
    "POST /ehr-link/patients/{patient_id}": (Resource.EHR_PATIENT, Action.CHANGE),
    "GET /external-systems": (Resource.EXTERNAL_SYSTEM, Action.VIEW),
    "POST /external-systems": _SYSTEM,
    "POST /external-systems/{system_id}/people": _SYSTEM,
    "POST /external-systems/{system_id}/revoke": _SYSTEM,
    # Other systems, which prove themselves by a token of their own.
    "POST /api/v1/external-time-entries": ANYBODY,
    "POST /api/v1/external-time-entries/void": ANYBODY,
}
