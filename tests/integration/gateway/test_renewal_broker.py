"""Enrolment and renewal with a real broker: a new pair takes over while records travel, and none is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import enrolment, enrolment_server, renewal, rotation
from gateway.following import Following
from gateway.identity import Generation, IdentityFolder
from gateway.outbox import Outbox
from gateway.renewal import Renewal
from gateway.rotation import Rotation
from gateway.settings import GatewaySettings
from gateway.uplink import Uplink
from tests.enrolment_server import CODE, GATEWAY, EnrolmentServer, serving
from tests.integration.gateway.far_end import Ingest, captured, listening, until

pytestmark = pytest.mark.broker


@pytest.fixture
def ingest(broker: Any) -> Iterator[Ingest]:
    with listening(broker, GATEWAY) as listener:
        yield listener


@pytest.fixture
def server(broker: Any) -> Iterator[EnrolmentServer]:
    server = EnrolmentServer(
        broker=(broker.host, broker.port),
        broker_authority=broker.ca_file.read_bytes(),
        signer=lambda name, request: broker.gateway_authority.issue(name, request).certificate,
    )
    with serving(server):
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    return GatewaySettings(
        time_zone="UTC",
        state_folder=tmp_path / "state",
        resend_after_s=0.5,
        adapter="bumble",
        hci_transport="tcp-client:127.0.0.1:1",
    )


@pytest.fixture
def first(server: EnrolmentServer, settings: GatewaySettings) -> Generation:
    now = datetime.now(UTC)
    return enrolment.claim(server.address, None, CODE, settings.state_folder, now).generation


@pytest.fixture
def outbox(settings: GatewaySettings, first: Generation) -> Iterator[Outbox]:
    opened = Outbox(settings.state_folder, datetime.now(UTC))
    yield opened
    opened.close()


class Gateway:
    """The uplink of an enrolled gateway, and a renewal whose time the test decides."""

    def __init__(self, settings: GatewaySettings, outbox: Outbox) -> None:
        found = rotation.opened(settings)
        assert isinstance(found, Rotation)
        self.rotation = found
        self.outbox = outbox
        self.settings = settings
        self.uplink = Uplink(Following(settings, found), found, outbox, lambda: datetime.now(UTC))

    async def renew(self) -> None:
        """Run the renewal's loop as if it were due, until it has asked once."""
        asked = asyncio.Event()

        async def sleep(_pause_s: float) -> None:
            asked.set()
            await asyncio.Event().wait()

        due = renewal.due_at(self.rotation.newest)
        loop = Renewal(self.settings, self.rotation, self.uplink.reconnect, lambda: due, sleep)
        task = asyncio.create_task(loop.run())
        await asked.wait()
        task.cancel()

    @property
    def generations(self) -> list[int]:
        folder = IdentityFolder(self.settings.state_folder)
        return [generation.number for generation in folder.usable()]


@asynccontextmanager
async def running(settings: GatewaySettings, outbox: Outbox) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings, outbox)
    task = asyncio.create_task(gateway.uplink.run())
    try:
        yield gateway
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_records_travel_under_the_name_that_the_server_gave(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest
) -> None:
    async def work() -> None:
        outbox.append(captured(1))
        async with running(settings, outbox):
            await until(lambda: outbox.waiting_count == 0)

    asyncio.run(work())
    assert {batch.gateway_id for batch in ingest.batches} == {GATEWAY}


def test_new_pair_takes_over_and_nothing_is_lost_when_it_is_renewed_in_the_middle(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest, first: Generation
) -> None:
    async def work() -> None:
        async with running(settings, outbox) as gateway:
            for number in range(600):
                outbox.append(captured(number))
                if number % 100 == 0:
                    gateway.uplink.wake()
                    await until(lambda: gateway.rotation.is_proved)
                    await gateway.renew()
            await until(lambda: outbox.waiting_count == 0)
            await until(lambda: gateway.generations == [7])
            # The uplink that holds the new pair still delivers.
            outbox.append(captured(601))
            gateway.uplink.wake()
            await until(lambda: outbox.waiting_count == 0)

    asyncio.run(work())
    assert set(ingest.seqs()) == set(range(1, 602))
    assert not first.access.key_file.exists()


