"""Each statement about silence runs with the rights of the role that needs it, on both engines."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from importlib import resources
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from ingest import named_queries

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID = UUID(int=7)
SOME = {
    "practice_id": ID,
    "patient_id": ID,
    "kind": "glucose",
    "at": AT,
    "set_by": "s",
    "reason": "r",
}
ALERTS, CONSOLE = "homevitals_alerts", "homevitals_console"
RUN = {
    **SOME, "family": "f", "rule_id": ID, "rule_version": 1, "severity": "technical", "sentence": "s", "link": None,
    "next_step": "", "episode_id": None, "silence": "quiet_hours", "window_id": None, "breach_id": ID,
}  # fmt: skip
# File → statement → role, parameters. A practice with the id ID and a patient of it are there, and a rule.
FILES: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "agreements": {
        "load": (ALERTS, {"after": AT, **SOME}),
        "end": (CONSOLE, SOME),
        "add": (CONSOLE, {"new_id": ID, "definition": Jsonb({}), **SOME}),
    },
    "silence_windows": {
        "load": (ALERTS, {"after": AT, **SOME}),
        "add": (
            CONSOLE,
            {"gateway_id": None, "from_at": AT, "until_at": AT.replace(hour=1), "cause": "travel", **SOME},
        ),
        "end": (CONSOLE, {"window_id": ID, "ended_by": "e", **SOME}),
    },
    "quiet_hours": {
        "load": (ALERTS, SOME),
        "end": (CONSOLE, SOME),
        "add": (
            CONSOLE, {"from_time": time(18), "until_time": time(8), "quiet_days": ["sun"], **SOME},
        ),
    },
    "homes": {
        "load_peripherals": (ALERTS, SOME),
        "load_gateways": (ALERTS, SOME),
        "load_zones": (ALERTS, {"patient_ids": [ID], **SOME}),
        "load_measurements": (
            ALERTS,
            {"patient_ids": [ID], "kinds": ["glucose"], "from_at": AT, "until_at": AT, **SOME},
        ),
        "waiting_since": (ALERTS, {}),
    },
    "clock_watch": {
        "practices": (ALERTS, {}),
        "begin": (ALERTS, SOME),
        "take": (ALERTS, {"before_at": AT, **SOME}),
        "done": (ALERTS, SOME),
        "failed": (ALERTS, SOME),
        "load_asked": (CONSOLE, SOME),
        "patients_with_rules": (ALERTS, SOME),
        "load_runs": (ALERTS, SOME),
        "add_run": (ALERTS, RUN),
        "end_run": (ALERTS, RUN),
        "tell_run": (ALERTS, RUN),
        "join_episode": (ALERTS, RUN),
        "load_of_patient": (CONSOLE, {"since": AT, "limit": 1, **SOME}),
        "load_of_episode": (CONSOLE, RUN),
    },
}  # fmt: skip


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_run_here_and_a_use(file: str) -> None:
    modules = [file, *({"clock_watch": ["clock_breaches"]}.get(file, []))]
    text = "".join(
        (resources.files("alerts") / f"{one}.py").read_text(encoding="utf-8") for one in modules
    )
    assert set(named_queries.load("alerts", file)) == set(FILES[file])
    assert set(re.findall(r"\b_?Q\.(\w+)", text)) == set(FILES[file])


def test_statements_run_with_the_rights_of_their_roles(database: Any, subtests: Any) -> None:
    with database.connect() as owner:
        owner.execute("insert into ingest.practice values (%s, 'p', 'UTC', 'elm')", (ID,))
        owner.execute(
            "insert into ingest.patient values (%s, %s, 'd', '1950-01-02', '1', 'UTC')", (ID, ID)
        )
        owner.execute(
            "insert into alerts.rule (practice_id, rule_id, version, scope, family, severity, definition,"
            " in_force_from, set_by, reason)"
            " values (%s, %s, 1, 'practice', 'f', 'technical', '{}', now(), 's', 'r')",
            (ID, ID),
        )
    connections = {role: database.connect(role, ID) for role in (ALERTS, CONSOLE)}
    for file, runs in FILES.items():
        for name, (role, parameters) in runs.items():
            statement = getattr(named_queries.load("alerts", file), name)
            with (
                subtests.test(f"{file}.{name}"),
                connections[role].transaction(force_rollback=True),
            ):
                connections[role].execute(statement, parameters or None)
    for connection in connections.values():
        connection.close()
