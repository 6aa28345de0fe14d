"""From partitions to TimescaleDB: nothing lost, doubled or changed, whatever happens on the way."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from deploy import cli, errors, series_migration
from deploy.series_migration import Step
from firmware_profiles.readings import Kind
from ingest import corrections, daily_summary, store, tenancy
from ingest.corrections import Cause, Correction
from ingest.rows import StoredReading
from tests.conftest import Database
from tests.integration.ingest.test_daily_summary import reading

pytestmark = pytest.mark.db

JANUARY = datetime(2026, 1, 15, 12, tzinfo=UTC)
MONTHS = 6
_numbers = itertools.count()


@pytest.fixture
def plain(postgres: Any, database_templates: dict[str, str], request: Any) -> Iterator[Any]:
    """Yield a database on partitions whose server has TimescaleDB."""
    if not postgres.has_timescaledb:
        pytest.skip("TimescaleDB is not present: moving to it was not tested")
    yield from clone(postgres, database_templates["partitions"])


def clone(postgres: Any, template: str) -> Iterator[Database]:
    name = f"moving_{next(_numbers)}"
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {} owner homevitals_owner").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    yield Database(postgres, name, "partitions")
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def practice_id(plain: Any) -> UUID:
    practice_id = uuid4()
    with plain.connect() as admin:
        admin.execute("insert into ingest.practice values (%s, 'P', 'UTC', 'p-1')", (practice_id,))
    return practice_id


def made(practice_id: UUID, patient_id: UUID, month: int, count: int) -> list[StoredReading]:
    return [
        reading(JANUARY + timedelta(days=30 * month, minutes=n))._replace(
            practice_id=practice_id,
            patient_id=patient_id,
        )
        for n in range(count)
    ]


def store_all(database: Any, readings: list[StoredReading]) -> None:
    with database.connect("homevitals_ingest") as connection:
        with connection.transaction(), connection.cursor() as cur:
            for one in readings:
                store.ensure_series(cur, one.measured_at, one.measured_at)
        with tenancy.transaction(connection, readings[0].practice_id) as cur:
            store.add_readings(cur, readings)


def add_keys(database: Any) -> None:
    with database.connect() as admin:
        admin.execute(
            "insert into ingest.record_key"
            " select practice_id, sha256(uuid_send(reading_id)), '', reading_id, measured_at"
            " from ingest.reading_series where version = 1"
        )


def correct(database: Any, former: StoredReading) -> StoredReading:
    new = former._replace(reading_id=uuid4(), version=2, systolic_mmhg=131.0)
    with (
        database.connect("homevitals_ingest") as connection,
        tenancy.transaction(connection, former.practice_id) as cur,
    ):
        why = Correction(former.practice_id, uuid4(), JANUARY, Cause.PROFILE, "test", "again")
        assert corrections.replace(cur, why, [(former, new)]) == 1
    return new


def everything(database: Any) -> list[tuple[Any, ...]]:
    with database.connect() as admin:
        return admin.execute(
            "select * from ingest.reading_series order by reading_id, measured_at"
        ).fetchall()


def seen(database: Any, practice_id: UUID, patient_id: UUID) -> tuple[Any, ...]:
    """Return what the services' statements give."""
    with (
        database.connect("homevitals_console") as connection,
        tenancy.transaction(connection, practice_id) as cur,
    ):
        asked = (practice_id, patient_id, Kind.BLOOD_PRESSURE)
        readings = store.readings_of_patient(
            cur, *asked, JANUARY - timedelta(days=400), JANUARY + timedelta(days=400)
        )
        days = daily_summary.daily_summaries(cur, *asked, date(2020, 1, 1), date(2030, 1, 1))
        one = store.reading(cur, practice_id, readings[0].reading_id) if readings else None
        return readings, days, one, store.unassigned_readings(cur, practice_id)


def ignore(_step: Step) -> None:
    """Not every test looks at the progress."""