def test_old_pair_carries_on_when_the_broker_does_not_take_the_new_one(
    settings: GatewaySettings,
    outbox: Outbox,
    ingest: Ingest,
    server: EnrolmentServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    good, server.signer = server.signer, None  # an authority that the broker does not know

    async def work() -> None:
        async with running(settings, outbox) as gateway:
            await until(lambda: any(status.online for status in ingest.statuses))
            await gateway.renew()
            await until(lambda: gateway.rotation.has_fallen_back)
            outbox.append(captured(1))
            gateway.uplink.wake()
            await until(lambda: outbox.waiting_count == 0)
            assert gateway.generations == [2, 1]
            assert not gateway.rotation.is_proved
            server.signer = good
            gateway.rotation.refusals = renewal._REFUSALS
            await gateway.renew()
            await until(lambda: gateway.rotation.is_proved)
            assert gateway.generations == [3]

    asyncio.run(work())
    assert "identity_fell_back" in {record.msg for record in caplog.records}


def test_unproved_pair_is_tried_first_when_the_gateway_was_killed_before_it_connected(
    settings: GatewaySettings, outbox: Outbox, ingest: Ingest, first: Generation, server: Any
) -> None:
    asked = enrolment_server.at(server.address, None)
    renewal.renew(asked, first, IdentityFolder(settings.state_folder))

    async def work() -> None:
        async with running(settings, outbox) as gateway:
            assert gateway.generations == [2, 1]
            await until(lambda: gateway.generations == [2])

    asyncio.run(work())


def start_process(settings: GatewaySettings, log: Path) -> subprocess.Popen[bytes]:
    file = log.with_suffix(".toml")
    file.write_text(
        f"""
        [gateway]
        state_folder = "{settings.state_folder}"
        time_zone = "UTC"
        adapter = "bumble"
        hci_transport = "{settings.hci_transport}"
        """
    )
    command = [sys.executable, "-m", "gateway.cli", "run", "--config", str(file)]
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output)


def listening_sockets(pid: int) -> list[str]:
    """Return what a process can be reached at, from the kernel's tables: local addresses, and unix sockets' paths."""
    held = [str(descriptor.readlink()) for descriptor in Path(f"/proc/{pid}/fd").iterdir()]
    mine = {name[len("socket:[") : -1] for name in held if name.startswith("socket:[")}
    rows = {
        table: [
            line.split() for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        ]
        for table in ("tcp", "tcp6", "udp", "udp6", "unix")
    }
    return [
        # 0A: TCP_LISTEN.
        *(row[1] for row in rows["tcp"] + rows["tcp6"] if row[9] in mine and row[3] == "0A"),
        # A datagram socket without a peer hears everybody.
        *(
            row[1]
            for row in rows["udp"] + rows["udp6"]
            if row[9] in mine and row[2].endswith(":0000")
        ),
        # 0x10000: __SO_ACCEPTCON.
        *(row[-1] for row in rows["unix"] if row[6] in mine and int(row[3], 16) & 0x10000),
    ]


def test_gateway_listens_to_its_own_user_alone_and_keeps_its_secrets_to_itself_when_it_runs(
    settings: GatewaySettings, first: Generation, ingest: Ingest, tmp_path: Path
) -> None:
    process = start_process(settings, tmp_path / "run.log")
    try:
        asyncio.run(until(lambda: any(status.online for status in ingest.statuses)))
        assert listening_sockets(process.pid) == [str(settings.state_folder / "control.socket")]
        modes = {
            path.name: path.stat().st_mode & 0o077 for path in settings.state_folder.rglob("*")
        }
        assert "key.pem" in modes
        assert not any(modes.values()), modes
    finally:
        process.terminate()
        process.wait(10)
    log = (tmp_path / "run.log").read_text()
    secret = first.access.key_file.read_text().splitlines()[1]
    assert "uplink_up" in log
    assert secret not in log
    assert CODE not in log


def test_listening_socket_would_be_seen(tmp_path: Path) -> None:
    # Or the test above could never fail.
    program = (
        "import socket\n"
        "a = socket.create_server(('127.0.0.1', 0))\n"
        "b = socket.socket(socket.AF_UNIX); b.bind('here'); b.listen()\n"
        "c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); c.bind(('127.0.0.1', 0))\n"
        "print(flush=True); input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    found = listening_sockets(process.pid)
    process.communicate(b"\n", timeout=10)
    assert len(found) == 3
    assert "here" in found


@pytest.mark.parametrize("status", [403, 500])
def test_old_pair_delivers_on_when_the_server_gives_no_new_one(
    settings: GatewaySettings,
    outbox: Outbox,
    ingest: Ingest,
    server: EnrolmentServer,
    status: int,
) -> None:
    server.bend = lambda *_: (status, b"")

    async def work() -> None:
        async with running(settings, outbox) as gateway:
            await gateway.renew()
            outbox.append(captured(1))
            gateway.uplink.wake()
            await until(lambda: outbox.waiting_count == 0)
            assert gateway.generations == [1]

    asyncio.run(work())
    assert len(server.requests) == 2
