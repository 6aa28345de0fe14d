"""The worklist's tabs, their order and their counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.measures import Severity
from ccm_link import snoozing, tasks, work, worklist
from ccm_link.worklist import Tab, Viewer

pytestmark = pytest.mark.db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def viewer(clinic: Any, at: Any) -> Viewer:
    return Viewer(clinic.practice_id, clinic.ada, at, ZoneInfo("America/New_York"))


def test_each_tab_has_its_tasks_in_order_and_its_count(clinic: Any, noon: Any) -> None:
    opened = {
        "technical": clinic.open_task(severity=Severity.TECHNICAL, due_in=MINUTE),
        "outreach": clinic.open_task(severity=Severity.OUTREACH, due_in=2 * MINUTE),
        "late": clinic.open_task(severity=Severity.CLINICAL, due_in=3 * MINUTE),
        "later": clinic.open_task(severity=Severity.CLINICAL, due_in=4 * MINUTE),
        "mine": clinic.open_task(severity=Severity.CLINICAL, due_in=5 * MINUTE),
        "waiting": clinic.open_task(severity=Severity.CLINICAL, due_in=6 * MINUTE),
        "done": clinic.open_task(severity=Severity.CLINICAL, due_in=7 * MINUTE),
        "done yesterday": clinic.open_task(severity=Severity.CLINICAL, due_in=8 * MINUTE),
        "urgent": clinic.open_task(clinic.other_patient, due_in=60 * MINUTE),
    }
    names = {task_id: name for name, task_id in opened.items()}
    with clinic.console.cursor() as cur:
        for name in ("mine", "waiting"):
            tasks.claim(cur, clinic.practice_id, opened[name], clinic.ada, 1, noon)
        snoozing.snooze(
            cur,
            clinic.practice_id,
            opened["waiting"],
            clinic.ada,
            2,
            until_at=noon + HOUR,
            reason="She is at work.",
            at=noon,
        )
        for name, at in (("done", noon), ("done yesterday", noon - 13 * HOUR)):
            tasks.complete(
                cur,
                clinic.practice_id,
                opened[name],
                clinic.ada,
                1,
                work.Disposition.NOT_REACHED,
                "Twice.",
                at,
                timer_limit=HOUR,
            )
        looking = viewer(clinic, noon + MINUTE)
        shown = {
            tab: [names[task.task_id] for task in worklist.tasks_of(cur, looking, tab)]
            for tab in Tab
        }
        assert shown == {
            Tab.NEEDS_ACTION: ["urgent", "late", "later", "mine", "outreach", "technical"],
            Tab.URGENT: ["urgent"],
            Tab.CLINICAL: ["late", "later", "mine"],
            Tab.OUTREACH: ["outreach"],
            Tab.TECHNICAL: ["technical"],
            Tab.SNOOZED: ["waiting"],
            Tab.MINE: ["mine", "waiting"],
            Tab.RESOLVED_TODAY: ["done"],  # since midnight in New York
        }
        counts = worklist.counts(cur, looking)
        assert counts == {tab: len(found) for tab, found in shown.items()}
        assert len(worklist.tasks_of(cur, looking, Tab.NEEDS_ACTION, limit=2)) == 2
        # A snooze ends by itself.
        after = viewer(clinic, noon + HOUR)
        assert [names[t.task_id] for t in worklist.tasks_of(cur, after, Tab.SNOOZED)] == []
        assert worklist.counts(cur, after)[Tab.CLINICAL] == 4
        assert worklist.hidden_count(cur, clinic.practice_id) == 0
        today = worklist.measured_today(cur, clinic.practice_id, noon)
        assert (today.in_care, today.measured_today) == (2, 0)
        grouped = worklist.by_patient(worklist.tasks_of(cur, looking, Tab.NEEDS_ACTION))
        assert [(one.patient_id, len(one.tasks)) for one in grouped] == [
            (clinic.other_patient, 1),
            (clinic.patient, 5),
        ]


def test_the_open_worklist_is_read_by_its_index_behind_the_walls(clinic: Any) -> None:
    clinic.console.execute("set enable_seqscan = off")
    clinic.console.execute("set enable_sort = off")
    clinic.console.execute("set enable_bitmapscan = off")
    plan = clinic.console.execute(
        "explain select task_id from ccm.task where practice_id = %s and status = 'open'"
        " and ccm.severity_order(severity) = 2"
        " order by ccm.severity_order(severity), due_at, task_id limit 200",
        (clinic.practice_id,),
    ).fetchall()
    told = [line.strip() for (line,) in plan]
    assert any("task_worklist" in line for line in told)
    assert any(line.startswith("Index Cond") and "CASE severity" in line for line in told), told
    assert not any("Sort" in line for line in told)
