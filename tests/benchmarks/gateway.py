"""``gateway``: what the gateway costs beside bleak alone, on the same host stack, in turns within one run.

(a) a cuff hands over its memory by indications: time until the last record is there, and from the moment in which bleak
hands a frame over until it is committed; (b) a meter of 300 records answers a RACP request; (c) memory and CPU of a
process that has nothing to do. “bleak alone” subscribes with a callback that does nothing, and asks for the same.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy import ports
from firmware_profiles import uuids
from gateway import scan
from gateway.adapter import Adapter, opened
from gateway.bumble_backend import BumbleClient
from gateway.outbox import Outbox
from gateway.session import Session
from gateway.settings import GatewaySettings
from gateway.sighting import Sighting
from tests import conftest
from tests.benchmarks import stand
from tests.benchmarks.bench_ward import ADDRESS
from tests.pairing import pairing

CUFF, METER = "standard-cuff", "standard-glucometer"
OURS, ALONE = "gateway", "bleak alone"
GATEWAY = "gw-bench001"
_ANOTHER = "C4:65:1B:00:00:02"
_REPORT_ALL = bytes((0x01, 0x01))
_CONNECT_S = 20.0
_PATIENCE_S = 120.0


@dataclass
class Sizes:
    """How much is handed over, how often, and how long idleness is looked at."""

    records: int = 300
    rounds: int = 5
    idle_s: float = 30.0


@dataclass
class Transfers:
    """Downloads of one peripheral's memory in one way.

    Attributes:
        seconds: of each, from the first record until the callback of the last one has returned.
        whole_s: of each, from connecting until the link is down; a session also waits for what may still come.
        first_at_s: when the first record was handed over, on the clock of performance counters; 0 before.
        last_at_s: when a callback returned last.
        callbacks_s: from the moment in which bleak hands a frame over until its callback has returned.
    """

    seconds: list[float] = field(default_factory=list)
    whole_s: list[float] = field(default_factory=list)
    first_at_s: float = 0.0
    last_at_s: float = 0.0
    callbacks_s: list[float] = field(default_factory=list)

    def told(self, records: int) -> dict[str, Any]:
        late = sorted(self.callbacks_s)
        return {
            "seconds": round(statistics.median(self.seconds), 3),
            "lowest": round(min(self.seconds), 3),
            "highest": round(max(self.seconds), 3),
            "whole_seconds": round(statistics.median(self.whole_s), 3),
            "ms_per_record": round(statistics.median(self.seconds) / records * 1000, 3),
            "callback_p50_ms": round(late[len(late) // 2] * 1000, 4),
            "callback_p99_ms": round(late[len(late) * 99 // 100] * 1000, 4),
        }


class Keeper:
    """An outbox for a session that has never seen its peripheral."""

    def __init__(self, outbox: Outbox) -> None:
        self.append = outbox.append

    def watermark(self, peripheral: str, profile_id: str) -> int | None:
        return None

    def set_watermark(self, peripheral: str, profile_id: str, last_sequence: int) -> None:
        pass

    def recall(self, peripheral: str) -> dict[str, bytes]:
        return {}

    def remember(self, peripheral: str, name: str, content: bytes) -> None:
        pass


@dataclass
class WardProcess:
    """A ward as a process, whose memory can be filled again."""

    process: subprocess.Popen[str]
    port: int

    def fill(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "full"


@contextmanager
def ward(model: str, folder: Path, count: int) -> Iterator[WardProcess]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.bench_ward", model, str(folder), str(count)],
        cwd=stand.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield WardProcess(process, int(process.stdout.readline()))
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)


def transfers(
    model: str, sizes: Sizes, folder: Path, tell: Callable[[str], None]
) -> dict[str, Transfers]:
    """Download a peripheral's memory in both ways, in turns."""
    with ward(model, folder / "ward", sizes.records) as peripheral:
        return asyncio.run(_in_turns(model, peripheral, sizes, folder, tell))


