"""The statements about conditions, whom rules are for and what they cost run under the roles that need them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest

from ccm_link import alert_burden
from ingest import named_queries
from tests import scopes

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID = uuid4()
CONSOLE, ALERTS, SCHEDULER = "homevitals_console", "homevitals_alerts", "homevitals_scheduler"
OF_PATIENT = {"practice_id": ID, "patient_id": ID}
SPAN = {"practice_id": ID, "since": AT - timedelta(days=30), "until": AT}
FILES: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "ccm_link.registry/conditions": {
        "record": (
            CONSOLE,
            {
                "code": "I10",
                "source": "s",
                "recorded_by": "c",
                "at": AT,
                "onset_on": None,
                **OF_PATIENT,
            },
        ),
        "end_condition": (
            CONSOLE,
            {"condition_id": ID, "ended_by": "c", "reason": "r", "at": AT, **OF_PATIENT},
        ),
        "of_patient": (CONSOLE, OF_PATIENT),
        "open_codes": (CONSOLE, {"practice_id": ID, "patient_ids": [ID]}),
    },
    "ccm_link/audience": {
        "memberships": (ALERTS, {"practice_id": ID, "patient_ids": [ID], "at": AT})
    },
    "ccm_link/alert_burden": {
        **dict.fromkeys(
            ("by_rule", "dispositions", "patient_days", "by_day", "by_person"), (CONSOLE, SPAN)
        ),
        "of_practices": (
            SCHEDULER,
            {
                "since": SPAN["since"],
                "until": AT,
                "actionable": sorted(alert_burden.ACTIONABLE),
                "not_actionable": sorted(alert_burden.NOT_ACTIONABLE),
            },
        ),
    },
}


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_run_here_and_a_use_in_its_module(file: str) -> None:
    package, subject = file.split("/")
    text = (resources.files(package) / f"{subject}.py").read_text(encoding="utf-8")

    assert set(named_queries.load(*file.split("/"))) == set(FILES[file])
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(FILES[file])


# Two years of a practice's tasks, 27 a day; one episode and one rule each would be the same to the planner.
_FILL = """
insert into ccm.task (practice_id, patient_id, episode_id, title, severity, opened_at, due_at)
select %(practice_id)s, %(practice_id)s, gen_random_uuid(), 't', 'urgent', at, at
from generate_series(%(at)s - interval '730 days', %(at)s, interval '53 minutes') at
"""


def test_statements_run_with_the_rights_of_their_roles_and_find_a_months_tasks_by_index(
    database: Any, subtests: pytest.Subtests
) -> None:
    with database.connect() as admin:
        admin.execute("insert into ingest.practice values (%s, 'p', 'UTC', 'elm')", (ID,))
        admin.execute(
            "insert into ingest.patient values (%s, %s, 'd', '1950-01-02', '1', 'UTC')", (ID, ID)
        )
        admin.execute("set session_replication_role = replica")
        admin.execute(_FILL, {"practice_id": ID, "at": AT})
        admin.execute(
            "insert into alerts.episode (practice_id, episode_id, patient_id, rule_id, rule_version, family,"
            " severity, opened_at, breached_at, closed_at) select practice_id, episode_id, patient_id, episode_id, 1,"
            " 'f', severity, opened_at, opened_at, opened_at from ccm.task"
        )
        admin.commit()
        admin.execute("analyze ccm.task, alerts.episode")
    for file, runs in FILES.items():
        for name, (role, parameters) in runs.items():
            statement = getattr(named_queries.load(*file.split("/")), name)
            with subtests.test(f"{file}: {name}"), database.connect(role) as connection:
                if role != SCHEDULER:
                    scopes.work_for(connection, ID)
                connection.execute(statement, parameters)
                if "task.opened_at >=" in statement:
                    plan = connection.execute("explain " + statement, parameters).fetchall()
                    assert "task_by_opening" in str(plan)
