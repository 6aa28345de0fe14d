"""Hot statements find their rows by an index in the partitions that can hold them, on both engines, behind the walls.

Not timed: the plan is asked for, as the role that runs the statement gets it through the barrier view. The history is
long enough (fourteen months, all but two of them in columns on TimescaleDB) that a plan that looks everywhere shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from alerts.history import of_kind
from firmware_profiles.readings import Kind, Result
from ingest import corrections, daily_summary, named_queries, store, tenancy
from ingest.rows import Origin
from tests.conftest import Database

pytestmark = pytest.mark.db

PRACTICE, OTHER = UUID(int=10), UUID(int=11)
PATIENT, READING = UUID(int=0x17), UUID(int=777)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
BEGIN = NOW - timedelta(days=420)
SPAN_FROM, SPAN_UNTIL = (
    BEGIN + timedelta(days=100),
    BEGIN + timedelta(days=190),
)  # 90 days, in columns
READ_AT = BEGIN + timedelta(days=150)
Q = named_queries.load("ingest")
DAYS = named_queries.load("ingest", "daily_summary")
CORRECTIONS = named_queries.load("ingest", "corrections")
RULES = named_queries.load("alerts", "history")
HOMES = named_queries.load("alerts", "homes")
CONSOLE, ALERTS, INGEST = "homevitals_console", "homevitals_alerts", "homevitals_ingest"

# Two practices of 60 patients with a reading every day; every 97th reading is nobody's.
_FILL = """
insert into ingest.reading_series (practice_id, reading_id, patient_id, peripheral_id, kind, result, measured_at,
    time_method, time_quality, gateway_received_at, stored_at, systolic_mmhg, diastolic_mmhg, profile_id,
    profile_version, characteristic, raw, gateway_id, outbox_epoch, outbox_seq, message_id, measured_day)
select practice_id, gen_random_uuid(), patient_id, peripheral_id, 'blood_pressure', 'measured', at, 'device_clock',
       'good', at, at + interval '1 minute', 120 + n %% 40, 80, 'p', 1, '2a35', '', 'gw-aaaa1111', 'e', n,
       gen_random_uuid(), case when patient_id is not null then (at at time zone 'UTC')::date end
from unnest(%(practices)s::uuid[]) as practice_id, generate_series(0, 60 * 419) as n,
     lateral (select %(begin)s + n / 60 * interval '1 day' + n %% 60 * interval '7 minutes' as at,
                     ('00000000-0000-0000-0000-' || lpad(to_hex(n %% 60), 12, '0'))::uuid as peripheral_id) as made,
     lateral (select case when n %% 97 > 0 then peripheral_id end as patient_id) as whose
"""


@dataclass(frozen=True)
class Plan:
    """What EXPLAIN says of a statement."""

    nodes: list[dict[str, Any]]

    @property
    def scanned(self) -> dict[str, list[dict[str, Any]]]:
        """Return the scans of each partition or chunk of the series that the plan looks into."""
        found: dict[str, list[dict[str, Any]]] = {}
        for node in self.nodes:
            name = node.get("Relation Name", "")
            if re.match(r"reading_\d{4}|_hyper_1_\d+_chunk$", name):
                found.setdefault(name, []).append(node)
        return found

    def conditions(self, *relations: str) -> list[str]:
        """Return what the relations are searched by: conditions of indexes, and of the columnstore's metadata."""
        return [
            str(node.get("Index Cond", "")) + str(node.get("Filter", ""))
            for node in self.nodes
            if re.search("|".join(relations), node.get("Relation Name", ""))
        ]

    def kinds(self, relation: str) -> set[str]:
        """Return how relations are scanned."""
        return {
            node["Node Type"]
            for node in self.nodes
            if re.search(relation, node.get("Relation Name", "") + node.get("Index Name", ""))
        }


@pytest.fixture(scope="module", params=["partitions", "timescaledb"])
def history(
    request: pytest.FixtureRequest, postgres: Any, database_templates: dict[str, str]
) -> Iterator[Database]:
    """Yield a database with a long history, filled once for all tests of an engine."""
    if request.param not in database_templates:
        pytest.skip("TimescaleDB is not present: its half of this test did not run")
    found = Database(postgres, f"plans_{request.param}", request.param)
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(found.name))
        admin.execute(drop)
        admin.execute(
            sql.SQL("create database {} template {} owner homevitals_owner").format(
                sql.Identifier(found.name), sql.Identifier(database_templates[found.engine])
            )
        )
        with psycopg.connect(found.conninfo("postgres"), autocommit=True) as connection:
            _fill(connection, found.engine)
        yield found
        admin.execute(drop)


