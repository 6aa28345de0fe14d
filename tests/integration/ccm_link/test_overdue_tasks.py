"""Tasks whose time is over: marked once, given back where no alert watches them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from alerts.measures import Severity
from ccm_link import work
from ccm_link.minutes import timers
from ccm_link.minutes.time_entry import Limits
from ccm_link.task import overdue_tasks, planned_tasks, snoozing, tasks
from ccm_link.work import Origin, TaskEventKind

pytestmark = pytest.mark.db

HOUR = timedelta(hours=1)
GRACE = {
    Severity.URGENT: timedelta(0),
    Severity.CLINICAL: 4 * HOUR,
    Severity.OUTREACH: 24 * HOUR,
    Severity.TECHNICAL: 24 * HOUR,
}


def opened(clinic: Any, noon: datetime, **given: Any) -> work.Task:
    asked: dict[str, Any] = {
        "origin": Origin.BY_HAND,
        "title": "Call",
        "severity": Severity.CLINICAL,
        "due_at": noon + HOUR,
        "owner_staff_id": clinic.ada,
        "made_by": clinic.ada,
        "reason": "",
        "at": noon,
    }
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        task_id = planned_tasks.open_task(
            cur, clinic.practice_id, clinic.patient, **(asked | given)
        )
        return tasks.known(cur, clinic.practice_id, task_id)


def mark(clinic: Any, at: datetime) -> int:
    with clinic.database.connect("homevitals_scheduler", clinic.practice_id) as connection:
        return overdue_tasks.mark(connection.cursor(), clinic.practice_id, GRACE, at)


def now(clinic: Any, task: work.Task) -> work.Task:
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        return tasks.known(cur, clinic.practice_id, task.task_id)


def test_a_planned_task_is_marked_once_and_given_back(clinic: Any, noon: datetime) -> None:
    task = opened(clinic, noon)
    assert mark(clinic, noon + 5 * HOUR - timedelta(seconds=1)) == 0
    assert mark(clinic, noon + 5 * HOUR) == 1
    assert mark(clinic, noon + 6 * HOUR) == 0
    after = now(clinic, task)
    assert (after.overdue_at, after.owner_staff_id) == (noon + 5 * HOUR, None)
    assert after.row_version == task.row_version + 1
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        last = tasks.events(cur, clinic.practice_id, task.task_id)[-1]
    assert (last.event, last.staff_id, last.owner_name) == (TaskEventKind.OVERDUE, None, "Ada")
    assert clinic.owner.execute("select count(*) from alerts.notification").fetchone() == (0,)


def test_the_task_of_an_alert_stays_its_owners(clinic: Any, noon: datetime) -> None:
    task_id = clinic.open_task(due_in=HOUR)
    clinic.evaluator.commit()
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        task = tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, noon)
    assert mark(clinic, noon + HOUR) == 1
    after = now(clinic, task)
    assert (after.owner_staff_id, after.acknowledged_at, after.row_version) == (
        clinic.ada,
        noon,
        task.row_version,
    )
    assert after.overdue_at == noon + HOUR


def test_what_waits_is_worked_on_or_has_no_time_is_not_overdue(clinic: Any, noon: datetime) -> None:
    waiting = opened(clinic, noon)
    worked_on = opened(clinic, noon, severity=Severity.OUTREACH)
    opened(clinic, noon, due_at=None)
    opened(clinic, noon, severity=Severity.TECHNICAL, due_at=noon + 48 * HOUR)
    at = noon + 26 * HOUR
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        snoozing.snooze(
            cur,
            clinic.practice_id,
            waiting.task_id,
            clinic.ada,
            waiting.row_version,
            until_at=at + HOUR,
            reason="After the weekend.",
            at=at - 20 * HOUR,
        )
        timers.start(
            cur,
            clinic.practice_id,
            clinic.ada,
            clinic.patient,
            program="ccm",
            activity=work.Activity.PHONE_CALL,
            at=at - HOUR,
            limits=Limits(8 * HOUR),
            task_id=worked_on.task_id,
        )
    assert mark(clinic, at) == 0
    assert mark(clinic, at + 2 * HOUR) == 2  # the wait is over, and the timer was forgotten
