"""A room for tests: a machine with a bus of its own, BlueZ on it, a cuff, and a gateway's settings and outbox."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles.gatt_time import CurrentTime
from gateway import scan
from gateway.adapter import Adapter, opened
from gateway.keeper import Keeper
from gateway.outbox import Outbox
from gateway.pairing_window import PairingDesk
from gateway.session import Session
from gateway.settings import GatewaySettings
from gateway.visiting import Visiting
from tests.integration.gateway.fake_bluez import Cuff, FakeBluez
from tests.pairing import Person, closed_desk

CUFF = "C4:65:1B:00:00:01"
FOREIGN = "/org/bluez/hci0/dev_C4_65_1B_00_00_02"
FRAMES = [bytes.fromhex("16820044005800ea070b120b071f3c000000")]
FRAMES.append(FRAMES[0].replace(b"\x82", b"\x7f"))

# What tests/conftest.py counts.
WITHOUT_DBUS = "there is no dbus-daemon on this machine"

# Without service files, so that nothing starts a real bluetoothd on it.
BUS_CONFIGURATION = """<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>"""


@contextmanager
def running_bus(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a D-Bus daemon; yield its address and its process."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip(WITHOUT_DBUS)
    configuration = folder / "bus.conf"
    configuration.write_text(BUS_CONFIGURATION)
    command = ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        yield daemon.stdout.readline().strip(), daemon
        daemon.terminate()


def a_and_d() -> Cuff:
    """A cuff that waits for its clock, and pairs without a code when BlueZ asks."""
    return Cuff(
        address=CUFF,
        name="A&D_UA-651BLE_000001",
        services={"1810": {"2a35": ["indicate"], "2a08": ["write"]}},
        clock="2a08",
        clock_content=b"",
        unsent=list(FRAMES),
    )


def standard() -> Cuff:
    """A cuff by the book."""
    return Cuff(
        address=CUFF,
        name="Cuff",
        services={"1810": {"2a35": ["indicate"]}, "1805": {"2a2b": ["read", "write"]}},
        clock="2a2b",
        clock_content=CurrentTime.of(datetime(2020, 1, 1)).to_bytes(),  # noqa: DTZ001
        unsent=list(FRAMES),
    )


@dataclass
class Room:
    """The gateway's side of it."""

    settings: GatewaySettings
    outbox: Outbox
    person: Person = field(default_factory=Person)

    def change(self, **changes: Any) -> None:
        """Change the gateway's settings."""
        self.settings = replace(self.settings, **changes)

    @asynccontextmanager
    async def bluez(self, cuff: Cuff, **changes: Any) -> AsyncIterator[FakeBluez]:
        """Run bluetoothd, with the cuff near it; at the end it is killed."""
        bluez = FakeBluez(cuff, **changes)
        await bluez.start()
        try:
            yield bluez
        finally:
            await bluez.vanish()

    @asynccontextmanager
    async def radio(self, *, pairs: bool = True) -> AsyncIterator[Adapter]:
        """Open the radio; with a pairing window for the cuff."""
        desk = PairingDesk(lambda: 0.0)
        with desk.open(CUFF, 3600.0, self.person):
            async with opened(self.settings, desk if pairs else closed_desk()) as adapter:
                yield adapter

    @asynccontextmanager
    async def visiting(self) -> AsyncIterator[Visiting]:
        """Run the gateway's own work with its radios."""
        visiting = Visiting(self.settings, self.outbox, self.outbox, now)
        using = asyncio.create_task(visiting.run())
        try:
            yield visiting
        finally:
            using.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await using

    async def visit(self, adapter: Adapter, keeper: Keeper | None = None) -> int:
        """Find the cuff and hold one conversation with it."""
        async with asyncio.timeout(5):
            sighting = await scan.next_sighting(adapter, scan.Watch([CUFF], lambda: 0.0))
            return await Session(adapter, sighting, keeper or self.outbox, "Etc/UTC", now).run()

    def stored(self) -> list[bytes]:
        """Return the frames in the outbox, oldest first."""
        return [row.record.raw for row in self.outbox.waiting(100)]


def now() -> datetime:
    return datetime.now(UTC)


async def settled(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait for the other side; it has no event to offer."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def rested() -> Any:
    """Wait as long as something that must not happen would take."""
    return asyncio.sleep(0.3)
