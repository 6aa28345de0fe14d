"""Rules in force: which version of which rule answers for a patient at an instant, and why it is this one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from alerts import errors
from alerts.measures import Severity
from alerts.rule_set import RuleSpec


class Scope(StrEnum):
    """For whom a rule holds; the later of these wins over the earlier."""

    PRACTICE = "practice"
    PROGRAM = "program"
    CONDITION = "condition"
    PATIENT = "patient"

    @property
    def is_keyed(self) -> bool:
        """Tell whether it has to be said which program, condition or patient."""
        return self is not Scope.PRACTICE


_SPECIFICITY: Final = {scope: place for place, scope in enumerate(Scope)}

Question = tuple[str, Severity]
"""Family and severity: what makes two rules answers to the same question."""


@dataclass(frozen=True, slots=True)
class Memberships:
    """What decides which rules hold for a patient.

    Attributes:
        programs: the programs that the patient is enrolled in, such as "ccm".
        conditions: the patient's diagnoses, ICD-10-CM codes.
    """

    programs: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleProposal:
    """The content of a rule version that somebody wants to be in force.

    Attributes:
        spec: what is asked, and where its numbers come from.
        scope: for whom.
        scope_key: which program, which condition (an ICD-10-CM code or the beginning of one), which patient; "" for the
            whole practice.
        is_asked: False: for these nobody asks, whatever a more general rule says.
        until: when it ends by itself and the more general rule holds again, aware; None: when somebody ends it.

    Raises:
        errors.BadRule: Nobody or too many are named by the scope.
    """

    spec: RuleSpec
    scope: Scope = Scope.PRACTICE
    scope_key: str = ""
    is_asked: bool = True
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.scope.is_keyed != bool(self.scope_key.strip()):
            raise errors.BadRule
        if self.scope is Scope.PATIENT:
            try:
                UUID(self.scope_key)
            except ValueError as error:
                raise errors.BadRule from error

    @property
    def patient_id(self) -> UUID | None:
        """The patient, of a rule for one."""
        return UUID(self.scope_key) if self.scope is Scope.PATIENT else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One version of a rule; never changed, only ended.

    Attributes:
        in_force_until: None while nobody set an end.
        set_by: the clinician under whose name it is in force.
        reason: why.
    """

    practice_id: UUID
    rule_id: UUID
    version: int
    scope: Scope
    scope_key: str
    spec: RuleSpec
    is_asked: bool = True
    in_force_from: datetime
    in_force_until: datetime | None
    set_by: str
    reason: str

    @property
    def question(self) -> Question:
        """What it answers; a more specific rule replaces a more general one that answers the same."""
        return self.spec.family, self.spec.severity

    def is_in_force(self, at: datetime) -> bool:
        """Tell whether this version is one to ask at an instant."""
        return self.in_force_from <= at and (
            self.in_force_until is None or at < self.in_force_until
        )

    def holds_for(self, patient_id: UUID, memberships: Memberships) -> bool:
        """Tell whether it is about a patient at all."""
        match self.scope:
            case Scope.PRACTICE:
                return True
            case Scope.PROGRAM:
                return self.scope_key in memberships.programs
            case Scope.CONDITION:
                return any(code.startswith(self.scope_key) for code in memberships.conditions)
            case Scope.PATIENT:
                return self.scope_key == str(patient_id)

    @property
    def why(self) -> str:
        """Say for whom it holds and who wanted it so, as the reason why it is this rule that is asked."""
        whom = {
            Scope.PRACTICE: "the whole practice",
            Scope.PROGRAM: f"everybody in the program {self.scope_key}",
            Scope.CONDITION: f"everybody with a diagnosis {self.scope_key}",
            Scope.PATIENT: "this patient",
        }[self.scope]
        until = f" until {self.in_force_until:%Y-%m-%d}" if self.in_force_until else ""
        return f"Set for {whom} by {self.set_by}{until}: {self.reason}"


def in_force(
    rules: Iterable[Rule], patient_id: UUID, memberships: Memberships, at: datetime
) -> list[Rule]:
    """Choose the one version that answers each question about a patient at an instant.

    The most specific one wins; of two for conditions that the patient both has, the one for the narrower code, and then
    the one set later.

    Args:
        rules: versions of one practice's rules, in any order, other patients' too.
        patient_id: whose reading is asked about.
        memberships: the patient's, at that instant.
        at: when it was measured: a rule that was set later does not reach back.

    Returns:
        The rules that are asked, the severest first, then by family; none where the winner says that nobody asks.
    """
    chosen: dict[Question, Rule] = {}
    candidates = (
        rule for rule in rules if rule.is_in_force(at) and rule.holds_for(patient_id, memberships)
    )
    for rule in sorted(candidates, key=_precedence):
        chosen[rule.question] = rule
    asked = (rule for rule in chosen.values() if rule.is_asked)
    return sorted(asked, key=lambda rule: (-rule.spec.severity.rank, rule.spec.family))


def _precedence(rule: Rule) -> tuple[int, int, datetime, int]:
    return (
        _SPECIFICITY[rule.scope],
        len(rule.scope_key) if rule.scope is Scope.CONDITION else 0,
        rule.in_force_from,
        rule.version,
    )
