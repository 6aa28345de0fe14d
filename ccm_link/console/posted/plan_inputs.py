"""What may be posted about care plans, medication, stays, lessons and devices that were set up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Final, Literal, Self, cast
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, create_model, model_validator

from alerts.measures import Comparison, Measure
from ccm_link.console.posted.input_types import (
    FewWords,
    LimitNumber,
    LocalDay,
    LocalTime,
    Months,
    Place,
    RowVersion,
    Ticked,
    Words,
    one_line,
    readable,
    written,
)
from ccm_link.console.posted.inputs import Input, PersonName
from ccm_link.plan import plan_document
from ccm_link.plan.care_gaps import GapKind
from ccm_link.plan.education import CHECKLISTS, Learner, Topic
from ccm_link.plan.education import Method as TeachMethod
from ccm_link.plan.medication import Source
from ccm_link.plan.plan_document import Contributor, Goal, Intervention, Part, PlanDocument, Section
from ccm_link.plan.plan_sharing import Method, Recipient
from ccm_link.plan.stays import Kind

_MOST_CHARACTERS: Final = 300
_WHO_AND_WHAT: Final = (
    "Write each line as who, a colon, and what, like: Care manager: calls every Monday."
)
_PART_AND_NAME: Final = (
    "Write each line as patient, carer, staff or other, a colon, and the name, like: carer: Ada."
)


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=_MOST_CHARACTERS),
    AfterValidator(readable),
    AfterValidator(one_line),
]
# Whoever is cared for today may have taken something since the last century.
Day = Annotated[
    date, written(r"(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}", "Write a date like 1999-11-03.")
]
RxNorm = Annotated[
    str, written("[1-9][0-9]{0,7}", "Write the number that RxNorm gives it (RXCUI), like 6809.")
]
# In an address every number is text.
VersionNumber = Annotated[
    int, Field(ge=1, le=9999), written("[1-9][0-9]{0,3}", "Write the number of a version.")
]


def _lines(text: str) -> tuple[str, ...]:
    """Return the lines in which something stands.

    Raises:
        ValueError: They are too many.
    """
    found = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(found) > plan_document.MOST_LINES:
        raise ValueError(f"At most {plan_document.MOST_LINES} lines.")
    return found


def _pairs(text: str, complaint: str) -> Iterator[tuple[str, str]]:
    for line in _lines(text):
        before, colon, behind = line.partition(":")
        if not (before.strip() and colon and behind.strip()):
            raise ValueError(complaint)
        yield before.strip(), behind.strip()


def _some_lines(text: str) -> str:
    _lines(text)
    return text


def _who_and_what(text: str) -> str:
    list(_pairs(text, _WHO_AND_WHAT))
    return text


def _part_and_name(text: str) -> str:
    if any(part.lower() not in list(Part) for part, _ in _pairs(text, _PART_AND_NAME)):
        raise ValueError(_PART_AND_NAME)
    return text


class DraftFields(Input):
    """What a draft's form has beside its sections."""

    row_version: RowVersion
    interventions: Annotated[FewWords, AfterValidator(_who_and_what)] = ""
    contributors: Annotated[FewWords, AfterValidator(_part_and_name)] = ""
    review_months: Months
    medication_months: Months

    def document(self, goals: tuple[Goal, ...]) -> PlanDocument:
        """Return what was written, with the goals that stand beside it."""
        written_lines = {one: _lines(getattr(self, one.value)) for one in Section}
        return PlanDocument(
            sections={section: lines for section, lines in written_lines.items() if lines},
            goals=goals,
            interventions=tuple(
                Intervention(who, what) for who, what in _pairs(self.interventions, _WHO_AND_WHAT)
            ),
            contributors=tuple(
                Contributor(Part(part.lower()), name)
                for part, name in _pairs(self.contributors, _PART_AND_NAME)
            ),
            review_months=self.review_months,
            medication_months=self.medication_months,
        )


_SECTIONS: Final[dict[str, Any]] = {
    one.value: (Annotated[FewWords, AfterValidator(_some_lines)], "") for one in Section
}
DraftText = cast("type[DraftFields]", create_model("DraftText", __base__=DraftFields, **_SECTIONS))
"""All of a draft that is lines of text: the sections, who does what, with whom it was made, and the intervals."""