def _fill(connection: psycopg.Connection[Any], engine: str) -> None:
    for number, practice_id in enumerate((PRACTICE, OTHER)):
        connection.execute(
            "insert into ingest.practice values (%s, 'P', 'UTC', %s)", (practice_id, f"p-{number}")
        )
    connection.execute("select ingest.ensure_series(%s, %s)", (BEGIN, NOW))
    connection.execute(_FILL, {"practices": [PRACTICE, OTHER], "begin": BEGIN})
    connection.execute(
        "update ingest.reading_series set reading_id = %s where practice_id = %s and patient_id = %s"
        " and measured_at::date = %s::date",
        (READING, PRACTICE, PATIENT, READ_AT),
    )
    connection.execute(
        "insert into ingest.record_key select practice_id, sha256(uuid_send(reading_id)), '', reading_id, measured_at"
        " from ingest.reading_series"
    )
    connection.execute(
        "insert into ingest.peripheral select practice_id, patient_id,"
        " 'AA:BB:CC:DD:EE:' || upper(right(patient_id::text, 2)), 'p'"
        " from (select distinct practice_id, patient_id from ingest.reading_series"
        "       where patient_id is not null) as seen"
    )
    connection.execute(
        "insert into ingest.evaluation_queue (practice_id, patient_id, reading_id, measured_at, queued_at)"
        " select practice_id, patient_id, reading_id, measured_at, measured_at from ingest.reading_series"
        " where patient_id is not null"
    )
    if engine == "timescaledb":
        old = connection.execute(
            "select c::text from show_chunks('ingest.reading_series', older_than => interval '60 days') c"
        ).fetchall()
        for (chunk,) in old:
            connection.execute("call convert_to_columnstore(%s)", (chunk,))
        connection.execute(
            "call refresh_continuous_aggregate('ingest.day_sums', null, now() - interval '8 days')"
        )
    connection.execute("vacuum analyze")


def plan(history: Database, role: str, statement: Any, parameters: dict[str, Any]) -> Plan:
    with history.connect(role) as connection, tenancy.transaction(connection, PRACTICE) as cur:
        asked = statement if isinstance(statement, sql.Composable) else sql.SQL(statement)
        row = cur.execute(
            sql.SQL("explain (format json) ") + asked, parameters, prepare=False
        ).fetchone()
    assert row is not None
    return Plan(list(_nodes(row[0][0]["Plan"])))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def months_or_weeks(history: Database, days: int) -> int:
    """Return how many partitions or chunks a span touches at most."""
    return days // 28 + 2 if history.engine == "partitions" else days // 7 + 2


@pytest.mark.parametrize("role", [CONSOLE, ALERTS])
def test_one_patients_ninety_days(history: Database, role: str) -> None:
    asked = {"practice_id": PRACTICE, "patient_id": PATIENT, "kind": "blood_pressure"}
    found = plan(
        history,
        role,
        Q.readings_of_patient,
        asked | {"from_at": SPAN_FROM, "until_at": SPAN_UNTIL},
    )

    assert 0 < len(found.scanned) <= months_or_weeks(history, 90)
    if history.engine == "partitions":
        assert found.kinds(r"reading_\d{4}") <= {
            "Index Scan",
            "Bitmap Heap Scan",
            "Bitmap Index Scan",
        }
        assert all("patient_id = " in one for one in found.conditions(r"reading_\d{4}") if one)
    else:
        # The batches' metadata say which patients and times are in them.
        packed = found.conditions("_chunk_compressed$|compress_hyper")
        assert packed
        assert all("_ts_meta_min_1 <=" in one and "practice_id = " in one for one in packed)


@pytest.mark.parametrize("role", [CONSOLE, ALERTS])
def test_one_reading_by_its_id(history: Database, role: str) -> None:
    asked = {"practice_id": PRACTICE, "reading_id": READING}
    place = plan(history, role, Q.measured_at_of_reading, asked)
    with history.connect(role) as connection, tenancy.transaction(connection, PRACTICE) as cur:
        reading = store.reading(cur, PRACTICE, READING)
    assert reading is not None
    found = plan(history, role, Q.reading, asked | {"measured_at": reading.measured_at})

    assert "Seq Scan" not in place.kinds("record_key")
    assert len(found.scanned) == 1
    if history.engine == "partitions":
        assert found.kinds(r"reading_\d{4}") <= {"Index Scan"}
    else:
        (packed,) = found.conditions("_chunk_compressed$|compress_hyper")
        assert "bloom" in packed


def test_the_way_of_one_reading(history: Database) -> None:
    with history.connect(CONSOLE) as connection, tenancy.transaction(connection, PRACTICE) as cur:
        reading = store.reading(cur, PRACTICE, READING)
    assert reading is not None
    asked = {"practice_id": PRACTICE, "reading_id": READING, "measured_at": reading.measured_at}

    assert len(plan(history, CONSOLE, Q.provenance, asked).scanned) == 1


def test_the_last_arrival(history: Database) -> None:
    asked = {"practice_id": PRACTICE, "within": timedelta(hours=1)}
    found = plan(history, CONSOLE, Q.last_stored_lately_at, asked)

    assert len(found.scanned) <= months_or_weeks(history, 60)
    assert not found.conditions("_chunk_compressed$|compress_hyper")
    assert "Seq Scan" not in {node["Node Type"] for node in found.nodes}
    by_arrival = [node for node in found.nodes if "stored_at > " in node.get("Index Cond", "")]
    assert by_arrival
    # With now() in it, PostgreSQL leaves partitions out when it begins to run; the plan says how many.
    left_out = sum(node.get("Subplans Removed", 0) for node in found.nodes)
    assert left_out > 8 or history.engine == "timescaledb"


