"""Real services for the tests: PostgreSQL (with TimescaleDB where present) and Mosquitto, started once."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql

from deploy import certificates, embedded_postgres, mosquitto, ports
from deploy import database as database_setup

# No clock decides whether a property test passes: the machine may do other work meanwhile.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
# Fewer examples for the quick run of the unit tests while one works; the whole suite takes its time.
hypothesis.settings.register_profile(
    "quick", hypothesis.settings.get_profile("patient"), max_examples=20
)
hypothesis.settings.load_profile("patient")

pytest_plugins = ("tests.console_server",)

_numbers = itertools.count()
ENGINES = ("partitions", "timescaledb")


@dataclass(frozen=True)
class Database:
    """A freshly migrated database of its own for one test."""

    postgres: embedded_postgres.EmbeddedPostgres
    name: str
    engine: str

    def conninfo(self, role: str = "homevitals_owner") -> str:
        return self.postgres.conninfo(role, self.name)

    def connect(self, role: str = "homevitals_owner") -> psycopg.Connection:
        return psycopg.connect(self.conninfo(role))


@dataclass(frozen=True)
class Broker:
    """A running Mosquitto with mutual TLS and the product's own ACL."""

    host: str
    port: int
    authority: certificates.ThrowAwayAuthority

    @property
    def ca_file(self) -> Path:
        return self.authority.ca_file

    def credentials(self, common_name: str) -> tuple[Path, Path]:
        found = self.authority.credentials(common_name)
        return found.certificate_file, found.key_file


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded_postgres.EmbeddedPostgres]:
    # A short path: a unix socket's is limited to 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="hv-pg-"))
    server = embedded_postgres.start(folder / "data")
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database_templates(postgres: embedded_postgres.EmbeddedPostgres) -> dict[str, str]:
    templates = {}
    for engine in ENGINES:
        with_timescaledb = engine == "timescaledb"
        if with_timescaledb and not postgres.has_timescaledb:
            continue
        name = f"template_{engine}"
        database_setup.prepare(
            postgres.conninfo, name, datetime.now(UTC), timescaledb=with_timescaledb
        )
        _seal(postgres, name)
        templates[engine] = name
    return templates


@pytest.fixture(params=ENGINES)
def database(
    request: pytest.FixtureRequest,
    postgres: embedded_postgres.EmbeddedPostgres,
    database_templates: dict[str, str],
) -> Iterator[Database]:
    """Yield a clone of the migrated template, once for each storage engine."""
    engine = request.param
    if engine not in database_templates:
        pytest.skip("TimescaleDB is not present: its half of this test did not run")
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {} owner homevitals_owner").format(
                sql.Identifier(name), sql.Identifier(database_templates[engine])
            )
        )
    yield Database(postgres, name, engine)
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _seal(postgres: embedded_postgres.EmbeddedPostgres, name: str) -> None:
    # A template may have no connections, and TimescaleDB's launcher comes back to every database that allows any.
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name))
        )
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
        )


@pytest.fixture
def empty_database(
    postgres: embedded_postgres.EmbeddedPostgres,
) -> Iterator[Database]:
    """Yield an empty database without any migration."""
    name = f"empty_{next(_numbers)}"
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield Database(postgres, name, "partitions")
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


# One for each module: retained messages and sessions of one module's tests are no business of the next.
@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("broker")
    authority = certificates.ThrowAwayAuthority(folder / "ca", datetime.now(UTC))
    port = ports.free_port()
    files = mosquitto.write_files(
        folder / "mosquitto",
        port=port,
        authority=authority,
        ingest_names=("ingest-1", "ingest-2"),
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(files.command, stdout=log, stderr=log)
    try:
        assert ports.wait_until(lambda: ports.is_listening(port), timeout_s=10), (
            folder / "log"
        ).read_text()
        yield Broker("127.0.0.1", port, authority)
    finally:
        process.terminate()
        process.wait(10)
