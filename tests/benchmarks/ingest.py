"""``ingest``: durable readings per second, from publish to commit and receipt, beside what they can be compared with.

(a) paho as it is receives QoS 1 with manual acknowledgements and does nothing; (a') the same with what paho can be
brought to; (b) the same rows by binary COPY in batches; (c) one row per commit; (d) ours. All in one run, in turns,
over TLS, on messages of one reading and, as after an outage, of a hundred. Each run of ours is checked row by row.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from firmware_profiles import wire
from ingest import arrivals, settlement, store, tenancy, time_ordered_id
from ingest.arrivals import Arrival
from ingest.buffered_client import BufferedClient, Publication
from ingest.commit import Committer
from ingest.consumer import tls_context
from ingest.rows import Candidate, StoredReading
from tests.benchmarks import load, receivers
from tests.benchmarks.stand import RECEIVER, Stand, cpu_s, resident_mib

COPY_BATCH = 1000
_SILENCE_S = 2.0
_PATIENCE_S = 120.0
_COLUMNS = StoredReading._fields
_COPY = f"copy ingest.reading_series ({', '.join(_COLUMNS)}) from stdin (format binary)"


@dataclass
class Sizes:
    """How much is sent: messages of one reading, messages of a hundred, rows one by one; and how often."""

    single: int = 12_000
    hundreds: int = 200
    naive: int = 1_500
    paced_s: float = 10.0
    rounds: int = 3


@dataclass
class Figure:
    """One way of taking readings in: each round's rate and CPU."""

    rates: list[float] = field(default_factory=list)  # readings a second
    cpu_us: dict[str, list[float]] = field(default_factory=dict)  # by process, per reading

    def add(self, readings: int, seconds: float, **cpu: float) -> None:
        self.rates.append(readings / seconds)
        for name, used_s in cpu.items():
            self.cpu_us.setdefault(name, []).append(used_s / readings * 1e6)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def told(self) -> dict[str, Any]:
        cpu = {name: round(statistics.median(us), 1) for name, us in self.cpu_us.items()}
        return {
            "readings_per_s": round(self.rate),
            "lowest": round(min(self.rates)),
            "highest": round(max(self.rates)),
            "cpu_us_per_reading": cpu,
        }


