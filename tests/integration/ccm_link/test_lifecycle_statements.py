"""Each statement about episodes' and tasks' lives runs on both engines, with the rights of the role that needs it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest

from ingest import named_queries

pytestmark = pytest.mark.db

Runs = dict[str, tuple[tuple[str, ...], dict[str, Any]]]

AT, ID, COLLEAGUE = datetime(2026, 3, 10, tzinfo=UTC), uuid4(), uuid4()
CONSOLE, ALERTS, SCHEDULER = "homevitals_console", "homevitals_alerts", "homevitals_scheduler"
EPISODE = {"practice_id": ID, "episode_id": ID}
DEED = EPISODE | {"staff_id": ID, "at": AT}
EVENT = DEED | {"event": "fell_back", "note": "", "staff_id": None, "owner_id": None}

# Statement → the roles that need it, parameters.
LIFECYCLE: Runs = {
    "lock_episode": ((CONSOLE,), EPISODE),
    "acknowledge": ((CONSOLE,), DEED),
    "take_back": ((CONSOLE,), DEED),
    "snooze": ((CONSOLE,), DEED | {"until_at": AT + timedelta(minutes=5)}),
    "end_snooze": ((CONSOLE, ALERTS), DEED),
    "start_anew": ((ALERTS,), EPISODE),
    "fall_back": ((SCHEDULER,), DEED),
    "insert_deed": ((CONSOLE, ALERTS, SCHEDULER), EVENT),
}
QUIET_TASKS: Runs = {
    "load_quiet": (
        (SCHEDULER,),
        {
            "practice_id": ID,
            "severities": ["urgent"],
            "quiet_before": [AT],
            "timers_since": AT,
            "limit": 1,
        },
    ),
    "give_back": (
        (SCHEDULER,),
        {"practice_id": ID, "task_id": ID, "owner_staff_id": ID, "row_version": 1},
    ),
}
LISTED = {"practice_id": ID, "at": AT, "limit": 1}
WORKLIST: Runs = {
    "load_open": ((CONSOLE,), LISTED),
    "load_of_severity": ((CONSOLE,), LISTED | {"severity": "urgent"}),
    "load_of_owners": ((CONSOLE,), {"practice_id": ID, "owner_staff_ids": [ID], "limit": 1}),
    "load_snoozed": ((CONSOLE,), LISTED),
    "load_completed_since": ((CONSOLE,), {"practice_id": ID, "since": AT, "limit": 1}),
    "count_tasks": (
        (CONSOLE,),
        {"practice_id": ID, "owner_staff_ids": [ID], "at": AT, "since": AT},
    ),
    "count_hidden": ((CONSOLE,), {"practice_id": ID}),
    "count_measured_today": ((CONSOLE,), {"practice_id": ID, "at": AT}),
}
TASK = {"practice_id": ID, "task_id": ID}
SEEN = TASK | {"staff_id": ID, "row_version": 1}
SEVERER = EPISODE | {"title": "t", "severity": "urgent", "due_at": AT}
TASK_STORE: Runs = {
    "insert": ((ALERTS,), SEVERER | {"patient_id": ID, "opened_at": AT}),
    "insert_event": (
        (CONSOLE, ALERTS, SCHEDULER),
        TASK
        | dict.fromkeys(("staff_id", "disposition", "until_at", "owner_staff_id"))
        | {"at": AT, "event": "fell_back", "note": ""},
    ),
    "escalate": ((ALERTS,), SEVERER),
    "reopen": ((ALERTS,), SEVERER),
    "load_id_of_episode": ((ALERTS,), EPISODE),
    "load": ((CONSOLE,), TASK),
    "load_of_episode": ((CONSOLE,), EPISODE),
    "load_of_patient": ((CONSOLE,), {"practice_id": ID, "patient_id": ID, "limit": 1}),
    "load_events": ((CONSOLE,), TASK),
    "lock_task": ((CONSOLE,), TASK),
    "stand": (
        (CONSOLE,),
        TASK | {"acknowledged_at": AT, "snoozed_at": None, "snoozed_until": None},
    ),
    "claim": ((CONSOLE,), SEEN | {"at": AT}),
    "assign": ((CONSOLE,), TASK | {"owner_staff_id": ID, "row_version": 1}),
    "load_colleagues": ((CONSOLE,), {"practice_id": ID, "patient_id": ID}),
    "touch": ((CONSOLE,), SEEN),
    "release": ((CONSOLE,), TASK | {"row_version": 1}),
    "complete": ((CONSOLE,), SEEN | {"at": AT, "disposition": "not_reached", "note": "Twice."}),
}
PRACTICE = {"practice_id": ID}
NEW_TASK = {
    "patient_id": ID,
    "subject": "x",
    "title": "t",
    "why": "",
    "severity": "outreach",
    "candidate_role": None,
    "owner_staff_id": None,
    "opened_at": AT,
    "due_at": AT,
}
PLANNED_TASKS: Runs = {
    "open_task": (
        (CONSOLE,),
        PRACTICE
        | NEW_TASK
        | {"origin": "by_hand", "made_by": ID, "acknowledged_at": None, "follows_task_id": None},
    ),
    "id_of_subject": ((CONSOLE,), PRACTICE | {"origin": "by_hand", "subject": "x"}),
    "follow_ups": ((CONSOLE,), TASK),
}
SCHEDULE = {"practice_id": ID, "schedule_id": ID, "patient_id": None}
NEW_SCHEDULE = {
    "program": "ccm",
    "to_care_manager": False,
    "every": 1,
    "unit": "month",
    "first_on": AT.date(),
    "until_on": None,
    "due_after_days": 0,
    "due_time": AT.time(),
    "made_by": ID,
    "at": AT,
}
TASK_SCHEDULES: Runs = {
    "set_up": ((CONSOLE,), PRACTICE | NEW_TASK | NEW_SCHEDULE),
    "end_schedule": ((CONSOLE,), SCHEDULE | {"staff_id": ID, "reason": "x", "at": AT}),
    "end_all": ((CONSOLE,), SCHEDULE | {"reason": "x", "at": AT}),
    "programs": ((CONSOLE,), PRACTICE | {"at": AT}),
    "load_of_patient": ((CONSOLE,), SCHEDULE),
}
SCHEDULED_TASKS: Runs = {
    "load_in_force": ((SCHEDULER,), PRACTICE | {"today": AT.date(), "at": AT}),
    "load_due": (
        (SCHEDULER,),
        SCHEDULE
        | {"program": "ccm", "made_at": AT, "occurs_on": AT.date(), "day_ends_at": AT}
        | {"at": AT, "limit": 1},
    ),
    "open_task": (
        (SCHEDULER,),
        PRACTICE | NEW_TASK | {"schedule_id": None, "occurs_on": None},
    ),
}
OVERDUE_TASKS: Runs = {
    "load_overdue": (
        (SCHEDULER,),
        PRACTICE
        | {"severities": ["urgent"], "due_before": [AT], "timers_since": AT, "at": AT, "limit": 1},
    ),
    "mark": ((SCHEDULER,), TASK | {"at": AT}),
}
COVER: Runs = {
    "arrange": (
        (CONSOLE,),
        PRACTICE
        | {"staff_id": ID, "covered_by": COLLEAGUE, "starts_at": AT, "made_by": ID, "at": AT}
        | {"ends_at": AT + timedelta(days=1)},
    ),
    "call_off": ((CONSOLE,), PRACTICE | {"cover_id": ID, "staff_id": ID, "at": AT}),
    "load_to_come": ((CONSOLE,), PRACTICE | {"at": AT}),
    "stands_in_for": ((CONSOLE,), PRACTICE | {"staff_id": ID, "at": AT}),
    "load_open_tasks": ((CONSOLE,), PRACTICE | {"staff_id": ID, "limit": 1}),
    "count_open_tasks": ((CONSOLE,), PRACTICE),
}
SUBJECTS = {
    ("ccm_link.task", "planned_tasks"): PLANNED_TASKS,
    ("ccm_link.task", "task_schedules"): TASK_SCHEDULES,
    ("ccm_link.task", "scheduled_tasks"): SCHEDULED_TASKS,
    ("ccm_link.task", "overdue_tasks"): OVERDUE_TASKS,
    ("ccm_link.task", "cover"): COVER,
    ("ccm_link.task", "task_store"): TASK_STORE,
    ("alerts", "lifecycle"): LIFECYCLE,
    ("ccm_link.task", "quiet_tasks"): QUIET_TASKS,
    ("ccm_link.task", "worklist"): WORKLIST,
}


@pytest.mark.parametrize(("package", "subject"), SUBJECTS)
def test_every_statement_is_used_and_tried(package: str, subject: str) -> None:
    text = (resources.files(package) / f"{subject}.py").read_text()
    statements = set(named_queries.load(package, subject))
    assert set(re.findall(r"_Q\.(\w+)", text)) == statements
    assert set(SUBJECTS[package, subject]) == statements


def test_every_statement_runs(database: Any, subtests: pytest.Subtests) -> None:
    with database.connect() as admin:
        admin.execute(
            "set session_replication_role = replica"
        )  # an event needs its episode and staff, these nothing
        admin.execute(
            "insert into alerts.episode (practice_id, episode_id, patient_id, rule_id, rule_version, family, severity,"
            " opened_at, breached_at) values (%(id)s, %(id)s, %(id)s, %(id)s, 1, 'x', 'urgent', %(at)s, %(at)s)",
            {"id": ID, "at": AT},
        )
        admin.execute(
            "insert into ccm.task (practice_id, task_id, patient_id, episode_id, title, severity, opened_at, due_at)"
            " values (%(id)s, %(id)s, %(id)s, %(other)s, 't', 'clinical', %(at)s, %(at)s)",
            {"id": ID, "other": uuid4(), "at": AT},
        )
        admin.execute(
            "insert into ingest.patient (practice_id, patient_id, display_name, born_on, record_number, time_zone)"
            " values (%(id)s, %(id)s, 'Ada', '1950-01-01', '1', 'UTC')",
            {"id": ID},
        )
        admin.execute(
            "insert into ingest.staff (practice_id, staff_id, sign_in_name, display_name, role)"
            " values (%(id)s, %(id)s, 'casey', 'Casey', 'care_manager'),"
            " (%(id)s, %(colleague)s, 'robin', 'Robin', 'clinician')",
            {"id": ID, "colleague": COLLEAGUE},
        )
    for (package, subject), runs in SUBJECTS.items():
        for name, (roles, parameters) in runs.items():
            for role in roles:
                with (
                    subtests.test(f"{subject}.{name} as {role}"),
                    database.connect(role, ID) as connection,
                    connection.transaction(force_rollback=True),
                ):
                    connection.execute(
                        getattr(named_queries.load(package, subject), name), parameters
                    )