async def _in_turns(
    model: str, peripheral: WardProcess, sizes: Sizes, folder: Path, tell: Callable[[str], None]
) -> dict[str, Transfers]:
    found = {OURS: Transfers(), ALONE: Transfers()}
    settings = _settings(folder / "state", peripheral.port)
    settings.state_folder.mkdir()
    outbox = Outbox(settings.state_folder, datetime.now(UTC))
    with pairing(ADDRESS) as desk:
        async with opened(settings, desk) as adapter:
            for turn in range(sizes.rounds + 1):
                # Ours first pairs them.
                for name in (ALONE, OURS) if turn % 2 else (OURS, ALONE):
                    tell(f"{model}, {name}, round {turn}")
                    sighting = await _found(adapter)
                    one = Transfers() if turn == 0 else found[name]  # the first pairs, and warms up
                    with _timed_callbacks(one):
                        started_s = time.perf_counter()
                        if name == OURS:
                            count = await _with_session(adapter, sighting, outbox)
                        else:
                            count = await _with_bleak(adapter, sighting, sizes.records)
                        one.whole_s.append(time.perf_counter() - started_s)
                        one.seconds.append(one.last_at_s - one.first_at_s)
                        one.first_at_s = 0.0
                    assert count == sizes.records, (name, count)
                    await asyncio.to_thread(peripheral.fill)
    outbox.close()
    return found


async def _with_session(adapter: Adapter, sighting: Sighting, outbox: Outbox) -> int:
    session = Session(adapter, sighting, Keeper(outbox), "UTC", lambda: datetime.now(UTC))
    return await session.run()


