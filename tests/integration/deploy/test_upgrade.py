"""A database of before the walls, with data in it, comes through the migrations whole."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from alerts import store as alerts_store
from ccm_link.program import consents, enrolment
from ccm_link.program.consents import Method
from ccm_link.program.enrolment_states import CloseReason, Event, State
from deploy import database as database_setup
from ingest import migrate, tenancy

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def migrated_to(last: str, connection: psycopg.Connection[Any], folder: Path) -> None:
    """Apply the migrations of each package up to and with a number."""
    for package, schema in database_setup.SCHEMAS.items():
        until = folder / package
        until.mkdir()
        for file in (Path(str(resources.files(package))) / "migrations").glob("*.sql"):
            if file.name[:4] <= last:
                shutil.copy(file, until)
        migrate.migrate(connection, schema, until, applied_at=AT)


def make_owned(database: Any, engine: str) -> None:
    """Make an empty database the owner's, as the installation does."""
    if engine == "timescaledb" and not database.postgres.has_timescaledb:
        pytest.skip("TimescaleDB is not present: its half of this test did not run")
    with psycopg.connect(database.conninfo("postgres"), autocommit=True) as admin:
        if engine == "timescaledb":
            admin.execute("create extension timescaledb")
        admin.execute(f"alter database {database.name} owner to homevitals_owner")
        admin.execute("alter schema public owner to homevitals_owner")


@pytest.mark.parametrize("engine", ["partitions", "timescaledb"])
def test_readings_people_and_gateways_of_before_are_behind_the_walls(
    empty_database: Any,
    database_templates: dict[str, str],  # with them come the roles
    tmp_path: Path,
    engine: str,
) -> None:
    make_owned(empty_database, engine)
    practice_id, patient_id, reading_id = uuid4(), uuid4(), uuid4()
    others = [uuid4() for _ in range(3)]
    with psycopg.connect(empty_database.conninfo("homevitals_owner")) as owner:
        migrated_to("0001", owner, tmp_path)
        owner.execute(
            "insert into ingest.practice values (%s, 'Dr. Ängström & Söhne', 'UTC'), (%s, '24 Elm', 'UTC'),"
            " (%s, 'Twin', 'UTC'), (%s, 'Twin', 'UTC')",
            (practice_id, *others),
        )
        owner.execute(
            "insert into ingest.staff (practice_id, sign_in_name, display_name, role, password_argon2)"
            " values (%s, 'Casey', 'Casey', 'care_manager', 'x')",
            (practice_id,),
        )
        owner.execute(
            "insert into ingest.patient values (%s, %s, 'N', '1950-01-01', 'R', 'UTC')",
            (practice_id, patient_id),
        )
        owner.execute(
            "insert into ingest.gateway (gateway_id, practice_id, label, status)"
            " values ('gw-aaaa0001', %s, 'l', 'revoked'), ('gw-aaaa0002', %s, 'l', 'active')",
            (practice_id, practice_id),
        )
        owner.execute("select ingest.ensure_series(%s, %s)", (AT, AT))
        owner.execute(
            "insert into ingest.reading (practice_id, reading_id, patient_id, peripheral_id, kind, result,"
            " measured_at, time_method, time_quality, gateway_received_at, stored_at, profile_id, profile_version,"
            " characteristic, raw, gateway_id, outbox_epoch, outbox_seq, message_id) values"
            " (%s, %s, %s, %s, 'glucose', 'measured', %s, 'device_clock', 'good', %s, %s, 'p', 1, '2a18', '',"
            " 'gw-aaaa0002', 'e', 1, %s)",
            (practice_id, reading_id, patient_id, uuid4(), AT, AT, AT, uuid4()),
        )
        owner.commit()

    applied = database_setup.migrate_all(empty_database.conninfo("homevitals_owner"), AT)

    assert "ingest/0002_pre_walls.sql" in applied
    with psycopg.connect(empty_database.conninfo("homevitals_console")) as console:
        assert console.execute("select count(*) from ingest.reading").fetchone() == (0,)
        with tenancy.transaction(console, practice_id) as cur:
            assert cur.execute("select reading_id, patient_id from ingest.reading").fetchall() == [
                (reading_id, patient_id)
            ]
            assert cur.execute("select slug from ingest.practice").fetchone() == (
                "dr-ngstr-m-s-hne",
            )
            assert cur.execute(
                "select status, revoked_at is not null from ingest.gateway order by gateway_id"
            ).fetchall() == [("revoked", True), ("active", False)]
        with tenancy.transaction(console, *others) as cur:
            slugs = cur.execute("select slug from ingest.practice order by slug").fetchall()
    assert slugs == sorted((f"practice-{other.hex[:12]}",) for other in others)
    assert database_setup.migrate_all(empty_database.conninfo("homevitals_owner"), AT) == []


