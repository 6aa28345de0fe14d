"""What a reading means under the rules in force. Pure: the clock is an argument.

A threshold rule asks about one reading, so no other readings are needed here. Where one number
breaches a severe and a milder rule in the same direction, only the severe one opens work; the
milder breach stands in the trace as covered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from alerts.rules import Comparison, Measure, Rule, rules_in_force
from firmware_profiles import kinds
from firmware_profiles.readings import Result
from ingest.rows import Origin, StoredReading


class Outcome(StrEnum):
    """What an evaluation led to."""

    NO_BREACH = "no_breach"
    EPISODE_OPENED = "episode_opened"
    EPISODE_CONTINUED = "episode_continued"
    SILENT = "silent"


class Silence(StrEnum):
    """Why nobody is called although somebody might expect it."""

    TOO_LATE = "too_late"
    NOT_MEASURED = "not_measured"
    NOT_ENROLLED = "not_enrolled"
    IMPORTED = "imported"  # from a file: history, whenever it was measured


@dataclass(frozen=True, slots=True)
class Answer:
    """What one rule says about one reading.

    Attributes:
        measured: In the unit of the measure; None where the meter showed no number.
        covered_by: The more severe rule that answers for this breach.
    """

    rule: Rule
    measured: float | None
    breached: bool
    sentence: str
    covered_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a reading means under the rules.

    Attributes:
        silence: Why nobody is called; None where breaches are or nothing is wrong.
        breaches: The breaches that somebody has to look at; empty where there is silence.
        breached: Those, and where there is silence the ones that nobody is called for.
        trace: Every rule that was asked, with version, limit, number and sentence; JSON.
    """

    silence: Silence | None
    breaches: tuple[Answer, ...]
    breached: tuple[Answer, ...]
    trace: dict[str, Any]


def evaluate(
    reading: StoredReading,
    patient_id: UUID,
    rules: Iterable[Rule],
    *,
    evaluated_at: datetime,
    late_after: timedelta,
) -> Evaluation:
    """Ask every rule in force about a reading.

    Args:
        reading: The reading.
        patient_id: Whose reading it is.
        rules: All versions of the practice's and the patient's rules.
        evaluated_at: Now.
        late_after: A breach measured longer ago than this is recorded and calls nobody: it is
            history.

    Returns:
        The breaches to act on, or the reason for silence, and the trace.
    """
    if not _is_measurement(reading):
        sentence = f"The peripheral sent no measurement ({reading.result}), so no rule was asked."
        trace = _trace(reading, evaluated_at, (), sentence)
        return Evaluation(Silence.NOT_MEASURED, (), (), trace)
    asked = [
        rule
        for rule in rules_in_force(rules, patient_id, reading.measured_at)
        if rule.question.measure.is_of(reading.kind)
    ]
    answers = _covered([_ask(rule, reading) for rule in asked])
    breached = tuple(answer for answer in answers if answer.breached and answer.covered_by is None)
    sentence = _summary(answers, breached)
    silence = None
    if breached and reading.origin is Origin.IMPORT:
        silence = Silence.IMPORTED
        sentence += " It was imported, not sent by a device: recorded, but nobody is called."
    elif breached and evaluated_at - reading.measured_at > late_after:
        silence = Silence.TOO_LATE
        sentence += (
            f" It was measured more than {_hours(late_after)} before it was evaluated:"
            " recorded, but nobody is called."
        )
    trace = _trace(reading, evaluated_at, answers, sentence)
    return Evaluation(silence, breached if silence is None else (), breached, trace)


def _is_measurement(reading: StoredReading) -> bool:
    if reading.result in (Result.ABOVE_RANGE, Result.BELOW_RANGE):
        return kinds.OF[reading.kind].has_range_results
    return reading.result is Result.MEASURED


def _ask(rule: Rule, reading: StoredReading) -> Answer:
    name = rule.question.measure.words.capitalize()
    measured: float | None = None
    if reading.result is Result.ABOVE_RANGE:
        breached = rule.question.comparison is Comparison.AT_OR_ABOVE
        found = "was above what the meter can show"
    elif reading.result is Result.BELOW_RANGE:
        breached = rule.question.comparison is Comparison.BELOW
        found = "was below what the meter can show"
    elif (measured := getattr(reading, rule.question.measure)) is not None:
        breached = rule.is_breached_by(measured)
        found = f"was {measured:g} {rule.question.measure.unit}"
    else:
        breached = False
        found = "was not part of this reading"
    return Answer(rule, measured, breached, f"{name} {found} (limit: {_limit_in_words(rule)}).")


def _covered(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """Mark milder breaches of the same measure and direction; the answers come urgent first."""
    severest: dict[tuple[Measure, Comparison], UUID] = {}
    marked = []
    for answer in answers:
        direction = (answer.rule.question.measure, answer.rule.question.comparison)
        covered_by = severest.get(direction) if answer.breached else None
        marked.append(replace(answer, covered_by=covered_by))
        if answer.breached:
            severest.setdefault(direction, answer.rule.rule_id)
    return tuple(marked)


def _summary(answers: Sequence[Answer], breaches: Sequence[Answer]) -> str:
    if not answers:
        return "No rule was in force for this reading when it was measured."
    if not breaches:
        return f"Rules asked: {len(answers)}. None was breached."
    return " ".join(answer.sentence for answer in breaches)


def _trace(
    reading: StoredReading, evaluated_at: datetime, answers: Sequence[Answer], sentence: str
) -> dict[str, Any]:
    return {
        "sentence": sentence,
        "reading_id": str(reading.reading_id),
        "measured_at": _iso(reading.measured_at),
        "evaluated_at": _iso(evaluated_at),
        "result": reading.result.value,
        "rules": [_answer_in_trace(answer) for answer in answers],
    }


def _answer_in_trace(answer: Answer) -> dict[str, Any]:
    rule = answer.rule
    return {
        "rule_id": str(rule.rule_id),
        "version": rule.version,
        "title": rule.title,
        "made_for": "practice" if rule.patient_id is None else "patient",
        "measure": rule.question.measure.value,
        "comparison": rule.question.comparison.value,
        "severity": rule.question.severity.value,
        "limit": rule.limit_value,
        "unit": rule.question.measure.unit,
        "measured": answer.measured,
        "breached": answer.breached,
        "covered_by": None if answer.covered_by is None else str(answer.covered_by),
        "sentence": answer.sentence,
    }


def _limit_in_words(rule: Rule) -> str:
    side = {Comparison.AT_OR_ABOVE: "at or above", Comparison.BELOW: "below"}
    unit = rule.question.measure.unit
    return f"{side[rule.question.comparison]} {rule.limit_value:g} {unit}"


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} h"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
