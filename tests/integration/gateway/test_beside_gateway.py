"""The whole gateway as a process under a supervisor, and the commands that a technician runs beside it."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy import ports
from gateway import errors
from tests.integration.gateway.far_end import listening

pytestmark = pytest.mark.broker

GATEWAY = "gw-beside01"
CUFF = "C4:65:1B:00:00:01"
ROOT = Path(__file__).parents[3]


class Beside:
    """A running gateway without a radio, what its supervisor heard, and commands beside it."""

    def __init__(self, broker: Any, folder: Path) -> None:
        certificate_file, key_file = broker.credentials(GATEWAY)
        self.config = folder / "gateway.toml"
        self.config.write_text(
            f"""
            [gateway]
            gateway_id = "{GATEWAY}"
            broker_host = "{broker.host}"
            broker_port = {broker.port}
            ca_file = "{broker.ca_file}"
            certificate_file = "{certificate_file}"
            key_file = "{key_file}"
            state_folder = "{folder}/state"
            time_zone = "UTC"
            adapter = "bumble"
            hci_transport = "tcp-client:127.0.0.1:{ports.free_port()}"
            peripherals = ["{CUFF}"]
            status_every_s = 1.0
            """
        )
        self.supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.supervisor.bind(str(folder / "notify"))
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "run", "--config", str(self.config)],
            cwd=ROOT,
            stdout=self.log,
            stderr=self.log,
            env={"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1000000"},
        )
        self.heard: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while words := self.supervisor.recv(4096):
                self.heard.append(words.decode())

    def hear_until(self, wanted: str) -> None:
        assert ports.wait_until(
            lambda: any(wanted in words for words in self.heard), timeout_s=20
        ), self.heard

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gateway.cli", *words, "--config", str(self.config)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.supervisor.shutdown(socket.SHUT_RD)  # ends the listening
        self.supervisor.close()
        self.log.close()


@pytest.fixture
def beside(broker: Any, tmp_path: Path) -> Iterator[Beside]:
    made = Beside(broker, tmp_path)
    yield made
    made.end()


def test_gateway_tells_its_supervisor_the_technician_and_the_server_how_it_is(
    beside: Beside, broker: Any
) -> None:
    with listening(broker, GATEWAY) as ingest:
        beside.hear_until("READY=1")
        beside.hear_until("WATCHDOG=1")
        beside.hear_until("STATUS=connected, 0 of 1 radios, 0 records wait")
        assert ports.wait_until(
            lambda: any(said.health and said.health.adapters for said in ingest.statuses),
            timeout_s=30,
        )
    found = beside.command("doctor", "--json")
    told = {one["name"]: one for one in json.loads(found.stdout)}
    assert found.returncode == errors.ExitCode.FAILURE  # there is no radio
    assert [name for name, one in told.items() if one["level"] == "fault"] == ["radio default"]
    assert told["connection"]["level"] == told["broker"]["level"] == "ok"
    assert "broker sign-in" not in told  # it would take the running gateway's place
    devices = json.loads(beside.command("devices", "--json").stdout)
    assert [(one["peripheral"], one["talked_at"]) for one in devices] == [(CUFF, None)]
    assert beside.command("readings").stdout == "no peripheral has sent anything yet\n"
    assert beside.command("outbox", "summary").returncode == errors.ExitCode.OK
    beside.process.send_signal(signal.SIGTERM)
    assert beside.process.wait(30) == errors.ExitCode.OK
    beside.hear_until("STOPPING=1")


def test_watchdog_is_left_alone_when_the_process_hangs(beside: Beside) -> None:
    beside.hear_until("WATCHDOG=1")
    beside.process.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    before = len(beside.heard)
    time.sleep(2)
    assert len(beside.heard) == before
    found = beside.command("doctor", "--json")
    told = {one["name"]: one for one in json.loads(found.stdout)}
    assert told["service"]["level"] == "fault"
    assert "does not answer" in told["service"]["found"]
    beside.process.send_signal(signal.SIGCONT)
