"""A bleak backend that follows a test's script instead of a radio, and records to fill an outbox with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bleak import exc
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection

from firmware_profiles import uuids, wire
from gateway.adapter import Adapter, SystemDialogue
from gateway.outbox import Outbox
from gateway.pairing_window import PairingDesk
from gateway.record import CapturedRecord
from gateway.session import Session
from tests.enrolment_server import EnrolmentServer, serving
from tests.gateway_sessions import Shelf, sighting_of
from tests.pairing import pairing

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ADDRESS = "C4:65:1B:00:00:01"


@dataclass
class Script:
    """What the peripheral does, and what was done to it.

    `characteristics` are short UUIDs; `reads` gives their contents; `on_subscribe` and `on_write`
    run when the host subscribes or writes and may send, raise or hang up.
    """

    characteristics: tuple[str, ...]
    reads: dict[str, bytes] = field(default_factory=dict)
    connect_error: Exception | None = None
    write_takes_s: float = 0.0
    on_subscribe: dict[str, Callable[[ScriptedClient], None]] = field(default_factory=dict)
    on_write: dict[str, Callable[[ScriptedClient, bytes], None]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    written: dict[str, bytes] = field(default_factory=dict)
    refused: list[Exception] = field(default_factory=list)


class ScriptedClient(BaseBleakClient):
    """bleak's client on a script."""

    def __init__(self, *args: Any, script: Script, **kwargs: Any) -> None:
        super().__init__(
            args[0],
            disconnected_callback=kwargs["disconnected_callback"],
            timeout=kwargs["timeout"],
        )
        self.script = script
        self._is_connected = False
        self._callbacks: dict[str, Callable[[bytearray], None]] = {}

    @property
    def mtu_size(self) -> int:
        return 23

    @property
    def is_connected(self) -> bool:
        return self._is_connected

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        self.script.calls.append(("connect", "pair" if pair else ""))
        if self.script.connect_error is not None:
            raise self.script.connect_error
        self._is_connected = True
        self.services = BleakGATTServiceCollection()
        service = BleakGATTService(None, 1, uuids.full_uuid("1810"))
        self.services.add_service(service)
        for handle, uuid in enumerate(self.script.characteristics, start=2):
            self.services.add_characteristic(
                BleakGATTCharacteristic(
                    None, handle, uuids.full_uuid(uuid), [], lambda: 20, service
                )
            )

    async def disconnect(self) -> None:
        self.script.calls.append(("disconnect", ""))
        self.hang_up()

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    async def unpair(self) -> None:
        raise NotImplementedError

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, **kwargs: Any
    ) -> bytearray:
        uuid = uuids.short_uuid(characteristic.uuid)
        self.script.calls.append(("read", uuid))
        return bytearray(self.script.reads[uuid])

    async def read_gatt_descriptor(self, *args: Any, **kwargs: Any) -> bytearray:
        raise NotImplementedError

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: Any, response: bool
    ) -> None:
        uuid = uuids.short_uuid(characteristic.uuid)
        self.script.calls.append(("write", uuid))
        await asyncio.sleep(self.script.write_takes_s)
        self.script.written[uuid] = bytes(data)
        if uuid in self.script.on_write:
            self.script.on_write[uuid](self, bytes(data))

    async def write_gatt_descriptor(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: Any, **kwargs: Any
    ) -> None:
        uuid = uuids.short_uuid(characteristic.uuid)
        self.script.calls.append(("subscribe", uuid))
        self._callbacks[uuid] = callback
        if uuid in self.script.on_subscribe:
            self.script.on_subscribe[uuid](self)

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        self.script.calls.append(("unsubscribe", uuids.short_uuid(characteristic.uuid)))

    def send(self, uuid: str, content: bytes) -> None:
        """Notify; what the host's callback raises is noted, as a host stack would."""
        try:
            self._callbacks[uuid](bytearray(content))
        except Exception as error:
            self.script.refused.append(error)

    def hang_up(self) -> None:
        if self._is_connected:
            self._is_connected = False
            assert self._disconnected_callback is not None
            self._disconnected_callback()

    @staticmethod
    def refuse(code: int) -> Exception:
        return exc.BleakGATTProtocolError(code)


@pytest.fixture
def desk_in_use() -> Iterator[PairingDesk]:
    """A desk at which the scripted peripheral pairs."""
    with pairing(ADDRESS) as desk:
        yield desk


@pytest.fixture
def scripted(desk_in_use: PairingDesk) -> Callable[[Script], tuple[Adapter, BLEDevice]]:
    def make(script: Script) -> tuple[Adapter, BLEDevice]:
        adapter = Adapter(
            scanner_arguments={},
            client_arguments={"backend": ScriptedClient, "script": script},
            lost=asyncio.get_running_loop().create_future(),
            host_stack=SystemDialogue(),
            desk=desk_in_use,
        )
        return adapter, BLEDevice(ADDRESS, "A&D_UA-651BLE_000001", None)

    return make


@pytest.fixture
def script() -> type[Script]:
    return Script


@pytest.fixture
def at() -> datetime:
    return AT


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "state", AT)
    yield opened
    opened.close()


@pytest.fixture
def enrolment() -> Iterator[EnrolmentServer]:
    with serving(EnrolmentServer()) as server:
        yield server


@pytest.fixture
def captured() -> Callable[[int], CapturedRecord]:
    def make(number: int) -> CapturedRecord:
        return CapturedRecord(
            peripheral=ADDRESS,
            profile_id="standard-cuff",
            profile_version=1,
            characteristic="2a35",
            raw=number.to_bytes(4, "big") + b"\x00" * 15,
            received_at=AT + timedelta(seconds=number),
            gateway_clock=wire.GatewayClock.SYNCHRONISED,
            device_clock_offset_s=-12.5,
            time_zone="America/New_York",
            link=wire.Link.ENCRYPTED,
        )

    return make


@pytest.fixture
def hold(
    scripted: Callable[[Script], tuple[Adapter, BLEDevice]], at: datetime
) -> Callable[..., int]:
    """Return a function that holds one conversation on a script and returns how many records it brought."""

    def hold(script: Any, profile: Any, shelf: Shelf) -> int:
        async def talk() -> int:
            adapter, device = scripted(script)
            session = Session(
                adapter, sighting_of(device, profile), shelf, "America/New_York", lambda: at
            )
            try:
                return await session.run()
            finally:
                shelf.batteries.append(session.battery_percent)

        return asyncio.run(talk())

    return hold
