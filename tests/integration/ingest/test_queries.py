"""Each named statement runs, on both engines, with the rights of the role that needs it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from ingest import named_queries
from ingest.rows import MessageRow, StoredReading

pytestmark = pytest.mark.db

Q = named_queries.load("ingest")

AT = datetime(2026, 3, 10, tzinfo=UTC)
ID, BYTES, GATEWAY, ADDRESS = uuid4(), b"\0", "gw-aaaa1111", "AA:BB:CC:DD:EE:01"
NOBODY = {"practice_id": UUID(int=0)}
SOMEBODY = {"practice_id": ID, "reading_id": ID}
ORIGIN = {"gateway_id": GATEWAY, "outbox_epoch": "e" * 32, "outbox_seq": 1, "message_id": ID}

# Statement → role, parameters. A practice with the id ID is there.
OWNER, INGEST, ALERTS = "homevitals_owner", "homevitals_ingest", "homevitals_alerts"
CONSOLE, SCHEDULER = "homevitals_console", "homevitals_scheduler"
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "create_migration_table": (OWNER, {}),
    "lock_migrations": (OWNER, {}),
    "unlock_migrations": (OWNER, {}),
    "applied_migrations": (OWNER, {"package": "ingest"}),
    "remember_migration": (
        OWNER,
        {"package": "test", "name": "0001", "sha256": BYTES, "applied_at": AT},
    ),
    "gateways_by_id": (INGEST, {"gateway_ids": [GATEWAY]}),
    "register_peripherals": (
        INGEST,
        {"practice_ids": [ID], "bluetooth_addresses": [ADDRESS], "profile_ids": ["x"]},
    ),
    "peripherals_by_address": (INGEST, {"practice_ids": [ID], "bluetooth_addresses": [ADDRESS]}),
    "ensure_series": (INGEST, {"from_at": AT, "until_at": AT}),
    "make_taken_in": (INGEST, {}),
    "contents_by_record_key": (INGEST, {"practice_ids": [ID], "record_keys": [BYTES]}),
    "insert_context": (
        INGEST,
        {
            "practice_id": ID,
            "peripheral_id": ID,
            "sequence_number": 1,
            "content_sha256": BYTES,
            "context": Jsonb({}),
            "raw": BYTES,
            "stored_at": AT,
            **ORIGIN,
        },
    ),
    "insert_quarantine": (
        INGEST,
        {
            "quarantine_id": ID,
            "practice_id": None,
            "topic": "t",
            "reason": "empty",
            "detail": "",
            "raw": BYTES,
            "record": Jsonb({}),
            "content_sha256": BYTES,
            "received_at": AT,
            **ORIGIN,
        },
    ),
    "make_messages_taken_in": (INGEST, {}),
    "insert_security_event": (
        INGEST,
        {"practice_id": None, "at": AT, "event": "e", "gateway_id": None, "detail": ""},
    ),
    "queue_evaluation": (
        INGEST,
        {
            "practice_ids": [ID],
            "patient_ids": [ID],
            "reading_ids": [ID],
            "measured_ats": [AT],
            "queued_at": AT,
        },
    ),
    "wake_evaluators": (INGEST, {}),
    "see_gateways": (
        INGEST,
        {"gateway_ids": [GATEWAY], "seen_ats": [AT], "are_online": [None]},
    ),
    "see_outbox_positions": (
        INGEST,
        {
            "practice_ids": [],
            "gateway_ids": [],
            "epochs": [],
            "positions": [],
            "at": AT,
        },
    ),
    "take_evaluation_work": (ALERTS, {"limit": 1, "at": AT}),
    "finish_evaluation_work": (ALERTS, {"queue_ids": [1]}),
    "postpone_evaluation_work": (ALERTS, {"queue_id": 1, "retry_at": AT, "last_error": "e"}),
    "ask_again": (ALERTS, {"queue_id": 1, "at": AT}),
    "oldest_evaluation_work_at": (SCHEDULER, {}),
    "readings_of_patient": (
        CONSOLE,
        {
            "practice_id": ID,
            "patient_id": ID,
            "kind": "glucose",
            "from_at": AT,
            "until_at": AT,
        },
    ),
    "last_stored_lately_at": (CONSOLE, {"within": timedelta(days=1), **NOBODY}),
    "last_stored_at": (CONSOLE, NOBODY),
    "measured_at_of_reading": (ALERTS, SOMEBODY),
    "reading": (ALERTS, {"measured_at": AT, **SOMEBODY}),
    "provenance": (CONSOLE, {"measured_at": AT, **SOMEBODY}),
    "unassigned_readings": (CONSOLE, NOBODY),
    "gateways": (CONSOLE, NOBODY),
    "count_silent_gateways": (SCHEDULER, {"before_at": AT}),
    "series_engine": (SCHEDULER, {}),
}
# Run by every test of the commit; alone they have no table to work on.
COPIES = {
    *("copy_taken_in", "store_taken_in", "claim_and_store_taken_in"),
    *("copy_messages_taken_in", "store_messages_taken_in"),
}


def test_every_statement_has_a_run_here() -> None:
    assert set(Q) == set(RUNS) | COPIES


@pytest.mark.parametrize("name", RUNS)
def test_statement_runs_with_the_rights_of_its_role(database: Any, owner: Any, name: str) -> None:
    role, parameters = RUNS[name]
    owner.execute("insert into ingest.practice values (%s, 'P', 'UTC', 'p-1')", (ID,))
    owner.execute("insert into ingest.peripheral values (%s, %s, %s, 'x')", (ID, ID, ADDRESS))
    owner.execute(
        "insert into ingest.patient values (%s, %s, 'd', '1950-01-02', '1', 'UTC')", (ID, ID)
    )
    owner.execute(
        "insert into ingest.staff values (%s, %s, 'casey', 'd', 'auditor', 'x')", (ID, ID)
    )

    with database.connect(role, ID) as connection:
        connection.execute(getattr(Q, name), parameters)


def test_the_columns_of_the_view_are_those_of_the_copy(database: Any) -> None:
    with database.connect() as connection:
        columns = connection.execute("select * from ingest.reading limit 0").description
    assert [column.name for column in columns] == list(StoredReading._fields)


def test_columns_are_copied_in_the_order_of_the_fields() -> None:
    of_messages = re.search(r"messages_taken_in \((.*?)\)", Q.copy_messages_taken_in, re.DOTALL)
    assert of_messages is not None
    assert re.findall(r"\w+", of_messages[1]) == list(MessageRow._fields)

    columns = re.search(r"taken_in \((.*?)\)", Q.copy_taken_in, re.DOTALL)

    assert columns is not None
    of_readings = list(StoredReading._fields)
    assert re.findall(r"\w+", columns[1]) == [*of_readings, "record_key", "content_sha256"]


@pytest.mark.parametrize("module", ["store.py", "people.py", "migrate.py", "evaluation_queue.py"])
def test_sql_stands_in_its_file_only(module: str) -> None:
    text = (resources.files("ingest") / module).read_text(encoding="utf-8")

    assert not re.search(r"\"(select|insert|update|delete|copy|with) ", text)


def test_no_statement_is_left_over() -> None:
    modules = ("store.py", "migrate.py", "evaluation_queue.py")
    text = "".join((resources.files("ingest") / m).read_text(encoding="utf-8") for m in modules)

    assert set(re.findall(r"_Q\.(\w+)", text)) == set(Q)
