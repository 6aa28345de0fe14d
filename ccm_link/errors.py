"""What can go wrong in care management; each message ends with what the person can do.

::

    CcmLinkError
    ├── TaskError
    │   ├── UnknownTask
    │   ├── StaleTask
    │   ├── TaskCompleted
    │   └── TaskOwned
    ├── BadSnooze (ValueError)
    ├── BadTask (ValueError)
    ├── BadCover (ValueError)
    ├── ScheduleError
    │   ├── BadSchedule (ValueError)
    │   └── ScheduleEnded
    ├── UnknownColleague
    ├── TimeLogError
    │   ├── NoTimer
    │   ├── TimerTooLong
    │   ├── OverlappingTime
    │   ├── BadInterval (ValueError)
    │   ├── UnknownEntry
    │   ├── EntryVoided
    │   └── EntryNotVoided
    ├── ConditionError
    │   ├── BadCode (ValueError)
    │   ├── ConditionRecorded
    │   └── ConditionEnded
    ├── BillingError
    │   ├── BadBillingTable (ValueError)
    │   └── NoBillingTable
    ├── UnknownSubject
    ├── KeyUsed
    ├── MissingWords (ValueError)
    ├── BadMonth (ValueError)
    └── AlreadyEnrolled
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from ingest.errors import Reasoned


class CcmLinkError(Exception):
    """Care management could not do this. Look at the page again and retry."""

    def __init__(self, message: str = "") -> None:
        """Use the class's own docstring where no message is given."""
        super().__init__(message or " ".join((self.__doc__ or "").split()))


class TaskError(CcmLinkError):
    """This task could not be changed. Reload it and try again."""


class UnknownTask(TaskError):
    """There is no such task in this practice. Go back to the worklist and choose one there."""


class StaleTask(TaskError):
    """This task changed after the page was drawn. Reload it, look, and decide again."""


class TaskCompleted(TaskError):
    """This task is already completed. Reload it to see by whom and how."""


class TaskOwned(TaskError):
    """A colleague owns this task. Ask them, or release it with a note and claim it yourself."""


class SnoozeReason(StrEnum):
    """Why a task cannot be snoozed until then."""

    OVER = "over"
    TOO_LONG = "too_long"


class BadSnooze(Reasoned[SnoozeReason], CcmLinkError, ValueError):
    """The task cannot wait until then. Choose another time."""

    _WORDS: ClassVar = {
        SnoozeReason.OVER: "That time is over. Choose one to come.",
        SnoozeReason.TOO_LONG: "A task of this severity cannot wait for so long. Choose a nearer time, counted from "
        "when it was snoozed first.",
    }


class BadTaskReason(StrEnum):
    """What is wrong with a task that somebody wants to open."""

    URGENT = "urgent"
    ALERT = "alert"
    GROUP = "group"
    DISPOSITION = "disposition"
    PAST = "past"
    TOO_FAR = "too_far"


class BadTask(Reasoned[BadTaskReason], CcmLinkError, ValueError):
    """This cannot be a task. Look at what was filled in."""

    _WORDS: ClassVar = {
        BadTaskReason.URGENT: "Urgent tasks are made by alerts alone. Choose another severity.",
        BadTaskReason.ALERT: "Tasks of alerts are opened by the rules. Choose another origin.",
        BadTaskReason.GROUP: "This group cannot be given tasks. Choose care managers or clinicians.",
        BadTaskReason.DISPOSITION: "A task cannot end like this. Choose one of the list.",
        BadTaskReason.PAST: "That time is over. Choose one to come, or none.",
        BadTaskReason.TOO_FAR: "That is more than two years away. Choose a nearer time, or set a schedule.",
    }


class CoverReason(StrEnum):
    """What is wrong with a cover."""

    SAME_PERSON = "same_person"
    NO_TIME = "no_time"
    TOO_LONG = "too_long"
    TWICE = "twice"
    OVER = "over"


class BadCover(Reasoned[CoverReason], CcmLinkError, ValueError):
    """This colleague cannot stand in like that. Look at persons and times."""

    _WORDS: ClassVar = {
        CoverReason.SAME_PERSON: "These are the same person. Choose two.",
        CoverReason.NO_TIME: "This time is over, or ends before it begins. Look at both ends.",
        CoverReason.TOO_LONG: "Nobody is away for more than a year. Hand the tasks over instead.",
        CoverReason.TWICE: "Somebody stands in for this colleague in that time already. Call that off first.",
        CoverReason.OVER: "This is over or called off already. Load the page again and look.",
    }


