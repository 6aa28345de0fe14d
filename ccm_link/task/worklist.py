"""The worklist: who needs somebody now, in tabs, the tasks of one patient together.

Instants are aware. A practice's day begins at midnight by its own clocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import dict_row, kwargs_row

from alerts.measures import Severity
from ccm_link import store, work
from ccm_link.task import task_store, tasks
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.task", "worklist")


class Tab(StrEnum):
    """Which tasks are shown."""

    NEEDS_ACTION = "needs_action"  # all that are open and do not wait
    URGENT = "urgent"
    CLINICAL = "clinical"
    OUTREACH = "outreach"
    TECHNICAL = "technical"
    SNOOZED = "snoozed"
    MINE = "mine"  # also those that wait, and those of a colleague for whom one stands in
    RESOLVED_TODAY = "resolved_today"


_OF_SEVERITY: Final[Mapping[Tab, Severity]] = {
    Tab.URGENT: Severity.URGENT,
    Tab.CLINICAL: Severity.CLINICAL,
    Tab.OUTREACH: Severity.OUTREACH,
    Tab.TECHNICAL: Severity.TECHNICAL,
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at the worklist of which practice, when, and by which clocks the day begins."""

    practice_id: UUID
    staff_id: UUID
    at: datetime
    zone: ZoneInfo
    stands_in_for: frozenset[UUID] = frozenset()

    @property
    def owner_staff_ids(self) -> list[UUID]:
        """Return whose tasks are theirs to do."""
        return [self.staff_id, *sorted(self.stands_in_for)]

    @property
    def midnight(self) -> datetime:
        """Return when the practice's day began (UTC)."""
        today = self.at.astimezone(self.zone).date()
        return datetime.combine(today, time(), tzinfo=self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class PatientsTasks:
    """The tasks of one patient that stand in a list, in its order."""

    patient_id: UUID
    tasks: tuple[work.Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredToday:
    """How many patients are in care, and how many of them have measured today, wherever they live."""

    in_care: int
    measured_today: int


def tasks_of(
    cur: store.Cursor, viewer: Viewer, tab: Tab, limit: int = tasks.MOST_SHOWN
) -> list[work.Task]:
    """Return the tasks of a tab in their order; of what is resolved, the newest first.

    Urgent comes first, then what the clock found overdue, then what is due, last what has no due time; in each the
    severer, then what is due first.
    """
    asked: dict[str, Any] = {"practice_id": viewer.practice_id, "limit": limit}
    match tab:
        case Tab.RESOLVED_TODAY:
            statement = _Q.load_completed_since
            asked |= {"since": viewer.midnight}
        case Tab.SNOOZED:
            statement = _Q.load_snoozed
            asked |= {"at": viewer.at}
        case Tab.MINE:
            statement = _Q.load_of_owners
            asked |= {"owner_staff_ids": viewer.owner_staff_ids}
        case Tab.NEEDS_ACTION:
            statement = _Q.load_open
            asked |= {"at": viewer.at}
        case Tab.URGENT | Tab.CLINICAL | Tab.OUTREACH | Tab.TECHNICAL:
            statement = _Q.load_of_severity
            asked |= {"severity": _OF_SEVERITY[tab], "at": viewer.at}
    with cur.connection.cursor(row_factory=kwargs_row(task_store.as_task)) as rows:
        return rows.execute(statement, asked).fetchall()


def counts(cur: store.Cursor, viewer: Viewer) -> dict[Tab, int]:
    """Count the tasks of each tab, also those beyond the limit of the list."""
    asked = {
        "practice_id": viewer.practice_id,
        "owner_staff_ids": viewer.owner_staff_ids,
        "at": viewer.at,
        "since": viewer.midnight,
    }
    with cur.connection.cursor(row_factory=dict_row) as rows:
        found = rows.execute(_Q.count_tasks, asked).fetchone() or {}
    return {tab: int(found.get(tab, 0)) for tab in Tab}


def hidden_count(cur: store.Cursor, practice_id: UUID) -> int:
    """Count the open tasks of restricted patients whom the member of staff in force does not see."""
    cur.execute(_Q.count_hidden, {"practice_id": practice_id})
    row = cur.fetchone()
    return 0 if row is None else int(row[0])


def measured_today(cur: store.Cursor, practice_id: UUID, at: datetime) -> MeasuredToday:
    """Count the patients in care, and those of them who have measured today."""
    with cur.connection.cursor(row_factory=kwargs_row(MeasuredToday)) as rows:
        found = rows.execute(
            _Q.count_measured_today, {"practice_id": practice_id, "at": at}
        ).fetchone()
    return found or MeasuredToday(in_care=0, measured_today=0)


def by_patient(listed: Iterable[work.Task]) -> list[PatientsTasks]:
    """Put the tasks of one patient together, each patient where their first task stands. Pure."""
    together: dict[UUID, list[work.Task]] = {}
    for task in listed:
        together.setdefault(task.patient_id, []).append(task)
    return [PatientsTasks(patient_id, tuple(found)) for patient_id, found in together.items()]
