"""Where a benchmark takes place: PostgreSQL, Mosquitto with the product's configuration, homes; who spends what CPU."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from deploy import database, embedded_postgres, mosquitto, ports, processes
from ingest import people
from ingest.settings import IngestSettings
from tests import conftest, gateway_rows, scopes
from tests.benchmarks import load

RECEIVER = "ingest-902"
ROOT = Path(__file__).parents[2]
_WORKER = """
import json, signal, sys, threading
from pathlib import Path
from firmware_profiles import logs
from ingest import service
from ingest.settings import IngestSettings
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
logs.configure("warning")
service.run(IngestSettings(**json.loads(Path(sys.argv[1]).read_text())), stop)
"""


@dataclass
class Stand:
    """Services that run while a benchmark does, with one database."""

    folder: Path
    postgres: embedded_postgres.EmbeddedPostgres
    broker: conftest.Broker
    running: processes.Processes
    database: str
    practice_id: UUID

    def conninfo(self, role: str = "postgres") -> str:
        return self.postgres.conninfo(role, self.database)

    def settings(self, name: str, **changes: Any) -> IngestSettings:
        """Return settings under which a worker, a receiver or the load connects."""
        certificate_file, key_file = self.broker.credentials(name)
        return replace(
            IngestSettings(),
            database=self.conninfo("homevitals_ingest"),
            broker_host=self.broker.host,
            broker_port=self.broker.service_port,
            ca_file=self.broker.ca_file,
            certificate_file=certificate_file,
            key_file=key_file,
            worker_name=name,
            **changes,
        )

    def settings_file(self, name: str, **changes: Any) -> Path:
        settings = self.settings(name, **changes)
        file = self.folder / f"{name}.json"
        table = {field: getattr(settings, field) for field in settings.__dataclass_fields__}
        file.write_text(json.dumps(table, default=str))
        return file

    def program(self, module: str, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextlib.contextmanager
    def worker(self, name: str, **changes: Any) -> Iterator[subprocess.Popen[bytes]]:
        """Run a real ingest worker as a process; its warnings go to a log."""
        file = self.settings_file(name, **changes)
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", _WORKER, str(file)], cwd=ROOT, stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                process.terminate()
                process.wait(60)

    def query(self, statement: str) -> Any:
        with psycopg.connect(self.conninfo()) as connection:
            found = connection.execute(statement).fetchone()  # type: ignore[arg-type]
            assert found is not None
            return found[0] if len(found) == 1 else found

    def broker_cpu_s(self) -> float:
        return cpu_s(self.broker.pid)

    def database_cpu_s(self) -> float:
        """Return the CPU of the server and all that came of it so far; call it while connections are open."""
        postmaster = self.postgres.postmaster_pid
        return sum(cpu_s(pid) for pid in [postmaster, *children(postmaster)])


def cpu_s(pid: int) -> float:
    """Return the CPU that a process and its ended children have used, seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(int(fields[at]) for at in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


@contextlib.contextmanager
def stand(engine: str) -> Iterator[Stand]:
    """Start everything in a folder of its own, on a storage engine, with the homes of the load."""
    folder = Path(tempfile.mkdtemp(prefix="hv-bench-"))
    postgres = embedded_postgres.start(folder / "data")
    running = processes.Processes(folder / "log")
    try:
        broker = conftest.prepare_broker(folder / "broker")
        files = mosquitto.write_files(folder / "mosquitto", broker.settings)
        with files.access_list_file.open("a", encoding="utf-8") as access:
            for name in (load.NAME, RECEIVER):
                access.write(f"\nuser {name}\ntopic readwrite hv/#\n")
        running.start("broker", files.command)
        if not ports.wait_until(lambda: ports.is_listening(broker.service_port), timeout_s=10):
            raise SystemExit("the broker did not start")
        name = f"bench_{engine}"
        database.prepare(
            postgres.conninfo, name, datetime.now(UTC), timescaledb=engine == "timescaledb"
        )
        made = Stand(folder, postgres, broker, running, name, UUID(int=0))
        made.practice_id = _add_homes(made.conninfo())
        with psycopg.connect(made.conninfo(), autocommit=True) as connection:
            connection.execute("analyze")  # as autovacuum does within a minute
        yield made
    finally:
        running.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def engines() -> list[str]:
    """Return the storage engines that are present here."""
    folder = Path(tempfile.mkdtemp(prefix="hv-bench-"))
    postgres = embedded_postgres.start(folder / "data")
    try:
        return ["partitions", *(["timescaledb"] if postgres.has_timescaledb else [])]
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _add_homes(conninfo: str) -> UUID:
    """Add a practice with a patient, a gateway and a cuff for each home of the load."""
    with psycopg.connect(conninfo) as connection, connection.cursor() as cur:
        practice_id = people.add_practice(cur, slug="load", name="Load", time_zone=load.TIME_ZONE)
        scopes.work_for(connection, practice_id)
        for home in range(load.HOMES):
            patient_id = people.add_patient(
                cur,
                practice_id,
                display_name="Pat Example",
                born_on=date(1950, 1, 2),
                record_number=f"R-{home}",
                time_zone=load.TIME_ZONE,
            )
            gateway_rows.add_gateway(
                cur, practice_id, gateway_id=load.gateway_id(home), label="Kitchen"
            )
            peripheral_id = people.add_peripheral(
                cur,
                practice_id,
                bluetooth_address=load.address(home),
                profile_id="standard-cuff",
            )
            cur.execute(
                "insert into ingest.assignment (practice_id, peripheral_id, user_slot, patient_id,"
                " valid_from, assigned_by) values (%s, %s, 1, %s, %s, 'bench')",
                (practice_id, peripheral_id, patient_id, datetime.now(UTC) - timedelta(days=4000)),
            )
    return practice_id
