"""What the store holds of care management: tasks, timers, time entries.

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
from ingest.people import Role


class TaskStatus(StrEnum):
    """Whether somebody still has to do something."""

    OPEN = "open"
    COMPLETED = "completed"


class Origin(StrEnum):
    """What made a task."""

    ALERT = "alert"  # its episode keeps who took it on, and until when it waits
    BY_HAND = "by_hand"
    SCHEDULE = "schedule"
    FOLLOW_UP = "follow_up"  # of another task
    TRANSITION = "transition"  # a discharge


class Disposition(StrEnum):
    """What became of a task: mandatory when it is completed."""

    REACHED_ADVISED = "reached_advised"
    REACHED_ESCALATED = "reached_escalated"
    NOT_REACHED = "not_reached"
    TECHNIQUE_ERROR = "technique_error"
    DEVICE_FAULT = "device_fault"
    EXPECTED_THRESHOLD_REVIEWED = "expected_threshold_reviewed"
    EMERGENCY_SERVICES_ADVISED = "emergency_services_advised"
    DONE = "done"
    NOT_NEEDED = "not_needed"
    DECLINED = "declined"
    HANDED_OVER = "handed_over"  # to somebody outside of the practice
    NO_LONGER_IN_CARE = "no_longer_in_care"


OF_PLANNED_TASKS: Final = (
    Disposition.DONE,
    Disposition.NOT_REACHED,
    Disposition.DECLINED,
    Disposition.NOT_NEEDED,
    Disposition.HANDED_OVER,
    Disposition.NO_LONGER_IN_CARE,
)
"""How a task can end that no alert made; the database says the same."""

OF_ALERTS: Final = (
    Disposition.REACHED_ADVISED,
    Disposition.REACHED_ESCALATED,
    Disposition.NOT_REACHED,
    Disposition.TECHNIQUE_ERROR,
    Disposition.DEVICE_FAULT,
    Disposition.EXPECTED_THRESHOLD_REVIEWED,
    Disposition.EMERGENCY_SERVICES_ADVISED,
    Disposition.NO_LONGER_IN_CARE,
)
"""How the task of an alert can end."""


class Activity(StrEnum):
    """What a span of work was spent on."""

    PHONE_CALL = "phone_call"
    CHART_REVIEW = "chart_review"
    CARE_COORDINATION = "care_coordination"
    MEDICATION_REVIEW = "medication_review"
    PATIENT_EDUCATION = "patient_education"
    CARE_PLAN_REVIEW = "care_plan_review"
    SYMPTOM_MONITORING = "symptom_monitoring"
    READING_REVIEW = "reading_review"
    REFERRAL = "referral"
    TRANSITION = "transition"  # after a stay
    COMMUNITY_RESOURCE = "community_resource"
    APPOINTMENT = "appointment"
    PREVENTIVE_CARE_GAP = "preventive_care_gap"
    DOCUMENTATION = "documentation"
    DEVICE_SUPPORT = "device_support"  # of the peripheral at home


class TaskEventKind(StrEnum):
    """What happened to a task."""

    OPENED = "opened"
    CLAIMED = "claimed"  # by which its episode is acknowledged
    RELEASED = "released"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    SNOOZE_ENDED = "snooze_ended"  # before its time
    ESCALATED = "escalated"
    FELL_BACK = "fell_back"  # its owner did nothing for too long
    COMPLETED = "completed"
    RETURNED = "returned"  # a breach soon after it was completed
    OVERDUE = "overdue"  # found by the clock; it is the group's again where it is no alert's
    FOLLOWED_UP = "followed_up"  # its completion opened another one


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Work for a patient, with the names a person reads beside it and how it stands.

    Attributes:
        episode_id: Of the alert that made it; None for a planned task, which is everything else.
        candidate_role: Whose it can be; None: anybody's of a clinical role.
        due_at: None: whenever there is time; never of an alert.
        breached_at: When the newest breach was measured; None where no alert made it.
        breach_sentence: What that one measured, against which limit; of a planned task, why it is to be done.
        follows_task_id: The task whose completion opened it.
        overdue_at: When the clock found it overdue.
        owner_staff_id: Whose it is; with no ``acknowledged_at`` it was assigned, and that person has not taken it on.
        acknowledged_at: Since when the owner has taken it on.
        snoozed_at: Since when it waits, or last waited.
        snoozed_until: It waits until then; None, or an instant that is over, where it does not.
        escalated_at: When it last became severer.
        returned_at: When it last came back after it had been completed.
        in_range_at: When the newest reading was measured that breaches nothing, if no breach is newer; a mark only.
        is_late: Whether the newest breach was measured long before the rules could look at it.
        is_of_reading: Whether a reading breached the rule; False where one is missing, or a device has a fault.
    """

    practice_id: UUID
    task_id: UUID
    patient_id: UUID
    patient_name: str
    record_number: str
    episode_id: UUID | None
    origin: Origin
    title: str
    severity: Severity
    status: TaskStatus
    candidate_role: Role | None
    owner_staff_id: UUID | None
    owner_name: str | None
    opened_at: datetime
    due_at: datetime | None
    overdue_at: datetime | None
    breach_count: int  # readings that breached the rule so far
    breached_at: datetime | None
    breach_sentence: str
    is_late: bool
    is_of_reading: bool
    acknowledged_at: datetime | None
    snoozed_at: datetime | None
    snoozed_until: datetime | None
    escalated_at: datetime | None
    returned_at: datetime | None
    return_count: int
    in_range_at: datetime | None
    completed_at: datetime | None
    disposition: Disposition | None
    disposition_note: str | None
    follows_task_id: UUID | None
    schedule_id: UUID | None
    row_version: int  # goes into every form; an older one is refused

    def is_snoozed(self, now: datetime) -> bool:
        """Say whether somebody lets it wait at this instant."""
        return (
            self.status is TaskStatus.OPEN
            and self.snoozed_until is not None
            and self.snoozed_until > now
        )

    @property
    def dispositions(self) -> tuple[Disposition, ...]:
        """Return how it can end."""
        return OF_PLANNED_TASKS if self.episode_id is None else OF_ALERTS

    @property
    def since(self) -> datetime:
        """Return when it began to wait for somebody: when it was opened, or came back."""
        return self.returned_at or self.opened_at


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent:
    """One line of a task's history.

    Attributes:
        staff_id: Who did it; None: the evaluator, or the clock.
        disposition: What a completed task was completed with, also when it came back later.
        until_at: Until when it was snoozed.
        owner_name: To whom it was assigned, or from whom it fell back.
    """

    at: datetime
    event: TaskEventKind
    staff_id: UUID | None
    staff_name: str | None
    note: str
    disposition: Disposition | None = None
    until_at: datetime | None = None
    owner_name: str | None = None
