"""What pages and API show of a plan beside its text: goals with limits and readings, and the file to print."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from fastapi.responses import Response

from alerts import history
from ccm_link.console import patient_charts
from ccm_link.console.desk import Cursor
from ccm_link.local_days import Days
from ccm_link.plan import goal_standing, plan_print
from ccm_link.plan.goal_standing import GoalLimit, Standing
from ccm_link.plan.plan_document import Goal, PlanDocument
from ccm_link.plan.plan_print import PrintedPlan
from firmware_profiles.readings import Kind
from ingest.people import Patient

_HEADERS: Final = {"Content-Disposition": 'inline; filename="care-plan.pdf"'}


@dataclass(frozen=True, slots=True)
class ShownGoal:
    """A goal with what stands beside it; ``standing`` is None where no home reading tells."""

    goal: Goal
    standing: Standing | None
    limits: tuple[GoalLimit, ...]


def goals(
    cur: Cursor, patient: Patient, document: PlanDocument, now: datetime
) -> tuple[ShownGoal, ...]:
    """Load what the goals of a plan are held against: rules in force, and the readings of the last days."""
    days = Days.until_today(goal_standing.WINDOW_DAYS, now, ZoneInfo(patient.time_zone))
    in_force = patient_charts.rules_in_force(cur, patient, now)
    courses = {
        kind: history.courses(
            cur, patient.practice_id, kind, days.from_at, days.until_at, [patient.patient_id]
        )[0]
        for kind in _kinds(document.goals)
    }
    return tuple(
        ShownGoal(
            goal=goal,
            standing=goal_standing.standing(
                goal,
                [
                    course
                    for kind, course in courses.items()
                    if goal.measure is not None and goal.measure.is_of(kind)
                ],
                days.last_day,
            ),
            limits=goal_standing.limits_of(goal, in_force),
        )
        for goal in document.goals
    )


def _kinds(wanted: Iterable[Goal]) -> list[Kind]:
    measures = {goal.measure for goal in wanted if goal.measure is not None}
    return [kind for kind in Kind if any(measure.is_of(kind) for measure in measures)]


def as_pdf(plan: PrintedPlan) -> Response:
    """Return a plan to print; its name tells nobody whose it is."""
    return Response(plan_print.pdf(plan), media_type="application/pdf", headers=_HEADERS)
