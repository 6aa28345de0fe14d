"""Rules about one reading alone, in the words of a rule set: what a trial is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts import practice_defaults
from alerts.rule_set import RuleSpec, kind_of
from alerts.rules import Question, Rule
from alerts.signals import Single


def specs(rules: Iterable[Rule], at: datetime) -> list[RuleSpec]:
    """Return the practice's own rules in force at an instant; those made for one patient are left out."""
    return [
        single(rule.question, rule.title, rule.limit_value, rule.due_within, rule.source)
        for rule in rules
        if rule.patient_id is None and rule.is_in_force(at)
    ]


def starting() -> list[RuleSpec]:
    """Return the rules that a practice starts with: each asks about one reading alone."""
    return [
        single(rule.question, rule.title, rule.limit_value, rule.due_within, rule.source)
        for rule in practice_defaults.RULES
    ]


def single(
    question: Question, title: str, limit_value: float, due_within: timedelta, source: str
) -> RuleSpec:
    """Return a rule about one reading alone; those about one measure and direction are one family."""
    return RuleSpec(
        family=f"{question.measure}-{question.comparison}".replace("_", "-"),
        title=title,
        severity=question.severity,
        kind=kind_of(question.measure),
        due_within=due_within,
        signal=Single(
            measure=question.measure, comparison=question.comparison, limit_value=limit_value
        ),
        source=source,
    )
