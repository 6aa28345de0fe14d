"""Each statement of the link to other systems runs with the rights of the role that needs it."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from ingest import named_queries
from tests import scopes

pytestmark = pytest.mark.db

LINK, CONSOLE = "homevitals_link", "homevitals_console"
AT, ID = datetime(2026, 11, 12, tzinfo=UTC), uuid4()
# All that any of the statements asks for: each takes what it names.
ASKED: dict[str, Any] = dict.fromkeys(
    (
        "practice_id", "receiver_id", "outgoing_id", "patient_id", "subject_id", "reading_id", "entry_id",
        "system_id", "outreach_id", "staff_id", "by", "added_by", "matched_by",
    ),
    ID,
) | dict.fromkeys(
    ("now", "at", "next_at", "until", "leased_until", "before", "subject_at", "measured_at", "paused_at"), AT
) | {
    "outgoing_ids": [ID],
    "subject_ids": [ID],
    "kind": "ehr",
    "name": "n",
    "address": "",
    "events": [],
    "has_patient_data": False,
    "failure": "refused",
    "attempts": 1,
    "remote_id": "r",
    "remote_version": "1",
    "state": "matched",
    "system": "s",
    "knows_record_numbers": True,
    "reason": "r",
    "limit": 5,
    "soon": AT,
    "pace": timedelta(seconds=1),
    "overwrites": False,
}  # fmt: skip
SUBJECTS = {"outbox": LINK, "building": LINK, "to_webhook": LINK, "receivers": CONSOLE}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_statement_runs(database: Any, subject: str, subtests: pytest.Subtests) -> None:
    statements = named_queries.load("ccm_link.care_record", subject)
    with database.connect(SUBJECTS[subject]) as connection:
        scopes.work_for(connection, ID)
        for name in statements:
            # Nothing is there to refer to: a key may say so; a missing right, column or table may not.
            with (
                subtests.test(name),
                contextlib.suppress(psycopg.errors.ForeignKeyViolation),
                connection.transaction(force_rollback=True),
            ):
                connection.execute(getattr(statements, name), ASKED)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_statement_has_a_use_in_its_module(subject: str) -> None:
    text = (resources.files("ccm_link.care_record") / f"{subject}.py").read_text(encoding="utf-8")
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(
        named_queries.load("ccm_link.care_record", subject)
    )
