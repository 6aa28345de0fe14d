"""Each statement of imports and exports runs, on both engines, with the rights of the role that needs it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from ingest import named_queries
from ingest.exporting.columns import COLUMNS
from tests import scopes

pytestmark = pytest.mark.db

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID, BYTES = uuid4(), b"\0"
OURS = {"practice_id": ID}
RUN = {"run_id": ID, **OURS}
FILE = {"file_sha256": BYTES, "choices": Jsonb({"patient": None}), **OURS}
WANTED = {"kind": None, "from_at": None, "until_at": AT, **OURS}
INGEST, CONSOLE = "homevitals_ingest", "homevitals_console"

# Statement → role, parameters. A practice with the id ID is there.
IMPORTS: dict[str, tuple[str, dict[str, Any]]] = {
    "people_by_record_number": (INGEST, {"record_numbers": ["R-1"], **OURS}),
    "make_seen": (INGEST, {}),
    "forget_seen": (INGEST, {}),
    "see": (INGEST, {"record_keys": [BYTES]}),
    "from_devices": (
        INGEST,
        {
            "patient_ids": [ID],
            "kinds": ["glucose"],
            "results": ["measured"],
            "from_ats": [AT],
            "until_ats": [AT],
            "numbers": ['{"glucose_mg_dl": 104.0}'],
            **OURS,
        },
    ),
    "unfinished_run": (INGEST, FILE),
    "begin_run": (
        INGEST,
        {
            "format": "generic",
            "at": AT,
            "started_by": "t",
            "row_count": 1,
            "fault_count": 0,
            **RUN,
            **FILE,
        },
    ),
    "advance_run": (INGEST, {"rows_done": 1, "rows_before": 0, "stored": 1, "at": AT, **RUN}),
    "link_readings": (INGEST, {"reading_ids": [], "row_numbers": [], **RUN}),
    "row_of_reading": (CONSOLE, {"reading_id": ID, **OURS}),
}
EXPORTS: dict[str, tuple[str, dict[str, Any]]] = {
    "patients_to_export": (CONSOLE, {"record_number": None, **WANTED}),
    "readings_to_export": (CONSOLE, {"patient_ids": [ID], **WANTED}),
    "versions_to_export": (CONSOLE, {"patient_ids": [ID], **WANTED}),
}


@pytest.mark.parametrize(("subject", "runs"), [("imports", IMPORTS), ("exports", EXPORTS)])
def test_every_statement_runs_as_who_needs_it(
    database: Any, subject: str, runs: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    statements = named_queries.load("ingest", subject)
    assert list(statements) == list(runs)
    with database.connect("postgres") as connection:
        connection.execute(
            "insert into ingest.practice (practice_id, slug, name, time_zone) values (%s, 'elm', 'n', 'UTC')",
            (ID,),
        )
    with (
        database.connect(INGEST) as as_ingest,
        database.connect(CONSOLE) as as_console,
    ):
        connections = {INGEST: as_ingest, CONSOLE: as_console}
        for connection in connections.values():
            scopes.work_for(connection, ID)
        for name, (role, parameters) in runs.items():  # in one connection: some need the one before
            connections[role].execute(getattr(statements, name), parameters)


def test_exported_columns_stand_in_the_order_of_the_statements(database: Any) -> None:
    statements = named_queries.load("ingest", "exports")
    with database.connect("postgres") as connection:
        for name in ("readings_to_export", "versions_to_export"):
            found = connection.execute(getattr(statements, name), EXPORTS[name][1])
            assert [column.name for column in found.description] == [each.name for each in COLUMNS]


def test_a_batch_looks_for_devices_readings_by_the_index(database: Any) -> None:
    """Each row of a batch may touch one patient's hour, and never the practice's history."""
    statements = named_queries.load("ingest", "imports")
    with database.connect("postgres") as connection:
        connection.execute("select ingest.ensure_series('2026-01-01', '2026-03-31')")
        connection.execute(
            "insert into ingest.reading_series (practice_id, reading_id, patient_id, kind, result, measured_at,"
            " time_method, time_quality, gateway_received_at, stored_at, profile_id, profile_version, characteristic,"
            " raw, origin) values (%(id)s, %(id)s, %(id)s, 'glucose', 'measured', %(at)s, 'imported', 'good', %(at)s,"
            " %(at)s, 'p', 1, '', '', 'import')",
            {"id": ID, "at": AT},
        )
        scopes.work_for(connection, ID)
        connection.execute("set enable_seqscan = off")
        plan = connection.execute(
            "explain (costs off) " + statements.from_devices, IMPORTS["from_devices"][1]
        ).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "Index" in text
    assert "patient_id = " in text
    assert "Sort" not in text or "Sort Key: wanted" in text
