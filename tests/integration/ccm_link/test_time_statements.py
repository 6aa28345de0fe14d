"""The statements of the time log and what stands around it run under the roles that need them, on both engines."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest

from ingest import named_queries
from tests import scopes

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID = uuid4()
CONSOLE = "homevitals_console"
OF_PRACTICE = {"practice_id": ID}
SPAN = {**OF_PRACTICE, "from_at": AT, "until_at": AT + timedelta(days=31)}
MONTH_WORK = {
    **SPAN,
    "patient_ids": [ID],
    "blocks_from_at": AT - timedelta(days=31),
    "block_programs": ["data_review"],
}
FILES: dict[str, dict[str, dict[str, Any]]] = {
    "month_work": dict.fromkeys(("worked", "elsewhere", "decisions"), MONTH_WORK),
    "credentials": {
        "record": {
            **OF_PRACTICE,
            "staff_id": ID,
            "credential": "rn",
            "billing_role": "clinical_staff",
            "npi": None,
            "employer": "own",
            "supervisor_staff_id": None,
            "may_bill": False,
            "exclusion_checked_on": date(2026, 1, 1),
            "from_at": AT,
            "recorded_by": ID,
            "at": AT,
        },
        "end_credential": {
            **OF_PRACTICE,
            "credential_id": ID,
            "until_at": AT,
            "ended_by": ID,
            "reason": "r",
        },
        "of_practice": {**OF_PRACTICE, "staff_id": None},
        "in_force": {**OF_PRACTICE, "staff_id": ID, "at": AT},
    },
}


@pytest.mark.parametrize("file", FILES)
def test_every_statement_has_a_run_here_and_a_use_in_its_module(file: str) -> None:
    text = (resources.files("ccm_link") / f"{file}.py").read_text(encoding="utf-8")

    assert set(named_queries.load("ccm_link", file)) == set(FILES[file])
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(FILES[file])


def test_every_statement_runs_under_the_role_that_uses_it(database: Any) -> None:
    with database.connect(CONSOLE) as connection:
        scopes.work_for(connection, ID)
        for file, statements in FILES.items():
            for name, parameters in statements.items():
                statement = getattr(named_queries.load("ccm_link", file), name)
                connection.execute("explain " + statement, parameters)
