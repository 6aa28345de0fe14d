"""A home with one virtual peripheral, and a gateway beside it that uses the machine's own Bluetooth."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gateway.outbox import Outbox
from gateway.pairing_requests import PairingRequests
from gateway.pulse import Pulse
from gateway.record import CapturedRecord
from gateway.settings import GatewaySettings
from gateway.visiting import Visiting
from gateway.ward import home
from gateway.ward.process import Ward
from tests.bluez.air import Air, bluez_radio

ZONE: Final = "America/New_York"
_NAMES: Final = {home.UA_651BLE: "A&D_UA-651BLE_000001", "beurer-bm54": "BM54"}
# BlueZ remembers peripherals, so that no two tests may use the same.
_numbers = itertools.count(1)


class Person:
    """Whoever has asked the gateway to pair, and types the code that the peripheral shows."""

    def __init__(self, read_code: Callable[[], Awaitable[int]]) -> None:
        self._read_code = read_code
        self.news: list[Any] = []

    async def tell(self, news: Any) -> None:
        self.news.append(news)

    async def ask(self, _want: object) -> dict[str, object]:
        return {"passkey": f"{await self._read_code():06}"}


@dataclass
class Household:
    """The peripheral, and what the gateway has stored of it."""

    address: str
    peripheral: Any
    settings: GatewaySettings
    outbox: Outbox

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Visiting]:
        """Run the gateway's own work with its radio."""
        visiting = Visiting(self.settings, self.outbox, self.outbox, now, Pulse(time.monotonic))
        working = asyncio.create_task(visiting.run())
        try:
            yield visiting
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def pair(
        self, visiting: Visiting, read_code: Callable[[], Awaitable[int]] | None = None
    ) -> Any:
        """Pair as a person does with “homevitals-gateway pair”; return what they are told at the end."""
        person: Any = Person(read_code or self.peripheral.shown_passkey)
        return await PairingRequests(visiting).pair({"address": self.address}, person)

    async def delivered(self) -> None:
        """Wait until the peripheral has delivered everything and has hung up."""
        await until(lambda: not self.unsent() and self.peripheral.connection is None)

    def stored(self) -> list[CapturedRecord]:
        return [row.record for row in self.outbox.waiting(10_000)]

    def stored_frames(self) -> list[tuple[str, str]]:
        return [(record.characteristic, record.raw.hex()) for record in self.stored()]

    def frames(self) -> list[tuple[str, str]]:
        """Return everything in the peripheral's memory, in the order of sending."""
        records = self.peripheral.memory.contents.records
        return [frame for record in records for frame in record.frames]

    def unsent(self) -> list[int]:
        """Return numbers of records that the peripheral does not count as delivered."""
        records = self.peripheral.memory.contents.records
        return [record.sequence for record in records if not record.is_sent]


@asynccontextmanager
async def living(folder: Path, model: str, **changes: Any) -> AsyncIterator[Household]:
    """Switch the peripheral and the machine's Bluetooth on.

    Args:
        folder: Where peripheral and gateway keep what they remember.
        model: What the peripheral is.
        changes: What its settings say otherwise.
    """
    address = f"C4:65:1B:00:01:{next(_numbers):02X}"
    settings = GatewaySettings(
        gateway_id="gw-aaaaaaa1",
        broker_host="localhost",
        ca_file=Path("/ca"),
        certificate_file=Path("/cert"),
        key_file=Path("/key"),
        state_folder=folder / "gateway",
        time_zone=ZONE,
        peripherals=(address,),
        revisit_after_s=0.0,
    )
    (peripheral,) = Ward(_plan(folder / "ward", address, model, changes), now).peripherals
    outbox = Outbox(settings.state_folder, now())
    air = Air()
    try:
        async with bluez_radio(air):
            await peripheral.switch_on(air)
            yield Household(address, peripheral, settings, outbox)
            await peripheral.switch_off()
    finally:
        outbox.close()


def _plan(folder: Path, address: str, model: str, changes: dict[str, Any]) -> home.Home:
    is_meter = model == home.STANDARD_GLUCOMETER
    settings = {
        "model": model,
        "address": address,
        "name": _NAMES.get(model, "Device"),
        "readings": "home_glucose_adult_20.csv" if is_meter else "home_bp_one_adult.csv",
        "live_from": "1991-09-24T00:00:00" if is_meter else "2019-05-01T00:00:00",
        "backlog_days": 3.0,
        "live_every_s": 3600.0,
        "clock_error_s": 95.0,
    }
    ward = home.WardSettings(port=0, state_folder=folder, time_zone=ZONE)
    return home.Home(ward, (home.PeripheralSettings(**{**settings, **changes}),))


async def until(condition: Callable[[], bool], timeout_s: float = 90.0) -> None:
    """Wait for the other side; it has no event to offer."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def bluetoothd() -> int | None:
    """Return the process id of the daemon, or None while it does not run."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text() == "bluetoothd\n":
                return int(process.name)
        except OSError:
            continue
    return None


def kill_bluetoothd() -> None:
    """End the daemon as a crash does; it is started again after a second."""
    process = bluetoothd()
    assert process is not None
    os.kill(process, signal.SIGKILL)


def now() -> datetime:
    return datetime.now(UTC)