class AddGoal(Input):
    """A goal, with the home reading that tells whether it is reached where one does."""

    row_version: RowVersion
    what: Line
    measure: Measure | None = None
    side: Comparison | None = None
    target: LimitNumber | None = None
    by_on: LocalDay | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({self.measure is None, self.side is None, self.target is None}) > 1:
            raise ValueError(
                "Fill in the reading, the side and the number together, or none of them."
            )
        return self

    @property
    def goal(self) -> Goal:
        """Return the goal."""
        return Goal(self.what, self.measure, self.side, self.target, self.by_on)


class TakeOutGoal(Input):
    """Which goal of the draft, counted from 0."""

    row_version: RowVersion
    place: Place


class SignDraft(Input):
    """The clinician's own name, as a signature."""

    row_version: RowVersion
    signature: PersonName


class DiscardDraft(Input):
    """Why a draft shall never become a version."""

    row_version: RowVersion
    reason: Words


class ReviewPlan(Input):
    """Which version was looked through, and what was found."""

    plan_id: UUID
    note: Words


class SharePlan(Input):
    """To whom which version was given, how and when, in the practice's wall clock time."""

    plan_id: UUID
    method: Method
    recipient: Recipient
    recipient_name: PersonName | None = None
    given_on: LocalDay
    given_time: LocalTime

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.recipient is Recipient.CARER) != (self.recipient_name is not None):
            raise ValueError("Name the carer to whom it was given, and nobody else.")
        return self


class AddMedication(Input):
    """One line of the list."""

    name: Line
    rxnorm_code: RxNorm | None = None
    dose: Line
    taken_from_on: Day | None = None
    source: Words
    prescriber: PersonName | None = None


class EndMedication(Input):
    """Why a line goes off the list, and the last day on which it was taken."""

    ended_on: Day | None = None
    reason: Words


class ReconcileFields(Input):
    """What the form of a reconciliation has beside its ticks."""

    discrepancies: FewWords = ""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Return what is ticked."""
        return tuple(one for one in Source if getattr(self, f"from_{one}"))

    @model_validator(mode="after")
    def _some_source(self) -> Self:
        if not self.sources:
            raise ValueError("Tick what the list was held against.")
        return self


_TICKED_SOURCES: Final[dict[str, Any]] = {f"from_{one}": (Ticked, None) for one in Source}
Reconcile = cast(
    "type[ReconcileFields]", create_model("Reconcile", __base__=ReconcileFields, **_TICKED_SOURCES)
)
"""What the list was held against, a tick for each, and what did not agree."""


class RecordStay(Input):
    """Where a patient was, from when until when in the practice's wall clock time; without an end it goes on."""

    stay_kind: Kind
    facility: Line
    source: Words
    admitted_on: LocalDay
    admitted_time: LocalTime
    discharged_on: LocalDay | None = None
    discharged_time: LocalTime | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.discharged_on is None) != (self.discharged_time is None):
            raise ValueError("Say both the day and the time of the discharge, or neither.")
        return self


class Discharge(Input):
    """When a stay ended, in the practice's wall clock time."""

    discharged_on: LocalDay
    discharged_time: LocalTime


class VoidStay(Input):
    """Why a stay counts for nothing."""

    reason: Words


class TeachFields(Input):
    """What the form of a lesson has beside its ticks."""

    topic: Topic
    taught_how: TeachMethod
    learner: Learner
    taught_on: LocalDay
    taught_time: LocalTime
    teach_back: Literal["yes", "no"]
    note: FewWords = ""

    @property
    def points(self) -> tuple[str, ...]:
        """Return the points that are ticked."""
        return tuple(name for name in _POINTS if getattr(self, name))


_POINTS: Final = tuple(name for points in CHECKLISTS.values() for name in points)
_TICKED_POINTS: Final[dict[str, Any]] = dict.fromkeys(_POINTS, (Ticked, None))
Teach = cast("type[TeachFields]", create_model("Teach", __base__=TeachFields, **_TICKED_POINTS))
"""What was taught, how, to whom, whether it was said back, and a tick for each point of a checklist."""


class SetUpDevice(Input):
    """Which device was set up and taught, when, in the practice's wall clock time, and to whom."""

    peripheral_id: UUID
    learner: Learner
    set_up_on: LocalDay
    set_up_time: LocalTime
    taught_on: LocalDay
    taught_time: LocalTime


class VersionQuery(Input):
    """Which other version one is compared with; the one before by default."""

    against: VersionNumber | None = None


class GapsQuery(Input):
    """Which kind of gap is asked for; all by default."""

    gap: GapKind | None = None
