"""Limits: which one a reading reaches, and whether a new one makes sense beside the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from alerts.rules import Comparison, Measure, Question, Rule, Severity
from firmware_profiles.readings import Result
from ingest.rows import StoredReading

# What a limit for a living person can be: inside of what cuffs and meters measure, outside of what would call
# somebody all day or never. Ours, wider than any guideline's number; an entry beyond it is a slip of the finger or
# the wrong unit (mmol/L glucose, kPa pressure).
SENSIBLE: Final = {
    Measure.SYSTOLIC_MMHG: (70, 250),
    Measure.DIASTOLIC_MMHG: (40, 150),
    Measure.PULSE_BPM: (30, 200),
    Measure.GLUCOSE_MG_DL: (40, 500),
}


def reached(reading: StoredReading, in_force: Iterable[Rule]) -> Rule | None:
    """Return the most severe rule that a reading breaches, by its numbers or by "HI" and "LO"; ``None`` for none.

    Args:
        reading: Its numbers in the units of the measures.
        in_force: The rules that hold now, urgent ones first.
    """
    return next((rule for rule in in_force if _is_reached(reading, rule)), None)


def _is_reached(reading: StoredReading, rule: Rule) -> bool:
    question = rule.question
    if not question.measure.is_of(reading.kind):
        return False
    if reading.result is Result.ABOVE_RANGE:
        return question.comparison is Comparison.AT_OR_ABOVE
    if reading.result is Result.BELOW_RANGE:
        return question.comparison is Comparison.BELOW
    measured: float | None = getattr(reading, question.measure)
    return measured is not None and rule.is_breached_by(measured)


def objection(question: Question, limit: float, in_force: Iterable[Rule]) -> str | None:
    """Return why a limit cannot be set, or ``None``.

    Args:
        question: Which limit.
        limit: In the unit of the measure.
        in_force: The rules that hold for the patient now; the one with the same question is being replaced.
    """
    low, high = SENSIBLE[question.measure]
    if not low <= limit <= high:
        return f"A limit for {question.measure.words} lies between {low} and {high} {question.measure.unit}."
    others = [
        rule
        for rule in in_force
        if rule.question.measure is question.measure and rule.question != question
    ]
    for other in others:
        if not _fits(question, limit, other):
            return (
                f"This contradicts “{other.title}” ({other.limit_value:g} {question.measure.unit}): "
                "low limits lie below high ones, and urgent limits outside of clinical ones."
            )
    return None


def _fits(question: Question, limit: float, other: Rule) -> bool:
    theirs = other.question
    if theirs.comparison is not question.comparison:
        is_lower = question.comparison is Comparison.BELOW
        return limit < other.limit_value if is_lower else limit > other.limit_value
    is_upper = question.comparison is Comparison.AT_OR_ABOVE
    is_urgent = question.severity is Severity.URGENT
    # The urgent limit of two lies further out.
    return limit > other.limit_value if is_upper is is_urgent else limit < other.limit_value
