"""What each route about programs does with which resource; a part of :data:`permissions.ROUTES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccm_link.console.routes.rights import Action, Resource, Rule

_VIEW: Final[Rule] = (Resource.PROGRAM, Action.VIEW)
_CHANGE: Final[Rule] = (Resource.PROGRAM, Action.CHANGE)
_SET_UP: Final[Rule] = (Resource.PROGRAM_SET_UP, Action.CHANGE)
_OF_PATIENT: Final = "/patients/{patient_id}/program"
_ENROLMENT: Final = f"{_OF_PATIENT}/enrolments/{{enrolment_id}}"

ROUTES: Final[Mapping[str, Rule | None]] = {
    "GET /program": _VIEW,
    "GET /program/eligible": _VIEW,
    "GET /program/after-hours": _VIEW,
    "POST /program/after-hours": _CHANGE,
    "GET /program/practice": (Resource.PROGRAM_SET_UP, Action.VIEW),
    "POST /program/practice/line": _SET_UP,
    "POST /program/practice/attestations": _SET_UP,
    "POST /program/practice/scripts/{program}": _SET_UP,
    f"GET {_OF_PATIENT}": _VIEW,
    f"POST {_OF_PATIENT}/enrolments": _CHANGE,
    f"POST {_ENROLMENT}/attempts": _CHANGE,
    f"POST {_ENROLMENT}/practitioner": _CHANGE,
    f"POST {_ENROLMENT}/consent": _CHANGE,
    f"POST {_ENROLMENT}/consent/take-back": _CHANGE,
    f"POST {_ENROLMENT}/step": _CHANGE,
    f"POST {_ENROLMENT}/close": _CHANGE,
    f"POST {_OF_PATIENT}/attestations": _CHANGE,
    f"POST {_OF_PATIENT}/visits": _CHANGE,
    f"POST {_OF_PATIENT}/visits/{{visit_id}}/withdraw": _CHANGE,
    f"POST {_OF_PATIENT}/beside": _CHANGE,
    f"POST {_OF_PATIENT}/beside/{{beside_id}}/end": _CHANGE,
    f"POST {_OF_PATIENT}/team/care-manager": _CHANGE,
    f"POST {_OF_PATIENT}/team/colleagues": _CHANGE,
    f"POST {_OF_PATIENT}/team/outside": _CHANGE,
    f"POST {_OF_PATIENT}/team/{{member_id}}/end": _CHANGE,
    "GET /api/v1/programs/{program}/eligible": _VIEW,
    "GET /api/v1/patients/{patient_id}/programs": _VIEW,
}
