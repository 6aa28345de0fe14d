"""Real services for the tests: PostgreSQL (with TimescaleDB where present) and Mosquitto, started once."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

import hypothesis
import psycopg
import pytest
from cryptography import x509
from psycopg import sql

from deploy import certificates, embedded_postgres, mosquitto, ports, processes
from deploy import database as database_setup
from deploy.broker_settings import BrokerSettings
from deploy.signer.authority import GatewayAuthority
from ingest.signing import RevokedSerial
from tests import files_in_memory, made_up_practice, scopes
from tests.enrolled_gateways import gateway_credentials
from tests.made_up_practice import MadeUp

# No clock decides whether a property test passes: the machine may do other work meanwhile.
_PATIENT = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
# Few examples while one works, some in each run of the whole suite, many where there is time (tests/README.md).
for _profile, _examples in (("quick", 20), ("suite", 50), ("thorough", 1000)):
    hypothesis.settings.register_profile(_profile, _PATIENT, max_examples=_examples)
hypothesis.settings.load_profile("suite")

pytest_plugins = ("tests.console_server",)

# Before anybody asks where temporary files go; xdist's workers are told by the process that starts them.
_run_folder = files_in_memory.enter()
_numbers = itertools.count()
ENGINES = ("partitions", "timescaledb")
# Each begins the reason of every test skipped for that.
WITHOUT_TIMESCALEDB = "TimescaleDB is not present"
WITHOUT_BLUEZ = "the real BlueZ is not tested here"
WITHOUT_DBUS = "there is no dbus-daemon on this machine"


def pytest_configure(config: pytest.Config) -> None:
    """Keep the paths of the tests' folders short: there are sockets in them."""
    if _run_folder is not None and config.option.basetemp is None:
        config.option.basetemp = _run_folder.path / "t"


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(exitstatus: int) -> Generator[None]:
    """Give the run's memory back; what failed may be looked at until the next run."""
    yield
    if _run_folder is not None:
        _run_folder.leave(keep=exitstatus != 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in lines that cannot be overlooked what was not tested."""
    reasons = [str(report.longrepr) for report in terminalreporter.getreports("skipped")]
    for words, reason in (
        ("TIMESCALEDB WAS NOT TESTED", WITHOUT_TIMESCALEDB),
        ("THE REAL BLUEZ WAS NOT TESTED (./deploy/test bluez does it)", WITHOUT_BLUEZ),
        ("THE BLUEZ BACKEND WAS NOT TESTED (install dbus)", WITHOUT_DBUS),
    ):
        count = sum(reason in told for told in reasons)
        if count:
            terminalreporter.write_sep("!", f"{words}: {count} tests skipped", red=True, bold=True)


@dataclass(frozen=True)
class Database:
    """A freshly migrated database of its own for one test."""

    postgres: embedded_postgres.EmbeddedPostgres
    name: str
    engine: str

    def conninfo(self, role: str = "homevitals_owner") -> str:
        return self.postgres.conninfo(role, self.name)

    def connect(self, role: str = "postgres", *practice_ids: UUID) -> psycopg.Connection:
        """Connect as a service's role, or as the superuser, whom no wall of a table holds back."""
        connection = psycopg.connect(self.conninfo(role))
        if practice_ids:
            scopes.work_for(connection, *practice_ids)
        return connection


@dataclass(frozen=True)
class Broker:
    """A running Mosquitto with mutual TLS, two authorities and the product's own configuration."""

    settings: BrokerSettings
    authority: certificates.ThrowAwayAuthority
    gateway_authority: GatewayAuthority
    folder: Path
    host: str = "127.0.0.1"

    @property
    def port(self) -> int:
        """Where gateways connect."""
        return self.settings.gateway_port

    @property
    def service_port(self) -> int:
        """Where ingest and the guard connect."""
        return self.settings.service_port

    @property
    def ca_file(self) -> Path:
        """What the broker's certificate is checked against."""
        return self.authority.ca_file

    @property
    def crl_file(self) -> Path:
        return self.settings.crl_file

    @property
    def pid(self) -> int:
        return int(self.settings.pid_file.read_text())

    def credentials(self, common_name: str) -> tuple[Path, Path]:
        if common_name.startswith("gw-"):
            found = gateway_credentials(
                self.gateway_authority, common_name, self.folder / "gateways"
            )
        else:
            found = self.authority.credentials(common_name)
        return found.certificate_file, found.key_file

    def port_for(self, common_name: str) -> int:
        return self.port if common_name.startswith("gw-") else self.service_port

    def revoke(self, *gateway_ids: str) -> None:
        """Write a list with these gateways' certificates, and nobody else's."""
        now = datetime.now(UTC)
        serials = [
            RevokedSerial(f"{certificate.serial_number:x}", now)
            for certificate in (
                x509.load_pem_x509_certificate(self.credentials(gateway_id)[0].read_bytes())
                for gateway_id in gateway_ids
            )
        ]
        self.crl_file.write_text(self.gateway_authority.revocation_list(serials))

    def reload(self) -> None:
        """Let the broker read its files again: end it, and wait until it is back (``running_broker`` starts it)."""
        before = self.pid
        os.kill(before, signal.SIGTERM)
        assert ports.wait_until(
            lambda: self.pid_is_new(before) and ports.is_listening(self.service_port), timeout_s=30
        )

    def pid_is_new(self, before: int) -> bool:
        try:
            return self.pid != before
        except (FileNotFoundError, ValueError):
            return False


@dataclass(frozen=True)
class OtherPostgres:
    """A server that somebody else runs, by the folder of its unix socket; it lets every role in."""

    folder: str
    has_timescaledb: bool = False

    def conninfo(self, role: str, database: str) -> str:
        return f"host={self.folder} user={role} dbname={database}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded_postgres.EmbeddedPostgres | OtherPostgres]:
    if other := os.environ.get("HOMEVITALS_TEST_POSTGRES"):
        yield OtherPostgres(other)
        return
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
        _forget(postgres, name)
        database_setup.prepare(
            postgres.conninfo, name, datetime.now(UTC), timescaledb=with_timescaledb
        )
        _seal(postgres, name)
        templates[engine] = name
    return templates


@pytest.fixture(scope="session")
def made_up_templates(
    postgres: embedded_postgres.EmbeddedPostgres, database_templates: dict[str, str]
) -> Callable[[str], tuple[str, MadeUp]]:
    """Return what gives an engine's template that holds the made-up practice, made when it is first asked for."""

    @cache
    def filled(engine: str) -> tuple[str, MadeUp]:
        name = f"template_made_up_{engine}"
        _forget(postgres, name)
        _clone(postgres, database_templates[engine], name)
        made_up = made_up_practice.set_up(Database(postgres, name, engine).connect)
        _seal(postgres, name)
        return name, made_up

    return filled


@pytest.fixture(params=ENGINES)
def database(
    request: pytest.FixtureRequest,
    postgres: embedded_postgres.EmbeddedPostgres,
    database_templates: dict[str, str],
    made_up_templates: Callable[[str], tuple[str, MadeUp]],
) -> Iterator[Database]:
    """Yield a clone of the migrated template, once for each storage engine.

    The practice is in it already where the test asks for ``made_up``: to write it anew for each test takes seconds.
    """
    engine = request.param
    if engine not in database_templates:
        pytest.skip(f"{WITHOUT_TIMESCALEDB}: its half of this test did not run")
    template = database_templates[engine]
    if "made_up" in request.fixturenames:
        template, _ = made_up_templates(engine)
    name = f"test_{next(_numbers)}"
    _clone(postgres, template, name)
    yield Database(postgres, name, engine)
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def made_up(database: Database, made_up_templates: Callable[[str], tuple[str, MadeUp]]) -> MadeUp:
    """Return what the made-up practice of the test's database consists of."""
    _, found = made_up_templates(database.engine)
    return found


def _clone(postgres: embedded_postgres.EmbeddedPostgres, template: str, name: str) -> None:
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {} owner homevitals_owner").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )


def _forget(postgres: embedded_postgres.EmbeddedPostgres, name: str) -> None:
    # A server that somebody else runs still has the last run's.
    with psycopg.connect(postgres.conninfo("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))


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
    broker = prepare_broker(tmp_path_factory.mktemp("broker"))
    with running_broker(broker):
        yield broker


def prepare_broker(folder: Path) -> Broker:
    """Make authorities, certificates, an empty revocation list and free ports; nothing runs yet."""
    authority = certificates.ThrowAwayAuthority(folder / "ca", datetime.now(UTC))
    gateway_authority = GatewayAuthority(folder / "gateway-ca", lambda: datetime.now(UTC))
    own = authority.credentials("localhost")
    settings = BrokerSettings(
        gateway_address="127.0.0.1",
        gateway_port=ports.free_port(),
        service_port=ports.free_port(),
        gateway_authority_file=folder / "gateway-authority.pem",
        crl_file=folder / "revoked.pem",
        service_authority_file=authority.ca_file,
        certificate_file=own.certificate_file,
        key_file=own.key_file,
        state_folder=folder / "mosquitto",
        pid_file=folder / "mosquitto.pid",
        run_as=mosquitto.present_user(),
        ingest_workers=("ingest-1", "ingest-2"),
    )
    settings.gateway_authority_file.write_text(gateway_authority.bundle())
    broker = Broker(settings, authority, gateway_authority, folder)
    broker.revoke()
    return broker


@contextmanager
def running_broker(broker: Broker) -> Iterator[processes.Processes]:
    """Run Mosquitto, and start it again when it ends, as a clinic's service manager does."""
    files = mosquitto.write_files(broker.folder / "mosquitto", broker.settings)
    watched = processes.Processes(broker.folder / "log")
    watched.start("broker", files.command)
    stop = threading.Event()

    def keep_running() -> None:
        while not stop.wait(0.05):
            watched.restart_ended()

    keeper = threading.Thread(target=keep_running)
    keeper.start()
    try:
        assert ports.wait_until(
            lambda: ports.is_listening(broker.port) and ports.is_listening(broker.service_port),
            timeout_s=30,
        ), (broker.folder / "log" / "broker.log").read_text()
        yield watched
    finally:
        stop.set()
        keeper.join()
        watched.stop()
