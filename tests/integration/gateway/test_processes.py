"""Ward and gateway as processes, killed in the middle of things: the ledger is the cuff's own memory."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import control_socket, errors, outbox_look

pytestmark = pytest.mark.ble

CUFF = "C4:65:1B:00:00:01"

HOME = """
[ward]
port = {port}
state_folder = "{folder}/ward"
time_zone = "America/New_York"

[[peripheral]]
model = "{model}"
address = "C4:65:1B:00:00:01"
name = "{name}"
readings = "home_bp_one_adult.csv"
live_from = "2019-08-01T00:00:00"
backlog_days = 400
live_every_s = 0.5
"""

GATEWAY = """
[gateway]
gateway_id = "gw-aaaaaaa1"
broker_host = "127.0.0.1"
broker_port = 1
ca_file = "{folder}/empty.pem"
certificate_file = "{folder}/empty.pem"
key_file = "{folder}/empty.pem"
state_folder = "{folder}/gateway"
time_zone = "America/New_York"
peripherals = ["C4:65:1B:00:00:01"]
adapter = "bumble"
hci_transport = "tcp-client:127.0.0.1:{port}"
revisit_after_s = 0.1
"""


class Processes:
    """The two processes of one home and their files."""

    def __init__(self, folder: Path, model: str, name: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        (folder / "empty.pem").touch(mode=0o600)
        (folder / "home.toml").write_text(
            HOME.format(port=self.port, folder=folder, model=model, name=name)
        )
        (folder / "gateway.toml").write_text(GATEWAY.format(port=self.port, folder=folder))
        self._running: list[subprocess.Popen[bytes]] = []

    def start_ward(self) -> subprocess.Popen[bytes]:
        process = self._start("ward", "--home", str(self.folder / "home.toml"))
        wait_until(self._is_listening)
        return process

    def start_gateway(self) -> subprocess.Popen[bytes]:
        """Start it, and let somebody pair the cuff with it, if that was not done before."""
        config = ("--config", str(self.folder / "gateway.toml"))
        process = self._start("run", *config)
        wait_until(self._has_ear)
        self._start("pair", CUFF, "--if-needed", *config)
        return process

    def sent_by_the_cuff(self) -> list[str]:
        """Return the frames that the cuff has marked as delivered."""
        (path,) = self.folder.glob("ward/*/memory.json")
        records = json.loads(path.read_text())["records"]
        return [record["frames"][0][1] for record in records if record["is_sent"]]

    def has_unsent(self) -> bool:
        (path,) = self.folder.glob("ward/*/memory.json")
        return not all(r["is_sent"] for r in json.loads(path.read_text())["records"])

    def in_outbox(self) -> list[str]:
        try:
            rows = outbox_look.into(self.folder / "gateway", 100_000).rows
        except errors.OutboxError:
            return []
        return [row.record.raw.hex() for row in rows]

    def stop_all(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{arguments[0]}.log").open("ab") as log:
            command = [sys.executable, "-m", "gateway.cli", *arguments]
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self._running.append(process)
        return process

    def _has_ear(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(self.folder / "gateway" / control_socket.NAME))
            return True
        return False

    def _is_listening(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


def wait_until(condition: Callable[[], bool], timeout_s: float = 45.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.005)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Callable[[str, str], Processes]]:
    made: list[Processes] = []

    def make(model: str, name: str) -> Processes:
        made.append(Processes(tmp_path, model, name))
        return made[-1]

    yield make
    for processes in made:
        processes.stop_all()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        pytest.param("and-ua-651ble", "A&D_UA-651BLE_000001", id="a-and-d"),
        pytest.param("standard-cuff", "Cuff", id="standard"),
    ],
)
def test_every_delivered_record_is_in_the_outbox_when_the_gateway_is_killed_in_transfers(
    home: Callable[[str, str], Processes], model: str, name: str
) -> None:
    processes = home(model, name)
    processes.start_ward()
    kills = 0
    for more in (5, 25, 45):
        gateway = processes.start_gateway()
        wait_until(lambda more=more: len(processes.in_outbox()) >= more)
        gateway.kill()
        gateway.wait()
        kills += 1
        assert set(processes.sent_by_the_cuff()) <= set(processes.in_outbox())
    assert processes.has_unsent()  # it was killed in a transfer, not after it
    gateway = processes.start_gateway()
    wait_until(lambda: not processes.has_unsent())
    gateway.send_signal(signal.SIGTERM)
    assert gateway.wait(30) == errors.ExitCode.OK
    stored = Counter(processes.in_outbox())
    assert set(processes.sent_by_the_cuff()) <= set(stored)
    # Stored but not yet confirmed when it died: at most one record for each kill is sent again.
    assert sum(stored.values()) - len(stored) <= kills


def test_every_delivered_record_is_in_the_outbox_when_the_ward_is_killed_in_a_transfer(
    home: Callable[[str, str], Processes],
) -> None:
    processes = home("and-ua-651ble", "A&D_UA-651BLE_000001")
    ward = processes.start_ward()
    gateway = processes.start_gateway()
    wait_until(lambda: len(processes.in_outbox()) >= 20)
    ward.kill()
    ward.wait()
    assert processes.has_unsent()
    processes.start_ward()
    # The gateway finds the new radio by itself and goes on with the bond it has.
    wait_until(lambda: not processes.has_unsent())
    stored = Counter(processes.in_outbox())
    assert set(processes.sent_by_the_cuff()) <= set(stored)
    assert sum(stored.values()) - len(stored) <= 1
    gateway.send_signal(signal.SIGINT)
    assert gateway.wait(30) == errors.ExitCode.INTERRUPTED


def test_logs_hold_events_and_no_measurement_when_everything_is_delivered(
    home: Callable[[str, str], Processes],
) -> None:
    processes = home("and-ua-651ble", "A&D_UA-651BLE_000001")
    ward = processes.start_ward()
    gateway = processes.start_gateway()
    wait_until(lambda: "session_done" in (processes.folder / "run.log").read_text())
    for process in (gateway, ward):
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == errors.ExitCode.OK
    logs = [path for path in processes.folder.glob("*.log") if path.stem != "pair"]
    text = "".join(path.read_text() for path in logs)
    lines = [json.loads(line) for line in text.splitlines()]
    assert {"session_done", "radio_open", "peripheral_first_use"} <= {
        line["event"] for line in lines
    }
    assert not any("dropped" in line for line in lines)
    assert CUFF not in text
    assert not any(frame in text for frame in processes.in_outbox())
    assert (processes.folder / "gateway" / "outbox.db").exists()
