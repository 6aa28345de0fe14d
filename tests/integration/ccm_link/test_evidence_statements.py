"""The statements of self-audit, reports, lineage and audit packets run under the console's role."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest

from ingest import named_queries
from tests import scopes

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID = uuid4()
MONTH = {"practice_id": ID, "patient_id": ID, "month_on": date(2026, 3, 1)}
SPAN = {
    "practice_id": ID,
    "program": "rpm",
    "since_on": date(2026, 1, 1),
    "until_on": date(2026, 4, 1),
    "since_at": AT,
    "until_at": AT,
    "limit": 10,
    "set_up_codes": ["99453"],
    "supply_codes": ["99454"],
    "management_codes": ["99457"],
    "longest_s": 1,
    "fewest": 1,
    "round_percent": 1.0,
    "shortest": 1,
    "last_from_on": date(2026, 3, 2),
    "last_from_at": AT,
}
CLAIM = {"practice_id": ID, "claim_id": ID}
FILES: dict[str, dict[str, dict[str, Any]]] = {
    "ccm_link.evidence/self_audit": dict.fromkeys(
        (
            *("monitored", "begun_by_month", "claimed_twice", "second_claimed_twice"),
            *("claimed_without_ground", "long_days", "round_entries", "same_notes"),
        ),
        SPAN,
    ),
    "ccm_link.evidence/program_report": dict.fromkeys(
        (
            *("panel", "states", "measuring", "pressures", "glucose"),
            *("triage", "work", "claimed", "paid"),
        ),
        SPAN,
    ),
    "ccm_link.evidence/lineage": {
        **dict.fromkeys(("claim", "lines", "shares", "days"), CLAIM),
        "breaches_of_episodes": {"practice_id": ID, "episode_ids": [ID]},
        "claims_of_reading": {
            "practice_id": ID,
            "patient_id": ID,
            "reading_id": ID,
            "measured_on": date(2026, 3, 10),
        },
        "claims_of_task": {"practice_id": ID, "task_id": ID},
    },
    "ccm_link.evidence/audit_packet": {
        "registers": MONTH,
        "work": MONTH,
        "readings": {**MONTH, "limit": 5},
        "people": {"practice_id": ID, "staff_ids": [ID]},
    },
}


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_run_here_and_a_use_in_its_module(file: str) -> None:
    package, subject = file.split("/")
    text = (resources.files(package) / f"{subject}.py").read_text(encoding="utf-8")
    assert set(named_queries.load(*file.split("/"))) == set(FILES[file])
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(FILES[file])


def test_statements_run_under_the_consoles_role(database: Any) -> None:
    with database.connect("homevitals_console") as connection:
        scopes.work_for(connection, ID)
        for file, runs in FILES.items():
            statements = named_queries.load(*file.split("/"))
            for name, parameters in runs.items():
                connection.execute(getattr(statements, name), parameters)
                connection.rollback()
