"""A care plan for tests: whole, with goals of every kind, and signed by whoever asks for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg

from alerts.measures import Comparison, Measure
from ccm_link.plan import care_plan
from ccm_link.plan.plan_document import Contributor, Goal, Intervention, Part, PlanDocument, Section
from ingest.people import Role

WHOLE = PlanDocument(
    sections={
        **{one: ("Nothing is needed.",) for one in Section if one.is_needed},
        Section.PROBLEMS: ("Hypertension", "Falls"),
        Section.PATIENT_GOAL: ("“I want to dance at the wedding.”",),
    },
    goals=(
        Goal(
            "Blood pressure as agreed",
            Measure.SYSTOLIC_MMHG,
            Comparison.BELOW,
            130.0,
            date(2027, 3, 1),
        ),
        Goal("Walk to the shop again"),
    ),
    interventions=(Intervention("Care manager", "calls every Monday"),),
    contributors=(Contributor(Part.PATIENT, "Amalia Thornquist"),),
)


def sign(
    cur: psycopg.Cursor[Any],
    practice_id: UUID,
    patient_id: UUID,
    *,
    staff_id: UUID,
    at: datetime,
    document: PlanDocument = WHOLE,
) -> int:
    """Sign a plan in the scope and role of the console, and return its version."""
    care_plan.begin(cur, practice_id, patient_id, staff_id=staff_id, at=at)
    draft = care_plan.draft(cur, practice_id, patient_id)
    assert draft is not None
    care_plan.change(cur, practice_id, draft, document, staff_id=staff_id, at=at)
    written = replace(draft, document=document, row_version=draft.row_version + 1)
    return care_plan.sign(cur, practice_id, written, staff_id=staff_id, role=Role.CLINICIAN, at=at)
