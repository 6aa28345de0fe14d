from __future__ import annotations

import inspect
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.measures import Comparison, Measure
from ccm_link.plan import plan_diff, plan_document, plan_errors
from ccm_link.plan.plan_diff import Mark
from ccm_link.plan.plan_document import Contributor, Goal, Intervention, Part, PlanDocument, Section

_words = st.text(min_size=1, max_size=20).filter(str.strip)
_lines = st.lists(_words, min_size=1, max_size=5).map(tuple)
_goals = st.one_of(
    st.builds(Goal, _words, by_on=st.none() | st.dates()),
    st.builds(
        Goal,
        _words,
        st.sampled_from(Measure),
        st.sampled_from(Comparison),
        st.floats(0.5, 1999, allow_nan=False),
        st.none() | st.dates(),
    ),
)
documents = st.builds(
    PlanDocument,
    sections=st.dictionaries(st.sampled_from(Section), _lines, max_size=4),
    goals=st.lists(_goals, max_size=3).map(tuple),
    interventions=st.lists(st.builds(Intervention, _words, _words), max_size=3).map(tuple),
    contributors=st.lists(st.builds(Contributor, st.sampled_from(Part), _words), max_size=3).map(
        tuple
    ),
    review_months=st.integers(1, 12),
    medication_months=st.integers(1, 12),
)


@settings(max_examples=25)
@given(documents)
def test_what_is_stored_is_read_back(document: PlanDocument) -> None:
    stored = json.loads(json.dumps(plan_document.as_json(document)))
    assert plan_document.from_json(stored) == document


@settings(max_examples=25)
@given(documents, documents)
def test_both_versions_can_be_put_together_again_from_their_difference(
    older: PlanDocument, newer: PlanDocument
) -> None:
    before: dict[str, tuple[str, ...]] = {}
    after: dict[str, tuple[str, ...]] = {}
    for change in plan_diff.diff(older, newer):
        before[change.heading] = tuple(
            line.text for line in change.lines if line.mark is not Mark.PUT_IN
        )
        after[change.heading] = tuple(
            line.text for line in change.lines if line.mark is not Mark.TAKEN_OUT
        )
        assert change.is_changed is (before[change.heading] != after[change.heading])
    assert {title: lines for title, lines in before.items() if lines} == _said(older)
    assert {title: lines for title, lines in after.items() if lines} == _said(newer)


def _said(document: PlanDocument) -> dict[str, tuple[str, ...]]:
    return {title: lines for title, lines in plan_document.texts(document).items() if lines}


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 2},
        {"sections": {"horoscope": ["x"]}},
        {"sections": None},
        {"goals": [{"what": "x"}]},
        {"goals": [{"what": "x", "measure": "mood", "side": "below", "target": 1, "by_on": None}]},
        {"goals": [{"what": "x", "measure": None, "side": "below", "target": 1, "by_on": None}]},
        {"contributors": [{"part": "nobody", "name": "x"}]},
        {"interventions": [{"who": "x"}]},
        {"review_months": "often"},
    ],
)
def test_a_document_that_cannot_be_ours_is_refused_and_not_guessed_at(
    damage: dict[str, Any],
) -> None:
    stored = plan_document.as_json(PlanDocument()) | damage
    with pytest.raises(plan_errors.UnreadablePlan):
        plan_document.from_json(stored)


def test_a_plan_is_ready_when_every_needed_section_says_something() -> None:
    assert len(plan_document.lacks(PlanDocument())) == 12
    whole = PlanDocument(
        sections={one: ("None needed.",) for one in Section if one.is_needed},
        goals=(Goal("Walk to the shop again"),),
        interventions=(Intervention("Care manager", "Calls every Monday"),),
    )
    assert plan_document.lacks(whole) == ()


def test_a_number_to_reach_is_whole_or_there_is_none() -> None:
    goal = Goal("Calmer", Measure.SYSTOLIC_MMHG, Comparison.BELOW, 130.0, date(2027, 3, 1))
    assert goal.sentence == "Calmer; systolic pressure below 130 mmHg, by 1 Mar 2027"
    assert Goal("Calmer").sentence == "Calmer"
    for parts in [(Measure.SYSTOLIC_MMHG,), (None, Comparison.BELOW, 130.0)]:
        with pytest.raises(plan_errors.BadGoal):
            Goal("Calmer", *parts)
    with pytest.raises(plan_errors.BadGoal):
        Goal(" ")


ERRORS = [
    found
    for _, found in inspect.getmembers(plan_errors, inspect.isclass)
    if issubclass(found, plan_errors.PlanError)
]


@pytest.mark.parametrize("error", ERRORS)
def test_every_refusal_says_what_to_do_and_stands_in_the_tree(error: type[Any]) -> None:
    needed = {plan_errors.BadPlanTime: (plan_errors.TimeReason.IN_THE_FUTURE,)}
    message = str(error(*needed.get(error, ())))
    assert ". " in message
    assert message.endswith(".")
    assert error.__name__ in (plan_errors.__doc__ or "")
    assert all(". " in str(plan_errors.BadPlanTime(one)) for one in plan_errors.TimeReason)
