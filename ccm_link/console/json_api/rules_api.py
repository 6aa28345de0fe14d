"""The JSON API of what alerts ask of people."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query

from alerts.measures import Severity
from alerts.rules import Scope
from ccm_link import alert_burden
from ccm_link.alert_burden import Outcomes
from ccm_link.console.desk import AtDesk
from ccm_link.console.json_api import api_models
from ccm_link.console.json_api.api_models import Answer
from ccm_link.console.posted import inputs
from ccm_link.work import Disposition

router = APIRouter(prefix="/api/v1/rules", responses=api_models.REFUSALS)


class TaskOutcomes(Answer):
    """What came of the tasks that a rule opened in the span of time.

    ``actionable_percent`` is the share of those whose worth is known (``decided_count``): neither open ones nor those
    that ended with nobody reached stand in it; null where of none it is known. The medians, until a person first
    touched a task and until it was done, are null where there is none yet.
    """

    opened_count: int
    open_count: int
    done_count: int
    not_reached_count: int
    decided_count: int
    actionable_count: int
    actionable_percent: float | None
    count_by_disposition: dict[Disposition, int]
    median_seen_after_s: float | None
    median_done_after_s: float | None

    @classmethod
    def of(cls, found: Outcomes) -> Self:
        """Return outcomes as the API shows them."""
        return cls(
            opened_count=found.opened,
            open_count=found.still_open,
            done_count=found.done,
            not_reached_count=found.not_reached,
            decided_count=found.decided,
            actionable_count=found.actionable,
            actionable_percent=found.actionable_percent,
            count_by_disposition=dict(found.by_disposition),
            median_seen_after_s=found.seen_after_s,
            median_done_after_s=found.done_after_s,
        )


class RuleVersionOutcomes(Answer):
    """One version of a rule; ``rule_id`` and ``rule_version`` are null for all rules for single patients together."""

    rule_id: UUID | None
    rule_version: int | None
    scope: Scope
    title: str
    outcomes: TaskOutcomes


class RuleOutcomes(Answer):
    """One subject in one severity, whichever rules asked, and each rule version that did."""

    family: str
    severity: Severity
    title: str
    outcomes: TaskOutcomes
    versions: list[RuleVersionOutcomes]


class DayLoad(Answer):
    """The tasks opened on one of the practice's days; days without any are left out."""

    day: date
    task_count: int
    urgent_count: int


class AlertBurden(Answer):
    """What alerts asked for from ``since`` until before ``until``, of the patients whom the person sees.

    ``tasks_per_100_patient_days_count`` is null where nobody was enrolled.
    """

    since: datetime
    until: datetime
    patient_count: int
    patient_days: float
    task_count: int
    tasks_per_100_patient_days_count: float | None
    people_count: int
    days: list[DayLoad]
    rules: list[RuleOutcomes]


@router.get("/burden")
def burden(desk: AtDesk, asked: Annotated[inputs.BurdenSpan, Query()]) -> AlertBurden:
    """Return what each rule asked for and what came of it."""
    with desk.transaction() as cur:
        found = alert_burden.of_practice(
            cur, desk.practice_id, desk.now - timedelta(days=asked.days), desk.now
        )
        desk.saw(tasks=found.tasks, days=asked.days)
    return AlertBurden(
        since=found.since,
        until=found.until,
        patient_count=found.patients,
        patient_days=found.patient_days,
        task_count=found.tasks,
        tasks_per_100_patient_days_count=found.per_100_patient_days,
        people_count=len(found.people),
        days=[
            DayLoad(day=one.day, task_count=one.tasks, urgent_count=one.urgent)
            for one in found.days
        ],
        rules=[
            RuleOutcomes(
                family=rule.family,
                severity=rule.severity,
                title=rule.title,
                outcomes=TaskOutcomes.of(rule.outcomes),
                versions=[
                    RuleVersionOutcomes(
                        rule_id=one.rule_id,
                        rule_version=one.rule_version,
                        scope=one.scope,
                        title=one.title,
                        outcomes=TaskOutcomes.of(one.outcomes),
                    )
                    for one in rule.versions
                ],
            )
            for rule in found.rules
        ],
    )
