from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest

from alerts.courses import Courses
from alerts.measures import Comparison, Measure, Severity
from alerts.rule_set import RuleSpec
from alerts.rules import Rule, Scope
from alerts.signals import Single
from ccm_link.plan import goal_standing
from ccm_link.plan.goal_standing import Reached
from ccm_link.plan.plan_document import Goal

SYSTOLIC, SPO2 = Measure.SYSTOLIC_MMHG, Measure.SPO2_PERCENT
BELOW, FROM = Comparison.BELOW, Comparison.AT_OR_ABOVE
TODAY = date(2026, 11, 12)


def course(numbers: list[float], days: int, measure: Measure = SYSTOLIC) -> Courses:
    """Return readings of one patient, spread over so many days."""
    local_day = np.sort(np.arange(len(numbers)) % days)
    return Courses(
        patient=np.zeros(len(numbers), dtype=np.int64),
        at_s=local_day * 86_400 + np.arange(len(numbers)),
        local_day=local_day,
        numbers={measure: np.array(numbers)},
        flags={},
        until_s=10**9,
    )


def rule(measure: Measure, side: Comparison, limit: float, *, is_asked: bool = True) -> Rule:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    spec = RuleSpec(
        family="f",
        severity=Severity.CLINICAL,
        title="Far off",
        kind=None,
        due_within=timedelta(hours=1),
        source="s",
        signal=Single(measure=measure, comparison=side, limit_value=limit),
    )
    return Rule(
        practice_id=uuid4(), rule_id=uuid4(), version=1, scope=Scope.PRACTICE, scope_key="", spec=spec,
        is_asked=is_asked, in_force_from=at, in_force_until=None, set_by="d", reason="r",
    )  # fmt: skip


def test_a_goal_is_held_against_the_mean_of_enough_readings() -> None:
    goal = Goal("Calmer", SYSTOLIC, BELOW, 130.0)
    numbers = [128.0] * 6 + [131.0] * 6  # (6 x 128 + 6 x 131) / 12
    found = goal_standing.standing(goal, [course(numbers, 3)], TODAY)
    assert found is not None
    assert (found.reached, found.mean, found.readings, found.days) == (Reached.YES, 129.5, 12, 3)
    found = goal_standing.standing(Goal("x", SYSTOLIC, BELOW, 129.5), [course(numbers, 3)], TODAY)
    assert found is not None
    assert found.reached is Reached.NOT_YET


@pytest.mark.parametrize(
    ("numbers", "days", "needed", "had"),
    [([128.0] * 11, 3, 12, 11), ([128.0] * 12, 2, 3, 2), ([], 1, 3, 0)],
)
def test_of_too_few_nothing_is_said(numbers: list[float], days: int, needed: int, had: int) -> None:
    goal = Goal("Calmer", SYSTOLIC, BELOW, 130.0)
    found = goal_standing.standing(goal, [course(numbers, days)], TODAY)
    assert found is not None
    assert (found.reached, found.mean) == (Reached.UNKNOWN, None)
    assert found.not_given is not None
    assert (found.not_given.needed, found.not_given.had) == (needed, had)


def test_what_has_no_number_enters_no_mean_and_is_counted_apart() -> None:
    goal = Goal("Air", SPO2, FROM, 92.0, date(2026, 11, 1))
    numbers = [95.0, 93.0, 94.0, np.inf, np.nan]
    found = goal_standing.standing(goal, [course(numbers, 5, SPO2)], TODAY)
    assert found is not None
    assert (found.reached, found.mean, found.readings) == (Reached.YES, 94.0, 3)
    assert (found.beyond_range, found.is_over) == (1, True)
    assert goal_standing.standing(Goal("Walk"), [], TODAY) is None


@pytest.mark.parametrize(
    ("goal_side", "target", "limit_side", "limit", "says"),
    [
        (BELOW, 130, FROM, 140, ""),
        (BELOW, 130, FROM, 130, ""),
        (BELOW, 130, FROM, 125, "calls somebody from 125 mmHg on, but below 130 reaches the goal"),
        (BELOW, 130, BELOW, 90, ""),
        (BELOW, 130, BELOW, 130, "Everything that reaches the goal breaches"),
        (FROM, 92, BELOW, 90, ""),
        (FROM, 92, BELOW, 94, "calls somebody below 94 mmHg, but 92 or more reaches the goal"),
        (FROM, 92, FROM, 99, ""),
        (FROM, 92, FROM, 90, "Everything that reaches the goal breaches"),
    ],
)
def test_a_limit_contradicts_a_goal_where_numbers_that_reach_it_breach(
    goal_side: Comparison, target: float, limit_side: Comparison, limit: float, says: str
) -> None:
    goal = Goal("x", SYSTOLIC, goal_side, target)
    (found,) = goal_standing.limits_of(goal, [rule(SYSTOLIC, limit_side, limit)])
    assert bool(found.contradiction) is bool(says)
    assert says in found.contradiction


def test_only_limits_of_the_same_measure_that_are_asked_stand_beside_a_goal() -> None:
    goal = Goal("x", SYSTOLIC, BELOW, 130.0)
    rules = [rule(SPO2, BELOW, 90), rule(SYSTOLIC, FROM, 120, is_asked=False)]
    assert goal_standing.limits_of(goal, rules) == ()
    assert goal_standing.limits_of(Goal("Walk"), [rule(SYSTOLIC, FROM, 140)]) == ()
