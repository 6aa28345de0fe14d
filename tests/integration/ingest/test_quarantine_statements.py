"""Each statement about quarantine, reading again and gaps runs with the rights of the role that needs it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest

from ingest import named_queries

pytestmark = pytest.mark.db

Runs = dict[str, tuple[str, dict[str, Any]]]

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID = uuid4()
SOMEBODYS = {"practice_id": ID}
RECORD = {"quarantine_id": ID, **SOMEBODYS}
LISTED = {"limit": 5, **SOMEBODYS}
READ = {
    "profile_id": "x",
    "to_version": 2,
    "from_versions": None,
    "from_at": None,
    "until_at": AT,
    **SOMEBODYS,
}
INGEST, CONSOLE, SCHEDULER = "homevitals_ingest", "homevitals_console", "homevitals_scheduler"

# Statement → role, parameters. A practice with the id ID is there.
FILES: dict[str, Runs] = {
    "held_records": {
        "open_records": (CONSOLE, LISTED),
        "redriven_records": (CONSOLE, LISTED),
        "record": (CONSOLE, RECORD),
        "ask_for_redrive": (CONSOLE, {"at": AT, "asked_by": "s", **RECORD}),
    },
    "redrive": {
        "to_redrive": (
            INGEST,
            {"of_unknown_gateways": True, "quarantine_ids": None, "reason": None, **SOMEBODYS},
        ),
        "waiting": (INGEST, RECORD),
        "settle": (INGEST, {"at": AT, "decided_by": "a", "to": "stored", "reason": None, **RECORD}),
        "reopen": (
            INGEST,
            {
                "topic": "t",
                "content_sha256": b"\0",
                "epochs": [None],
                "seqs": [None],
                "reasons": ["empty"],
                **SOMEBODYS,
            },
        ),
        "adopt_message": (INGEST, {"message_id": ID, **SOMEBODYS}),
        "asked": (INGEST, {"limit": 5}),
    },
    "redecode": {
        "count_readable_again": (INGEST, READ),
        "readable_again": (INGEST, READ),
        "still_to_read": (
            INGEST,
            {
                "reading_ids": [ID],
                "measured_ats": [AT],
                "first_at": AT,
                "last_at": AT,
                **SOMEBODYS,
            },
        ),
        "assignments": (INGEST, {"peripheral_ids": [ID], **SOMEBODYS}),
    },
    "gaps": {
        "gaps": (CONSOLE, {"gateway_id": None, **SOMEBODYS}),
        "count_gaps": (SCHEDULER, {"before_at": AT, "replaced_since": AT}),
    },
}


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

    with database.connect(role, ID) as connection:
        connection.execute(getattr(named_queries.load("ingest", file), name), parameters)
