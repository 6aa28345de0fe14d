"""What may be posted about time: timers, entries, approval, locked months, conflicts, credentials."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, StringConstraints, model_validator

from ccm_link.console.posted.input_types import (
    FewWords,
    Instant,
    LocalDay,
    LocalTime,
    Words,
    written,
)
from ccm_link.console.posted.inputs import Input
from ccm_link.minutes import contact, credentials
from ccm_link.minutes.contact import Contact, Counterpart, Method, Outcome
from ccm_link.minutes.credentials import Credential, Employer
from ccm_link.month import Month
from ccm_link.work import Activity

# A program of the tables; "none": for none; left out: the only one that the patient is in.
ProgramName = Annotated[str, written("[a-z][a-z_]{1,39}|", "Choose one of the list.")]


def _month(text: str) -> str:
    return str(Month.parse(text))


MonthName = Annotated[str, StringConstraints(max_length=10), AfterValidator(_month)]
ProviderNumber = Annotated[
    str, StringConstraints(max_length=20), AfterValidator(credentials.provider_number)
]


class WithContact(Input):
    """Which contact was made; all three or none."""

    method: Method | None = None
    counterpart: Counterpart | None = None
    outcome: Outcome | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        _ = self.made
        return self

    @property
    def made(self) -> Contact:
        """Return the contact that was made; unknown where nothing was said."""
        said = {str(one or Method.UNKNOWN) for one in (self.method, self.counterpart, self.outcome)}
        if said == {str(Method.UNKNOWN)}:
            return contact.UNKNOWN
        if self.method is Method.CHART_WORK:
            said.discard(str(Method.UNKNOWN))
            if said <= {Method.CHART_WORK, Counterpart.NOBODY, Outcome.NOT_A_CONTACT}:
                return contact.CHART_WORK
        if self.method is None or self.counterpart is None or self.outcome is None:
            raise ValueError("Say how, with whom and with which outcome, or leave all three out.")
        return Contact(self.method, self.counterpart, self.outcome)


class StartTimer(Input):
    """What the time goes into, and for which program."""

    activity: Activity
    program: ProgramName = ""


class StopTimer(WithContact):
    """What was done, which contact was made, and when it really ended if that was before now."""

    note: Words
    ended_at: Instant | None = None


class StopTimerForm(WithContact):
    """The same from the page, in the practice's wall clock time."""

    note: Words
    ended_on: LocalDay | None = None
    ended: LocalTime | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.ended_on is None) != (self.ended is None):
            raise ValueError("Say both the day and the time of the end.")
        return self


class TurnTimer(Input):
    """Nothing: the address says it all, and the body is an empty object."""


class DiscardTimer(Input):
    """Why the timer's time does not count."""

    reason: Words


class TimeEntry(WithContact):
    """A span of one's own work that no timer held. ``is_late``: its month is locked, and the person knows."""

    patient_id: UUID
    task_id: UUID | None = None
    started_at: Instant
    ended_at: Instant
    program: ProgramName = ""
    activity: Activity
    note: Words
    reason: Words
    is_late: bool = False


class TimeEntryForm(WithContact):
    """The same from a task's page, in the practice's wall clock time."""

    worked_on: LocalDay
    started: LocalTime
    ended: LocalTime
    program: ProgramName = ""
    activity: Activity
    note: Words
    reason: Words
    is_late: Literal["", "yes"] = ""


class ClaimDropped(WithContact):
    """What was done while no sign of it was seen, and why none was."""

    program: ProgramName = ""
    activity: Activity
    note: Words
    reason: Words


class VoidEntry(Input):
    """Why the entry does not count."""

    reason: Words


class Amendment(WithContact):
    """What an entry of a locked month should have been, in the practice's wall clock time, and why."""

    is_withdrawn: Literal["", "yes"] = ""
    worked_on: LocalDay
    started: LocalTime
    ended: LocalTime
    program: ProgramName = ""
    activity: Activity
    billing_role: Literal["clinical_staff", "qualified_professional", "non_clinical", "unknown"]
    note: Words
    reason: Words


class Approval(Input):
    """Whether somebody else's time or amendment may count."""

    verdict: Literal["approve", "refuse"]
    note: FewWords = ""

    @model_validator(mode="after")
    def _says_why_not(self) -> Self:
        if self.verdict == "refuse" and not self.note:
            raise ValueError("Say why you refuse it.")
        return self


class TimePolicy(Input):
    """Whether time that was entered by hand waits for another person."""

    by_hand_needs_approval: Literal["yes", "no"]


class MonthQuery(Input):
    """Which calendar month of the practice."""

    month: MonthName


class LockMonth(Input):
    """Which month is locked for good."""

    month: MonthName


class Decide(Input):
    """Which of two entries counts, and why; the decision that was seen, if there was one."""

    winner_id: UUID
    month: MonthName
    former_decision: UUID | None = None
    reason: Words


class RecordCredential(Input):
    """What somebody is from a day on, by the practice's clocks."""

    credential: Credential
    billing_role: Literal["clinical_staff", "qualified_professional", "non_clinical"]
    npi: ProviderNumber | None = None
    employer: Employer
    supervisor_staff_id: UUID | None = None
    may_bill: Literal["", "yes"] = ""
    exclusion_checked_on: LocalDay | None = None
    from_on: LocalDay


class EndCredential(Input):
    """From which day on somebody is something else, and why; its own first day where it was recorded by mistake."""

    until_on: LocalDay
    reason: Words
