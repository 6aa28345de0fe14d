from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import errors, practice_defaults
from alerts.rules import (
    Comparison,
    Measure,
    Question,
    Rule,
    RuleProposal,
    Severity,
    rules_in_force,
)

HOUR = timedelta(hours=1)
MakeRule = Callable[..., Rule]


@pytest.mark.parametrize(
    ("comparison", "measured", "breached"),
    [
        (Comparison.AT_OR_ABOVE, 139.9, False),
        (Comparison.AT_OR_ABOVE, 140.0, True),
        (Comparison.AT_OR_ABOVE, 140.1, True),
        (Comparison.BELOW, 139.9, True),
        (Comparison.BELOW, 140.0, False),
        (Comparison.BELOW, 140.1, False),
    ],
)
def test_limit_is_a_breach_of_at_or_above_only(
    make_rule: MakeRule, comparison: Comparison, measured: float, breached: bool
) -> None:
    assert make_rule(comparison=comparison).is_breached_by(measured) is breached


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
    chosen = rules_in_force([second, first], patient_id, noon + offset)
    assert [rule.version for rule in chosen] == ([] if version is None else [version])


def test_patients_rule_overrides_the_same_question_only(
    make_rule: MakeRule, patient_id: UUID, noon: datetime
) -> None:
    default, urgent = make_rule(), make_rule(severity=Severity.URGENT, limit_value=180)
    own = make_rule(limit_value=160, patient_id=patient_id)
    of_another = make_rule(limit_value=100, patient_id=uuid4())
    assert rules_in_force([own, default, urgent, of_another], patient_id, noon) == [urgent, own]


def test_default_is_back_when_the_patients_rule_has_ended(
    make_rule: MakeRule, patient_id: UUID, noon: datetime
) -> None:
    default = make_rule()
    own = make_rule(limit_value=160, patient_id=patient_id, in_force_until=noon)
    assert rules_in_force([own, default], patient_id, noon) == [default]


@given(st.data())
def test_order_of_the_rules_makes_no_difference(
    make_rule: MakeRule, patient_id: UUID, noon: datetime, data: Any
) -> None:
    rules = [
        make_rule(measure, comparison, limit, severity, patient_id=whose)
        for measure in (Measure.SYSTOLIC_MMHG, Measure.PULSE_BPM)
        for comparison in Comparison
        for severity in Severity
        for whose, limit in ((None, 100), (patient_id, 120), (uuid4(), 140))
    ]
    kept = data.draw(st.lists(st.sampled_from(rules), unique_by=id))
    shuffled = data.draw(st.permutations(kept))
    chosen = rules_in_force(kept, patient_id, noon)
    assert rules_in_force(shuffled, patient_id, noon) == chosen
    assert {rule.question for rule in chosen} == {
        rule.question for rule in kept if rule.patient_id in (None, patient_id)
    }
    assert len(chosen) == len({rule.question for rule in chosen})


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit_value": 0},
        {"limit_value": -1},
        {"limit_value": math.nan},
        {"limit_value": math.inf},
        {"limit_value": 2000},
        {"title": " "},
        {"source": ""},
        {"due_within": timedelta(seconds=59)},
    ],
    ids=str,
)
def test_proposal_is_refused_when(wrong: dict[str, Any]) -> None:
    proposal: dict[str, Any] = {
        "question": Question(
            measure=Measure.PULSE_BPM, comparison=Comparison.BELOW, severity=Severity.CLINICAL
        ),
        "title": "Slow pulse",
        "limit_value": 50,
        "due_within": HOUR,
        "source": "test",
    }
    RuleProposal(**proposal)
    with pytest.raises(errors.BadRule):
        RuleProposal(**(proposal | wrong))


def test_defaults_answer_each_question_once_and_name_their_source() -> None:
    rules = practice_defaults.RULES
    assert len({rule.question for rule in rules}) == len(rules)
    assert all(rule.patient_id is None and len(rule.source) > 20 for rule in rules)


def test_urgent_defaults_lie_beyond_the_clinical_ones() -> None:
    limits = {rule.question: rule.limit_value for rule in practice_defaults.RULES}
    pairs = 0
    for question, urgent in limits.items():
        milder = Question(
            measure=question.measure,
            comparison=question.comparison,
            severity=Severity.CLINICAL,
        )
        if question.severity is Severity.URGENT and milder in limits:
            pairs += 1
            above = question.comparison is Comparison.AT_OR_ABOVE
            assert (urgent > limits[milder]) is above
    assert pairs == 4
