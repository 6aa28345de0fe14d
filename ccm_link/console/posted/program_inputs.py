"""What may be posted about programs: enrolments, consents, what they rest on, care teams, calls after hours."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self, cast
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, create_model, model_validator

from ccm_link.billing.facts import By
from ccm_link.console.posted.input_types import (
    BasedOn,
    FewWords,
    LocalDay,
    LocalTime,
    RowVersion,
    Ticked,
    Words,
    YesOrNo,
    readable,
    written,
)
from ccm_link.console.posted.inputs import Input, PageSize
from ccm_link.program import consent_script, requirements
from ccm_link.program.care_team import TeamRole
from ccm_link.program.consents import GivenBy, Method
from ccm_link.program.enrolment_states import CloseReason
from ccm_link.program.outreach import Method as TryMethod
from ccm_link.program.outreach import Outcome, SpokeWith
from ccm_link.program.practitioner_visits import Kind

# A word of the billing tables: whether it is one of theirs is asked where they are.
TableWord = Annotated[str, written("[a-z][a-z_0-9]{1,39}", "Choose one of the list.")]
PageNumber = Annotated[
    int, Field(ge=1, le=1000), written("[1-9][0-9]{0,3}", "Write a whole number.")
]
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{1,38}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?")


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise ValueError("Write a number as it is dialled, for example +1 212 555 0100.")
    return text


Phone = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=50),
    AfterValidator(_phone),
]
ShortWords = Annotated[FewWords, StringConstraints(max_length=200)]


RecordNumber = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(readable),
]


class _Timed(Input):
    """With day and time where something was not just now."""

    happened_on: LocalDay | None = None
    happened_time: LocalTime | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.happened_on is None) != (self.happened_time is None):
            raise ValueError("Say both the day and the time, or neither for just now.")
        return self


class Identify(Input):
    """A program that would suit a patient, and why."""

    program: TableWord
    reason: Words


class LogAttempt(_Timed):
    """An attempt to reach the patient, and when to try again."""

    row_version: RowVersion
    try_method: TryMethod
    outcome: Outcome
    spoke_with: SpokeWith | None = None
    try_note: FewWords = ""
    next_on: LocalDay | None = None
    next_time: LocalTime | None = None

    @model_validator(mode="after")
    def _next_both_or_none(self) -> Self:
        if (self.next_on is None) != (self.next_time is None):
            raise ValueError("Say both the day and the time of the next attempt, or neither.")
        return self


class SetPractitioner(Input):
    """Who bills from now on, and why."""

    row_version: RowVersion
    biller_id: UUID
    reason: Words


class _Consent(_Timed):
    row_version: RowVersion
    consent_method: Literal[Method.VERBAL, Method.WRITTEN, Method.ELECTRONIC]
    given_by: Literal[GivenBy.PATIENT, GivenBy.CARER]
    carer: ShortWords = ""
    witness: ShortWords = ""
    evidence: FewWords = ""

    def told(self) -> frozenset[str]:
        """Return the names of what the patient was told."""
        return frozenset(name for name in ELEMENTS if getattr(self, f"told_{name}", None))


ELEMENTS: Final = tuple(
    dict.fromkeys(
        element.name for script in consent_script.shipped().values() for element in script.elements
    )
)
"""All elements of all scripts."""

_TOLD: Final[dict[str, Any]] = {f"told_{name}": (Ticked, None) for name in ELEMENTS}
TakeConsent = cast("type[_Consent]", create_model("TakeConsent", __base__=_Consent, **_TOLD))
"""A consent: how, by whom, and a tick for each thing that the patient was told."""


class TakeBack(_Timed):
    """That the patient took the consent back, when, and in which words."""

    row_version: RowVersion
    reason: Words


class Step(Input):
    """The next step of an enrolment; where to is known from where it stands."""

    row_version: RowVersion
    to_state: Literal["planned", "active"]


class Close(Input):
    """Why an enrolment is closed, and since which day if that was before today."""

    row_version: RowVersion
    close_reason: Literal[
        CloseReason.DECLINED,
        CloseReason.DECEASED,
        CloseReason.TRANSFERRED,
        CloseReason.NO_LONGER_ELIGIBLE,
        CloseReason.MOVED_PROGRAM,
        CloseReason.OTHER,
    ]
    close_on: LocalDay | None = None
    close_words: FewWords = ""


class Attest(Input):
    """What somebody vouches for, on what basis, from which day until which."""

    requirement: TableWord
    is_met: YesOrNo
    basis: Words
    from_on: LocalDay
    until_on: LocalDay | None = None

    @model_validator(mode="after")
    def _nothing_found_out(self) -> Self:
        if self.requirement in requirements.FOUND_OUT:
            raise ValueError(
                "This is found out from what is recorded. Record the visit, or name the care manager."
            )
        return self


class RecordVisit(Input):
    """A visit to a practitioner."""

    practitioner_id: UUID
    visited_on: LocalDay
    visit_kind: Kind
    was_discussed: Ticked = None


class Withdraw(Input):
    """Why what was recorded is wrong."""

    reason: Words


class RecordBeside(Input):
    """What else is billed or agreed on, by whom, from when until when."""

    what: TableWord
    by_whom: By
    from_on: LocalDay
    until_on: LocalDay | None = None
    source: Words


class EndBeside(Input):
    """When it ended; without a day it was recorded by mistake."""

    until_on: LocalDay | None = None
    reason: Words


class NameCareManager(Input):
    """Whom the patient knows by name."""

    staff_id: UUID


class AddColleague(Input):
    """A colleague who cares for the patient."""

    staff_id: UUID
    colleague_role: Literal[
        TeamRole.NURSE,
        TeamRole.MEDICAL_ASSISTANT,
        TeamRole.PHARMACIST,
        TeamRole.CLINICIAN,
        TeamRole.THERAPIST,
        TeamRole.OTHER,
    ]


class AddOutside(Input):
    """Somebody outside of the practice who cares for the patient."""

    outside_role: Literal[
        TeamRole.SPECIALIST,
        TeamRole.PHARMACY,
        TeamRole.HOME_HEALTH_AGENCY,
        TeamRole.HOSPICE,
        TeamRole.COMMUNITY_SERVICE,
        TeamRole.THERAPIST,
        TeamRole.OTHER,
    ]
    outside_name: ShortWords = ""
    organisation: ShortWords = ""
    phone: Phone | None = None
    note: FewWords = ""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not (self.outside_name or self.organisation):
            raise ValueError("Say who it is: a name, or what the service is called.")
        return self


class EndMember(Input):
    """That somebody cares for the patient no more; nothing else is asked."""


class LogCall(Input):
    """A call outside of the practice's hours, in the practice's wall clock time."""

    called_on: LocalDay
    called_time: LocalTime
    call_record: RecordNumber | None = None
    caller: Annotated[Words, StringConstraints(max_length=200)]
    answered_by: UUID | None = None
    answered_on: LocalDay | None = None
    answered_time: LocalTime | None = None
    said: Words

    @model_validator(mode="after")
    def _answered_or_not(self) -> Self:
        told = {self.answered_by is None, self.answered_on is None, self.answered_time is None}
        if len(told) > 1:
            raise ValueError("Say who answered and when, or leave all three empty: nobody did.")
        return self


class SetLine(Input):
    """The number that patients call at any hour."""

    based_on: BasedOn
    phone: Phone


class _Script(Input):
    based_on: BasedOn

    def words(self) -> dict[str, str]:
        """Return what was written for each element."""
        found = {name: getattr(self, f"words_{name}") for name in ELEMENTS}
        return {name: text for name, text in found.items() if text}


_WORDS: Final[dict[str, Any]] = {f"words_{name}": (FewWords, "") for name in ELEMENTS}
SetScript = cast("type[_Script]", create_model("SetScript", __base__=_Script, **_WORDS))
"""A practice's own words for each thing that patients are told."""


class ListQuery(Input):
    """Which part of the list: a tab, a program, a page."""

    tab: Literal["identified", "contacted", "consented", "planned", "active", "closed"] = (
        "identified"
    )
    program: TableWord | None = None
    page: PageNumber = 1


class EligibleQuery(Input):
    """Which page of whom a program may suit, how long."""

    page: PageNumber = 1
    limit: PageSize = 100


class EligibleForm(Input):
    """The same on the page, for one program."""

    program: TableWord = "ccm"
    page: PageNumber = 1
