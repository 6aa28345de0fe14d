"""What systemd hears, and that the watchdog is left alone as soon as one loop hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.pulse import Pulse
from gateway.service_notice import ServiceNotice


class Supervisor:
    """What systemd is to the process: a socket that hears datagrams."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(0)

    def heard(self) -> list[str]:
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.socket.recv(4096).decode())
        return found


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(str(tmp_path / "notify"))
    yield made
    made.socket.close()


@pytest.fixture
def notice(supervisor: Supervisor) -> ServiceNotice:
    return ServiceNotice(
        {
            "NOTIFY_SOCKET": supervisor.socket.getsockname(),
            "WATCHDOG_USEC": "20000",
            "WATCHDOG_PID": str(os.getpid()),
        }
    )


def test_supervisor_hears_what_happens(supervisor: Supervisor, notice: ServiceNotice) -> None:
    notice.ready()
    notice.status("2 records wait\nfor the server")
    notice.stopping()
    assert supervisor.heard() == ["READY=1", "STATUS=2 records wait for the server", "STOPPING=1"]


def test_abstract_socket_is_found() -> None:
    name = f"homevitals-test-{os.getpid()}"
    supervisor = Supervisor(f"\0{name}")
    ServiceNotice({"NOTIFY_SOCKET": f"@{name}"}).ready()
    assert supervisor.heard() == ["READY=1"]
    supervisor.socket.close()


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_nothing_fails_when_nobody_listens(environ: dict[str, str]) -> None:
    ServiceNotice(environ).ready()


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "90000000"}, 90.0),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_is_known_from_the_environment(
    environ: dict[str, str], watchdog_s: float | None
) -> None:
    assert ServiceNotice(environ).watchdog_s == watchdog_s


def test_watchdog_is_asked_to_wait_only_while_all_loops_turn(
    supervisor: Supervisor, notice: ServiceNotice, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = 100.0
    pulse = Pulse(lambda: now_s)
    pulse.beat("uplink", 5.0)
    pulse.beat("radio", 50.0)

    async def work() -> None:
        nonlocal now_s
        reporting = asyncio.create_task(notice.report(pulse, lambda: "fine"))
        await asyncio.sleep(0.05)
        heard = supervisor.heard()
        assert heard.count("STATUS=fine") == 1
        assert heard.count("WATCHDOG=1") >= 2
        now_s = 106.0
        await asyncio.sleep(0.05)
        supervisor.heard()
        await asyncio.sleep(0.05)
        assert "WATCHDOG=1" not in supervisor.heard()
        pulse.beat("uplink", 5.0)
        await asyncio.sleep(0.05)
        heard = supervisor.heard()
        assert "WATCHDOG=1" in heard
        assert "STATUS=fine" in heard
        reporting.cancel()

    asyncio.run(work())
    assert "loop_hangs" in {record.msg for record in caplog.records}


def test_loop_is_not_waited_for_when_it_has_stopped() -> None:
    now_s = 0.0
    pulse = Pulse(lambda: now_s)
    pulse.beat("radio", 1.0)
    pulse.beat("uplink", 1.0)
    pulse.stopped("radio")
    now_s = 2.0
    assert pulse.hanging() == ["uplink"]
