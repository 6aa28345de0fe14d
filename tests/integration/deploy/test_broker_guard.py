"""A gateway that is revoked in the database is out at the broker, whatever happens to the guard meanwhile."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from cryptography import x509

from deploy import broker_guard, errors, ports
from deploy.broker_settings import GuardSettings
from deploy.settings import SignerSettings
from ingest import errors as ingest_errors
from ingest import fleet, people, tenancy
from tests import conftest
from tests.enrolled_gateways import running_signer
from tests.mqtt_peer import Peer, Refused

# paho leaves the socket of a failed handshake to the garbage collector.
pytestmark = [
    pytest.mark.db,
    pytest.mark.broker,
    # No series is touched here, so one storage engine says it all.
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

_names = itertools.count()
NOW = datetime.now(UTC)


class Fleet:
    """Gateways in the database and at the broker."""

    def __init__(self, database: Any, broker: Any) -> None:
        self._database, self._broker = database, broker
        with database.connect("postgres") as connection, connection.cursor() as cur:
            self.practice_id: UUID = people.add_practice(
                cur, slug="elm-street", name="Elm Street", time_zone="America/New_York"
            )

    def enrol(self) -> str:
        """Return a new gateway that is active and has a certificate."""
        gateway_id = f"gw-{next(_names):08d}"
        pem = self._broker.credentials(gateway_id)[0].read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        with self._database.connect("postgres") as connection:
            connection.execute(
                "insert into ingest.gateway (practice_id, gateway_id, label, status, enrolled_at)"
                " values (%s, %s, 'Kitchen', 'active', now())",
                (self.practice_id, gateway_id),
            )
            connection.execute(
                "insert into ingest.certificate (practice_id, gateway_id, serial, public_key_sha256,"
                " not_before, not_after, issued_at, issued_for)"
                " values (%s, %s, %s, %s, %s, %s, now(), 'claim')",
                (
                    self.practice_id,
                    gateway_id,
                    f"{certificate.serial_number:x}",
                    gateway_id.encode(),
                    certificate.not_valid_before_utc,
                    certificate.not_valid_after_utc,
                ),
            )
        return gateway_id

    def revoke(self, gateway_id: str) -> None:
        with (
            self._database.connect("homevitals_console") as connection,
            tenancy.transaction(connection, self.practice_id) as cur,
        ):
            assert fleet.revoke(cur, self.practice_id, gateway_id, datetime.now(UTC))

    def is_cut_off(self, gateway_id: str) -> bool:
        with self._database.connect("postgres") as connection:
            (cut_off_at,) = connection.execute(
                "select cut_off_at from ingest.gateway where gateway_id = %s", (gateway_id,)
            ).fetchone()
        return cut_off_at is not None

    def events(self) -> list[tuple[Any, ...]]:
        with self._database.connect("postgres") as connection:
            return connection.execute(
                "select resource_id, agent_kind, agent_id, practice_id from ingest.audit_event"
                " where kind = 'gateway_cut_off' order by at"
            ).fetchall()


class Publishing:
    """A gateway that publishes as long as it is let, and connects again whenever it is not."""

    def __init__(self, broker: Any, gateway_id: str) -> None:
        self._broker, self._gateway_id = broker, gateway_id
        self.published = 0
        self.refused = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Publishing:
        self._thread.start()
        assert ports.wait_until(lambda: self.published > 3, timeout_s=20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def goes_on(self) -> bool:
        before = self.published
        return ports.wait_until(lambda: self.published > before + 3, timeout_s=20)

    def is_out(self) -> bool:
        """Tell whether five attempts in a row are refused."""
        before, refused = self.published, self.refused
        assert ports.wait_until(lambda: self.refused >= refused + 5, timeout_s=20)
        return self.published == before

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                peer = Peer(self._broker, self._gateway_id, session_expiry_s=3600)
            except (Refused, queue.Empty):
                self.refused += 1
                self._stop.wait(0.02)
                continue
            try:
                while not self._stop.wait(0.02) and self._publishes(peer):
                    self.published += 1
            finally:
                peer.close()

    def _publishes(self, peer: Peer) -> bool:
        peer.client.publish(f"hv/1/up/{self._gateway_id}/readings", b"x", qos=1)
        kind = ""
        while kind not in {"publish", "disconnect"}:
            kind, _ = peer.events.get(timeout=20)
        return kind == "publish"


@pytest.fixture
def homes(database: Any, broker: Any) -> Fleet:
    return Fleet(database, broker)


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hv-") as folder:  # a socket's path is short
        yield Path(folder)


@pytest.fixture
def signer_settings(broker: Any, socket_folder: Path) -> SignerSettings:
    return SignerSettings(folder=broker.folder / "gateway-ca", socket=socket_folder / "s")


@pytest.fixture
def signer(signer_settings: SignerSettings) -> Iterator[None]:
    with running_signer(signer_settings):
        yield


def guard_settings(database: Any, broker: Any, signer_settings: SignerSettings) -> GuardSettings:
    certificate_file, key_file = broker.credentials("guard-1")
    return GuardSettings(
        database=database.conninfo("homevitals_guard"),
        signer_socket=signer_settings.socket,
        broker_host=broker.host,
        broker_port=broker.service_port,
        ca_file=broker.ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
        crl_file=broker.crl_file,
        gateway_authority_file=broker.settings.gateway_authority_file,
        pid_file=broker.settings.pid_file,
        reload_by="sigterm",
        poll_s=1.0,
        hold_s=0.5,
    )


@pytest.fixture
def settings(database: Any, broker: Any, signer_settings: SignerSettings) -> GuardSettings:
    return guard_settings(database, broker, signer_settings)


@contextmanager
def guarding(settings: GuardSettings) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=broker_guard.Guard(settings, stop).run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def connected(settings: GuardSettings) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(settings.database, autocommit=True) as connection:
        yield connection


def test_a_revoked_gateway_is_out_within_seconds_and_nobody_else_is(
    broker: Any, homes: Fleet, signer: None, settings: GuardSettings
) -> None:
    bad, good = homes.enrol(), homes.enrol()
    # The guard looks once a minute: what is quick here is the notification.
    with (
        guarding(replace(settings, poll_s=60.0)),
        Publishing(broker, bad) as revoked,
        Publishing(broker, good) as neighbour,
    ):
        homes.revoke(bad)
        assert ports.wait_until(lambda: homes.is_cut_off(bad), timeout_s=20)
        assert revoked.is_out()
        assert neighbour.goes_on()
    assert homes.events() == [(bad, "service", "guard", homes.practice_id)]
    # Nothing of its session is left, and what was on its way to it is gone.
    left = Peer(broker, "guard-1", client_id=bad, session_expiry_s=3600)
    assert not left.session_present
    left.close()


KILLED = [
    ("ingest.signing.Signer.authority", "before"),
    ("ingest.signing.Signer.revocation_list", "after"),
    ("gateway.durable_file.replace", "before"),
    ("gateway.durable_file.replace", "after"),
    ("deploy.revocation_list.write", "after"),
    ("deploy.broker_reload._signal", "after"),
    ("deploy.broker_reload.reload", "after"),
    ("deploy.session_takeover._Occupant.open", "after"),
    ("deploy.session_takeover.end_session", "after"),
    ("ingest.fleet.mark_cut_off", "before"),
    ("ingest.fleet.mark_cut_off", "after"),
    ("ingest.audit.record", "after"),
    ("deploy.broker_guard.Guard._cut_off", "after"),
]
# Wraps one function so that the process is killed before it or after it.
DYING = """
import importlib, os, signal, sys
from pathlib import Path
path, when, file = sys.argv[1:]
parts = path.split(".")
owner = importlib.import_module(".".join(parts[:2]))
for part in parts[2:-1]:
    owner = getattr(owner, part)
