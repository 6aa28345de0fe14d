from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import errors
from alerts.limits import Line, line_of
from alerts.measures import Comparison, Measure, Severity
from alerts.rules import Memberships, Rule, RuleProposal, Scope, in_force
from tests import single_limits

HOUR = timedelta(hours=1)
MakeRule = Callable[..., Rule]
NOBODYS = Memberships()


def of_patient(patient_id: UUID) -> dict[str, Any]:
    return {"scope": Scope.PATIENT, "scope_key": str(patient_id)}


@pytest.mark.parametrize(
    ("offset", "version"),
    [
        pytest.param(-2 * HOUR, None, id="before the first"),
        pytest.param(-HOUR, 1, id="as the first begins"),
        pytest.param(-timedelta(microseconds=1), 1, id="just before the second"),
        pytest.param(0 * HOUR, 2, id="as the second begins"),
        pytest.param(1000 * HOUR, 2, id="long after"),
    ],
)
def test_version_is_chosen_by_the_instant(
    make_rule: MakeRule,
    patient_id: UUID,
    noon: datetime,
    offset: timedelta,
    version: int | None,
) -> None:
    first = make_rule(in_force_from=noon - HOUR, in_force_until=noon)
    second = make_rule(version=2, in_force_from=noon)
    chosen = in_force([second, first], patient_id, NOBODYS, noon + offset)
    assert [rule.version for rule in chosen] == ([] if version is None else [version])


def test_the_most_specific_rule_answers_its_question_only(
    make_rule: MakeRule, patient_id: UUID, noon: datetime
) -> None:
    member = Memberships(programs=frozenset({"ccm"}), conditions=frozenset({"I10", "E11.9"}))
    default, urgent = make_rule(), make_rule(severity=Severity.URGENT, limit_value=180)
    program = make_rule(scope=Scope.PROGRAM, scope_key="ccm")
    broad = make_rule(scope=Scope.CONDITION, scope_key="E", in_force_from=noon)
    narrow = make_rule(scope=Scope.CONDITION, scope_key="E11")
    own = make_rule(limit_value=160, **of_patient(patient_id))
    of_others = [
        make_rule(scope=Scope.PROGRAM, scope_key="rpm"),
        make_rule(scope=Scope.CONDITION, scope_key="I11"),
        make_rule(limit_value=100, **of_patient(uuid4())),
    ]
    rules = [own, narrow, broad, program, default, urgent, *of_others]
    expected = [own, narrow, broad, program, default]
    for winner in expected:
        assert in_force(rules, patient_id, member, noon) == [urgent, winner]
        assert winner.why.startswith("Set for ")
        rules.remove(winner)
    assert in_force(rules, patient_id, member, noon) == [urgent]


def test_a_rule_that_nobody_asks_silences_the_more_general_one_for_its_people(
    make_rule: MakeRule, patient_id: UUID, noon: datetime
) -> None:
    default, off = make_rule(), make_rule(is_asked=False, **of_patient(patient_id))
    assert in_force([default, off], patient_id, NOBODYS, noon) == []
    assert in_force([default, off], uuid4(), NOBODYS, noon) == [default]


def test_default_is_back_when_the_patients_rule_has_ended(
    make_rule: MakeRule, patient_id: UUID, noon: datetime
) -> None:
    default = make_rule()
    own = make_rule(limit_value=160, in_force_until=noon, **of_patient(patient_id))
    assert in_force([own, default], patient_id, NOBODYS, noon) == [default]


@given(st.data())
def test_order_of_the_rules_makes_no_difference(
    make_rule: MakeRule, patient_id: UUID, noon: datetime, data: Any
) -> None:
    rules = [
        make_rule(measure, comparison, limit, severity, **whose)
        for measure in (Measure.SYSTOLIC_MMHG, Measure.PULSE_BPM)
        for comparison in Comparison
        for severity in (Severity.URGENT, Severity.CLINICAL)
        for whose, limit in (({}, 100), (of_patient(patient_id), 120), (of_patient(uuid4()), 140))
    ]
    kept = data.draw(st.lists(st.sampled_from(rules), unique_by=id))
    shuffled = data.draw(st.permutations(kept))
    chosen = in_force(kept, patient_id, NOBODYS, noon)
    assert in_force(shuffled, patient_id, NOBODYS, noon) == chosen
    assert {rule.question for rule in chosen} == {
        rule.question for rule in kept if rule.scope_key in ("", str(patient_id))
    }
    assert len(chosen) == len({rule.question for rule in chosen})


@pytest.mark.parametrize(
    ("scope", "scope_key"),
    [
        (Scope.PRACTICE, "everybody"),
        (Scope.PROGRAM, ""),
        (Scope.CONDITION, " "),
        (Scope.PATIENT, "Quill, Rosa"),
    ],
)
def test_proposal_is_refused_when_it_is_not_said_for_whom(scope: Scope, scope_key: str) -> None:
    with pytest.raises(errors.BadRule):
        RuleProposal(spec=single_limits.RULES[0], scope=scope, scope_key=scope_key)


def test_single_limits_answer_each_question_once_and_urgent_ones_lie_further_out() -> None:
    rules = single_limits.RULES
    lines = {(rule.family, rule.severity): line_of(rule.signal) for rule in rules}
    assert len(lines) == len(rules)
    assert all(len(rule.source) > 20 for rule in rules)
    pairs = 0
    for (family, severity), urgent in lines.items():
        milder = lines.get((family, Severity.CLINICAL))
        if severity is Severity.URGENT and milder is not None and urgent is not None:
            pairs += 1
            assert replace(milder, level=urgent.level) == urgent
            assert (urgent.level > milder.level) is (urgent.comparison is Comparison.AT_OR_ABOVE)
    assert pairs == 4
    assert Line(Measure.SYSTOLIC_MMHG, Comparison.AT_OR_ABOVE, 180) in lines.values()
