"""Whether a new limit makes sense beside the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from alerts.measures import Comparison, Measure, Severity
from alerts.rule_set import RuleSpec, kind_of
from alerts.rules import Rule, Scope
from alerts.signals import Single
from ccm_link.console import limits

ABOVE, BELOW = Comparison.AT_OR_ABOVE, Comparison.BELOW
URGENT, CLINICAL = Severity.URGENT, Severity.CLINICAL
SYSTOLIC, GLUCOSE = Measure.SYSTOLIC_MMHG, Measure.GLUCOSE_MG_DL


def rule(measure: Measure, comparison: Comparison, severity: Severity, limit: float) -> Rule:
    spec = RuleSpec(
        family=f"{measure}-{comparison}",
        title=f"{severity} {comparison}",
        severity=severity,
        kind=kind_of(measure),
        due_within=timedelta(hours=1),
        signal=Single(measure=measure, comparison=comparison, limit_value=limit),
        source="x",
    )
    return Rule(
        practice_id=uuid4(),
        rule_id=uuid4(),
        version=1,
        scope=Scope.PRACTICE,
        scope_key="",
        spec=spec,
        in_force_from=datetime(2026, 1, 1, tzinfo=UTC),
        in_force_until=None,
        set_by="x",
        reason="x",
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
    found = limits.objection(rule(measure, comparison, severity, limit), limit, IN_FORCE)
    assert (found is None) if words is None else (found is not None and words in found)
