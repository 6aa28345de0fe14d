"""The walls between practices, found in the catalogue and tried one by one.

Whoever adds a table or a view without a wall, a key that tells of other practices, or a wide view of a service, is told
so here.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors as pg
from psycopg import sql

from ingest import tenancy
from ingest.tenancy import Scope
from tests.integration.walls import every_table
from tests.integration.walls.every_table import Relation
from tests.made_up_practice import MadeUp

pytestmark = pytest.mark.db

ROLES = tuple(
    f"homevitals_{name}"
    for name in (
        "ingest",
        "alerts",
        "console",
        "entrance",
        "scheduler",
        "sealer",
        "guard",
        "notifier",
        "link",
    )
)
# No practice in it: what the series are stored in, and whether the broker is heard.
WITHOUT_PRACTICE = {"ingest.hearing", "ingest.series_engine"}
# No row security, because TimescaleDB refuses columnstore and continuous aggregates with it; instead no grants at all.
BEHIND_A_VIEW = {"ingest.reading_series", "ingest.day_sums"}
# Views with the owner's rights that filter by themselves. All others run with the caller's rights.
BARRIERS = {"ingest.reading", "ingest.reading_history", "ingest.daily_summary"}
# Keys without the practice: drawn by the server at random, so that a clash tells nothing.
DRAWN = {
    "event_id", "gateway_id", "locator", "message_id", "purpose", "quarantine_id", "queue_id", "reading_id",
    "token_sha256",
}  # fmt: skip
# Everything that a service may see beyond its scope. The reasons stand beside the policies in the migrations.
WIDE = {
    ("alerts.climb", "homevitals_notifier", "ALL"),
    ("alerts.climb", "homevitals_scheduler", "SELECT"),
    ("alerts.notification", "homevitals_notifier", "ALL"),
    ("alerts.notification", "homevitals_scheduler", "SELECT"),
    ("ccm.enrolment", "homevitals_scheduler", "SELECT"),
    ("ccm.external_system", "homevitals_entrance", "SELECT"),
    ("ccm.outgoing", "homevitals_link", "ALL"),
    ("ccm.receiver", "homevitals_link", "ALL"),
    ("ccm.task", "homevitals_scheduler", "SELECT"),
    ("ingest.attribution_work", "homevitals_ingest", "ALL"),
    ("ingest.audit_event", "homevitals_sealer", "SELECT"),
    ("ingest.audit_link", "homevitals_sealer", "ALL"),
    ("ingest.audit_pending", "homevitals_sealer", "ALL"),
    ("ingest.certificate", "homevitals_entrance", "ALL"),
    ("ingest.certificate", "homevitals_guard", "SELECT"),
    ("ingest.evaluation_queue", "homevitals_alerts", "ALL"),
    ("ingest.evaluation_queue", "homevitals_scheduler", "SELECT"),
    ("ingest.gateway", "homevitals_entrance", "ALL"),
    ("ingest.gateway", "homevitals_guard", "ALL"),
    ("ingest.gateway", "homevitals_ingest", "ALL"),
    ("ingest.gateway", "homevitals_scheduler", "SELECT"),
    ("ingest.gateway_health_past", "homevitals_scheduler", "ALL"),
    ("ingest.gateway_configuration", "homevitals_ingest", "SELECT"),
    ("ingest.gateway_following", "homevitals_ingest", "ALL"),
    ("ingest.home_person", "homevitals_entrance", "SELECT"),
    ("ingest.identity_provider", "homevitals_entrance", "SELECT"),
    ("ingest.message", "homevitals_ingest", "ALL"),
    ("ingest.one_time_code", "homevitals_entrance", "ALL"),
    ("ingest.outbox_epoch", "homevitals_scheduler", "SELECT"),
    ("ingest.patient_standing", "homevitals_scheduler", "SELECT"),
    ("ingest.practice", "homevitals_alerts", "SELECT"),
    ("ingest.practice", "homevitals_entrance", "SELECT"),
    ("ingest.practice", "homevitals_scheduler", "SELECT"),
    ("ingest.practice", "homevitals_sealer", "SELECT"),
    ("ingest.quarantine", "homevitals_ingest", "ALL"),
    ("ingest.quarantine", "homevitals_ingest", "SELECT"),
    ("ingest.security_event", "homevitals_ingest", "ALL"),
    ("ingest.session", "homevitals_entrance", "ALL"),
    ("ingest.session", "homevitals_scheduler", "ALL"),
    ("ingest.staff", "homevitals_entrance", "ALL"),
}
# Views with the caller's rights over what is wide.
WIDE_VIEWS = {
    ("ccm.in_care", "homevitals_scheduler"),
    ("ingest.inactive_time", "homevitals_scheduler"),
}
# Wide only for rows of no practice.
NOBODYS_ONLY = {"ingest.message", "ingest.quarantine", "ingest.security_event"}
# What runs with the owner's rights; the two triggers are where no continuous aggregate keeps the sums.
OWNER_RIGHTS = {"ccm.link_row", "ingest.ensure_series", "ingest.drop_series_before"}
SUMMING = {"ingest.add_to_day_sums", "ingest.recount_days"}


@pytest.fixture
def admin(database: Any) -> psycopg.Connection[Any]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def practices(database: Any, made_up: MadeUp) -> tuple[UUID, UUID]:
    """Two practices with at least one row in every table."""
    with database.connect() as connection:
        (other,) = connection.execute(
            "select practice_id from ingest.patient where patient_id = %s",
            (made_up.foreign_patient_id,),
        ).fetchone() or (None,)
        assert other is not None
        every_table.fill(connection, [made_up.practice_id, other])
    return made_up.practice_id, other


def test_every_table_has_its_practice_and_its_wall(admin: psycopg.Connection[Any]) -> None:
    tables = [one for one in every_table.relations(admin) if one.kind in "rpmf"]
    assert len(tables) > 30
    without = {one.name for one in tables if not one.has_practice}
    assert without == WITHOUT_PRACTICE
    open_tables = {one.name for one in tables if not (one.is_walled and one.is_forced)}
    behind_a_view = BEHIND_A_VIEW & {one.name for one in tables}  # sums are a view on TimescaleDB
    assert open_tables - without == behind_a_view
    walled = {
        name
        for (name,) in admin.execute(
            "select polrelid::regclass::text from pg_policy where polname = 'practice_wall' and polpermissive"
        ).fetchall()
    }
    assert {one.name for one in tables} - walled == behind_a_view | WITHOUT_PRACTICE


def test_every_view_has_the_callers_rights_or_a_barrier(admin: psycopg.Connection[Any]) -> None:
    for view in (one for one in every_table.relations(admin) if one.kind == "v"):
        if view.name in BEHIND_A_VIEW:
            continue
        wanted = "security_barrier=true" if view.name in BARRIERS else "security_invoker=true"
        assert wanted in view.options, view.name


def test_nothing_but_the_view_leads_to_the_series(
    admin: psycopg.Connection[Any], database: Any, practices: tuple[UUID, UUID]
) -> None:
    reachable = admin.execute(
        "select c.oid::regclass::text, role from pg_class c cross join unnest(%s::text[]) role"
        " where (c.oid in (select inhrelid from pg_inherits) or c.oid = any (%s::regclass[])"
        "        or c.relnamespace in (select oid from pg_namespace where nspname like '\\_timescaledb\\_internal'))"
        # Of TimescaleDB's own views there are some for everybody, about sizes; those of an aggregate hold readings.
        "   and (c.relkind in ('r', 'p') or c.relkind = 'v' and c.relname ~ '^(day_sums|_partial_view|_direct_view)')"
        "   and has_table_privilege(role, c.oid, 'select, insert, update, delete, truncate')",
        (list(ROLES), sorted(BEHIND_A_VIEW)),
    ).fetchall()
    assert [row for row in reachable if not row[0].startswith("_timescaledb_internal.bgw")] == []


def test_nobody_sees_further_than_is_written_here(admin: psycopg.Connection[Any]) -> None:
    names = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
    found = {
        (table, role, names[command])
        for table, role, command in admin.execute(
            "select polrelid::regclass::text, role::regrole::text, polcmd::text from pg_policy"
            " cross join unnest(polroles) role where polname not in ('practice_wall', 'patient_wall')"
        ).fetchall()
    }
    assert found == WIDE


def test_no_function_has_more_rights_than_its_caller_but_these(
    admin: psycopg.Connection[Any], database: Any
) -> None:
    found = {
        name
        for (name,) in admin.execute(
            "select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
            " where n.nspname = any (%s) and p.prosecdef",
            (every_table.SCHEMAS,),
        ).fetchall()
    }
    assert found == OWNER_RIGHTS | (SUMMING if database.engine == "partitions" else set())


def test_what_has_the_owners_rights_takes_no_type_from_whoever_calls_it(
    admin: psycopg.Connection[Any],
) -> None:
    # So has a trigger of a table from which a foreign key deletes: the deletion is the owner's.
    found = admin.execute(
        "select p.oid::regproc::text, coalesce(p.proconfig, '{}') from pg_proc p"
        " where p.pronamespace::regnamespace::text = any (%s) and (p.prosecdef or exists ("
        "   select from pg_trigger t join pg_constraint k on k.conrelid = t.tgrelid"
        "   where t.tgfoid = p.oid and k.contype = 'f' and k.confdeltype <> 'a'))",
        (every_table.SCHEMAS,),
    ).fetchall()
    assert "ccm.keep_claim_parts" in {name for name, _ in found}
    # Left out, the caller's own temporary types come before all others: a domain named “text” would run as the owner.
    for name, settings in found:
        assert "search_path=pg_catalog, pg_temp" in settings, name


def test_no_role_calls_what_has_the_owners_rights_but_whom_it_is_for(
    admin: psycopg.Connection[Any],
) -> None:
    callers = admin.execute(
        "select role, p.oid::regproc::text from pg_proc p cross join unnest(%s::text[]) role"
        " where p.pronamespace::regnamespace::text = any (%s) and p.prosecdef"
        "   and has_function_privilege(role, p.oid, 'execute')",
        (list(ROLES), every_table.SCHEMAS),
    ).fetchall()
    assert set(callers) == {
        ("homevitals_ingest", "ingest.ensure_series"),
        ("homevitals_scheduler", "ingest.ensure_series"),
        ("homevitals_scheduler", "ingest.drop_series_before"),
    }


def test_a_triggers_function_is_put_on_no_table_of_ones_own(database: Any, made_up: MadeUp) -> None:
    with database.connect("homevitals_console") as connection:
        connection.execute("create temporary table mine (practice_id uuid, entry_id uuid)")
        with pytest.raises(pg.InsufficientPrivilege):
            connection.execute(
                "create trigger links after insert on mine for each row"
                " execute function ccm.link_row('entry', 'entry_id')"
            )


def test_every_unique_key_has_the_practice_or_is_drawn_at_random(
    admin: psycopg.Connection[Any],
) -> None:
    found = admin.execute(
        "select i.indrelid::regclass::text, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid),"
        "       array_agg(a.attname::text) filter (where a.attname is not null)"
        " from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace"
        " left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)"
        " where i.indisunique and n.nspname = any (%s) and not c.relispartition group by 1, 2, 3",
        (every_table.SCHEMAS,),
    ).fetchall()
    telling = [
        index
        for table, index, definition, columns in found
        if "practice_id" not in definition
        and not set(columns) <= DRAWN | {"measured_at"}
        and index != "ingest.practice_slug"  # stands in every sign-in name of the practice
    ]
    assert telling == []


def test_every_reference_stays_within_the_practice(admin: psycopg.Connection[Any]) -> None:
    found = admin.execute(
        "select k.conrelid::regclass::text || ': ' || k.conname from pg_constraint k"
        " join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace"
        " where k.contype = 'f' and n.nspname = any (%s) and not exists ("
        "   select from pg_attribute a where a.attrelid = k.conrelid and a.attnum = any (k.conkey)"
        "     and a.attname = 'practice_id')",
        (every_table.SCHEMAS,),
    ).fetchall()
    assert found == []


@pytest.mark.parametrize("role", ROLES)
def test_no_role_crosses_a_wall(
    database: Any, practices: tuple[UUID, UUID], role: str, subtests: pytest.Subtests
) -> None:
    own, other = practices
    with database.connect() as admin:
        found = [one for one in every_table.relations(admin) if one.has_practice]
    with database.connect(role) as connection:
        for relation in found:
            is_wide = (relation.name, role) in WIDE_VIEWS or any(
                table == relation.name and who == role and table not in NOBODYS_ONLY
                for table, who, _ in WIDE
            )
            with subtests.test(relation.name):
                _sees_nothing_without_scope(connection, relation, is_wide=is_wide)
                _sees_its_own_only(connection, relation, own, is_wide=is_wide)
                if not is_wide:
                    _writes_nothing_elsewhere(connection, relation, own, other)


def _sees_nothing_without_scope(
    connection: psycopg.Connection[Any], relation: Relation, *, is_wide: bool
) -> None:
    count = sql.SQL("select count(*) from {}").format(relation.identifier)
    with connection.transaction(force_rollback=True):
        found = _asked(connection, count)
        assert is_wide or found in {None, 0}
    # The settings of a former transaction are empty texts, not missing: the same has to hold.
    with tenancy.transaction(connection):
        pass
    with connection.transaction(force_rollback=True):
        assert is_wide or _asked(connection, count) in {None, 0}


def _sees_its_own_only(
    connection: psycopg.Connection[Any], relation: Relation, own: UUID, *, is_wide: bool
) -> None:
    with connection.transaction(force_rollback=True):
        tenancy.enter(connection.cursor(), Scope((own,)))
        foreign = sql.SQL("select count(*) from {} where practice_id is distinct from {}").format(
            relation.identifier, sql.Literal(own)
        )
        mine = sql.SQL("select count(*) from {} where practice_id = {}").format(
            relation.identifier, sql.Literal(own)
        )
        assert is_wide or _asked(connection, foreign) in {None, 0}
        # Otherwise an empty table would prove nothing.
        assert _asked(connection, mine) != 0


def _writes_nothing_elsewhere(
    connection: psycopg.Connection[Any], relation: Relation, own: UUID, other: UUID
) -> None:
    table = relation.identifier
    moved = sql.SQL(
        "insert into {table} select (jsonb_populate_record(null::{table}, to_jsonb(row) || {elsewhere})).*"
        " from {table} row limit 1"
    ).format(
        # A view's check comes behind the unique keys: a reading elsewhere has to be a new one.
        table=table,
        elsewhere=sql.Literal(json.dumps({"practice_id": str(other), "reading_id": str(uuid4())})),
    )
    changed = sql.SQL("update {} set practice_id = practice_id where practice_id = {}").format(
        table, sql.Literal(other)
    )
    taken = sql.SQL("update {} set practice_id = {}").format(table, sql.Literal(other))
    deleted = sql.SQL("delete from {} where practice_id = {}").format(table, sql.Literal(other))
    for statement in (moved, changed, taken, deleted):
        with connection.transaction(force_rollback=True):
            tenancy.enter(connection.cursor(), Scope((own,)))
            try:
                with connection.transaction():
                    touched = connection.execute(statement).rowcount
            except (pg.InsufficientPrivilege, pg.WithCheckOptionViolation):
                continue  # no right at all, or the wall
            except (pg.ObjectNotInPrerequisiteState, pg.GeneratedAlways, pg.FeatureNotSupported):
                continue  # a view that takes no writes at all
            assert touched == 0, statement.as_string(connection)


def _asked(connection: psycopg.Connection[Any], question: sql.Composed) -> int | None:
    """Return a count, or None where the role may not even ask."""
    try:
        with connection.transaction():
            row = connection.execute(question).fetchone()
    except pg.InsufficientPrivilege:
        return None
    assert row is not None
    return int(row[0])


def test_a_person_at_home_sees_one_patient(
    database: Any, practices: tuple[UUID, UUID], subtests: pytest.Subtests
) -> None:
    own, _ = practices
    with database.connect() as admin:
        patients = [
            patient_id
            for (patient_id,) in admin.execute(
                "select patient_id from ingest.patient where practice_id = %s", (own,)
            ).fetchall()
        ]
        with_patient = [one for one in every_table.relations(admin) if one.has_patient]
    who_decides = {
        "ingest.restriction", "ingest.care_team_member", "ingest.break_glass", "ingest.home_person"
    }  # fmt: skip
    with database.connect("homevitals_console") as connection:
        for relation in with_patient:
            if relation.name in who_decides | BEHIND_A_VIEW:
                continue
            with subtests.test(relation.name), connection.transaction(force_rollback=True):
                tenancy.enter(connection.cursor(), Scope((own,), patient_id=patients[0]))
                others = sql.SQL(
                    "select count(*) from {} where patient_id is distinct from {}"
                ).format(relation.identifier, sql.Literal(patients[0]))
                assert _asked(connection, others) in {None, 0}
