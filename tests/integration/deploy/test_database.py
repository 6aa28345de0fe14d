from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import argon2
import psycopg
import pytest

from ccm_link.claim import month_proposals, site_tables
from ccm_link.month import Month
from ccm_link.plan import device_set_ups
from ccm_link.program import enrolment
from ccm_link.program.enrolment_states import CloseReason, State
from deploy import database as database_setup
from deploy import errors, scheduler, seed
from deploy.settings import SchedulerSettings
from ingest import one_time_code, people
from ingest.standing import Standing

pytestmark = pytest.mark.db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
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


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash the demo's passwords at the least cost: here it is only looked whether they are hashed."""
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: cheap)


def test_preparing_twice_changes_nothing(database: Any) -> None:
    again = database_setup.prepare(
        database.postgres.conninfo,
        database.name,
        NOW,
        timescaledb=database.engine == "timescaledb",
    )
    assert again == []


def test_no_service_role_owns_anything_or_may_bypass_row_security(database: Any) -> None:
    with database.connect() as connection:
        assert connection.execute(
            "select count(*) from pg_class where relowner = any (%s::regrole[])", (list(ROLES),)
        ).fetchone() == (0,)
        assert connection.execute(
            "select count(*) from pg_roles where rolname = any (%s) and (rolsuper or rolbypassrls or rolcreaterole)",
            (list(ROLES),),
        ).fetchone() == (0,)


def test_ingest_cannot_read_who_the_patients_are(database: Any) -> None:
    with (
        database.connect("homevitals_ingest") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select display_name from ingest.patient")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "update ingest.reading set systolic_mmhg = 120",
        "delete from ingest.reading",
        "delete from ingest.quarantine",
        "delete from ccm.time_entry",
        "delete from alerts.evaluation",
        "truncate ccm.time_entry",
    ],
)
def test_no_service_may_change_or_delete_what_is_evidence(
    database: Any, role: str, statement: str
) -> None:
    with (
        database.connect(role) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_the_demo_is_set_up_once(database: Any, tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    first = seed.ensure(database.conninfo, file, NOW)
    assert seed.ensure(database.conninfo, file, NOW + timedelta(days=1)) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passwords = {one.password for one in first.sign_ins}
    assert len(passwords) == len(first.sign_ins)
    with database.connect() as connection:
        hashes = connection.execute("select password_argon2 from ingest.staff").fetchall()
    assert all(found.startswith("$argon2id$") for (found,) in hashes)
    assert len(first.gateways) == len(seed.HOMES)
    assert len({gateway.practice_id for gateway in first.gateways}) == 2
    assert {"bea@millbrook", "petra@millbrook"} <= {one.sign_in_name for one in first.sign_ins}
    _shows_the_way_to_a_claim(database, first.gateways[0].practice_id)


def _shows_the_way_to_a_claim(database: Any, practice_id: UUID) -> None:
    """What was set up is whole: nothing stops a line, and who is in no program could be in one."""
    this, former = Month.of(NOW, "America/New_York"), Month.of(NOW - timedelta(days=31), "UTC")
    with database.connect("homevitals_console", practice_id) as connection:
        cur = connection.cursor()
        patients = {
            one.display_name.split()[1]: one.patient_id
            for one in people.patients(cur, practice_id, tuple(Standing))
        }
        billed = {}
        tables = site_tables.of_folder(Path())
        for month in (former, this):
            worked_out = month_proposals.of_patients(
                cur, practice_id, list(patients.values()), month, tables, NOW
            )
            for name, patient_id in patients.items():
                found = worked_out[patient_id].proposal
                assert [one.words for one in found.holds if one.stops] == []
                billed[name, month] = [line.code for line in found.proposed]
        assert billed["Thornquist", former] == billed["Thornquist", this] == ["99490"]
        assert (billed["Vandermeer", former], billed["Vandermeer", this]) == (["99490"], [])
        (died,) = enrolment.of_patient(cur, practice_id, patients["Vandermeer"])
        assert (died.state, died.close_reason) == (State.CLOSED, CloseReason.DECEASED)
        (watched,) = enrolment.of_patient(cur, practice_id, patients["Oyelaran"])
        assert (watched.program, watched.state) == ("rpm", State.ACTIVE)
        assert len(device_set_ups.of_patients(cur, practice_id, [watched.patient_id], NOW)) == 1
        assert enrolment.of_patient(cur, practice_id, patients["Abernathy"]) == []


def test_the_demo_of_an_earlier_version_says_what_to_do(database: Any, tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    seed.ensure(database.conninfo, file, NOW)
    file.write_text(json.dumps({"practice_id": "x", "sign_ins": []}), encoding="utf-8")
    with pytest.raises(errors.DeployError, match="--reset"):
        seed.ensure(database.conninfo, file, NOW)


def test_a_claim_code_of_the_demo_enrols_its_gateway_once(database: Any, tmp_path: Path) -> None:
    demo = seed.ensure(database.conninfo, tmp_path / "demo.json", NOW)
    gateway = demo.gateway_of("home-3")
    former = seed.claim_code(database.conninfo, gateway, NOW)
    code = seed.claim_code(database.conninfo, gateway, NOW)
    purpose = one_time_code.Purpose.CLAIM_GATEWAY
    with database.connect("homevitals_entrance") as connection, connection.cursor() as cur:
        assert one_time_code.redeem(cur, purpose, former, NOW) is None
        redeemed = one_time_code.redeem(cur, purpose, code, NOW)
        assert redeemed is not None
        assert redeemed.subject == gateway.gateway_id
        assert one_time_code.redeem(cur, purpose, code, NOW) is None


def test_partitions_are_made_ahead(database: Any) -> None:
    with database.connect("homevitals_scheduler") as connection:
        scheduler.partitions_ahead(connection, SchedulerSettings(months_ahead=2), NOW)
    with database.connect() as connection:
        found = connection.execute(
            "select inhrelid::regclass::text from pg_inherits"
            " where inhparent = 'ingest.reading_series'::regclass order by 1"
        ).fetchall()
    months = ["2026_11", "2026_12", "2027_01"]
    expected = [f"ingest.reading_{month}" for month in months]
    assert [name for (name,) in found] == (expected if database.engine == "partitions" else [])


@pytest.mark.parametrize("job", list(scheduler._JOBS), ids=lambda job: job.__name__)
def test_every_job_runs_with_the_schedulers_own_rights(database: Any, job: Any) -> None:
    with database.connect("homevitals_scheduler") as connection:
        job(connection, SchedulerSettings(), NOW)
