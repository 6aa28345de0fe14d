"""A signed care plan as US Core's CarePlan, and its goals as Goals. Pure.

All sections are in the narrative. What is planned is an activity whose progress nobody records here: its status is
“unknown”. A version that another one replaced is “revoked”, and its goals “cancelled”.

Source: US Core 6.1.0, CarePlan and Goal; FHIR R4 (4.0.1), Narrative.
"""

from __future__ import annotations

import html
from decimal import Decimal
from typing import Final
from uuid import UUID

from alerts.measures import Comparison, Measure
from ccm_link.fhir import codings, sent_numbers
from ccm_link.fhir.codings import Json
from ccm_link.plan import plan_document
from ccm_link.plan.care_plan import Version
from ccm_link.plan.plan_document import Goal, Intervention
from firmware_profiles import kinds

_PLAN: Final = codings.US_CORE + "careplan"
_GOAL: Final = codings.US_CORE + "goal"
_ASSESS_PLAN: Final = codings.concept(
    codings.coding("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan")
)
_QUANTITIES: Final = {
    number.name: number.quantity
    for declaration in kinds.OF.values()
    for number in declaration.numbers
}
_XHTML: Final = "http://www.w3.org/1999/xhtml"
_GOAL_PART: Final = ".goal-"


def care_plan(version: Version, *, is_in_force: bool) -> Json:
    """Return one version of a plan."""
    document = version.document
    return codings.resource(
        "CarePlan",
        version.plan_id,
        profiles=[_PLAN],
        text={"status": "generated", "div": _narrative(version)},
        identifier=[codings.uuid_identifier(version.plan_id)],
        status="active" if is_in_force else "revoked",
        intent="plan",
        category=[_ASSESS_PLAN],
        title=f"Care plan, version {version.version}",
        subject=codings.reference("Patient", version.patient_id),
        period={"start": codings.instant(version.signed_at)},
        created=codings.instant(version.signed_at),
        author=codings.named("Practitioner", version.signed_by_id, version.signed_by),
        goal=[
            codings.reference("Goal", goal_id(version.plan_id, number))
            for number in range(1, len(document.goals) + 1)
        ],
        activity=[{"detail": _activity(one)} for one in document.interventions],
    )


def goals(version: Version, *, is_in_force: bool) -> list[Json]:
    """Return the goals of one version, in its order."""
    return [
        codings.resource(
            "Goal",
            goal_id(version.plan_id, number),
            profiles=[_GOAL],
            identifier=[
                {"system": version.plan_id.urn, "value": str(number)},
            ],
            lifecycleStatus="active" if is_in_force else "cancelled",
            description=codings.concept(text=goal.what),
            subject=codings.reference("Patient", version.patient_id),
            target=_targets(goal),
        )
        for number, goal in enumerate(version.document.goals, start=1)
    ]


def goal_id(plan_id: UUID, number: int) -> str:
    """Return the id of a plan's goal; numbers begin at 1."""
    return f"{plan_id}{_GOAL_PART}{number}"


def plan_of(resource_id: str) -> UUID | None:
    """Return the plan that an id of a plan or a goal names; None where it is none of ours."""
    text, _, _ = resource_id.partition(_GOAL_PART)
    try:
        plan_id = UUID(text)
    except ValueError:
        return None
    return plan_id if text == str(plan_id) else None


def _activity(one: Intervention) -> Json:
    return {
        "status": "unknown",
        "description": one.what,
        "performer": [{"display": one.who}],
    }


def _targets(goal: Goal) -> list[Json]:
    target = codings.without_empty(
        {**_measured(goal), "dueDate": goal.by_on.isoformat() if goal.by_on else None}
    )
    return [target] if target else []


def _measured(goal: Goal) -> Json:
    if goal.measure is None or goal.target is None:
        return {}
    comparator = "<" if goal.side is Comparison.BELOW else ">="
    return {
        "measure": _measure(goal.measure),
        "detailQuantity": {
            **codings.quantity(_shortest(goal.target), str(_QUANTITIES[goal.measure].ucum)),
            "comparator": comparator,
        },
    }


def _measure(measure: Measure) -> Json:
    return codings.concept(codings.loinc(_QUANTITIES[measure].loinc), text=measure.words)


def _shortest(number: float) -> Decimal:
    return sent_numbers.shortest(float(number))


def _narrative(version: Version) -> str:
    parts = []
    for heading, lines in plan_document.texts(version.document).items():
        if lines:
            items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
            parts.append(f"<p><b>{html.escape(heading)}</b></p><ul>{items}</ul>")
    return f'<div xmlns="{_XHTML}">{"".join(parts)}</div>'
