"""The statements of the FHIR API run under the role that needs them, and a meal goes with its own measurement only."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import resources
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from ccm_link import fhir_rows
from firmware_profiles.readings import Kind
from ingest import named_queries
from tests import scopes
from tests.unit.ccm_link.fhir.conftest import of_kind

pytestmark = pytest.mark.db

Q = named_queries.load("ccm_link", "fhir_rows")
AT = datetime(2026, 11, 12, tzinfo=UTC)
ID = uuid4()
OF_PATIENT = {"practice_id": ID, "patient_id": ID}
READINGS = {
    **OF_PATIENT,
    "kinds": ["glucose"],
    "from_at": AT,
    "until_at": AT,
    "is_dated": True,
    "updated_from": AT,
    "updated_until": AT,
    "with_replaced": False,
    "place_at": AT,
    "place_id": ID,
    "limit": 2,
}
RUNS: dict[str, dict[str, Any]] = {
    "particulars": {"practice_id": ID, "patient_ids": [ID]},
    "patients": {
        "practice_id": ID,
        "after_id": ID,
        "patient_ids": [ID],
        "born_from": AT.date(),
        "born_until": AT.date(),
        "genders": ["unknown"],
        "is_active": True,
        "names": ["a"],
        "families": ["a"],
        "given": ["a"],
        "identifier_systems": [None],
        "identifier_values": ["1"],
        "own_system": "s",
        "limit": 2,
    },
    "newest_readings": READINGS,
    "oldest_readings": READINGS,
    "beside": {
        "practice_id": ID,
        "reading_ids": [ID],
        "peripheral_ids": [ID],
        "sequence_numbers": [1],
        "gateway_ids": ["gw-home0001"],
        "outbox_epochs": ["0"],
        "outbox_seqs": [1],
        "nearby": 1,
    },
    "peripherals_of": OF_PATIENT,
    "peripheral": {"practice_id": ID, "peripheral_id": ID},
    "whose": {"practice_id": ID, "kind": "task", "named": ID},
}


def test_every_statement_is_run_here() -> None:
    text = resources.files("ccm_link").joinpath("fhir_rows.sql").read_text(encoding="utf-8")
    assert set(RUNS) == set(re.findall("^-- name: (.+)$", text, re.MULTILINE))


def test_statements_run_with_the_rights_of_their_role(database) -> None:
    for name, parameters in RUNS.items():
        with database.connect("homevitals_console") as connection:
            scopes.work_for(connection, ID)
            connection.execute(getattr(Q, name), parameters)


def test_a_meal_goes_with_the_measurement_behind_which_it_was_told(database) -> None:
    practice_id, peripheral_id = uuid4(), uuid4()
    told = {"fasting": 11, "after_meal": 50_000}  # a meter that was reset counts to the same number
    with database.connect("postgres") as admin:
        admin.execute(
            "insert into ingest.practice values (%s, 'p', 'UTC', 'slug-of-p')", (practice_id,)
        )
        admin.execute(
            "insert into ingest.peripheral values (%s, %s, 'C0:26:DA:00:11:22', 'x')",
            (practice_id, peripheral_id),
        )
        for meal, outbox_seq in told.items():
            admin.execute(
                "insert into ingest.glucose_context values (%s, %s, 7, %s, %s, '', 'gw-home0001', 'e', %s, %s, %s)",
                (
                    practice_id,
                    peripheral_id,
                    meal.encode(),
                    Jsonb({"meal": meal}),
                    outbox_seq,
                    uuid4(),
                    AT,
                ),
            )
    numbered = of_kind(
        Kind.GLUCOSE,
        practice_id=practice_id,
        peripheral_id=peripheral_id,
        sequence_number=7,
        outbox_epoch="e",
    )
    readings = [
        numbered._replace(reading_id=UUID(int=number), outbox_seq=outbox_seq)
        for number, outbox_seq in enumerate((10, 49_999, 25_000))
    ]
    with database.connect("homevitals_console") as connection, connection.cursor() as cur:
        scopes.work_for(connection, practice_id)
        beside = fhir_rows.beside(cur, practice_id, readings)
    assert [beside[one.reading_id].meal for one in readings] == ["fasting", "after_meal", None]
    assert {one.bluetooth_address for one in beside.values()} == {"C0:26:DA:00:11:22"}
