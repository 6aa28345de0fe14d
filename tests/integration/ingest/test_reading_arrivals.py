"""What was stored lately is found by its arrival, and read only by whoever may see it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID, uuid4

import pytest

from ingest import named_queries, reading_arrivals, store, tenancy
from ingest.reading_arrivals import Arrival
from ingest.rows import StoredReading
from ingest.tenancy import Scope
from tests.unit.ingest.readings_at_home import reading

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)
PRACTICE_ID, PATIENT_ID = UUID(int=1), UUID(int=2)
RUNS: dict[str, dict[str, Any]] = {
    "listen": {},
    "stored_since": {"practice_id": PRACTICE_ID, "since_at": AT, "limit": 1},
    "arrived": {
        "practice_id": PRACTICE_ID,
        "reading_ids": [uuid4()],
        "measured_ats": [AT],
        "first_at": AT,
        "last_at": AT,
    },
}


def put(database: Any, readings: list[StoredReading]) -> None:
    with database.connect("postgres") as connection:
        connection.execute(
            "insert into ingest.practice values (%s, 'P', 'UTC', 'p-1')", (PRACTICE_ID,)
        )
        connection.execute(
            "insert into ingest.patient values (%s, %s, 'd', '1950-01-02', '1', 'UTC')",
            (PRACTICE_ID, PATIENT_ID),
        )
    with database.connect("homevitals_ingest") as connection, connection.cursor() as cur:
        times = [one.measured_at for one in readings]
        store.ensure_series(cur, min(times), max(times))
        tenancy.enter(cur, Scope((PRACTICE_ID,)))
        store.add_readings(cur, readings)


def arrival(one: StoredReading) -> Arrival:
    assert one.patient_id is not None
    return Arrival(one.reading_id, one.measured_at, one.patient_id, one.stored_at)


def test_arrivals_come_in_the_order_of_their_storing_whenever_they_were_measured(
    database: Any,
) -> None:
    first = reading(AT - timedelta(days=40), stored_at=AT)
    second = reading(AT - timedelta(days=1), stored_at=AT + timedelta(seconds=1))
    third = reading(AT, stored_at=AT + timedelta(seconds=2))
    nobodys = reading(AT, patient_id=None, stored_at=AT + timedelta(seconds=3))
    old = reading(AT - timedelta(days=2), stored_at=AT - timedelta(seconds=1))
    put(database, [third, old, first, nobodys, second])
    with database.connect("homevitals_console", PRACTICE_ID) as connection:
        cur = connection.cursor()
        assert reading_arrivals.stored_since(cur, PRACTICE_ID, AT, 9) == [
            arrival(one) for one in (first, second, third)
        ]
        assert reading_arrivals.stored_since(cur, PRACTICE_ID, AT, 2) == [
            arrival(first),
            arrival(second),
        ]


def test_what_arrived_is_read_in_the_given_order_and_within_the_walls(database: Any) -> None:
    one, other, former = (reading(AT - timedelta(days=days)) for days in (0, 40, 3))
    put(database, [one, other, former])
    with database.connect("postgres") as connection:
        connection.execute(
            "update ingest.reading_series set superseded_at = now() where reading_id = %s",
            (former.reading_id,),
        )
    wanted = [arrival(each) for each in (other, former, one)]
    with database.connect("homevitals_console", PRACTICE_ID) as connection:
        found = reading_arrivals.arrived(connection.cursor(), PRACTICE_ID, wanted)
        assert [each.reading_id for each in found] == [other.reading_id, one.reading_id]
        assert reading_arrivals.arrived(connection.cursor(), PRACTICE_ID, []) == []
    with database.connect("homevitals_console", uuid4()) as connection:
        assert reading_arrivals.arrived(connection.cursor(), PRACTICE_ID, wanted) == []
        assert reading_arrivals.stored_since(connection.cursor(), PRACTICE_ID, AT, 9) == []


@pytest.mark.parametrize("name", RUNS)
def test_statement_runs_with_the_rights_of_the_console(database: Any, name: str) -> None:
    with database.connect("homevitals_console", uuid4()) as connection:
        connection.execute(
            getattr(named_queries.load("ingest", "reading_arrivals"), name), RUNS[name]
        )


def test_every_statement_has_a_run_here_and_a_use_in_its_module() -> None:
    text = (resources.files("ingest") / "reading_arrivals.py").read_text(encoding="utf-8")
    assert set(named_queries.load("ingest", "reading_arrivals")) == set(RUNS)
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(RUNS)


def test_arrivals_are_found_by_their_index(database: Any) -> None:
    put(database, [reading(AT - timedelta(minutes=minute)) for minute in range(200)])
    statement = named_queries.load("ingest", "reading_arrivals").stored_since
    with database.connect("homevitals_console", PRACTICE_ID) as connection:
        connection.execute("set local enable_seqscan = off")
        plan = "\n".join(
            line for (line,) in connection.execute("explain " + statement, RUNS["stored_since"])
        )
    assert "reading_by_arrival" in plan or "stored_at" in plan, plan
    assert "Seq Scan" not in plan, plan