original = getattr(owner, parts[-1])
def dying(*given, **named):
    if when == "after":
        original(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, parts[-1], dying)
from deploy import cli
sys.exit(cli.main(["guard", "--config", file]))
"""


def write_toml(folder: Path, settings: GuardSettings) -> Path:
    lines = ["[guard]"]
    for name, entry in asdict(settings).items():
        written = list(entry) if isinstance(entry, tuple) else entry
        lines.append(
            f"{name} = {json.dumps(str(written) if isinstance(written, Path) else written)}"
        )
    (folder / "server.toml").write_text("\n".join(lines))
    return folder / "server.toml"


@pytest.mark.parametrize(("path", "when"), KILLED)
def test_a_guard_that_is_killed_at_any_step_finishes_when_it_starts_again(
    broker: Any,
    homes: Fleet,
    signer: None,
    settings: GuardSettings,
    tmp_path: Path,
    path: str,
    when: str,
) -> None:
    bad, good = homes.enrol(), homes.enrol()
    with Publishing(broker, bad) as revoked, Publishing(broker, good) as neighbour:
        homes.revoke(bad)
        ran = subprocess.run(
            [sys.executable, "-c", DYING, path, when, str(write_toml(tmp_path, settings))],
            timeout=60,
            check=False,
            capture_output=True,
        )
        assert ran.returncode == -9, ran.stderr
        with guarding(settings):
            assert ports.wait_until(lambda: homes.is_cut_off(bad), timeout_s=20)
            assert revoked.is_out()
            assert neighbour.goes_on()
    assert [event[0] for event in homes.events()] == [bad]


def test_a_broker_that_is_away_is_waited_for(
    database: Any, signer_settings: SignerSettings, socket_folder: Path, tmp_path: Path
) -> None:
    away = conftest.prepare_broker(tmp_path)
    homes = Fleet(database, away)
    bad = homes.enrol()
    homes.revoke(bad)
    own_signer = SignerSettings(folder=tmp_path / "gateway-ca", socket=socket_folder / "own")
    with running_signer(own_signer), guarding(guard_settings(database, away, own_signer)):
        assert ports.wait_until(
            lambda: len(x509.load_pem_x509_crl(away.crl_file.read_bytes())) == 1, timeout_s=20
        )
        assert not homes.is_cut_off(bad)
        with conftest.running_broker(away):
            with pytest.raises(Refused):
                Peer(away, bad)
            assert ports.wait_until(lambda: homes.is_cut_off(bad), timeout_s=40)


def test_a_signer_that_is_away_is_waited_for(
    broker: Any, homes: Fleet, signer_settings: SignerSettings, settings: GuardSettings
) -> None:
    bad = homes.enrol()
    homes.revoke(bad)
    with guarding(settings):
        with Publishing(broker, bad) as revoked:
            assert revoked.goes_on()
            assert not homes.is_cut_off(bad)
        with running_signer(signer_settings):
            assert ports.wait_until(lambda: homes.is_cut_off(bad), timeout_s=40)


def test_a_lost_connection_to_the_database_is_made_again(
    broker: Any, homes: Fleet, signer: None, database: Any, settings: GuardSettings
) -> None:
    bad = homes.enrol()
    with guarding(settings), Publishing(broker, bad) as revoked, database.connect() as admin:
        admin.autocommit = True

        def lose() -> bool:
            return bool(
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where usename = 'homevitals_guard' and datname = %s",
                    (database.name,),
                ).fetchall()
            )

        assert ports.wait_until(lose, timeout_s=20)
        homes.revoke(bad)
        assert ports.wait_until(lambda: homes.is_cut_off(bad), timeout_s=40)
        assert revoked.is_out()


def test_one_guard_works_at_a_time(homes: Fleet, signer: None, settings: GuardSettings) -> None:
    bad = homes.enrol()
    with guarding(settings), guarding(settings):
        homes.revoke(bad)
        assert ports.wait_until(lambda: homes.is_cut_off(bad), timeout_s=20)
    assert len(homes.events()) == 1


def test_a_gateway_that_comes_back_is_not_called_cut_off_and_the_others_are(
    broker: Any, homes: Fleet, signer: None, settings: GuardSettings, tmp_path: Path
) -> None:
    # The guard's list is not the one that the broker reads.
    stray = replace(settings, crl_file=tmp_path / "revoked.pem")
    returning, absent = homes.enrol(), homes.enrol()
    with Publishing(broker, returning), connected(stray) as connection:
        homes.revoke(returning)
        homes.revoke(absent)
        with pytest.raises(errors.GatewayReturned):
            broker_guard.Guard(stray, threading.Event()).look(connection)
    assert not homes.is_cut_off(returning)
    assert homes.is_cut_off(absent)


@pytest.mark.parametrize(("days", "is_new"), [(1, False), (16, True)])
def test_the_list_is_renewed_before_it_ends(
    broker: Any, homes: Fleet, signer: None, settings: GuardSettings, days: int, is_new: bool
) -> None:
    broker_guard.Guard(settings, threading.Event()).write_list()
    broker.reload()
    before, pid = broker.crl_file.stat().st_mtime_ns, broker.pid
    with connected(settings) as connection:
        later = NOW + timedelta(days=days)
        broker_guard.Guard(settings, threading.Event(), lambda: later).look(connection)
    assert (broker.crl_file.stat().st_mtime_ns > before) is is_new
    assert (broker.pid != pid) is is_new


def test_a_list_that_still_serves_outlives_a_signer_that_is_away(
    broker: Any, homes: Fleet, settings: GuardSettings, signer_settings: SignerSettings
) -> None:
    with running_signer(signer_settings):
        broker_guard.Guard(settings, threading.Event()).write_list()
    before = broker.crl_file.read_bytes()
    with connected(settings) as connection:
        later = NOW + timedelta(days=20)
        broker_guard.Guard(settings, threading.Event(), lambda: later).look(connection)
        assert broker.crl_file.read_bytes() == before
        homes.revoke(homes.enrol())  # for this one the list does not serve
        with pytest.raises(ingest_errors.SignerAway):
            broker_guard.Guard(settings, threading.Event()).look(connection)


def test_the_broker_is_left_alone_when_it_has_read_the_list(
    broker: Any, homes: Fleet, signer: None, settings: GuardSettings
) -> None:
    broker_guard.Guard(settings, threading.Event()).write_list()
    broker.reload()
    pid = broker.pid
    with connected(settings) as connection:
        broker_guard.Guard(settings, threading.Event()).look(connection)
    assert broker.pid == pid


def test_a_session_that_was_opened_late_is_ended_by_the_second_look(
    broker: Any, homes: Fleet, signer: None, settings: GuardSettings
) -> None:
    bad = homes.enrol()
    homes.revoke(bad)
    now = {"at": datetime.now(UTC)}
    with connected(settings) as connection:
        guard = broker_guard.Guard(settings, threading.Event(), lambda: now["at"])
        guard.look(connection)
        late = Peer(broker, "guard-1", client_id=bad)  # stands for the handshake that was half done
        guard.look(connection)
        assert late.heard() == []  # still there
        now["at"] += timedelta(minutes=3)
        guard.look(connection)
        late.next("disconnect")


def once(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", "guard", "--once", "--config", str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_the_list_can_be_written_before_the_brokers_first_start(
    homes: Fleet, signer: None, settings: GuardSettings, tmp_path: Path
) -> None:
    bad = homes.enrol()
    homes.revoke(bad)
    fresh = replace(
        settings,
        crl_file=tmp_path / "revoked.pem",
        gateway_authority_file=tmp_path / "authority.pem",
    )
    assert once(write_toml(tmp_path, fresh)).returncode == 0
    assert len(x509.load_pem_x509_crl(fresh.crl_file.read_bytes())) == 1
    assert x509.load_pem_x509_certificates(fresh.gateway_authority_file.read_bytes())
    assert not homes.is_cut_off(bad)


def test_without_a_signer_there_is_no_list(
    homes: Fleet, settings: GuardSettings, tmp_path: Path
) -> None:
    fresh = replace(settings, crl_file=tmp_path / "revoked.pem")
    ran = once(write_toml(tmp_path, fresh))
    assert ran.returncode == 4
    assert "homevitals signer" in ran.stderr
