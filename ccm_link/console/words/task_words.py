"""How the console speaks of tasks: tabs, marks, what happened to one. Pure; no colour, no markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from alerts import lifecycle
from alerts.episode import EpisodeEventKind
from alerts.measures import Severity
from ccm_link.console.words import wording
from ccm_link.console.words.reading_words import Mark
from ccm_link.task import planned_tasks
from ccm_link.task.task_history import Line
from ccm_link.task.worklist import MeasuredToday, Tab
from ccm_link.work import Origin, Task, TaskEventKind, TaskStatus
from ingest.people import Role

TABS: Final[Mapping[Tab, str]] = {
    Tab.NEEDS_ACTION: "Needs action",
    Tab.URGENT: "Urgent",
    Tab.CLINICAL: "Clinical",
    Tab.OUTREACH: "Missed readings",
    Tab.TECHNICAL: "Device and technical",
    Tab.SNOOZED: "Snoozed",
    Tab.MINE: "Mine",
    Tab.RESOLVED_TODAY: "Resolved today",
}

_NOTHING_IN: Final[Mapping[Tab, str]] = {
    Tab.NEEDS_ACTION: "No one needs action",
    Tab.URGENT: "Nothing urgent waits",
    Tab.CLINICAL: "No clinical alert waits",
    Tab.OUTREACH: "No missed readings wait for anybody",
    Tab.TECHNICAL: "No device needs anybody",
    Tab.SNOOZED: "Nothing is snoozed",
    Tab.MINE: "No task is yours",
    Tab.RESOLVED_TODAY: "Nothing was resolved today yet",
}

# In minutes; what a severity does not allow is not offered.
_WAITS: Final = tuple(
    timedelta(minutes=minutes)
    for minutes in (10, 30, 60, 4 * 60, 24 * 60, 3 * 24 * 60, 7 * 24 * 60)
)

# What somebody did with “it”.
_DEEDS: Final[Mapping[TaskEventKind, str]] = {
    TaskEventKind.OPENED: "opened",
    TaskEventKind.CLAIMED: "claimed",
    TaskEventKind.RELEASED: "released",
    TaskEventKind.ASSIGNED: "assigned",
    TaskEventKind.SNOOZED: "snoozed",
    TaskEventKind.SNOOZE_ENDED: "ended the snooze of",
    TaskEventKind.ESCALATED: "escalated",
    TaskEventKind.FELL_BACK: "gave back",
    TaskEventKind.COMPLETED: "completed",
    TaskEventKind.RETURNED: "brought back",
    TaskEventKind.OVERDUE: "marked",
    TaskEventKind.FOLLOWED_UP: "opened what follows",
}
# Where the history says it otherwise than with the deed.
_HAPPENED: Final[Mapping[TaskEventKind, str]] = {
    TaskEventKind.SNOOZE_ENDED: "Snooze ended",
    TaskEventKind.RETURNED: "Brought back",
    TaskEventKind.OVERDUE: "Found overdue",
    TaskEventKind.FOLLOWED_UP: "Followed by another task",
}
_BY_THE_CLOCK: Final = frozenset({TaskEventKind.FELL_BACK, TaskEventKind.OVERDUE})

_ORIGINS: Final[Mapping[Origin, str]] = {
    Origin.ALERT: "An alert",
    Origin.BY_HAND: "Opened by hand",
    Origin.SCHEDULE: "Opened by a schedule",
    Origin.FOLLOW_UP: "Follows another task",
    Origin.TRANSITION: "A discharge",
}

_BY_READINGS: Final[Mapping[EpisodeEventKind, str]] = {
    EpisodeEventKind.BREACHED_LATE: "Breached by a reading that came late",
    EpisodeEventKind.IN_RANGE: "Back in range",
    EpisodeEventKind.READING_WITHDRAWN: "A reading was withdrawn",
    EpisodeEventKind.CORRECTED: "A reading was corrected and breaches the rule still",
}


def group(role: Role) -> str:
    """Return whose a task can be that is nobody's yet: "care managers"."""
    return planned_tasks.GROUPS[role]


def origin(of: Origin) -> str:
    """Return what made a task, without a full stop: "Opened by hand"."""
    return _ORIGINS[of]


def nothing_in(tab: Tab) -> str:
    """Return what a tab without tasks says, without a full stop."""
    return _NOTHING_IN[tab]


