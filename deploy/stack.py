"""The whole system on one machine: every process of the real thing, its state in one folder.

The order of starting is the order of the way, from its end to its beginning: what takes a reading in is there
before the first reading is sent. Stopping goes backwards. Nothing depends on the order for safety.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from deploy import (
    certificates,
    configuration,
    database,
    embedded_postgres,
    errors,
    mosquitto,
    ports,
    processes,
    seed,
    service_files,
)
from deploy.broker_settings import BrokerSettings
from deploy.settings import SignerSettings
from gateway import control_socket

DATABASE: Final = "homevitals"
INGEST_WORKERS: Final = ("ingest-1",)
_PORT_NAMES: Final = ("console", "broker", "broker-services", "radio-1", "radio-2", "radio-3")
_PROGRAM: Final = (sys.executable, "-m", "deploy.cli")
_GATEWAY_PROGRAM: Final = (sys.executable, "-m", "gateway.cli")
# Generous: a cold start of the console on a busy Raspberry Pi takes most of it.
_READY_TIMEOUT_S: Final = 60.0


@dataclass(slots=True)
class Stack:
    """All parts, their addresses, and how to start and stop them.

    Args:
        folder: The state folder; everything that the stack writes lies below it.
        wanted_ports: Ports fixed by the settings, by name (console, broker).
        pace: How many times faster than its home file says each virtual peripheral measures.
        now: The clock.
    """

    folder: Path
    wanted_ports: dict[str, int]
    pace: float
    now: Callable[[], datetime]
    ports: dict[str, int] = field(init=False)
    processes: processes.Processes = field(init=False)
    demo: seed.Demo = field(init=False)
    server_file: Path = field(init=False)
    gateway_files: dict[str, Path] = field(default_factory=dict)
    _postgres: embedded_postgres.EmbeddedPostgres | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ports = ports.kept_ports(self.folder / "ports.json", _PORT_NAMES, self.wanted_ports)
        self.processes = processes.Processes(self.folder / "log")

    @property
    def console_url(self) -> str:
        """Return the console's address."""
        return f"http://127.0.0.1:{self.ports['console']}"

    def conninfo(self, role: str) -> str:
        """Return the connection string of one service's role."""
        return self._require_postgres().conninfo(role, DATABASE)

    @property
    def postmaster_pid(self) -> int:
        """Return the process id of PostgreSQL, which is not one of ``processes``."""
        return self._require_postgres().postmaster_pid

    @property
    def engine(self) -> str:
        """Return the name of the storage engine, for people."""
        return (
            "TimescaleDB" if self._require_postgres().has_timescaledb else "PostgreSQL partitions"
        )

    def outbox(self, gateway_id: str) -> dict[str, Any]:
        """Return what a gateway's outbox holds, as the gateway's own command shows it: epoch and records."""
        command = [*_GATEWAY_PROGRAM, "outbox", "list", "--json"]
        command += ["--config", str(self.gateway_files[gateway_id]), "--limit", "1000000"]
        listed = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603
        found: dict[str, Any] = json.loads(listed.stdout)
        return found

    def outbox_row(self, gateway_id: str, epoch: str, seq: int) -> dict[str, Any] | None:
        """Return one row of a gateway's outbox; None where it was pruned or belongs to an earlier epoch."""
        outbox = self.outbox(gateway_id)
        if outbox["epoch"] != epoch:
            return None
        return next((row for row in outbox["records"] if row["seq"] == seq), None)

    def keep_running(self) -> list[str]:
        """Start again what has ended by itself, PostgreSQL included; return the names."""
        restarted = self.processes.restart_ended()
        if not processes.is_running(self.postmaster_pid):
            self._start_postgres()
            restarted.append("postgres")
        return restarted

    def steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield what has to be done to start, in order, each with words for the person who waits."""
        yield "Starting PostgreSQL", self._start_postgres
        yield "Preparing the database", self._prepare_database
        yield "Issuing certificates, starting signer and broker", self._start_broker
        yield (
            "Starting ingest, evaluator, notifier, sender, scheduler, guard, sealer and console",
            self._start_services,
        )
        for number, home in enumerate(seed.HOMES, start=1):
            yield f"Starting the virtual {home.name}", partial(self._start_home, number, home)

    def stop(self) -> None:
        """Stop everything in an orderly way; what was committed is there at the next start."""
        self.processes.stop()
        if self._postgres is not None:
            self._postgres.stop()
            self._postgres = None

    def _start_postgres(self) -> None:
        self._postgres = embedded_postgres.start(self.folder / "postgres")

    def _prepare_database(self) -> None:
        postgres = self._require_postgres()
        database.prepare(
            postgres.conninfo, DATABASE, self.now(), timescaledb=postgres.has_timescaledb
        )
        self.demo = seed.ensure(self.conninfo, self.folder / "demo.json", self.now())

    def _start_broker(self) -> None:
        authority = certificates.ThrowAwayAuthority(self.folder / "ca", self.now())
        self.server_file = service_files.write_server(
            self.folder,
            conninfo=self.conninfo,
            authority=authority,
            worker_name=INGEST_WORKERS[0],
            ports=self.ports,
        )
        configured = configuration.load(self.server_file, {})
        settings = configured.get(BrokerSettings)
        settings.state_folder.mkdir(exist_ok=True, mode=0o700)
        self._start_server("signer")
        self._require("signer", lambda: ports.is_answering(configured.get(SignerSettings).socket))
        # The broker reads the revocation list when it starts, so it has to be there by then.
        first_list = [*_PROGRAM, "guard", "--once", "--config", str(self.server_file)]
        _run(first_list, "the revocation list could not be written")
        files = mosquitto.write_files(settings.state_folder, settings)
        self.processes.start("broker", files.command)
        self._require("broker", lambda: ports.is_listening(self.ports["broker-services"]))

    def _start_services(self) -> None:
        for name in (
            "ingest",
            "evaluate",
            "notify run",
            "ehr run",
            "schedule",
            "guard",
            "audit seal",
            "console",
        ):
            self._start_server(name)
        self._require("console", lambda: ports.is_listening(self.ports["console"]))

    def _start_home(self, number: int, home: seed.Home) -> None:
        radio_port = self.ports[f"radio-{number}"]
        state_folder = self.folder / home.name
        self.processes.start(
            f"ward-{number}",
            [*_GATEWAY_PROGRAM, "ward", "--home", str(home.ward_file)],
            {
                "HOMEVITALS_WARD_PORT": str(radio_port),
                "HOMEVITALS_WARD_STATE_FOLDER": str(state_folder / "ward"),
                "HOMEVITALS_WARD_PACE": str(self.pace),
            },
        )
        file = service_files.write_gateway(
            self.folder,
            state_folder / "gateway",
            home=home,
            console_url=self.console_url,
            radio_port=radio_port,
        )
        gateway = self.demo.gateway_of(home.name)
        self.gateway_files[gateway.gateway_id] = file
        self._enrol(gateway, file)
        self._require(f"ward-{number}", lambda: ports.is_listening(radio_port))
        self.processes.start(f"gateway-{number}", [*_GATEWAY_PROGRAM, "run", "--config", str(file)])
        ear = state_folder / "gateway" / control_socket.NAME
        self._require(f"gateway-{number}", lambda: ports.is_answering(ear))
        self._pair(home, file)

    def _pair(self, home: seed.Home, file: Path) -> None:
        """Pair the ward's peripherals, but for those that somebody has taken from the gateway from afar."""
        listing = [*_GATEWAY_PROGRAM, "devices", "--json", "--config", str(file)]
        told = _run(listing, f"the gateway of {home.name} does not say what it connects to")
        allowed = {one["peripheral"] for one in json.loads(told)}
        for address in (one.address for one in home.ward().peripherals):
            if address in allowed:
                _run(
                    [*_GATEWAY_PROGRAM, "pair", address, "--if-needed", "--config", str(file)],
                    f"{address} could not be paired with the gateway of {home.name}",
                )

    def _enrol(self, gateway: seed.HomeGateway, file: Path) -> None:
        """Let a gateway exchange a claim code for its certificate, once, as a person would at its first start."""
        known = [*_GATEWAY_PROGRAM, "identity", "show", "--config", str(file)]
        if subprocess.run(known, capture_output=True, check=False).returncode == 0:  # noqa: S603
            return
        code = seed.claim_code(self.conninfo, gateway, self.now())
        _run(
            [*_GATEWAY_PROGRAM, "enrol", "--config", str(file)],
            f"the gateway of {gateway.home} could not be enrolled",
            given=code,
        )

    def _start_server(self, command: str) -> None:
        words = [*_PROGRAM, *command.split(), "--config", str(self.server_file)]
        self.processes.start(command.partition(" ")[0], words)

    def _require_postgres(self) -> embedded_postgres.EmbeddedPostgres:
        if self._postgres is None:
            raise errors.ProcessFailed("PostgreSQL has not been started yet")
        return self._postgres

    def _require(self, name: str, is_answering: Callable[[], bool]) -> None:
        """Wait until a process does what it is there for.

        Raises:
            ProcessFailed: it ended, or was not ready in time.
        """

        def is_ready() -> bool:
            self.processes.require_running()
            return is_answering()

        if not ports.wait_until(is_ready, timeout_s=_READY_TIMEOUT_S):
            raise errors.ProcessFailed(
                f"the process “{name}” did not become ready in {_READY_TIMEOUT_S:.0f} s; "
                f"its log is {self.processes.log_folder / name}.log"
            )


def _run(command: list[str], words: str, given: str = "") -> str:
    """Run a command to its end; return its output.

    Raises:
        ProcessFailed: with ``words`` and what the command said.
    """
    ended = subprocess.run(  # noqa: S603 - our own commands, no shell
        command, input=given, capture_output=True, check=False, text=True
    )
    if ended.returncode != 0:
        raise errors.ProcessFailed(f"{words}: {ended.stderr.strip()}")
    return ended.stdout


def reset(folder: Path) -> None:
    """Delete all state but the virtual environment, which costs minutes and holds no data."""
    if (folder / "postgres" / "postmaster.pid").exists():
        # Left running by an “up” that was killed.
        embedded_postgres.start(folder / "postgres").stop()
    for entry in folder.iterdir():
        if entry.name in {"venv", "up.lock"}:
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
