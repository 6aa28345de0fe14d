"""The worklist's tabs, their order and their counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.measures import Severity
from ccm_link import work
from ccm_link.minutes.time_entry import Limits
from ccm_link.task import snoozing, tasks, worklist
from ccm_link.task.worklist import Tab, Viewer
from ingest import named_queries, tenancy
from ingest.tenancy import Scope

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
                limits=Limits(HOUR),
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


@pytest.mark.parametrize(
    ("statement", "index", "more"),
    [
        pytest.param("load_open", "task_in_order", {}, id="needs action"),
        pytest.param("load_of_severity", "task_worklist", {"severity": "clinical"}, id="clinical"),
    ],
)
def test_an_open_tab_is_read_by_its_index_behind_the_walls(
    clinic: Any, noon: Any, statement: str, index: str, more: dict[str, Any]
) -> None:
    """The page is chosen by the index alone: of what it leaves out nothing is sorted, nor looked up elsewhere."""
    clinic.console.execute("set enable_seqscan = off")
    clinic.console.execute("set enable_bitmapscan = off")
    asked = {"practice_id": clinic.practice_id, "at": noon, "limit": 200} | more
    query = named_queries.load("ccm_link.task", "worklist")
    plan = clinic.console.execute("explain " + getattr(query, statement), asked).fetchall()
    told = [line for (line,) in plan]
    page = told[next(n for n, line in enumerate(told) if "CTE page" in line) :]
    scan = next(n for n, line in enumerate(page) if f"using {index} on task" in line)
    assert "Index Cond" in page[scan + 1]
    assert not any(
        "Sort" in line or "Join" in line or "Nested Loop" in line for line in page[:scan]
    )


def test_all_open_tasks_are_counted_by_an_index_alone(clinic: Any) -> None:
    clinic.open_task()
    clinic.evaluator.commit()
    clinic.console.execute("set enable_seqscan = off")
    clinic.console.execute("set enable_bitmapscan = off")
    plan = clinic.console.execute(
        "explain select severity, count(*) from ccm.task where practice_id = %s and status = 'open' group by severity",
        (clinic.practice_id,),
    ).fetchall()
    assert any("Index Only Scan using task_by_severity" in line for (line,) in plan), plan


def test_who_is_not_active_or_hidden_is_in_no_tab_and_no_count(clinic: Any, noon: Any) -> None:
    clinic.open_task(clinic.patient)
    clinic.open_task(clinic.other_patient)
    clinic.open_task(clinic.other_patient, severity=Severity.OUTREACH)
    clinic.evaluator.commit()
    looking = viewer(clinic, noon)
    with clinic.owner.transaction():
        clinic.owner.execute(
            "update ingest.patient set standing = 'inactive', standing_since = %s where patient_id = %s",
            (noon, clinic.patient),
        )
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        assert len(worklist.tasks_of(cur, looking, Tab.NEEDS_ACTION)) == 2
        assert worklist.counts(cur, looking)[Tab.NEEDS_ACTION] == 2
    with clinic.owner.transaction():
        clinic.owner.execute(
            "insert into ingest.restriction (practice_id, patient_id, restricted_at, reason, restricted_by)"
            " values (%s, %s, %s, 'Works here.', %s)",
            (clinic.practice_id, clinic.other_patient, noon, clinic.ada),
        )
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        tenancy.enter(cur, Scope((clinic.practice_id,), staff_id=clinic.ben))
        assert worklist.tasks_of(cur, looking, Tab.NEEDS_ACTION) == []
        assert set(worklist.counts(cur, looking).values()) == {0}
        assert worklist.hidden_count(cur, clinic.practice_id) == 2
        # The count forgot for itself alone who asks.
        assert cur.execute("select count(*) from ccm.task").fetchone() == (1,)