class ScheduleError(CcmLinkError):
    """This schedule could not be changed. Load the page again and look."""


class ScheduleReason(StrEnum):
    """What is wrong with a schedule."""

    NEVER = "never"
    LONG_AGO = "long_ago"
    TOO_FAR = "too_far"
    NOBODY = "nobody"


class BadSchedule(Reasoned[ScheduleReason], ScheduleError, ValueError):
    """This cannot be a schedule. Look at its days."""

    _WORDS: ClassVar = {
        ScheduleReason.NEVER: "It ends before it begins. Look at both days.",
        ScheduleReason.LONG_AGO: "It begins in the past. Choose today or a day to come.",
        ScheduleReason.TOO_FAR: "It begins more than two years from now. Choose a nearer day.",
        ScheduleReason.NOBODY: "It is for nobody. Choose a program, or set it up on a patient's page.",
    }


class ScheduleEnded(ScheduleError):
    """This schedule is ended already. Load the page again and look."""


class UnknownColleague(CcmLinkError):
    """This colleague cannot take this task. Choose one whose role and care team include its patient."""


class TimeLogError(CcmLinkError):
    """This time could not be logged. Look at the time log and correct the entry."""


class NoTimer(TimeLogError):
    """No timer of yours is running. If work was done, add it by hand with the reason."""


class TimerTooLong(TimeLogError):
    """Your timer ran longer than work usually lasts. Say when the work ended, or discard it."""

    def __init__(self, started_at: datetime) -> None:
        """Keep when the timer was started (aware UTC), for the form that asks for the end."""
        super().__init__()
        self.started_at = started_at


class OverlappingTime(TimeLogError):
    """You logged other work in this span. Change the times here, or void the other entry."""

    def __init__(self, clash: str) -> None:
        """Name the clash in words, without anything that identifies a patient."""
        super().__init__(
            f"This overlaps {clash}. A person does one thing at a time: change the times here, "
            "or void the other first."
        )
        self.clash = clash


class IntervalReason(StrEnum):
    """What is wrong with an interval."""

    ENDS_BEFORE_START = "ends_before_start"
    IN_THE_FUTURE = "in_the_future"
    TOO_LONG = "too_long"


class BadInterval(Reasoned[IntervalReason], TimeLogError, ValueError):
    """This is no span of work. Check both times."""

    _WORDS: ClassVar = {
        IntervalReason.ENDS_BEFORE_START: "Work lasts at least a second. Check start and end.",
        IntervalReason.IN_THE_FUTURE: "The work ends in the future. Log it when it is done.",
        IntervalReason.TOO_LONG: "One entry lasts at most 8 hours. Split it, or check both times.",
    }


class UnknownEntry(TimeLogError):
    """There is no such time entry in this practice. Go back to the time log and choose one."""


class EntryVoided(TimeLogError):
    """This time entry is already voided. Reload the time log to see by whom and why."""


class EntryNotVoided(TimeLogError):
    """Only a voided entry of your own can be replaced. Void it first, then add the right one."""


class ConditionError(CcmLinkError):
    """This condition could not be changed. Load the patient's page again and look."""


class BadCode(ConditionError, ValueError):
    """This is no code of ICD-10-CM. Write one like I10 or E11.9."""


class ConditionRecorded(ConditionError):
    """This condition is recorded already and not ended. End it first if it has to be recorded anew."""


class ConditionEnded(ConditionError):
    """This condition is ended already, or is not the patient's. Load the patient's page again and look."""


class BillingError(CcmLinkError):
    """Billing rules could not be applied. Look at the tables of rules and at the month."""


class BadBillingTable(BillingError, ValueError):
    """A table of billing rules has mistakes. Correct each line that is named."""


class NoBillingTable(BillingError):
    """There is no table of billing rules for this year. Add a file for it; no other year's rules are taken."""

    def __init__(self, year: int) -> None:
        """Name the year."""
        super().__init__(
            f"There is no table of billing rules for {year}. Add a file {year}.toml; "
            "no other year's rules are taken in its place."
        )
        self.year = year


class UnknownSubject(CcmLinkError):
    """The practice has no such patient, task or colleague. Start again from the worklist."""


class KeyUsed(CcmLinkError):
    """This key came with another request before. Send a new request under a new key."""


class MissingWords(CcmLinkError, ValueError):
    """A note or reason is needed here. Say in a few words what was done, or why."""


class BadMonth(CcmLinkError, ValueError):
    """This is no calendar month. Write it as year and month, for example 2026-03."""


class AlreadyEnrolled(CcmLinkError):
    """The patient is enrolled in this span already. End the other enrolment first."""