def _indexes(found: Plan) -> list[str]:
    return [node["Index Name"] for node in found.nodes if "Index Name" in node]


def test_daily_summaries(history: Database) -> None:
    asked = {"practice_id": PRACTICE, "patient_id": PATIENT, "kind": "blood_pressure"}
    days: dict[str, date] = {"from_day": SPAN_FROM.date(), "until_day": SPAN_UNTIL.date()}
    found = plan(history, CONSOLE, DAYS.daily_summaries, asked | days)

    if history.engine == "partitions":
        assert found.scanned == {}
        assert found.kinds("day_sums") <= {"Index Scan", "Bitmap Heap Scan", "Bitmap Index Scan"}
    else:
        sums = [
            node["Index Cond"]
            for node in found.nodes
            if "day_sums_by_patient" in node.get("Index Name", "")
        ]
        assert sums
        assert all("patient_id = " in one and "measured_day >= " in one for one in sums)
        assert "Seq Scan" not in found.kinds("_hyper_2_")
        # What the refresh has not reached: the last days only.
        assert len(found.scanned) <= 3
        assert not found.conditions("_chunk_compressed$|compress_hyper")


def test_unassigned_readings(history: Database) -> None:
    found = plan(history, CONSOLE, Q.unassigned_readings, {"practice_id": PRACTICE})

    if history.engine == "partitions":
        # Months without any are answered by their empty partial index.
        assert found.kinds(r"^reading_\d{4}") <= {
            "Index Scan",
            "Bitmap Heap Scan",
            "Bitmap Index Scan",
        }
        assert all(
            re.search("unassigned|peripheral_id_measured_at", one)
            for one in _indexes(found)
            if "reading_" in one
        )
    else:
        # Nothing says which batches hold nobody's readings: of those of the practice, one column is looked through.
        assert all(
            "practice_id = " in one for one in found.conditions("_chunk_compressed$|compress_hyper")
        )


def test_evaluation_work(history: Database) -> None:
    found = plan(history, ALERTS, Q.take_evaluation_work, {"limit": 100, "at": NOW})

    assert found.kinds("evaluation_queue") == {"Index Scan"}
    assert "Sort" not in {node["Node Type"] for node in found.nodes}


def test_what_the_rules_look_at(history: Database) -> None:
    asked = {
        "practice_id": PRACTICE,
        "patient_ids": [PATIENT],
        "kind": Kind.BLOOD_PRESSURE,
        "from_at": NOW - timedelta(days=60),
        "until_at": NOW,
        "results": list(Result),
        "origins": list(Origin),
    }
    statement = of_kind(RULES.readings_of_patients, Kind.BLOOD_PRESSURE)
    found = plan(history, ALERTS, statement, asked)
    assert len(found.scanned) <= months_or_weeks(history, 60)
    assert "Seq Scan" not in found.kinds(r"reading_\d{4}")

    with history.connect(ALERTS) as connection, tenancy.transaction(connection, PRACTICE) as cur:
        reading = store.reading(cur, PRACTICE, READING)
    assert reading is not None
    at = {"from_at": reading.measured_at, "until_at": reading.measured_at}
    found = plan(
        history,
        ALERTS,
        RULES.readings_of_work,
        {"practice_id": PRACTICE, "reading_ids": [READING]} | at,
    )
    assert len(found.scanned) == 1
    assert "Seq Scan" not in found.kinds(r"reading_\d{4}")


def test_what_was_measured_when_is_asked_once_for_everybody_and_looks_at_those_days_alone(
    history: Database,
) -> None:
    asked = {
        "practice_id": PRACTICE,
        "patient_ids": [UUID(int=number) for number in range(60)],
        "kinds": [Kind.BLOOD_PRESSURE],
        "from_at": NOW - timedelta(days=10),
        "until_at": NOW,
    }
    found = plan(history, ALERTS, HOMES.load_measurements, asked)
    assert 0 < len(found.scanned) <= months_or_weeks(history, 10)


def test_superseding_a_patients_readings(history: Database) -> None:
    with history.connect(INGEST) as connection, tenancy.transaction(connection, PRACTICE) as cur:
        reading = store.reading(cur, PRACTICE, READING)
    assert reading is not None
    found = plan(
        history,
        INGEST,
        CORRECTIONS.supersede,
        {
            "practice_id": PRACTICE,
            "patient_id": PATIENT,
            "at": NOW,
            "reading_ids": [READING],
            "measured_ats": [reading.measured_at],
        },
    )
    assert len(found.scanned) == 1


def test_these_are_the_statements_that_run(history: Database) -> None:
    """What was explained is what the modules execute, not something beside it."""
    assert store._Q is Q
    assert daily_summary._Q is DAYS
    assert corrections._Q is CORRECTIONS
