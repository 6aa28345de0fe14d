"""Threshold rules: what is asked about a reading, from when on, for whom, and who wanted it so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from alerts import errors
from firmware_profiles import kinds
from firmware_profiles.readings import Kind


class Measure(StrEnum):
    """A number of a reading that a rule can ask about; also the name of its column."""

    SYSTOLIC_MMHG = "systolic_mmhg"
    DIASTOLIC_MMHG = "diastolic_mmhg"
    PULSE_BPM = "pulse_bpm"
    GLUCOSE_MG_DL = "glucose_mg_dl"

    def is_of(self, kind: Kind) -> bool:
        """Tell whether readings of a kind carry it: a pulse, those of cuffs and oximeters."""
        return any(number.name == self for number in kinds.OF[kind].numbers)

    @property
    def words(self) -> str:
        """What a person calls it."""
        return _DECLARED[self].words

    @property
    def unit(self) -> str:
        """The unit as a person reads it."""
        return _DECLARED[self].unit


_DECLARED: Final = {
    number.name: number for declaration in kinds.OF.values() for number in declaration.numbers
}


class Comparison(StrEnum):
    """On which side of the limit the breach lies; the limit itself is one of AT_OR_ABOVE only."""

    AT_OR_ABOVE = "at_or_above"
    BELOW = "below"


class Severity(StrEnum):
    """How soon somebody has to look."""

    URGENT = "urgent"
    CLINICAL = "clinical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What makes two rules the same rule: a patient's answer to it replaces the practice's."""

    measure: Measure
    comparison: Comparison
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleProposal:
    """The content of a rule version that somebody wants to be in force.

    Attributes:
        question: What the rule asks.
        patient_id: For this patient only; None: the practice's default for all.
        title: Becomes the title of the task.
        limit_value: In the unit of the measure.
        due_within: How long after the episode opens its task is due.
        source: Where the limit comes from: guideline, section, date, or a person's decision.

    Raises:
        errors.BadRule: Something is missing or the limit can never be measured.
    """

    question: Question
    patient_id: UUID | None = None
    title: str
    limit_value: float
    due_within: timedelta
    source: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.limit_value) and 0 < self.limit_value < 2000):
            raise errors.BadRule
        if not (self.title.strip() and self.source.strip()):
            raise errors.BadRule
        if self.due_within < timedelta(minutes=1):
            raise errors.BadRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One version of a rule; never changed, only ended by the next.

    Attributes:
        limit_value: In the unit of the measure.
        in_force_until: None while no later version ended it.
        set_by: Who wanted it so.
        reason: Why.
    """

    practice_id: UUID
    rule_id: UUID
    version: int
    patient_id: UUID | None
    title: str
    question: Question
    limit_value: float
    due_within: timedelta
    in_force_from: datetime
    in_force_until: datetime | None
    set_by: str
    reason: str
    source: str

    def is_breached_by(self, measured: float) -> bool:
        """Compare a number in the unit of the measure with the limit."""
        match self.question.comparison:
            case Comparison.AT_OR_ABOVE:
                return measured >= self.limit_value
            case Comparison.BELOW:
                return measured < self.limit_value

    def is_in_force(self, at: datetime) -> bool:
        """Tell whether this version is the one to ask at an instant."""
        return self.in_force_from <= at and (
            self.in_force_until is None or at < self.in_force_until
        )


def rules_in_force(rules: Iterable[Rule], patient_id: UUID, at: datetime) -> list[Rule]:
    """Choose the one version that answers each question about a patient at an instant.

    A rule made for the patient overrides the practice's default for the same measure, comparison
    and severity.

    Args:
        rules: All versions of one practice's rules, in any order, other patients' too.
        patient_id: Whose reading is asked about.
        at: When it was measured: a limit that was set later does not reach back.

    Returns:
        The rules, urgent ones first, then by measure and comparison.
    """
    chosen: dict[Question, Rule] = {}
    candidates = (
        rule for rule in rules if rule.patient_id in (None, patient_id) and rule.is_in_force(at)
    )
    for rule in sorted(candidates, key=_precedence):
        chosen[rule.question] = rule
    return sorted(chosen.values(), key=_reading_order)


def _precedence(rule: Rule) -> tuple[bool, datetime]:
    return (rule.patient_id is not None, rule.in_force_from)


def _reading_order(rule: Rule) -> tuple[bool, str, str]:
    question = rule.question
    return (question.severity is not Severity.URGENT, question.measure, question.comparison)
