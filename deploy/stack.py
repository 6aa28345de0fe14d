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
from pathlib import Path
from typing import Any, Final

from deploy import (
    certificates,
    database,
    embedded_postgres,
    errors,
    mosquitto,
    ports,
    processes,
    seed,
    service_files,
)

DATABASE: Final = "homevitals"
INGEST_WORKERS: Final = ("ingest-1",)
_PORT_NAMES: Final = ("console", "broker", "radio-1", "radio-2")
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
    _authority: certificates.ThrowAwayAuthority | None = None

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
        command = [sys.executable, "-m", "gateway.cli", "outbox", "list", "--json"]
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
        yield "Issuing certificates, starting the broker", self._start_broker
        yield "Starting ingest, evaluator, scheduler and console", self._start_services
        yield "Starting the virtual homes", self._start_homes

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
        self.demo = seed.ensure(
            self.conninfo(database.OWNER), self.folder / "demo.json", self.now()
        )

    def _start_broker(self) -> None:
        self._authority = certificates.ThrowAwayAuthority(self.folder / "ca", self.now())
        files = mosquitto.write_files(
            self.folder / "mosquitto",
            port=self.ports["broker"],
            authority=self._authority,
            ingest_names=INGEST_WORKERS,
        )
        self.processes.start("broker", files.command)
        self._require_listening("broker", self.ports["broker"])

    def _start_services(self) -> None:
        self.server_file = service_files.write_server(
            self.folder / "config",
            conninfo=self.conninfo,
            authority=self._require_authority(),
            worker_name=INGEST_WORKERS[0],
            ports=self.ports,
        )
        program = [sys.executable, "-m", "deploy.cli"]
        for name in ("ingest", "evaluate", "schedule", "console"):
            self.processes.start(name, [*program, name, "--config", str(self.server_file)])
        self._require_listening("console", self.ports["console"])

    def _start_homes(self) -> None:
        program = [sys.executable, "-m", "gateway.cli"]
        for number, home in enumerate(seed.HOMES, start=1):
            radio_port = self.ports[f"radio-{number}"]
            state_folder = self.folder / home.name
            self.processes.start(
                f"ward-{number}",
                [*program, "ward", "--home", str(home.ward_file)],
                {
                    "HOMEVITALS_WARD_PORT": str(radio_port),
                    "HOMEVITALS_WARD_STATE_FOLDER": str(state_folder / "ward"),
                    "HOMEVITALS_WARD_PACE": str(self.pace),
                },
            )
            self._require_listening(f"ward-{number}", radio_port)
            self.gateway_files[home.gateway_id] = service_files.write_gateway(
                self.folder / "config",
                state_folder / "gateway",
                home=home,
                authority=self._require_authority(),
                broker_port=self.ports["broker"],
                radio_port=radio_port,
            )
            configuration = str(self.gateway_files[home.gateway_id])
            self.processes.start(f"gateway-{number}", [*program, "run", "--config", configuration])

    def _require_postgres(self) -> embedded_postgres.EmbeddedPostgres:
        if self._postgres is None:
            raise errors.ProcessFailed("PostgreSQL has not been started yet")
        return self._postgres

    def _require_authority(self) -> certificates.ThrowAwayAuthority:
        if self._authority is None:
            raise errors.ProcessFailed("the certificate authority has not been made yet")
        return self._authority

    def _require_listening(self, name: str, port: int) -> None:
        def is_ready() -> bool:
            self.processes.require_running()
            return ports.is_listening(port)

        if not ports.wait_until(is_ready, timeout_s=_READY_TIMEOUT_S):
            raise errors.ProcessFailed(
                f"the process “{name}” did not become ready in {_READY_TIMEOUT_S:.0f} s; "
                f"its log is {self.processes.log_folder / name}.log"
            )


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
