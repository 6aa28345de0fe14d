"""What may be posted about rules: a limit tried or set, a set tried or put in force, a rule switched off."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from alerts import rule_set
from alerts.rules import Scope
from ccm_link.console.posted.input_types import LimitNumber, LocalDay, Words, readable, written
from ccm_link.console.posted.inputs import Diagnosis, Input, PersonName
from ccm_link.program import enrolment

# A set of some fifty rules; a request holds 64 KiB with everything around it.
_MOST_CHARACTERS: Final = 40_000


class Step(StrEnum):
    """What a form's button asks for."""

    TRY = "try"
    SET = "set"


class ForWhom(StrEnum):
    """For whom a rule set can be put in force."""

    PRACTICE = "practice"
    PROGRAM = "program"
    CONDITION = "condition"


Question = Annotated[str, written("[a-z0-9-]{1,64}/[a-z]{1,20}", "Choose one of the list.")]
RulesText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_MOST_CHARACTERS),
    AfterValidator(readable),
]


def _shipped(name: str) -> str:
    if name not in rule_set.shipped():
        raise ValueError("Choose one of the list.")
    return name


class NewLimit(Input):
    """A limit that somebody wants for a rule, and the last day on which it shall hold."""

    limit: LimitNumber
    until_on: LocalDay | None = None
    step: Step = Step.SET
    reason: Words | None = None


class TryLimit(NewLimit):
    """A limit of one patient to try, and which rule's; why may be there already."""

    question: Question


class SetLimit(TryLimit):
    """A limit for one patient, and why."""

    reason: Words


class TryRuleLimit(NewLimit):
    """A limit of one of the practice's rules to try; name and reason may be there already."""

    signature: PersonName | None = None


class SetRuleLimit(TryRuleLimit):
    """A limit for one of the practice's rules, with why and the clinician's name."""

    reason: Words
    signature: PersonName


class EndLimit(Input):
    """Which limit of a patient ends, and why."""

    question: Question
    reason: Words


class Becomes(StrEnum):
    """What becomes of a rule."""

    OFF = "off"  # nobody asks it, whatever a more general rule says
    ENDED = "ended"  # the more general rule holds again
    ON = "on"


class ChangeAsked(Input):
    """Whether a rule is asked from now on, why, and who says so."""

    becomes: Becomes
    reason: Words
    signature: PersonName


class TrySet(Input):
    """A rule set, one that we ship or the text of a file, and for whom."""

    shipped: Annotated[str, AfterValidator(_shipped)] | None = None
    rules_text: RulesText | None = None
    for_whom: ForWhom = ForWhom.PRACTICE
    diagnosis: Diagnosis | None = None

    @model_validator(mode="after")
    def _one_set_for_somebody(self) -> Self:
        if (self.shipped is None) == (self.rules_text is None):
            raise ValueError("Choose one of our sets, or paste the text of a file.")
        if (self.for_whom is ForWhom.CONDITION) != (self.diagnosis is not None):
            raise ValueError("Name a condition where the rules are for one, and only there.")
        return self

    @property
    def scope(self) -> tuple[Scope, str]:
        """Return for whom, as rules say it."""
        match self.for_whom:
            case ForWhom.PRACTICE:
                return Scope.PRACTICE, ""
            case ForWhom.PROGRAM:
                return Scope.PROGRAM, enrolment.PROGRAM
            case ForWhom.CONDITION:
                return Scope.CONDITION, self.diagnosis or ""


class ActivateSet(TrySet):
    """The same, with the clinician's name and why."""

    reason: Words
    signature: PersonName
