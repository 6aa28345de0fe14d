"""What the store holds of care management: tasks, timers, time entries, enrolments.

All ``*_at`` are aware datetimes. Names of people are here for pages; they never go into logs or
error texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from alerts.measures import Severity

THRESHOLD_S: Final = 1200
"""Seconds from which a calendar month can be billed as care management: 20 full minutes.

Source: CPT 99490 time threshold, CMS "Frequently Asked Questions about Billing Medicare for Chronic
Care Management" (2022-08) and MLN909188 (2025); minutes are not rounded up and do not carry over to
the next month.
"""


class TaskStatus(StrEnum):
    """Whether somebody still has to do something."""

    OPEN = "open"
    COMPLETED = "completed"


class Disposition(StrEnum):
    """What became of a task: mandatory when it is completed."""

    REACHED_ADVISED = "reached_advised"
    REACHED_ESCALATED = "reached_escalated"
    NOT_REACHED = "not_reached"
    TECHNIQUE_ERROR = "technique_error"
    DEVICE_FAULT = "device_fault"
    EXPECTED_THRESHOLD_REVIEWED = "expected_threshold_reviewed"
    EMERGENCY_SERVICES_ADVISED = "emergency_services_advised"


class Activity(StrEnum):
    """What a span of work was spent on."""

    PHONE_CALL = "phone_call"
    CHART_REVIEW = "chart_review"
    CARE_COORDINATION = "care_coordination"
    MEDICATION_REVIEW = "medication_review"
    PATIENT_EDUCATION = "patient_education"
    CARE_PLAN_REVIEW = "care_plan_review"


class Entered(StrEnum):
    """How a time entry came to be."""

    TIMER = "timer"
    BY_HAND = "by_hand"


class TaskEventKind(StrEnum):
    """What happened to a task."""

    OPENED = "opened"
    CLAIMED = "claimed"
    RELEASED = "released"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Work that an alert episode made, with the names a person reads beside it."""

    practice_id: UUID
    task_id: UUID
    patient_id: UUID
    patient_name: str
    record_number: str
    episode_id: UUID
    title: str
    severity: Severity
    status: TaskStatus
    owner_staff_id: UUID | None
    owner_name: str | None
    opened_at: datetime
    due_at: datetime
    breach_count: int  # readings that breached the rule so far
    breached_at: datetime  # when the newest of them was measured
    breach_sentence: str  # what that one measured, against which limit
    completed_at: datetime | None
    disposition: Disposition | None
    disposition_note: str | None
    row_version: int  # goes into every form; an older one is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent:
    """One line of a task's history."""

    at: datetime
    event: TaskEventKind
    staff_id: UUID | None  # None: the evaluator
    staff_name: str | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A running timer; the server holds the start, a page only shows it."""

    practice_id: UUID
    staff_id: UUID
    patient_id: UUID
    patient_name: str
    task_id: UUID | None
    activity: Activity
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardedTimer:
    """A timer that was thrown away instead of stored, and why."""

    timer: Timer
    discarded_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEntry:
    """One person's work for one patient, [started_at, ended_at); never changed, at most voided."""

    practice_id: UUID
    entry_id: UUID
    staff_id: UUID
    staff_name: str
    staff_role: str  # at the time of entering
    patient_id: UUID
    patient_name: str
    task_id: UUID | None
    activity: Activity
    started_at: datetime
    ended_at: datetime
    note: str
    entered: Entered
    reason: str  # why it was entered by hand; empty for a timer
    entered_at: datetime
    replaces: UUID | None  # the voided entry that this one corrects
    voided_at: datetime | None
    voided_by: UUID | None
    voided_by_name: str | None
    void_reason: str | None

    @property
    def seconds(self) -> int:
        """Elapsed whole seconds; a clock change in between makes no difference."""
        return int((self.ended_at - self.started_at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A patient's consent to a program; minutes before ``consent_documented_at`` never count."""

    practice_id: UUID
    patient_id: UUID
    consent_documented_at: datetime
    ended_at: datetime | None  # None: still enrolled
    enrolled_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTotal:
    """Seconds of care that count for one patient in one calendar month."""

    patient_id: UUID
    patient_name: str
    seconds: int

    @property
    def threshold_reached(self) -> bool:
        """Whether the month reaches 20 full minutes, without rounding."""
        return self.seconds >= THRESHOLD_S
