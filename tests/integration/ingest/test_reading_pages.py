"""Pages give each reading once and in order, however large they are and however many have the same time."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from firmware_profiles.readings import Kind, Result
from ingest import named_queries, reading_pages, store, tenancy
from ingest.measured_at import TimeQuality
from ingest.reading_pages import Place
from ingest.rows import StoredReading
from ingest.tenancy import Scope
from tests.unit.ingest.readings_at_home import reading

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)
PRACTICE_ID, PATIENT_ID, OTHER_ID = (UUID(int=number) for number in (1, 2, 5))
SPAN = (AT - timedelta(days=90), AT + timedelta(days=1))
ASKED = {"practice_id": PRACTICE_ID, "patient_id": PATIENT_ID}
RUNS: dict[str, dict[str, Any]] = {
    "page": {
        "kind": "glucose",
        "from_at": AT,
        "after_id": None,
        "until_at": AT,
        "limit": 2,
    },
    "latest": {"kinds": ["glucose"]},
    "latest_with_number": {"kinds": ["glucose"]},
    "latest_undated": {"kinds": ["glucose"], "since_at": AT},
}


@pytest.fixture
def homes(database: Any) -> Any:
    """Add two patients of one practice."""
    with database.connect("postgres") as connection:
        connection.execute(
            "insert into ingest.practice values (%s, 'P', 'UTC', 'p-1')", (PRACTICE_ID,)
        )
        for patient_id in (PATIENT_ID, OTHER_ID):
            connection.execute(
                "insert into ingest.patient values (%s, %s, 'd', '1950-01-02', %s, 'UTC')",
                (PRACTICE_ID, patient_id, str(patient_id)),
            )
    with database.connect("homevitals_ingest") as connection:
        store.ensure_series(connection.cursor(), *SPAN)
    return database


def put(database: Any, readings: list[StoredReading]) -> None:
    """Let these be all readings that there are."""
    with database.connect("postgres") as connection:
        connection.execute("delete from ingest.reading_series")
    with database.connect("homevitals_ingest") as connection, connection.cursor() as cur:
        tenancy.enter(cur, Scope((PRACTICE_ID,)))
        store.add_readings(cur, readings)


def console(database: Any) -> psycopg.Connection[Any]:
    connection: psycopg.Connection[Any] = database.connect("homevitals_console")
    tenancy.enter(connection.cursor(), Scope((PRACTICE_ID,)))
    return connection


def page_by_page(cur: psycopg.Cursor[Any], limit: int) -> list[list[StoredReading]]:
    pages = []
    place: Place | None = None
    while True:
        found = reading_pages.page(
            cur, PRACTICE_ID, PATIENT_ID, Kind.BLOOD_PRESSURE, *SPAN, after=place, limit=limit
        )
        pages.append(list(found.readings))
        place = found.next_place
        if place is None:
            return pages


def test_any_page_size_gives_each_reading_once_and_in_order(homes: Any) -> None:
    # Minutes before AT: few values, so that many readings share one; 90 days cross partitions and chunks.
    minutes = st.sampled_from([0, 1, 2, 60, 40_000, 80_000, 120_000])

    @settings(
        max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.lists(minutes, max_size=25), st.integers(1, 30))
    @example([0] * 12, 5)
    @example([], 1)
    @example([0, 0, 1], 3)
    def check(taken: list[int], limit: int) -> None:
        readings = [reading(AT - timedelta(minutes=minute)) for minute in taken]
        put(homes, readings)
        with console(homes) as connection:
            pages = page_by_page(connection.cursor(), limit)
        expected = sorted(readings, key=lambda one: (one.measured_at, one.reading_id))
        assert [one.reading_id for page in pages for one in page] == [
            one.reading_id for one in expected
        ]
        # Every page but the last is full, and the last one is not empty unless it is the only one.
        assert all(len(page) == limit for page in pages[:-1])
        assert pages[-1] or len(pages) == 1

    check()


def test_what_comes_between_two_pages_is_found_where_it_belongs(homes: Any) -> None:
    first, second, third = (reading(AT + timedelta(minutes=minute)) for minute in range(3))
    put(homes, [first, third])
    with console(homes) as connection:
        cur = connection.cursor()
        found = reading_pages.page(
            cur, PRACTICE_ID, PATIENT_ID, Kind.BLOOD_PRESSURE, *SPAN, after=None, limit=1
        )
    put(homes, [reading(AT - timedelta(minutes=1)), first, second, third])
    with console(homes) as connection:
        rest = reading_pages.page(
            connection.cursor(),
            PRACTICE_ID,
            PATIENT_ID,
            Kind.BLOOD_PRESSURE,
            *SPAN,
            after=found.next_place,
            limit=9,
        )
    assert [one.reading_id for one in rest.readings] == [second.reading_id, third.reading_id]


def test_pages_hold_one_patient_one_kind_and_versions_that_count(homes: Any) -> None:
    own, former = reading(AT), reading(AT)
    put(
        homes,
        [
            own,
            reading(AT, patient_id=OTHER_ID),
            reading(AT, patient_id=None),
            reading(AT, kind=Kind.GLUCOSE),
            former,
            reading(SPAN[1]),
        ],
    )
    with homes.connect("postgres") as connection:
        connection.execute(
            "update ingest.reading_series set superseded_at = now() where reading_id = %s",
            (former.reading_id,),
        )
    with console(homes) as connection:
        assert page_by_page(connection.cursor(), 10) == [[own]]


def test_the_latest_of_each_kind(homes: Any) -> None:
    def at(minutes: int, **changed: Any) -> StoredReading:
        return reading(AT - timedelta(minutes=minutes), **changed)

    glucose = {"kind": Kind.GLUCOSE}
    with_number, failed = at(50), at(40, result=Result.NOT_MEASURABLE)
    undated = at(10, time_quality=TimeQuality.UNKNOWN)
    low = at(30, result=Result.BELOW_RANGE, **glucose)
    readings = [
        with_number,
        failed,
        undated,
        low,
        at(70),
        at(20, time_quality=TimeQuality.UNKNOWN),
        at(5, result=Result.CONTROL_SOLUTION, **glucose),
        at(4, result=Result.CONTROL_SOLUTION, time_quality=TimeQuality.UNKNOWN, **glucose),
        at(1, patient_id=OTHER_ID),
        at(91 * 24 * 60, time_quality=TimeQuality.UNKNOWN, kind=Kind.GLUCOSE),
    ]
    random.Random(1).shuffle(readings)
    with homes.connect("homevitals_ingest") as connection:
        store.ensure_series(connection.cursor(), AT - timedelta(days=120), AT)
    put(homes, readings)
    with console(homes) as connection:
        found = reading_pages.latest(connection.cursor(), PRACTICE_ID, PATIENT_ID, list(Kind), AT)
    pressure, sugar = found[Kind.BLOOD_PRESSURE], found[Kind.GLUCOSE]
    assert (pressure.with_number, pressure.whatever_came, pressure.undated) == (
        with_number,
        failed,
        undated,
    )
    assert (sugar.with_number, sugar.whatever_came, sugar.undated) == (None, low, None)


@pytest.mark.parametrize("name", RUNS)
def test_statement_runs_with_the_rights_of_the_console(database: Any, name: str) -> None:
    with database.connect("homevitals_console", uuid4()) as connection:
        statement = getattr(named_queries.load("ingest", "reading_pages"), name)
        connection.execute(statement, ASKED | RUNS[name])


def test_every_statement_has_a_run_here_and_a_use_in_its_module() -> None:
    text = (resources.files("ingest") / "reading_pages.py").read_text(encoding="utf-8")
    assert set(named_queries.load("ingest", "reading_pages")) == set(RUNS)
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(RUNS)


def test_a_page_is_read_by_the_index_and_not_by_all_readings_of_the_practice(homes: Any) -> None:
    put(homes, [reading(AT - timedelta(minutes=minute)) for minute in range(300)])
    statement = named_queries.load("ingest", "reading_pages").page
    asked = ASKED | {
        "kind": "blood_pressure",
        "from_at": AT - timedelta(minutes=100),
        "after_id": uuid4(),
        "until_at": AT,
        "limit": 11,
    }
    with homes.connect("homevitals_console", PRACTICE_ID) as connection:
        connection.execute("set local enable_seqscan = off")
        connection.execute("set local enable_bitmapscan = off")
        plan = "\n".join(line for (line,) in connection.execute("explain " + statement, asked))
    assert "Index Scan" in plan, plan
    assert "Seq Scan" not in plan, plan