_READING = (
    "insert into ingest.reading_series (practice_id, reading_id, patient_id, peripheral_id, kind, result, measured_at,"
    " time_method, time_quality, gateway_received_at, stored_at, {number}, profile_id, profile_version, characteristic,"
    " raw, gateway_id, outbox_epoch, outbox_seq, message_id, measured_day) values (%(practice)s, gen_random_uuid(),"
    " %(patient)s, gen_random_uuid(), '{kind}', 'measured', %(at)s, 'device_clock', 'good', %(at)s, %(at)s, %(of)s,"
    " 'p', 1, 'x', '', 'gw-aaaa0002', 'e', 1, gen_random_uuid(), '2026-11-01')"
)


@pytest.mark.parametrize("engine", ["partitions", "timescaledb"])
def test_readings_and_their_sums_get_the_columns_of_further_kinds(
    empty_database: Any, database_templates: dict[str, str], tmp_path: Path, engine: str
) -> None:
    make_owned(empty_database, engine)
    sums = (
        "select reading_count, glucose_sum_mg_dl, weight_sum_kg from ingest.day_sums order by kind"
    )
    whose = {"practice": uuid4(), "patient": uuid4(), "at": AT}
    with psycopg.connect(empty_database.conninfo("homevitals_owner")) as owner:
        migrated_to("0013", owner, tmp_path)
        owner.execute("select ingest.ensure_series(%s, %s)", (AT, AT))
        for number in (104, 131):
            owner.execute(
                _READING.format(kind="glucose", number="glucose_mg_dl"), whose | {"of": number}
            )
        owner.commit()
        if engine == "timescaledb":  # as after two months: in columns, and summed up
            owner.execute("select compress_chunk(c) from show_chunks('ingest.reading_series') c")
            owner.commit()
            owner.autocommit = True
            owner.execute("call refresh_continuous_aggregate('ingest.day_sums', null, null)")

    database_setup.migrate_all(empty_database.conninfo("homevitals_owner"), AT)

    with psycopg.connect(empty_database.conninfo("homevitals_owner")) as owner:
        assert owner.execute(sums).fetchall() == [(2, 235.0, None)]
        for number in (78.4, 78.6):
            owner.execute(
                _READING.format(kind="body_weight", number="weight_kg"), whose | {"of": number}
            )
        assert owner.execute(sums).fetchall() == [(2, None, 157.0), (2, 235.0, None)]
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(
                _READING.format(kind="body_weight", number="weight_kg"), whose | {"of": 501}
            )


def test_limits_and_episodes_of_before_become_rules_and_breaches(
    empty_database: Any, database_templates: dict[str, str], tmp_path: Path
) -> None:
    make_owned(empty_database, "partitions")
    practice_id, patient_id = uuid4(), uuid4()
    urgent, clinical, reading_id, staff_id = uuid4(), uuid4(), uuid4(), uuid4()
    with psycopg.connect(empty_database.conninfo("homevitals_owner")) as owner:
        # The series and people as today, alerts as they were: rules that were columns.
        folder, tasks = tmp_path / "alerts", tmp_path / "ccm_link"
        for package in (folder, tasks):
            package.mkdir()
            for file in (Path(str(resources.files(package.name))) / "migrations").glob("*.sql"):
                if file.name[:4] <= "0004":
                    shutil.copy(file, package)
        migrate.migrate(
            owner,
            "ingest",
            Path(str(resources.files("ingest"))) / "migrations",
            applied_at=AT,
        )
        migrate.migrate(owner, "alerts", folder, applied_at=AT)
        migrate.migrate(owner, "ccm", tasks, applied_at=AT)
        owner.execute(
            "select set_config('homevitals.practice', %s::uuid[]::text, false)", ([practice_id],)
        )
        owner.execute(
            "insert into ingest.practice (practice_id, slug, name, time_zone) values (%s, 'p-1', 'P', 'UTC')",
            (practice_id,),
        )
        owner.execute(
            "insert into ingest.patient (practice_id, patient_id, display_name, born_on, record_number, time_zone)"
            " values (%s, %s, 'N', '1950-01-01', 'R', 'UTC')",
            (practice_id, patient_id),
        )
        owner.execute(
            "insert into ingest.staff (practice_id, staff_id, sign_in_name, display_name, role)"
            " values (%s, %s, 'casey', 'Casey', 'care_manager')",
            (practice_id, staff_id),
        )
        for rule_id, whose, severity, limit in (
            (urgent, None, "urgent", 180),
            (clinical, patient_id, "clinical", 150),
        ):
            owner.execute(
                "insert into alerts.rule values (%s, %s, 1, %s, 'Raised', 'systolic_mmhg', 'at_or_above', %s, %s, 60,"
                " %s, 'infinity', 'who', 'why', 'source')",
                (practice_id, rule_id, whose, limit, severity, AT),
            )
        for rule_id, severity in ((urgent, "urgent"), (clinical, "clinical")):
            episode_id = uuid4()
            owner.execute(
                "insert into alerts.episode (practice_id, episode_id, patient_id, rule_id, rule_version, severity,"
                " opened_at, breached_at) values (%s, %s, %s, %s, 1, %s, %s, %s)",
                (practice_id, episode_id, patient_id, rule_id, severity, AT, AT),
            )
            owner.execute(
                "insert into alerts.episode_event values (%s, %s, %s, 'opened', %s, %s, 'note')",
                (practice_id, episode_id, AT, reading_id, AT),
            )
            owner.execute(
                "insert into ccm.task (practice_id, task_id, patient_id, episode_id, title, severity, status,"
                " owner_staff_id, opened_at, due_at, completed_at, disposition, disposition_note)"
                " values (%s, %s, %s, %s, 'Raised', %s, 'completed', %s, %s, %s, %s, 'not_reached', 'Twice.')",
                (practice_id, rule_id, patient_id, episode_id, severity, staff_id, AT, AT, AT),
            )
            owner.execute(
                "insert into ccm.task_event values (%s, %s, %s, 'completed', %s, 'Twice.')",
                (practice_id, rule_id, AT, staff_id),
            )
        owner.commit()

    database_setup.migrate_all(empty_database.conninfo("homevitals_owner"), AT)

    with (
        psycopg.connect(empty_database.conninfo("homevitals_owner")) as owner,
        tenancy.transaction(owner, practice_id) as cur,
    ):
        loaded = alerts_store.rules_of_practice(cur, practice_id)
        assert not loaded.unreadable
        assert {
            (rule.scope, rule.scope_key, rule.spec.name, rule.spec.signal.limit_value)  # type: ignore[union-attr]
            for rule in loaded.rules
        } == {
            ("practice", "", "systolic-high (urgent)", 180),
            ("patient", str(patient_id), "systolic-high (clinical)", 150),
        }
        # The severest stays the family's open episode; the other is worked on under a name of its own.
        cur.execute("select family from alerts.episode order by severity desc")
        assert cur.fetchall() == [("systolic-high",), (f"systolic-high/{clinical}",)]
        cur.execute("select count(*), count(distinct episode_id) from alerts.breach")
        assert cur.fetchone() == (2, 2)
        # A task that comes back one day still tells what it was completed with.
        cur.execute("select event, disposition from ccm.task_event")
        assert cur.fetchall() == [("completed", "not_reached")] * 2


