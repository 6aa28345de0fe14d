"""What each route around care plans does with which resource; a part of :data:`permissions.ROUTES`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccm_link.console.routes.rights import Action, Resource, Rule

_VIEW: Final[Rule] = (Resource.CARE_PLAN, Action.VIEW)
_CHANGE: Final[Rule] = (Resource.CARE_PLAN, Action.CHANGE)
_PLAN: Final = "/patients/{patient_id}/plan"

ROUTES: Final[Mapping[str, Rule | None]] = {
    f"GET {_PLAN}": _VIEW,
    f"GET {_PLAN}/versions/{{version}}": _VIEW,
    # It holds what the page shows.
    f"GET {_PLAN}/versions/{{version}}/pdf": _VIEW,
    f"POST {_PLAN}/reviews": _CHANGE,
    f"POST {_PLAN}/shares": _CHANGE,
    f"GET {_PLAN}/draft": _VIEW,
    f"POST {_PLAN}/draft": _CHANGE,
    f"POST {_PLAN}/draft/text": _CHANGE,
    f"POST {_PLAN}/draft/goals": _CHANGE,
    f"POST {_PLAN}/draft/goals/take-out": _CHANGE,
    f"POST {_PLAN}/draft/discard": _CHANGE,
    f"POST {_PLAN}/draft/sign": (Resource.CARE_PLAN, Action.SIGN),
    f"GET {_PLAN}/medication": (Resource.MEDICATION, Action.VIEW),
    f"POST {_PLAN}/medication": (Resource.MEDICATION, Action.CHANGE),
    f"POST {_PLAN}/medication/reconciliations": (Resource.MEDICATION, Action.CHANGE),
    f"POST {_PLAN}/medication/{{medication_id}}/end": (Resource.MEDICATION, Action.CHANGE),
    f"GET {_PLAN}/stays": (Resource.STAY, Action.VIEW),
    f"POST {_PLAN}/stays": (Resource.STAY, Action.CHANGE),
    f"POST {_PLAN}/stays/{{stay_id}}/discharge": (Resource.STAY, Action.CHANGE),
    f"POST {_PLAN}/stays/{{stay_id}}/void": (Resource.STAY, Action.CHANGE),
    f"GET {_PLAN}/education": (Resource.EDUCATION, Action.VIEW),
    f"POST {_PLAN}/education": (Resource.EDUCATION, Action.CHANGE),
    f"POST {_PLAN}/education/set-ups": (Resource.EDUCATION, Action.CHANGE),
    "GET /care-gaps": (Resource.CARE_GAP, Action.VIEW),
    "GET /own-record/plan": (Resource.OWN_RECORD, Action.VIEW),
    "GET /own-record/plan/pdf": (Resource.OWN_RECORD, Action.VIEW),
    "GET /api/v1/patients/{patient_id}/care-plan": _VIEW,
    "GET /api/v1/patients/{patient_id}/medication": (Resource.MEDICATION, Action.VIEW),
    "GET /api/v1/patients/{patient_id}/stays": (Resource.STAY, Action.VIEW),
    "GET /api/v1/care-gaps": (Resource.CARE_GAP, Action.VIEW),
}
