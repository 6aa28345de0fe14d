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

from deploy import database as database_setup
from ingest import migrate, tenancy

pytestmark = pytest.mark.db

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def migrated_to_the_first_version(connection: psycopg.Connection[Any], folder: Path) -> None:
    for package, schema in database_setup.SCHEMAS.items():
        first = folder / package
        first.mkdir()
        for file in (Path(str(resources.files(package))) / "migrations").glob("0001_*.sql"):
            shutil.copy(file, first)
        migrate.migrate(connection, schema, first, applied_at=AT)


@pytest.mark.parametrize("engine", ["partitions", "timescaledb"])
def test_readings_people_and_gateways_of_before_are_behind_the_walls(
    empty_database: Any,
    database_templates: dict[str, str],  # with them come the roles
    tmp_path: Path,
    engine: str,
) -> None:
    if engine == "timescaledb":
        if not empty_database.postgres.has_timescaledb:
            pytest.skip("TimescaleDB is not present: its half of this test did not run")
        with psycopg.connect(empty_database.conninfo("postgres"), autocommit=True) as admin:
            admin.execute("create extension timescaledb")
    practice_id, patient_id, reading_id = uuid4(), uuid4(), uuid4()
    others = [uuid4() for _ in range(3)]
    with psycopg.connect(empty_database.conninfo("postgres"), autocommit=True) as admin:
        admin.execute(f"alter database {empty_database.name} owner to homevitals_owner")
        admin.execute("alter schema public owner to homevitals_owner")
    with psycopg.connect(empty_database.conninfo("homevitals_owner")) as owner:
        migrated_to_the_first_version(owner, tmp_path)
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