def test_who_was_enrolled_before_there_were_states_stays_in_care(
    empty_database: Any, database_templates: dict[str, str], tmp_path: Path
) -> None:
    make_owned(empty_database, "partitions")
    practice_id, goes_on, over = uuid4(), uuid4(), uuid4()
    ended_at = AT.replace(day=2)
    with psycopg.connect(empty_database.conninfo("homevitals_owner")) as owner:
        migrated_to("0007", owner, tmp_path)
        cur = owner.cursor()
        tenancy.enter(cur, tenancy.Scope((practice_id,)))
        cur.execute(
            "insert into ingest.practice (practice_id, slug, name, time_zone) values (%s, 'elm', 'Elm', 'UTC')",
            (practice_id,),
        )
        for patient_id, until_at in ((goes_on, None), (over, ended_at)):
            cur.execute(
                "insert into ingest.patient values (%s, %s, 'N', '1950-01-01', %s, 'UTC')",
                (practice_id, patient_id, str(patient_id)),
            )
            cur.execute(
                "insert into ccm.enrolment (practice_id, patient_id, program, consent_documented_at, ended_at,"
                " enrolled_by) values (%s, %s, 'ccm', %s, coalesce(%s, 'infinity'::timestamptz), 'Casey')",
                (practice_id, patient_id, AT, until_at),
            )
        owner.commit()

    database_setup.migrate_all(empty_database.conninfo("homevitals_owner"), AT)

    with (
        psycopg.connect(empty_database.conninfo("homevitals_console")) as console,
        tenancy.transaction(console, practice_id) as cur,
    ):
        (held,) = enrolment.of_patient(cur, practice_id, goes_on)
        assert (held.state, held.opened_at, held.ended_at) == (State.ACTIVE, AT, None)
        (former,) = enrolment.of_patient(cur, practice_id, over)
        assert (former.state, former.close_reason, former.ended_at) == (
            State.CLOSED,
            CloseReason.OTHER,
            ended_at,
        )
        assert enrolment.is_in_care(cur, practice_id, goes_on, AT)
        assert not enrolment.is_in_care(cur, practice_id, over, ended_at)
        for patient_id in (goes_on, over):
            (consent,) = consents.of_patient(cur, practice_id, patient_id)
            assert (consent.documented_at, consent.method) == (AT, Method.NOT_RECORDED)
            (line,) = enrolment.events_of_patient(cur, practice_id, patient_id)
            assert (line.event, line.made_by) == (Event.CARRIED_OVER, "Casey")
