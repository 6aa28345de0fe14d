"""What a care plan says: its sections as lines of text, goals, who does what, when it is looked at again. Pure.

Source:
    CMS MLN909188 "Chronic Care Management Services" (2025), comprehensive care plan: problem list, expected outcome and
    prognosis, measurable treatment goals, cognitive and functional assessment, symptom management, planned
    interventions, medical management, environmental evaluation, caregiver assessment, community and social services
    ordered, coordination with agencies and specialists outside of the practice, schedule for review and revision.
    Patients' strengths and own words are ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from alerts.measures import Comparison, Measure
from ccm_link import local_days
from ccm_link.plan import plan_errors

FORMAT: Final = 1
"""Of stored documents; another one is refused, not guessed at."""

REVIEW_MONTHS: Final = 6
"""After so many months a plan is looked at again, unless it says otherwise.

Source: CMS MLN909188 asks for periodic review and names no interval; ours.
"""

MEDICATION_MONTHS: Final = 12
"""After so many months the medication is reviewed again, unless the plan says otherwise.

Source: 42 CFR 423.153(d)(1)(vii)(B): a comprehensive medication review at least once a year.
"""

MOST_LINES: Final = 100
MOST_GOALS: Final = 30


GOALS: Final = "Goals"
INTERVENTIONS: Final = "What is planned, and who does it"
CONTRIBUTORS: Final = "Made together with"
INTERVALS: Final = "How often"


class Section(StrEnum):
    """Sections that are lines of text, in the order in which a plan is read."""

    PATIENT_GOAL = "patient_goal"
    STRENGTHS = "strengths"
    PROBLEMS = "problems"
    PROGNOSIS = "prognosis"
    SYMPTOMS = "symptoms"
    MEDICATION = "medication"
    FUNCTION = "function"
    ENVIRONMENT = "environment"
    CAREGIVER = "caregiver"
    PREFERENCES = "preferences"
    COMMUNITY = "community"
    COORDINATION = "coordination"
    REVIEW = "review"

    @property
    def heading(self) -> str:
        """What a person calls it."""
        return _TITLES[self]

    @property
    def is_needed(self) -> bool:
        """Tell whether a plan without it cannot be signed."""
        return self not in _MAY_BE_EMPTY


_TITLES: Final = {
    Section.PATIENT_GOAL: "What matters most, in the patient’s own words",
    Section.STRENGTHS: "Strengths and what helps",
    Section.PROBLEMS: "Problems",
    Section.PROGNOSIS: "What is expected (outcome and prognosis)",
    Section.SYMPTOMS: "Symptoms and what to do about them",
    Section.MEDICATION: "How medication is managed",
    Section.FUNCTION: "Memory, thinking and daily life",
    Section.ENVIRONMENT: "Home and surroundings",
    Section.CAREGIVER: "Who cares, and how they are doing",
    Section.PREFERENCES: "Preferences and values",
    Section.COMMUNITY: "Community and social services",
    Section.COORDINATION: "Others outside of the practice",
    Section.REVIEW: "When the plan is looked at again",
}
_MAY_BE_EMPTY: Final = frozenset({Section.PATIENT_GOAL, Section.STRENGTHS, Section.REVIEW})


class Part(StrEnum):
    """As what somebody took part in making a plan."""

    PATIENT = "patient"
    CARER = "carer"
    STAFF = "staff"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Contributor:
    """Somebody with whom the plan was made."""

    part: Part
    name: str

    @property
    def line(self) -> str:
        """Return it as one line: "carer: Ada Lind"."""
        return f"{self.part}: {self.name}"


@dataclass(frozen=True, slots=True)
class Intervention:
    """What is planned, and who does it."""

    who: str
    what: str

    @property
    def line(self) -> str:
        """Return it as one line: "Care manager: calls every Monday"."""
        return f"{self.who}: {self.what}"


@dataclass(frozen=True, slots=True)
class Goal:
    """What shall be reached.

    Attributes:
        what: in words that the patient understands.
        measure: the number of home readings that tells; None: something else does, and the words say what.
        side: on which side of the target the goal is reached: at or above it, or below.
        target: in the unit of the measure.
        by_on: until when; None: no day was agreed on.

    Raises:
        plan_errors.BadGoal: Measure, side and target are not there together.
    """

    what: str
    measure: Measure | None = None
    side: Comparison | None = None
    target: float | None = None
    by_on: date | None = None

    def __post_init__(self) -> None:
        given = {self.measure is None, self.side is None, self.target is None}
        if len(given) > 1 or not self.what.strip():
            raise plan_errors.BadGoal

    @property
    def sentence(self) -> str:
        """Return the goal in one line: "Walk to the shop again; systolic pressure below 130 mmHg by 1 Mar 2027"."""
        measured = ""
        if self.measure is not None and self.target is not None:
            side = "below" if self.side is Comparison.BELOW else "at or above"
            measured = f"; {self.measure.words} {side} {self.target:g} {self.measure.unit}"
        by = f", by {local_days.in_words(self.by_on)} {self.by_on.year}" if self.by_on else ""
        return f"{self.what}{measured}{by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDocument:
    """All that one version of a plan says.

    Attributes:
        sections: lines by section; a section without any is not in it.
        review_months: after so many months it is looked at again.
        medication_months: after so many months the medication is reviewed.
    """

    sections: Mapping[Section, tuple[str, ...]] = field(default_factory=dict)
    goals: tuple[Goal, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    review_months: int = REVIEW_MONTHS
    medication_months: int = MEDICATION_MONTHS

    def lines(self, section: Section) -> tuple[str, ...]:
        """Return the lines of a section."""
        return self.sections.get(section, ())


def lacks(document: PlanDocument) -> tuple[str, ...]:
    """Return what a plan needs before it can be signed, as titles; where nothing applies, a line has to say so."""
    found = [one.heading for one in Section if one.is_needed and not document.lines(one)]
    if not document.goals:
        found.append(GOALS)
    if not document.interventions:
        found.append(INTERVENTIONS)
    return tuple(found)


def texts(document: PlanDocument) -> dict[str, tuple[str, ...]]:
    """Return all that a plan says as lines of text by the title of their section, in the order in which it is read."""
    told: dict[str, tuple[str, ...]] = {
        CONTRIBUTORS: tuple(f"{one.part.capitalize()}: {one.name}" for one in document.contributors)
    }
    for section in Section:
        told[section.heading] = document.lines(section)
        if section is Section.PROGNOSIS:
            told[GOALS] = tuple(goal.sentence for goal in document.goals)
        if section is Section.SYMPTOMS:
            told[INTERVENTIONS] = tuple(one.line for one in document.interventions)
    told[INTERVALS] = (
        f"The plan is looked at again after {_months(document.review_months)}.",
        f"The medication is reviewed after {_months(document.medication_months)}.",
    )
    return told


def as_json(document: PlanDocument) -> dict[str, Any]:
    """Return a document as it is stored; equal documents are equal in it."""
    return {
        "format": FORMAT,
        "sections": {one: list(document.lines(one)) for one in Section if document.lines(one)},
        "goals": [
            asdict(one) | {"by_on": one.by_on.isoformat() if one.by_on else None}
            for one in document.goals
        ],
        "interventions": [asdict(one) for one in document.interventions],
        "contributors": [asdict(one) for one in document.contributors],
        "review_months": document.review_months,
        "medication_months": document.medication_months,
    }


def canonical(document: PlanDocument) -> str:
    """Return a document as one text: equal documents have the same."""
    return json.dumps(as_json(document), sort_keys=True, ensure_ascii=False)


def from_json(stored: Mapping[str, Any]) -> PlanDocument:
    """Read a stored document.

    Raises:
        plan_errors.UnreadablePlan: A version of ours that is newer wrote it, or it is damaged.
    """
    if stored.get("format") != FORMAT:
        raise plan_errors.UnreadablePlan
    try:
        return PlanDocument(
            sections={
                Section(name): tuple(map(str, lines)) for name, lines in stored["sections"].items()
            },
            goals=tuple(map(_goal, stored["goals"])),
            interventions=tuple(Intervention(**one) for one in stored["interventions"]),
            contributors=tuple(
                Contributor(Part(one["part"]), one["name"]) for one in stored["contributors"]
            ),
            review_months=int(stored["review_months"]),
            medication_months=int(stored["medication_months"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise plan_errors.UnreadablePlan from error


def _goal(stored: Mapping[str, Any]) -> Goal:
    measure, side, target, by_on = (stored[name] for name in ("measure", "side", "target", "by_on"))
    return Goal(
        what=str(stored["what"]),
        measure=None if measure is None else Measure(measure),
        side=None if side is None else Comparison(side),
        target=None if target is None else float(target),
        by_on=None if by_on is None else date.fromisoformat(by_on),
    )


def _months(count: int) -> str:
    return "1 month" if count == 1 else f"{count} months"