async def _with_bleak(adapter: Adapter, sighting: Sighting, records: int) -> int:
    """Do what a short script with bleak does: subscribe, ask, wait for the end."""
    gone, answered = asyncio.Event(), asyncio.Event()
    client = adapter.client(sighting.device, gone.set, pair=True, timeout_s=_CONNECT_S)
    await client.connect()
    count = 0

    def hear(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == records:
            answered.set()

    control = uuids.full_uuid(uuids.RECORD_ACCESS_CONTROL_POINT)
    is_meter = client.services.get_characteristic(control) is not None
    async with asyncio.timeout(_PATIENCE_S):
        if is_meter:
            context = uuids.full_uuid(uuids.GLUCOSE_MEASUREMENT_CONTEXT)
            await client.start_notify(uuids.full_uuid(uuids.GLUCOSE_MEASUREMENT), hear)
            await client.start_notify(context, lambda *_: None)
            ended = asyncio.Event()
            await client.start_notify(control, lambda *_: ended.set())
            await client.write_gatt_char(control, _REPORT_ALL, response=True)
            await ended.wait()
        else:
            await client.start_notify(uuids.full_uuid(uuids.BLOOD_PRESSURE_MEASUREMENT), hear)
        await answered.wait()
        if not is_meter:
            await gone.wait()  # it hangs up itself
    await client.disconnect()
    return count


async def _found(adapter: Adapter) -> Sighting:
    async with asyncio.timeout(_CONNECT_S):
        return await scan.next_sighting(adapter, scan.Watch([ADDRESS], lambda: 0.0))


@contextmanager
def _timed_callbacks(into: Transfers) -> Iterator[None]:
    """Time each callback of a measurement, whoever has subscribed."""
    subscribe = BumbleClient.start_notify
    timed = {
        uuids.full_uuid(uuids.BLOOD_PRESSURE_MEASUREMENT),
        uuids.full_uuid(uuids.GLUCOSE_MEASUREMENT),
    }

    async def start_notify(
        client: BumbleClient, characteristic: Any, callback: Any, **others: Any
    ) -> None:
        def watched(content: bytearray) -> None:
            started_s = time.perf_counter()
            into.first_at_s = into.first_at_s or started_s
            callback(content)
            into.last_at_s = time.perf_counter()
            into.callbacks_s.append(into.last_at_s - started_s)

        wanted = watched if characteristic.uuid in timed else callback
        await subscribe(client, characteristic, wanted, **others)

    BumbleClient.start_notify = start_notify  # type: ignore[method-assign]
    try:
        yield
    finally:
        BumbleClient.start_notify = subscribe  # type: ignore[method-assign]


def idle(
    sizes: Sizes, folder: Path, tell: Callable[[str], None], *, has_neighbour: bool
) -> dict[str, dict[str, float]]:
    """Look at memory and CPU of processes that have nothing to do, one after the other.

    Args:
        sizes: How long.
        folder: Room for their files.
        tell: Hears how far it is.
        has_neighbour: Whether somebody else's cuff advertises ten times a second all the while.
    """
    found = {}
    for name, start in ((OURS, _gateway), (ALONE, _bleak_alone)):
        tell(f"idle, {name}")
        place = folder / f"{name.replace(' ', '-')}-{has_neighbour}"
        place.mkdir()
        with (
            ward(CUFF, place / "ward", int(has_neighbour)) as peripheral,
            start(place, peripheral.port) as process,
        ):
            time.sleep(5)  # what happens once at the start is not idleness
            before_s, since = stand.cpu_s(process.pid), time.monotonic()
            time.sleep(sizes.idle_s)
            used_s = stand.cpu_s(process.pid) - before_s
            found[name] = {
                "resident_mib": round(stand.resident_mib(process.pid), 1),
                "cpu_percent_of_a_core": round(used_s / (time.monotonic() - since) * 100, 2),
            }
            assert process.poll() is None
    return found


def disk_sync_ms(folder: Path) -> dict[str, float]:
    """Write and sync a page and its frame 200 times: what a commit costs on this disk whoever makes it."""
    took_s = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(200):
            started_s = time.perf_counter()
            file.write(bytes(2 * 4096))
            os.fdatasync(file.fileno())
            took_s.append(time.perf_counter() - started_s)
    took_s.sort()
    return {"p50": round(took_s[100] * 1000, 3), "p99": round(took_s[198] * 1000, 3)}


@contextmanager
def _gateway(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the whole gateway at a broker."""
    broker = conftest.prepare_broker(folder / "broker")
    certificate_file, key_file = broker.credentials(GATEWAY)
    config = folder / "gateway.toml"
    config.write_text(
        f"""
        [gateway]
        gateway_id = "{GATEWAY}"
        broker_host = "{broker.host}"
        broker_port = {broker.port}
        ca_file = "{broker.ca_file}"
        certificate_file = "{certificate_file}"
        key_file = "{key_file}"
        state_folder = "{folder / "state"}"
        time_zone = "UTC"
        adapter = "bumble"
        hci_transport = "tcp-client:127.0.0.1:{port}"
        peripherals = ["{_ANOTHER}"]
        """
    )
    with (
        conftest.running_broker(broker),
        _running(folder, "-m", "gateway.cli", "run", "--config", str(config)) as process,
    ):
        log = folder / "log"
        assert ports.wait_until(lambda: b"uplink_up" in log.read_bytes(), timeout_s=20), (
            log.read_text()
        )
        yield process


@contextmanager
def _bleak_alone(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    transport = f"tcp-client:127.0.0.1:{port}"
    with _running(folder, "-m", "tests.benchmarks.idle_bleak", transport, str(folder)) as process:
        log = folder / "log"
        assert ports.wait_until(lambda: b"scans" in log.read_bytes(), timeout_s=20), log.read_text()
        yield process


@contextmanager
def _running(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, *words], cwd=stand.ROOT, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _settings(folder: Path, port: int) -> GatewaySettings:
    return GatewaySettings(
        time_zone="UTC",
        state_folder=folder,
        peripherals=(ADDRESS,),
        adapter="bumble",
        hci_transport=f"tcp-client:127.0.0.1:{port}",
    )


def run(sizes: Sizes, tell: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything and return figures and ratios."""
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="hv-bench-"))
    try:
        told: dict[str, Any] = {}
        ratios: dict[str, float] = {}
        for name, model in (("indications", CUFF), ("RACP", METER)):
            (folder / name).mkdir()
            found = transfers(model, sizes, folder / name, tell)
            told[name] = {way: one.told(sizes.records) for way, one in found.items()}
            ratios[f"{name}: {OURS} / {ALONE}, time"] = (
                told[name][OURS]["seconds"] / told[name][ALONE]["seconds"]
            )
        told["disk_sync_ms"] = disk_sync_ms(folder)
        told["idle"] = idle(sizes, folder, tell, has_neighbour=False)
        told["neighbour"] = idle(sizes, folder, tell, has_neighbour=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    mib = [told["idle"][way]["resident_mib"] for way in (OURS, ALONE)]
    ratios[f"idle: {OURS} / {ALONE}, resident memory"] = mib[0] / mib[1]
    return {
        "machine": {
            "cores": os.cpu_count(),
            "load_before": round(load, 2),
            "python": sys.version[:7],
        },
        "records": sizes.records,
        **told,
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
    }