def test_readings_are_the_same_before_and_after_while_others_arrive(
    plain: Any, practice_id: UUID
) -> None:
    patient_id = uuid4()
    readings = [one for month in range(MONTHS) for one in made(practice_id, patient_id, month, 50)]
    store_all(plain, readings)
    store_all(
        plain,
        [
            one._replace(patient_id=None, measured_day=None, reading_id=uuid4())
            for one in readings[:7]
        ],
    )
    stop, failures, late = threading.Event(), [], []

    def go_on_arriving() -> None:
        try:
            for n in itertools.count():
                if stop.is_set():
                    return
                new = made(practice_id, patient_id, n % (MONTHS + 2), 3)
                store_all(plain, new)
                late.extend([*new, correct(plain, readings[n])])
        except BaseException as failure:
            failures.append(failure)

    arriving = threading.Thread(target=go_on_arriving)
    arriving.start()
    try:
        moved = series_migration.move(plain.conninfo(), ignore, keep_old=False, pause_s=0.1)
        time.sleep(0.2)  # readings arrive in the new table too
    finally:
        stop.set()
        arriving.join()

    assert failures == []
    assert len(late) > 10
    assert moved.copied_months >= MONTHS
    with plain.connect() as admin:
        assert admin.execute("select engine from ingest.series_engine").fetchone() == (
            "timescaledb",
        )
        stored = admin.execute(
            "select count(*), count(distinct reading_id), count(superseded_at) from ingest.reading_series"
        ).fetchone()
    corrected = sum(one.version == 2 for one in late)
    assert stored == (len(readings) + 7 + len(late), len(readings) + 7 + len(late), corrected)
    add_keys(plain)
    # As the policy does by the clock.
    with psycopg.connect(plain.conninfo(), autocommit=True) as owner:
        owner.execute("call refresh_continuous_aggregate('ingest.day_sums', null, null)")
    found, days, one, _ = seen(plain, practice_id, patient_id)
    assert {r.reading_id for r in found} == {r.reading_id for r in [*readings[corrected:], *late]}
    assert sum(day.reading_count for day in days) == len(found)
    assert one == found[0]


def test_everything_that_is_asked_has_the_same_answer_afterwards(
    plain: Any, practice_id: UUID
) -> None:
    patient_id = uuid4()
    readings = [one for month in range(MONTHS) for one in made(practice_id, patient_id, month, 9)]
    store_all(plain, readings)
    correct(plain, readings[4])
    add_keys(plain)
    before = everything(plain), seen(plain, practice_id, patient_id)

    series_migration.move(plain.conninfo(), ignore, keep_old=True)

    assert (everything(plain), seen(plain, practice_id, patient_id)) == before
    with plain.connect() as admin:
        assert admin.execute("select count(*) from ingest.reading_series_old").fetchone() == (55,)
    again = series_migration.move(plain.conninfo(), ignore, keep_old=False)
    assert (again.months, again.old_table_kept) == (0, False)
    with plain.connect() as admin:
        assert admin.execute("select to_regclass('ingest.reading_series_old')").fetchone() == (
            None,
        )


def test_a_move_that_is_killed_goes_on_where_it_was(plain: Any, practice_id: UUID) -> None:
    patient_id = uuid4()
    readings = [one for month in range(MONTHS) for one in made(practice_id, patient_id, month, 20)]
    store_all(plain, readings)
    before = everything(plain)
    script = (
        "import sys, time\nfrom deploy import series_migration\n"
        "def told(step):\n    print(step.done, flush=True)\n    time.sleep(60 if step.done == 3 else 0)\n"
        "series_migration.move(sys.argv[1], told, keep_old=False)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, plain.conninfo()], stdout=subprocess.PIPE, text=True
    ) as moving:
        assert moving.stdout is not None
        for line in moving.stdout:
            if line.strip() == "3":
                break
        os.kill(moving.pid, signal.SIGKILL)
    late = made(practice_id, patient_id, 0, 5)
    store_all(plain, late)

    steps: list[Step] = []
    moved = series_migration.move(plain.conninfo(), steps.append, keep_old=False)

    assert moved.copied_months == moved.months - 3
    assert next(step.month for step in steps if step.doing == "verified") == "2026-01"
    assert len(everything(plain)) == len(before) + 5
    ids = {one.reading_id for one in late}
    assert [row for row in everything(plain) if row[1] not in ids] == before


@pytest.mark.parametrize("table", ["reading_series", "reading_series_new"])
def test_a_row_altered_behind_its_back_stops_it_before_the_swap(
    plain: Any, practice_id: UUID, table: str
) -> None:
    patient_id = uuid4()
    for month in range(3):
        store_all(plain, made(practice_id, patient_id, month, 5))

    def alter(step: Step) -> None:
        if (step.doing, step.done) == ("copied", step.of):
            with plain.connect() as admin:
                admin.execute("set session_replication_role = replica")
                admin.execute(
                    sql.SQL(
                        "update ingest.{} set systolic_mmhg = 127.5 where measured_at < '2026-02-01'"
                    ).format(sql.Identifier(table))
                )

    with pytest.raises(errors.SeriesMoveError, match="2026-01"):
        series_migration.move(plain.conninfo(), alter, keep_old=False)

    with plain.connect() as admin:
        assert admin.execute("select engine from ingest.series_engine").fetchone() == (
            "partitions",
        )
    store_all(plain, made(practice_id, patient_id, 0, 1))
    with pytest.raises(errors.SeriesMoveError):
        series_migration.move(plain.conninfo(), ignore, keep_old=False)
    moved = series_migration.move(plain.conninfo(), ignore, keep_old=False, start_over=True)
    assert (moved.copied_months, moved.readings) == (3, 16)


