"""Each statement about assignments, attribution and corrections runs with the rights of the role that needs it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest

from ingest import named_queries
from tests import scopes

pytestmark = pytest.mark.db

Runs = dict[str, tuple[str, dict[str, Any]]]

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID = uuid4()
SOMEBODYS = {"practice_id": ID}
SLOT = {"peripheral_id": ID, "user_slot": None, **SOMEBODYS}
PERIPHERAL = {"peripheral_id": ID, **SOMEBODYS}
CONSOLE, INGEST = "homevitals_console", "homevitals_ingest"

# Statement → role, parameters. A practice with the id ID, a patient and a peripheral of it are there.
ASSIGNMENTS: Runs = {
    "assign": (
        CONSOLE,
        {
            "patient_id": ID,
            "valid_from": AT,
            "valid_until": None,
            "assigned_by": "t",
            "at": AT,
            "replaces": None,
            **SLOT,
        },
    ),
    "end_assignment": (
        CONSOLE,
        {"assignment_id": ID, "valid_until": AT, "ended_by": "t", "at": AT, **SOMEBODYS},
    ),
    "void_assignment": (
        CONSOLE,
        {"assignment_id": ID, "voided_by": "t", "reason": "r", "at": AT, **SOMEBODYS},
    ),
    "queue_attribution": (
        CONSOLE,
        {"from_at": AT, "until_at": None, "made_by": "t", "at": AT, "due_ats": [AT, AT], **SLOT},
    ),
    "assignments_of_peripheral": (CONSOLE, PERIPHERAL),
    "current_assignments": (CONSOLE, {"at": AT, **SOMEBODYS}),
    "hidden_assignments": (CONSOLE, SOMEBODYS),
    "peripherals": (CONSOLE, SOMEBODYS),
    "peripheral": (CONSOLE, PERIPHERAL),
    "is_attribution_due": (CONSOLE, {"at": AT, **PERIPHERAL}),
}
ATTRIBUTION: Runs = {
    "take_work": (INGEST, {"at": AT}),
    "lock_peripheral": (INGEST, {"peripheral_id": ID}),
    "assignments_in_force": (INGEST, PERIPHERAL),
    "readings_of_slot": (
        INGEST,
        {
            "from_at": AT,
            "after_id": ID,
            "until_at": None,
            "limit": 1,
            "kinds": ["blood_pressure"],
            **SLOT,
        },
    ),
    "move_on": (INGEST, {"from_at": AT, "after_id": ID, "queue_id": 1}),
    "finish_work": (INGEST, {"queue_id": 1}),
    "postpone_work": (INGEST, {"retry_at": AT, "last_error": "e", "queue_id": 1}),
}
CORRECTIONS: Runs = {
    "add_correction": (
        INGEST,
        {
            "correction_id": ID,
            "at": AT,
            "cause": "assignment",
            "made_by": "t",
            "detail": "d",
            **SOMEBODYS,
        },
    ),
    "claim_replacements": (
        INGEST,
        {
            "correction_id": ID,
            "reading_ids": [],
            "measured_ats": [],
            "replaces_ids": [],
            "replaces_measured_ats": [],
            "versions": [],
            **SOMEBODYS,
        },
    ),
    "lift_columnstore_limit": (INGEST, {}),
    "supersede": (
        INGEST,
        {"at": AT, "patient_id": ID, "reading_ids": [ID], "measured_ats": [AT], **SOMEBODYS},
    ),
    "history": (CONSOLE, {"reading_id": ID, **SOMEBODYS}),
}
FILES = {"assignments": ASSIGNMENTS, "attribution": ATTRIBUTION, "corrections": CORRECTIONS}


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_run_here_and_a_use_in_its_module(file: str) -> None:
    text = (resources.files("ingest") / f"{file}.py").read_text(encoding="utf-8")

    assert set(named_queries.load("ingest", file)) == set(FILES[file])
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(FILES[file])
    assert not re.search(r"\"(select|insert|update|delete|copy|with) ", text)


@pytest.mark.parametrize(
    ("file", "name"), [(file, name) for file, runs in FILES.items() for name in runs]
)
def test_statement_runs_with_the_rights_of_its_role(
    database: Any, owner: Any, file: str, name: str
) -> None:
    role, parameters = FILES[file][name]
    owner.execute("insert into ingest.practice values (%s, 'p', 'UTC', 'elm')", (ID,))
    owner.execute(
        "insert into ingest.peripheral values (%s, %s, 'AA:BB:CC:DD:EE:01', 'x')", (ID, ID)
    )
    owner.execute(
        "insert into ingest.patient values (%s, %s, 'd', '1950-01-02', '1', 'UTC')", (ID, ID)
    )

    with database.connect(role) as connection:
        scopes.work_for(connection, ID)
        connection.execute(getattr(named_queries.load("ingest", file), name), parameters)