class Receipts:
    """Listens to all receipts. They are only kept while the clock runs: whoever listens shares the machine."""

    def __init__(self, stand: Stand) -> None:
        self._kept: list[tuple[float, list[Publication]]] = []
        self._receipted: dict[tuple[str, str, int], float] = {}
        self._stored: set[tuple[str, str, int]] = set()
        self._read = 0
        self.batches: list[tuple[float, int]] = []
        settings = stand.settings(RECEIVER)
        self._client = BufferedClient(f"{RECEIVER}-receipts", self._heard, lambda _: None)
        self._client.tls_set_context(tls_context(settings))
        ready = threading.Event()
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_connect = lambda *_: self._client.subscribe("hv/1/down/+/receipts", qos=0)
        self._client.connect_async(settings.broker_host, settings.broker_port)
        self._client.loop_start()
        assert ready.wait(20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def silent_s(self) -> float:
        """Return for how long nothing has been heard; 0 before the first."""
        return time.monotonic() - self._kept[-1][0] if self._kept else 0.0

    @property
    def at(self) -> dict[tuple[str, str, int], float]:
        """Return when each number of an outbox was receipted, of what has been heard so far."""
        for at, publications in self._kept[self._read :]:
            count = 0
            for publication in publications:
                receipt = wire.decode_receipt(publication.payload)
                gateway_id = publication.topic.decode().split("/")[3]
                for item in receipt.items:
                    for seq in range(item.first_seq, item.last_seq + 1):
                        number = gateway_id, receipt.epoch, seq
                        self._receipted[number] = at
                        count += 1
                        if item.status is wire.ReceiptStatus.STORED:
                            self._stored.add(number)
            self._read += 1
            self.batches.append((at, count))
        return self._receipted

    def check(self) -> None:
        """Hold what was said against what was sent: each reading was new, so each was said to be stored.

        Raises:
            SystemExit: one was only ever called something else.
        """
        others = self.at.keys() - self._stored
        if others:
            raise SystemExit(f"of {len(self.at)} readings {len(others)} were never called stored")

    def _heard(self, publications: list[Publication]) -> None:
        self._kept.append((time.monotonic(), publications))


class Bench:
    """The runs of one storage engine."""

    def __init__(self, stand: Stand, sizes: Sizes, tell: Callable[[str], None]) -> None:
        self._stand = stand
        self._sizes = sizes
        self._tell = tell
        self._run = 0
        self._expected = 0  # readings that must be in the store by now
        self.figures: dict[str, Figure] = {}
        self.notes: dict[str, Any] = {}

    def run(self) -> None:
        with psycopg.connect(self._stand.conninfo(), autocommit=True) as connection:
            connection.execute(receivers.NAIVE_TABLE)
        for number in range(self._sizes.rounds):
            self._tell(f"round {number + 1} of {self._sizes.rounds}")
            for name, size, per in (
                ("one reading a message", self._sizes.single, 1),
                ("a hundred readings a message", self._sizes.hundreds, 100),
            ):
                self._receiver(f"(a) paho, {name}", "plain", size, per)
                self._receiver(f"(a') paho at its best, {name}", "buffered", size, per)
                self._ours(f"(d) one worker draining, {name}", size, per, workers=1)
                self._ours(f"(d) two workers draining, {name}", size, per, workers=2)
                self._ours(f"(d) one worker live, {name}", size, per, workers=1, is_live=True)
            self._copy("(b) binary COPY", self._sizes.single)
            self._receiver("(c) one row per commit", "naive", self._sizes.naive, 1)
        self._paced()

    def _figure(self, name: str) -> Figure:
        return self.figures.setdefault(name, Figure())

    def _receiver(self, name: str, kind: str, messages: int, per_message: int) -> None:
        """Let messages wait for a session, then have them received."""
        self._tell(name)
        settings = str(self._stand.settings_file(RECEIVER))
        words = [settings, "--name", f"{RECEIVER}-{kind}"]
        self._finish(self._program("receivers", settings, "subscribe", *words[1:]))
        self.load(messages, per_message)
        broker_before = self._stand.broker_cpu_s()
        program = self._program(
            "receivers",
            *(settings, kind, *words[1:], "--messages", str(messages)),
            *("--conninfo", self._stand.conninfo()),
        )
        found = json.loads(self._finish(program))
        self._finish(self._program("receivers", settings, "forget", *words[1:]))
        if found["messages"] != messages:
            raise SystemExit(f"{name}: {found['messages']} of {messages} messages came")
        broker = self._stand.broker_cpu_s() - broker_before
        self._figure(name).add(
            found["timed"] * per_message,
            found["seconds"],
            receiver=found["cpu_s"],
            broker=broker * found["timed"] / messages,
        )

    def _ours(
        self, name: str, messages: int, per_message: int, *, workers: int, is_live: bool = False
    ) -> None:
        """Let messages wait for our sessions and have them taken in, or take them in as they are sent."""
        self._tell(name)
        names = [f"ingest-{number}" for number in range(1, workers + 1)]
        with self.workers(names, workers):
            pass  # makes the sessions at the broker
        receipts = Receipts(self._stand)
        try:
            if not is_live:
                self.load(messages, per_message)
            broker_before, database_before = (
                self._stand.broker_cpu_s(),
                self._stand.database_cpu_s(),
            )
            with self.workers(names, workers, wait=is_live) as processes:
                worker_before = sum(cpu_s(process.pid) for process in processes)
                started = self.load(messages, per_message)["started"] if is_live else None
                wanted = messages * per_message
                # Reading receipts while the clock runs would be work beside the measured one.
                self._until(lambda: receipts.silent_s > _SILENCE_S, name)
                self._until(lambda: len(receipts.at) >= wanted, name)
                worker = sum(cpu_s(process.pid) for process in processes) - worker_before
                database_used = self._stand.database_cpu_s() - database_before
            seconds, counted = _span(receipts.batches, started)
            self._figure(name).add(
                counted,
                seconds,
                broker=(self._stand.broker_cpu_s() - broker_before) * counted / wanted,
                # Draining workers are started within the measured time; what that costs is not the readings'.
                **({"workers": worker * counted / wanted} if is_live else {}),
                database=database_used * counted / wanted,
            )
        finally:
            receipts.close()
        receipts.check()
        self.check(wanted)
        for session in [f"ingest-{number}" for number in range(1, workers + 1)]:
            settings = str(self._stand.settings_file(session))
            self._finish(self._program("receivers", settings, "forget", "--name", session))

    def _paced(self) -> None:
        """Publish at 40 % of what one worker takes in live, and say how long each reading was on its way."""
        rate = 0.4 * self.figures["(d) one worker live, one reading a message"].rate
        self._tell(f"paced: {rate:.0f} readings a second")
        receipts = Receipts(self._stand)
        messages = int(rate * self._sizes.paced_s)
        with self.workers(["ingest-1"], 1, wait=True) as processes:
            found = self.load(messages, 1, per_second=rate)
            self._until(lambda: len(receipts.at) >= messages, "paced")
            self.notes["worker_mib"] = round(resident_mib(processes[0].pid))
        receipts.close()
        receipts.check()
        self.check(messages)
        epoch = f"{self._run:032x}"
        late_ms = sorted(
            (receipts.at[gateway, epoch, int(seq)] - sent_at) * 1000
            for (gateway, seq), sent_at in (
                (key.split(), at) for key, at in found["sent_at"].items()
            )
        )
        self.notes["paced_readings_per_s"] = round(rate)
        self.notes["publish_to_receipt_ms"] = {
            "p50": round(late_ms[len(late_ms) // 2], 1),
            "p99": round(late_ms[int(len(late_ms) * 0.99)], 1),
            "highest": round(late_ms[-1], 1),
        }

    def _copy(self, name: str, count: int) -> None:
        """Write the same rows by binary COPY straight into the series, a batch a commit."""
        self._tell(name)
        self._run += 1
        with psycopg.connect(
            self._stand.conninfo("homevitals_ingest"), autocommit=True
        ) as connection:
            committer = Committer(connection)
            opened = [
                arrivals.open_message(
                    Arrival(
                        time_ordered_id.new(),
                        one.topic,
                        one.payload,
                        packet_id=1,
                        received_at=datetime.now(UTC),
                        is_retained=False,
                    )
                )
                for one in load.messages(self._run, count, 1)
            ]
            plans = committer.plan(opened, datetime.now(UTC))
            readings = [row.reading for row in settlement.outcomes(plans, Candidate)]
            with tenancy.transaction(connection, self._stand.practice_id) as cur:
                store.ensure_series(
                    cur, min(r.measured_at for r in readings), max(r.measured_at for r in readings)
                )
        with psycopg.connect(self._stand.conninfo()) as connection, connection.cursor() as cur:
            started, own_before = time.monotonic(), time.process_time()
            for first in range(0, len(readings), COPY_BATCH):
                with cur.copy(_COPY) as copy:  # type: ignore[arg-type]
                    copy.set_types(store._COPIED_TYPES[: len(_COLUMNS)])
                    for reading in readings[first : first + COPY_BATCH]:
                        row: list[object] = list(reading)
                        row[store._QUALIFIERS] = list(reading.qualifiers)
                        copy.write_row(row)
                connection.commit()
            seconds = time.monotonic() - started
            self._figure(name).add(
                len(readings),
                seconds,
                client=time.process_time() - own_before,
                database=cpu_s(connection.info.backend_pid),
            )
        self._expected += len(readings)
        with psycopg.connect(self._stand.conninfo(), autocommit=True) as connection:
            # Not through ingest, so without keys: they are given theirs here, for the check that counts both.
            connection.execute(
                "insert into ingest.record_key select practice_id, sha256(reading_id::text::bytea), raw,"
                " reading_id, measured_at from ingest.reading_series where outbox_epoch = %s",
                (f"{self._run:032x}",),
            )

    def check(self, added: int) -> None:
        """Hold the store against what was sent: rows, distinct keys, quarantine.

        Raises:
            SystemExit: it has one too many or too few.
        """
        self._expected += added
        rows, distinct, keys, quarantined = self._stand.query(
            "select (select count(*) from ingest.reading_series),"
            " (select count(distinct (gateway_id, outbox_epoch, outbox_seq)) from ingest.reading_series),"
            " (select count(*) from ingest.record_key), (select count(*) from ingest.quarantine)"
        )
        if (rows, distinct, keys, quarantined) != (self._expected,) * 3 + (0,):
            raise SystemExit(
                f"expected {self._expected} readings; found {rows} rows, {distinct} distinct, "
                f"{keys} keys, {quarantined} in quarantine"
            )

    def load(
        self, messages: int, per_message: int, per_second: float | None = None
    ) -> dict[str, Any]:
        """Publish messages that nobody has sent before; return when they went out."""
        self._run += 1
        words = [str(self._stand.settings_file(load.NAME)), "--run", str(self._run)]
        words += ["--messages", str(messages), "--per-message", str(per_message)]
        if per_second:
            words += ["--per-second", str(per_second)]
        program = self._program("load", *words)
        assert program.stdout is not None
        assert program.stdout.readline().strip() == "ready"
        found: dict[str, Any] = json.loads(self._finish(program, "go\n"))
        return found

    @contextmanager
    def workers(
        self, names: list[str], sessions: int, *, wait: bool = True
    ) -> Iterator[list[subprocess.Popen[bytes]]]:
        with ExitStack() as running:
            processes = [
                running.enter_context(
                    self._stand.worker(name, sessions=sessions, check_broker=False)
                )
                for name in names
            ]
            if wait:
                self._until(lambda: self._leases() >= sessions, "workers")
                time.sleep(1.0)  # from the lease to the subscription
            yield processes

    def _leases(self) -> int:
        return int(
            self._stand.query(
                "select count(*) from pg_locks where locktype = 'advisory' and classid = 1211643"
            )
        )

    def _program(self, module: str, *words: str) -> subprocess.Popen[str]:
        return self._stand.program(f"tests.benchmarks.{module}", *words)

    def _finish(self, program: subprocess.Popen[str], given: str | None = None) -> str:
        said, _ = program.communicate(given, timeout=900)
        if program.returncode:
            raise SystemExit(f"a part of the benchmark ended with status {program.returncode}")
        return said

    def _until(self, condition: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"{name}: not done in {_PATIENCE_S:.0f} s")
            time.sleep(0.05)


def _span(batches: list[tuple[float, int]], started: float | None) -> tuple[float, int]:
    """Return seconds and readings: from the first publication, or else from the first receipts on."""
    batches = sorted(batches)
    if started is not None:
        return batches[-1][0] - started, sum(count for _, count in batches)
    # The first commit's readings were decided about before the clock began.
    first = next((at for at, _ in batches), 0.0)
    begun = [count for at, count in batches if at < first + 0.005]
    return batches[-1][0] - first, sum(count for _, count in batches) - sum(begun)


def ratios(figures: dict[str, Figure]) -> dict[str, float]:
    """Return what the targets speak of."""
    one, hundred = "one reading a message", "a hundred readings a message"

    def rate(name: str) -> float:
        return figures[name].rate

    return {
        "d / a": rate(f"(d) one worker draining, {one}") / rate(f"(a) paho, {one}"),
        "d / a'": rate(f"(d) one worker draining, {one}") / rate(f"(a') paho at its best, {one}"),
        "d of hundreds / a": rate(f"(d) one worker draining, {hundred}") / rate(f"(a) paho, {one}"),
        "d of hundreds / a of hundreds": rate(f"(d) one worker draining, {hundred}")
        / rate(f"(a) paho, {hundred}"),
        "d with two / d with one": rate(f"(d) two workers draining, {one}")
        / rate(f"(d) one worker draining, {one}"),
        "d live / d": rate(f"(d) one worker live, {one}") / rate(f"(d) one worker draining, {one}"),
        "d / b": rate(f"(d) one worker draining, {one}") / rate("(b) binary COPY"),
        "d of hundreds / b": rate(f"(d) one worker draining, {hundred}") / rate("(b) binary COPY"),
        "d / c": rate(f"(d) one worker draining, {one}") / rate("(c) one row per commit"),
        "a' / b": rate(f"(a') paho at its best, {one}") / rate("(b) binary COPY"),
    }
