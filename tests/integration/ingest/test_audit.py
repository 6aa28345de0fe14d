"""Who may write the trail, and that nobody may change it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from firmware_profiles.wire import ReceiptStatus
from ingest import audit, audit_query, tenancy
from ingest.audit import Agent
from ingest.commit import Committer
from ingest.tenancy import NOBODYS, Scope
from tests import audit_trail
from tests.audit_trail import ONE, OTHER, PATIENT, SECOND_PATIENT, event

# The trail knows nothing of how readings are stored: one engine is enough.
pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]

WRITERS = ("console", "entrance", "scheduler", "guard", "sealer")
ROLES = (*WRITERS, "ingest", "alerts")
TABLES = ("ingest.audit_event", "ingest.audit_link")
CHANGES = (
    "update {table} set practice_id = practice_id",
    "delete from {table}",
    "truncate {table}",
)


@pytest.mark.parametrize(
    "role", [*(f"homevitals_{role}" for role in ROLES), "homevitals_owner", "postgres"]
)
def test_nobody_changes_the_trail(database: Any, role: str, subtests: pytest.Subtests) -> None:
    audit_trail.filled(database, 1)
    is_guarded = role in {"homevitals_owner", "postgres"}  # the others have not even the right
    refused = psycopg.errors.RaiseException if is_guarded else psycopg.errors.InsufficientPrivilege
    with psycopg.connect(database.conninfo(role), autocommit=True) as connection:
        for table, change in itertools.product(TABLES, CHANGES):
            with (
                subtests.test(change.format(table=table)),
                pytest.raises(
                    refused, match="never changed" if is_guarded else "permission denied"
                ),
                tenancy.transaction(connection, ONE) as cur,
            ):
                cur.execute(change.format(table=table))


def test_only_the_sealer_appends_links_and_empties_the_queue(database: Any) -> None:
    with database.connect("postgres") as connection:
        granted = connection.execute(
            "select role from unnest(%s::text[]) role where has_table_privilege(role, 'ingest.audit_link', 'insert')"
            " or has_table_privilege(role, 'ingest.audit_pending', 'delete')",
            ([f"homevitals_{role}" for role in ROLES],),
        ).fetchall()
    assert granted == [("homevitals_sealer",)]


def test_every_writer_records_in_its_scope_and_in_nobodys(database: Any) -> None:
    for number, role in enumerate(WRITERS):
        made = [event(number, ONE), event(number, NOBODYS)]
        audit_trail.record(database, made, f"homevitals_{role}")
    assert audit_trail.seal_all(database) == 2 * len(WRITERS)


@pytest.mark.parametrize("role", WRITERS)
def test_an_event_that_is_refused_takes_its_transaction_with_it(database: Any, role: str) -> None:
    with psycopg.connect(database.conninfo(f"homevitals_{role}"), autocommit=True) as connection:
        for made in (event(1, OTHER), event(1, agent=Agent("no such kind"))):  # type: ignore[arg-type]
            with pytest.raises(psycopg.Error), tenancy.transaction(connection, ONE) as cur:
                _work_and_record(cur, made)
            assert connection.execute("select to_regclass('work')").fetchone() == (None,)
        with tenancy.transaction(connection, ONE) as cur:
            _work_and_record(cur, event(1))
        assert connection.execute("select count(*) from work").fetchone() == (1,)


def _work_and_record(cur: audit.Cursor, made: audit.Event) -> None:
    cur.execute("create temporary table work as select 1 as done")
    audit.record(cur, [made])


@pytest.mark.parametrize("table", ["ingest.audit_event", "ingest.audit_pending"])
def test_without_the_right_to_record_nothing_else_is_written(database: Any, table: str) -> None:
    with database.connect("postgres") as admin:
        admin.execute(f"revoke insert on {table} from homevitals_console")
    with psycopg.connect(database.conninfo("homevitals_console"), autocommit=True) as connection:
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            tenancy.transaction(connection, ONE) as cur,
        ):
            _work_and_record(cur, event(1))
        assert connection.execute("select to_regclass('work')").fetchone() == (None,)


def test_an_event_is_recorded_once(database: Any) -> None:
    audit_trail.record(database, [event(1)])
    with pytest.raises(psycopg.errors.UniqueViolation):
        audit_trail.record(database, [event(1)])


def test_ingest_goes_on_without_any_part_in_the_trail(database: Any, home: Any) -> None:
    with database.connect("postgres") as admin:
        granted = admin.execute(
            "select count(*) from pg_class where relname like 'audit\\_%' and relkind = 'r'"
            " and has_table_privilege('homevitals_ingest', oid, 'select, update, delete, truncate')"
        ).fetchone()
        assert granted == (0,)
        for table in ("audit_event", "audit_pending", "audit_link"):
            admin.execute(f"alter table ingest.{table} rename to gone_{table}")
    with psycopg.connect(database.conninfo("homevitals_ingest"), autocommit=True) as connection:
        fates = Committer(connection).take_in([home.message([home.record(1)])], datetime.now(UTC))
    assert [fate.status for fate in fates.values()] == [ReceiptStatus.STORED]


def test_a_person_at_home_sees_the_events_about_their_patient_only(database: Any) -> None:
    both = event(2, patient_ids=(PATIENT, SECOND_PATIENT))
    audit_trail.record(
        database,
        [event(1, patient_ids=(SECOND_PATIENT,)), both, event(3), event(4, patient_ids=())],
    )
    with (
        psycopg.connect(database.conninfo("homevitals_console")) as connection,
        connection.cursor() as cur,
    ):
        tenancy.enter(cur, Scope((ONE,), patient_id=PATIENT))
        found = cur.execute("select event_id from ingest.audit_event order by at").fetchall()
        assert found == [(both.event_id,), (event(3).event_id,)]
        # What such a person does is recorded all the same, about whomever it is.
        audit.record(cur, [event(5, patient_ids=())])


def test_the_sealer_finds_a_practice_by_its_short_name_and_sees_nothing_else_of_it(
    database: Any,
) -> None:
    with database.connect("postgres") as admin:
        admin.execute(
            "insert into ingest.practice (practice_id, name, time_zone, slug) values (%s, 'Name', 'UTC', 'elm')",
            (ONE,),
        )
    with audit_trail.sealer(database) as connection, connection.cursor() as cur:
        assert audit_query.practice_by_slug(cur, "elm") == ONE
        assert audit_query.practice_by_slug(cur, "oak") is None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            cur.execute("select name from ingest.practice")