def measured(today: MeasuredToday) -> str:
    """Return "2 of 3 patients in care have measured today."."""
    verb = "has" if today.measured_today == 1 else "have"
    return (
        f"{today.measured_today:,} of {wording.count(today.in_care, 'patient')} in care {verb}"
        " measured today."
    )


def waits(*severities: Severity) -> list[tuple[int, str]]:
    """Return for how long tasks of these severities can wait, in minutes and in words."""
    most = min(lifecycle.SNOOZE_LIMITS[severity] for severity in severities)
    return [
        (round(wait / timedelta(minutes=1)), wording.span(wait.total_seconds()))
        for wait in _WAITS
        if wait <= most
    ]


def marks(task: Task, now: datetime, zone: ZoneInfo) -> Iterator[Mark]:
    """Yield what has to be known of a task at a glance besides its severity."""
    if task.return_count:
        times = "" if task.return_count == 1 else f", {task.return_count} times"
        yield Mark(f"back again{times}", "A breach soon after it was completed opened it again.")
    if task.overdue_at is not None and task.status is TaskStatus.OPEN:
        yield Mark("overdue", f"The clock found it overdue {wording.ago(task.overdue_at, now)}.")
    if task.escalated_at is not None and task.escalated_at >= task.since:
        yield Mark("became severer", f"It was raised {wording.ago(task.escalated_at, now)}.")
    if task.is_late:
        yield Mark("late", "The newest reading came long after it was measured.")
    if task.in_range_at is not None:
        since = wording.moment(task.in_range_at, zone)
        yield Mark(
            "back in range", f"Since {since}; it stays until somebody looks.", is_caution=False
        )
    if task.is_snoozed(now) and task.snoozed_until is not None:
        yield Mark(
            f"snoozed until {wording.moment(task.snoozed_until, zone)}",
            "It is seen again by itself.",
            is_caution=False,
        )
    is_waiting_for_owner = task.owner_staff_id is not None and task.acknowledged_at is None
    if task.status is TaskStatus.OPEN and is_waiting_for_owner:
        yield Mark("assigned", "Its owner has not taken it on yet.", is_caution=False)


def doer(
    staff_name: str | None, event: TaskEventKind | EpisodeEventKind, origin: Origin = Origin.ALERT
) -> str:
    """Return who did something to a task of an origin."""
    if staff_name:
        return staff_name
    if event in _BY_THE_CLOCK or origin is Origin.SCHEDULE:
        return "the clock"
    return "the alert rules" if origin is Origin.ALERT else "the program"


def is_deed(event: TaskEventKind | EpisodeEventKind) -> bool:
    """Say whether somebody or something did it; a reading only arrives."""
    return isinstance(event, TaskEventKind)


def deed(event: TaskEventKind) -> str:
    """Return what somebody did with a task: "claimed" (it)."""
    return _DEEDS[event]


def happened(line: Line, zone: ZoneInfo) -> str:
    """Return what a line of a history tells, without who did it: "Assigned to Robin"."""
    event = line.event
    if event is EpisodeEventKind.BREACHED_AGAIN:
        return "Breached again" if line.count == 1 else f"Breached again, {line.count} times"
    if isinstance(event, EpisodeEventKind):
        return _BY_READINGS.get(event, event.replace("_", " ").capitalize())
    return _happened_to_task(line, event, zone)


def _happened_to_task(line: Line, event: TaskEventKind, zone: ZoneInfo) -> str:
    match event:
        case TaskEventKind.ASSIGNED:
            return f"Assigned to {line.owner_name}"
        case TaskEventKind.SNOOZED if line.until_at is not None:
            return f"Snoozed until {wording.moment(line.until_at, zone)}"
        case TaskEventKind.FELL_BACK:
            return f"Taken back from {line.owner_name}"
        case TaskEventKind.COMPLETED if line.disposition is not None:
            return f"Completed ({wording.disposition(line.disposition)})"
        case TaskEventKind.OPENED if line.owner_name:
            return f"Opened for {line.owner_name}"
        case TaskEventKind.OVERDUE if line.owner_name:
            return f"Overdue, taken back from {line.owner_name}"
        case _:
            return _HAPPENED.get(event) or wording.sentence_case(_DEEDS[event])