def test_two_moves_at_once_are_one(plain: Any) -> None:
    with plain.connect("homevitals_owner") as other:
        other.execute("select pg_advisory_lock(hashtext('homevitals db migrate-to-timescale'))")
        with pytest.raises(errors.SeriesMoveError, match="another process"):
            series_migration.move(plain.conninfo(), ignore, keep_old=False)


def test_it_gives_way_when_the_series_is_in_use(plain: Any, practice_id: UUID) -> None:
    store_all(plain, made(practice_id, uuid4(), 0, 1))
    reader = plain.connect("homevitals_console")
    reader.execute("select count(*) from ingest.reading")
    ended = threading.Timer(6.0, reader.close)
    ended.start()

    moved = series_migration.move(plain.conninfo(), ignore, keep_old=False, pause_s=1.5)

    ended.join()
    assert moved.locked_s < 5.0


def test_the_command_says_what_it_did(plain: Any, practice_id: UUID, capsys: Any) -> None:
    store_all(plain, made(practice_id, uuid4(), 0, 3))
    words = ["db", "--database", plain.conninfo(), "migrate-to-timescale"]

    assert cli.main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["readings"] == 3
    assert "verified 2026-01: 3 readings (1 of 1)" in err

    assert cli.main(words) == 0
    assert "nothing to do" in capsys.readouterr().err


CATALOGUE = {
    "columns": "select attname, atttypid::regtype, attnotnull, pg_get_expr(d.adbin, d.adrelid) from pg_attribute a"
    " left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum"
    " where a.attrelid = 'ingest.reading_series'::regclass and a.attnum > 0 order by a.attnum",
    "indexes": "select indexrelid::regclass, pg_get_indexdef(indexrelid) from pg_index"
    " where indrelid = 'ingest.reading_series'::regclass order by 1",
    "checks": "select conname, pg_get_constraintdef(oid) from pg_constraint"
    " where conrelid = 'ingest.reading_series'::regclass order by 1",
    "triggers": "select tgname from pg_trigger where tgrelid = 'ingest.reading_series'::regclass and not tgisinternal",
    # Hypertables are numbered as they come; a database that changed over has made fewer.
    "views": "select relname, regexp_replace(pg_get_viewdef(c.oid), '(hypertable_|watermark.)[0-9]+', '\\1', 'g'),"
    " reloptions, relowner::regrole, relacl::text from pg_class c"
    " where c.relnamespace = 'ingest'::regnamespace and c.relkind = 'v' order by 1",
    "tables": "select c.relname, c.relkind, c.relowner::regrole, c.relacl::text from pg_class c"
    " where c.relnamespace = 'ingest'::regnamespace and c.relkind in ('r', 'p') order by 1",
    "functions": "select p.proname, pg_get_functiondef(p.oid), p.proacl::text from pg_proc p"
    " where p.pronamespace = 'ingest'::regnamespace order by 1, 2",
    "dimensions": "select column_name, time_interval from timescaledb_information.dimensions"
    " where hypertable_name = 'reading_series'",
    "columnstore": "select segmentby, orderby from timescaledb_information.hypertable_columnstore_settings order by 1",
    "jobs": "select proc_name, schedule_interval, config - 'hypertable_id' - 'mat_hypertable_id', owner"
    " from timescaledb_information.jobs where hypertable_name is not null order by 1",
    "aggregate": "select view_name, materialized_only, view_definition"
    " from timescaledb_information.continuous_aggregates",
}


def test_the_schema_is_that_of_a_database_that_began_on_timescaledb(
    plain: Any, practice_id: UUID, postgres: Any, database_templates: dict[str, str]
) -> None:
    store_all(plain, made(practice_id, uuid4(), 0, 3))

    series_migration.move(plain.conninfo(), ignore, keep_old=False)

    for began in clone(postgres, database_templates["timescaledb"]):
        with plain.connect() as moved, began.connect() as other:
            for what, question in CATALOGUE.items():
                assert moved.execute(question).fetchall() == other.execute(question).fetchall(), (
                    what
                )
