"""What every virtual peripheral has in common: host stack, bonding, advertising, memory, live measurements."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import zoneinfo
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Generic

from bumble import core, gatt, hci
from bumble.controller import Controller
from bumble.core import AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.link import LocalLink
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import AsyncPipeSink

from gateway.bumble_backend.bonds import PrivateKeyStore
from gateway.ward.device_clock import DeviceClock
from gateway.ward.home import PeripheralSettings
from gateway.ward.memory import Contents, Memory, StoredRecord
from gateway.ward.series import Row, Series

log = logging.getLogger(__name__)

_SWITCH_OFF_TIMEOUT_S: Final = 1.0
_ADVERTISING_INTERVAL_MS: Final = 100.0
# Advertising flags. Source: Supplement to the Bluetooth Core Specification, part A, 1.3.
_LIMITED_DISCOVERABLE: Final = 0x01
_NO_CLASSIC: Final = 0x04
# By the size of a UUID.
_SERVICE_LISTS: Final = {
    2: AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    16: AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
}

Frames = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a peripheral adds to a measurement.

    Attributes:
        sequence: its own count.
        clock_time: what its clock shows, naive.
        display_offset_min: minutes from the clock to the display.
    """

    sequence: int
    clock_time: datetime
    display_offset_min: int


class VirtualPeripheral(ABC, Generic[Row]):
    """A peripheral that advertises while it has something to deliver; it bonds with Just Works or a code that it shows.

    Args:
        settings: Its table in the home file.
        series: What it replays.
        zone: Where the home lies.
        folder: Where it keeps its memory and its bonds.
        now: True time, aware UTC.
    """

    service: ClassVar[str | None] = None  # advertised
    bonds: ClassVar[bool] = True
    shows_passkey: bool = False

    def __init__(
        self,
        settings: PeripheralSettings,
        series: Series[Row],
        zone: zoneinfo.ZoneInfo,
        folder: Path,
        now: Callable[[], datetime],
    ) -> None:
        self.settings = settings
        self._series: Series[Row] = series
        self._zone = zone
        self._now = now
        self.memory = self._recall(folder / "memory.json")
        self._bonds = PrivateKeyStore(settings.address, folder / "bonds.json")
        self.connection: Connection | None = None
        self._passkeys: asyncio.Queue[int] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._conversation: asyncio.Task[None] | None = None
        self._advertising = asyncio.Lock()
        self._is_bonded = False  # when it began to advertise
        self.device: Device  # made when switched on: it belongs to the running loop

    async def switch_on(self, air: LocalLink) -> None:
        """Start the host stack on the ward's air; advertise and measure from now on."""
        configuration = DeviceConfiguration(
            name=self.settings.name, address=hci.Address(self.settings.address)
        )
        controller = Controller(self.settings.name, link=air)
        host = Host(controller, AsyncPipeSink(controller))
        self.device = Device(config=configuration, host=host)
        self.device.keystore = self._bonds
        self.device.pairing_config_factory = lambda _connection: PairingConfig(
            sc=True, mitm=self.shows_passkey, bonding=True, delegate=self._delegate()
        )
        self.device.add_services(self._services())
        self.device.on(self.device.EVENT_CONNECTION, self._on_connection)
        await self.device.power_on()
        await self._advertise_if_needed()
        self._spawn(self._measure_for_ever())

    async def switch_off(self) -> None:
        """Stop everything at once; what matters is on disk already."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            # bumble may swallow a cancellation; the end of the loop cancels such a task again.
            await asyncio.wait(tasks, timeout=_SWITCH_OFF_TIMEOUT_S)

    @property
    def display_time(self) -> datetime:
        """Return the naive time that the peripheral shows."""
        return self.memory.contents.clock.read(self._now())

    async def shown_passkey(self) -> int:
        """Wait until the display shows a code to bond with, and return it."""
        return await self._passkeys.get()

    async def measure(self) -> StoredRecord:
        """Take the next live measurement now."""
        contents = self.memory.contents
        row = self._series.live(contents.live_count)
        stamp = Stamp(
            sequence=contents.next_sequence,
            clock_time=contents.clock.read(self._now()),
            display_offset_min=contents.display_offset_min,
        )
        record = self.memory.add(self._encode(row, stamp))
        await self._advertise_if_needed()
        return record

    @abstractmethod
    def _services(self) -> list[gatt.Service]:
        """Make the GATT services."""

    @abstractmethod
    def _encode(self, row: Row, stamp: Stamp) -> Frames:
        """Write one measurement as frames: characteristic and bytes, in the order they are sent."""

    @abstractmethod
    async def _converse(self, connection: Connection) -> None:
        """Act after the link is encrypted, or is there for a device that does not bond; cancelled when it goes down."""

    def _recall(self, path: Path) -> Memory:
        """Load the memory, or fill it with the backlog when switched on for the first time."""
        found = Memory.load(path)
        if found is not None:
            return found
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = self._now()
        home_time = now.astimezone(self._zone).replace(tzinfo=None)
        error = timedelta(seconds=self.settings.clock_error_s)
        clock = DeviceClock(home_time + error, now, self.settings.drift_ppm)
        backlog = self._series.backlog(self.settings.backlog_days, home_time)
        records = []
        for sequence, (local_time, row) in enumerate(backlog):
            clock_time = clock.read(local_time.replace(tzinfo=self._zone).astimezone(UTC))
            frames = self._encode(row, Stamp(sequence, clock_time, display_offset_min=0))
            records.append(StoredRecord.of(sequence, frames))
        log.info(
            "peripheral_first_use", extra={"profile_id": self.settings.model, "count": len(records)}
        )
        return Memory.create(
            path, Contents(clock=clock, records=tuple(records), next_sequence=len(records))
        )

    def _on_connection(self, connection: Connection) -> None:
        self.connection = connection
        connection.on(connection.EVENT_DISCONNECTION, self._on_disconnection)
        connection.on(connection.EVENT_CONNECTION_ENCRYPTION_CHANGE, self._on_encryption_change)
        if self.bonds:
            # The security request: asks the host to encrypt, or to pair if it has no bond.
            connection.request_pairing()
        else:
            self._conversation = self._spawn(self._converse_and_tell(connection))

    def _on_encryption_change(self) -> None:
        connection = self.connection
        if connection is not None and connection.is_encrypted and self._conversation is None:
            self._conversation = self._spawn(self._converse_and_tell(connection))

    def _on_disconnection(self, _reason: int) -> None:
        self.connection = None
        if self._conversation is not None:
            self._conversation.cancel()
            self._conversation = None
        self._spawn(self._advertise_if_needed())

    async def _converse_and_tell(self, connection: Connection) -> None:
        try:
            await self._converse(connection)
        except (core.BaseBumbleError, TimeoutError) as error:
            log.warning("conversation_broken", extra={"error": type(error).__name__})
            await self.hang_up(connection)

    async def hang_up(self, connection: Connection) -> None:
        """End a connection; harmless if it is already down."""
        if self.connection is connection:
            with contextlib.suppress(core.BaseBumbleError):
                await connection.disconnect()

    async def _advertise_if_needed(self) -> None:
        async with self._advertising:
            wanted = self._wants_to_talk() and self.connection is None
            if wanted and not self.device.is_advertising:
                await self.device.start_advertising(
                    advertising_data=await self._advertisement(),
                    advertising_interval_min=_ADVERTISING_INTERVAL_MS,
                    advertising_interval_max=_ADVERTISING_INTERVAL_MS,
                )
            elif not wanted and self.device.is_advertising:
                await self.device.stop_advertising()

    def _wants_to_talk(self) -> bool:
        """Whether it has something to say."""
        return self.memory.has_unsent

    def _shown_name(self) -> str:
        """Return the name that it advertises."""
        return self.settings.name

    def _advertised(self) -> list[tuple[AdvertisingData.Type, bytes]]:
        """Return what it advertises between its flags and its name: types and contents."""
        if self.service is None:
            return []
        uuid = core.UUID(self.service.upper()).to_pdu_bytes()
        return [(_SERVICE_LISTS[len(uuid)], uuid)]

    async def _advertisement(self) -> bytes:
        """Return what it advertises. The virtual air has no scan responses, and room for what would stand there."""
        # In pairing mode until there is a bond; afterwards for its own host only.
        self._is_bonded = bool(await self._bonds.get_all())
        flags = _NO_CLASSIC if self._is_bonded else _NO_CLASSIC | _LIMITED_DISCOVERABLE
        structures = [
            (AdvertisingData.FLAGS, bytes([flags])),
            *self._advertised(),
            (AdvertisingData.COMPLETE_LOCAL_NAME, self._shown_name().encode()),
        ]
        return bytes(AdvertisingData(structures))

    async def _measure_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.settings.live_every_s)
            await self.measure()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _delegate(self) -> PairingDelegate:
        return _Display(self._passkeys) if self.shows_passkey else _delegate()


# Only the key of the link: no identity key, as the address never changes.
_KEY_ONLY: Final = PairingDelegate.KeyDistribution.DISTRIBUTE_ENCRYPTION_KEY


class _Display(PairingDelegate):
    """Shows a code, as a peripheral with a display and without keys for digits does."""

    def __init__(self, shown: asyncio.Queue[int]) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY, _KEY_ONLY, _KEY_ONLY)
        self._shown = shown

    async def display_number(self, number: int, digits: int) -> None:  # noqa: ARG002  # always six
        """Show the code."""
        self._shown.put_nowait(number)


def _delegate() -> PairingDelegate:
    return PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT, _KEY_ONLY, _KEY_ONLY)
