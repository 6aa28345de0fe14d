"""A change of rules tried on history: each patient with the rules that hold for that patient, before and after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from alerts import trial
from alerts.limits import with_limit
from alerts.measures import Severity
from alerts.rules import Memberships, Rule, RuleProposal, Scope
from alerts.trial import Trial
from firmware_profiles.readings import Kind
from tests.unit.alerts.test_verdicts import Point, courses

PATIENTS = [UUID(int=1), UUID(int=2), UUID(int=3)]
SINCE = datetime.fromtimestamp(10 * 86_400, UTC)
QUESTION = ("systolic-high", Severity.CLINICAL)


def tried(rules: list[Rule], proposal: RuleProposal, points: list[Point], now: datetime) -> Trial:
    found = Trial()
    members = {PATIENTS[2]: Memberships(conditions=frozenset({"I10"}))}
    then = trial.changed(rules, rules[0].practice_id, [proposal], now)
    holding: Callable[[list[Rule]], Any] = lambda held: trial.holding(  # noqa: E731
        held, Kind.BLOOD_PRESSURE, {"systolic-high"}, PATIENTS, members, now
    )
    found.add(courses(points), holding(rules), holding(then), SINCE)
    return found


def test_a_change_is_felt_by_those_for_whom_nothing_narrower_holds(
    make_rule: Callable[..., Rule], noon: datetime
) -> None:
    practice = make_rule()
    own = make_rule(
        limit_value=170, scope=Scope.PATIENT, scope_key=str(PATIENTS[1]), in_force_from=noon
    )
    points = [
        Point(patient, day * 86_400, value)
        for patient in (0, 1, 2)
        for day, value in ((5, 150), (12, 150), (20, 165))
    ]
    raised = RuleProposal(spec=with_limit(practice.spec, 160))
    found = tried([practice, own], raised, points, noon)
    assert (found.readings, found.patients, found.patient_days) == (
        6,
        3,
        27,
    )  # 3 times day 12 to 20
    # The one on day 5 began before the days tried; the second patient's own limit is reached by nothing.
    assert (found.before[QUESTION], found.after[QUESTION]) == (4, 2)
    assert (found.new, found.gone) == (0, 2)

    of_condition = RuleProposal(
        spec=with_limit(practice.spec, 160), scope=Scope.CONDITION, scope_key="I1"
    )
    found = tried([practice, own], of_condition, points, noon)
    assert [(one.before, one.after) for one in found.subjects] == [(4, 3)]
    switched_off = RuleProposal(spec=practice.spec, is_asked=False)
    assert tried([practice, own], switched_off, points, noon).after[QUESTION] == 0


def test_history_reaches_as_far_back_as_the_rules_look_and_no_further(
    make_rule: Callable[..., Rule],
) -> None:
    assert trial.lead_in([make_rule().spec]) == timedelta()
    assert trial.lead_in([]) == timedelta()
