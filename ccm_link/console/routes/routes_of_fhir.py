"""Who may read what over the FHIR API; a part of the table of routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ccm_link.console.routes.rights import Action, Resource, Rule

_RULES: Final[Mapping[str, Rule]] = {
    # A year at a time, for programs: more than a look.
    "Patient": (Resource.PATIENT_RECORD, Action.EXPORT),
    "Observation": (Resource.PATIENT_RECORD, Action.EXPORT),
    "Device": (Resource.PERIPHERAL, Action.VIEW),
    "Task": (Resource.TASK, Action.VIEW),
    "Condition": (Resource.CONDITION, Action.VIEW),
    "CarePlan": (Resource.CARE_PLAN, Action.VIEW),
    "Goal": (Resource.CARE_PLAN, Action.VIEW),
    "CareTeam": (Resource.PROGRAM, Action.VIEW),
    "Consent": (Resource.PROGRAM, Action.VIEW),
}

ID_NAMES: Final[Mapping[str, str]] = {
    "Patient": "patient_id",
    "Observation": "reading_id",
    "Device": "peripheral_id",
    "Task": "task_id",
    "Condition": "condition_id",
    "CarePlan": "plan_id",
    "Goal": "goal_id",
    "CareTeam": "patient_id",
    "Consent": "consent_id",
}
"""What the id in an address is of, for each type: an observation's and a device's may be more than that."""

ROUTES: Final[Mapping[str, Rule | None]] = {
    "GET /fhir/R4/metadata": (Resource.CONSOLE, Action.VIEW),
    **{f"GET /fhir/R4/{kind}": rule for kind, rule in _RULES.items()},
    **{f"POST /fhir/R4/{kind}/_search": rule for kind, rule in _RULES.items()},
    **{f"GET /fhir/R4/{kind}/{{{ID_NAMES[kind]}}}": rule for kind, rule in _RULES.items()},
}
