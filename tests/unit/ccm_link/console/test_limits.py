"""Whether a new limit makes sense beside the others, and which one a reading reaches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from alerts.rules import Comparison, Measure, Question, Rule, Severity
from ccm_link.console import limits
from firmware_profiles.readings import Kind, Result
from ingest.rows import StoredReading

ABOVE, BELOW = Comparison.AT_OR_ABOVE, Comparison.BELOW
URGENT, CLINICAL = Severity.URGENT, Severity.CLINICAL
SYSTOLIC, GLUCOSE = Measure.SYSTOLIC_MMHG, Measure.GLUCOSE_MG_DL


def rule(measure: Measure, comparison: Comparison, severity: Severity, limit: float) -> Rule:
    return Rule(
        practice_id=uuid4(),
        rule_id=uuid4(),
        version=1,
        patient_id=None,
        title=f"{severity} {comparison}",
        question=Question(measure=measure, comparison=comparison, severity=severity),
        limit_value=limit,
        due_within=timedelta(hours=1),
        in_force_from=datetime(2026, 1, 1, tzinfo=UTC),
        in_force_until=None,
        set_by="x",
        reason="x",
        source="x",
    )


IN_FORCE = [
    rule(SYSTOLIC, ABOVE, URGENT, 180),
    rule(SYSTOLIC, BELOW, URGENT, 90),
    rule(SYSTOLIC, ABOVE, CLINICAL, 140),
    rule(GLUCOSE, BELOW, URGENT, 54),
    rule(GLUCOSE, BELOW, CLINICAL, 70),
    rule(GLUCOSE, ABOVE, CLINICAL, 250),
]


@pytest.mark.parametrize(
    ("measure", "comparison", "severity", "limit", "words"),
    [
        pytest.param(SYSTOLIC, ABOVE, CLINICAL, 150, None, id="another clinical limit"),
        pytest.param(
            SYSTOLIC, ABOVE, CLINICAL, 180, "contradicts", id="clinical at the urgent one"
        ),
        pytest.param(SYSTOLIC, ABOVE, URGENT, 140, "contradicts", id="urgent at the clinical one"),
        pytest.param(
            SYSTOLIC, ABOVE, CLINICAL, 85, "contradicts", id="high limit below the low one"
        ),
        pytest.param(SYSTOLIC, BELOW, URGENT, 140, "contradicts", id="low limit at the high one"),
        pytest.param(SYSTOLIC, ABOVE, URGENT, 18, "lies between 70 and 250", id="kPa"),
        pytest.param(GLUCOSE, ABOVE, CLINICAL, 13.9, "lies between 40 and 500", id="mmol/L"),
        pytest.param(GLUCOSE, BELOW, CLINICAL, 50, "contradicts", id="clinical outside of urgent"),
        pytest.param(GLUCOSE, BELOW, URGENT, 60, None, id="urgent inside its side"),
        pytest.param(GLUCOSE, BELOW, URGENT, 70, "contradicts", id="urgent at the clinical low"),
    ],
)
def test_a_limit_fits_the_others_or_is_objected_to(
    measure: Measure, comparison: Comparison, severity: Severity, limit: float, words: str | None
) -> None:
    question = Question(measure=measure, comparison=comparison, severity=severity)
    found = limits.objection(question, limit, IN_FORCE)
    assert (found is None) if words is None else (found is not None and words in found)


def reading(kind: Kind, result: Result, **numbers: float) -> StoredReading:
    empty = dict.fromkeys([measure.value for measure in Measure])
    return cast("StoredReading", SimpleNamespace(kind=kind, result=result, **(empty | numbers)))


@pytest.mark.parametrize(
    ("measured", "title"),
    [
        pytest.param(
            reading(Kind.BLOOD_PRESSURE, Result.MEASURED, systolic_mmhg=186),
            "urgent at_or_above",
            id="both: the worse",
        ),
        pytest.param(
            reading(Kind.BLOOD_PRESSURE, Result.MEASURED, systolic_mmhg=140),
            "clinical at_or_above",
            id="at the limit",
        ),
        pytest.param(
            reading(Kind.BLOOD_PRESSURE, Result.MEASURED, systolic_mmhg=90), None, id="not below"
        ),
        pytest.param(reading(Kind.BLOOD_PRESSURE, Result.NOT_MEASURABLE), None, id="no number"),
        pytest.param(reading(Kind.GLUCOSE, Result.BELOW_RANGE), "urgent below", id="LO"),
        pytest.param(reading(Kind.GLUCOSE, Result.ABOVE_RANGE), "clinical at_or_above", id="HI"),
        pytest.param(reading(Kind.GLUCOSE, Result.CONTROL_SOLUTION), None, id="not blood"),
    ],
)
def test_the_most_severe_limit_reached_is_named(measured: Any, title: str | None) -> None:
    found = limits.reached(measured, IN_FORCE)
    assert (found and found.title) == title
