"""How the console speaks of planned tasks, schedules and cover. Pure; no colour, no markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from alerts.measures import Severity
from ccm_link.task.recurrence import Recurrence, Unit
from ingest.access import Colleague
from ingest.people import Role

FIELDS: Final = {
    "complete-next_title": "What is to follow",
    "complete-next_reason": "Why",
    "complete-next_severity": "How it matters",
    "complete-next_due_on": "Until the day",
    "complete-next_due_time": "Until the time",
    "complete-next_for_whom": "For whom",
    "cover-covered_by": "Who stands in",
    "cover-staff_id": "Who is away",
    "cover-from_on": "From the day on",
    "cover-until_on": "Until the day, included",
    "due_after_days": "Days until it is due",
    "due_on": "Until the day",
    "due_time": "Until the time",
    "every": "Every",
    "hand-over-from_staff_id": "Whose tasks",
    "hand-over-to_whom": "To whom",
    "open-task-severity": "How it matters",
    "open-task-reason": "Why",
    "program": "Program",
    "set-up-first_on": "First day",
    "set-up-severity": "How it matters",
    "set-up-reason": "Why",
    "set-up-until_on": "Last day",
    "open-task-title": "What is to be done",
    "set-up-title": "What is to be done",
    "unit": "Days, weeks or months",
}

SEVERITIES: Final = (
    (Severity.CLINICAL, "Clinical"),
    (Severity.OUTREACH, "Outreach"),
    (Severity.TECHNICAL, "Technical"),
)
UNITS: Final = ((Unit.DAY, "days"), (Unit.WEEK, "weeks"), (Unit.MONTH, "months"))
_GROUPS: Final = (
    (str(Role.CARE_MANAGER), "any care manager"),
    (str(Role.CLINICIAN), "any clinician"),
    ("anybody", "anybody who works with patients"),
)


def every(of: Recurrence) -> str:
    """Return how often something comes: "every month", "every 3 weeks"."""
    return f"every {of.unit}" if of.every == 1 else f"every {of.every} {of.unit}s"


def for_whom(
    colleagues: Iterable[Colleague], asking: UUID, care_manager: UUID | None
) -> list[tuple[str, str]]:
    """Return for whom a task of a patient can be, the patient's named care manager first."""
    named = {str(one.staff_id): one.display_name for one in colleagues if one.staff_id != asking}
    choices = [("me", "me"), *named.items(), *_GROUPS]
    if care_manager == asking:
        choices[0] = ("me", "me, the patient's care manager")
    elif str(care_manager) in named:
        name = named[str(care_manager)]
        first = (str(care_manager), f"{name}, the patient's care manager")
        choices = [first, *(one for one in choices if one[0] != first[0])]
    return choices


def for_whom_of_program(colleagues: Iterable[Colleague]) -> list[tuple[str, str]]:
    """Return for whom the tasks of a program's schedule can be."""
    named = [(str(one.staff_id), one.display_name) for one in colleagues]
    return [("the_care_manager", "each patient's care manager"), *_GROUPS, *named]
