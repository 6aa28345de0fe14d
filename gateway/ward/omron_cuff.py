"""Virtual Omron cuff of the EEPROM generation: locked, particular about subscriptions, a ring of records for each user.

Source: the support statement of the profile omron-hem-7322t.
"""

from __future__ import annotations

import asyncio
import zoneinfo
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from bumble import gatt
from bumble.core import AdvertisingData
from bumble.device import Connection

from firmware_profiles import errors as leaf_errors
from firmware_profiles import uuids
from firmware_profiles.protocols import omron_frames, omron_memory
from firmware_profiles.protocols.omron_frames import ANSWER, FROM_CUFF, TO_CUFF, Frame
from firmware_profiles.protocols.omron_memory import ACCEPTED, UNLOCK, OmronMemory
from gateway import durable_file
from gateway.ward import gatt as building_blocks
from gateway.ward.gatt import Properties
from gateway.ward.home import PeripheralSettings
from gateway.ward.series import BloodPressureRow, Series
from gateway.ward.virtual_peripheral import Frames, Stamp, VirtualPeripheral

_OMRON: Final = 0x020E
# Type, flags (two users, standard services), and for each user two numbers that nobody here reads.
_STATE: Final = bytes([1, 0b0010_0001, *bytes(6)])
_WRITE: Final = 0x01C0
_REFUSED: Final = 0x0F
_OTHER_KEY: Final = 0x04
_BLANK: Final = b"\xff"


class OmronCuff(VirtualPeripheral[BloodPressureRow]):
    """The cuff.

    Attributes:
        user: where its switch stands, 1 or 2.
        is_pairing: whether its Bluetooth key is held; a cuff that has no host's key yet is waiting for one.
        writes: what was written to its memory. Nobody should.
    """

    service: ClassVar[str | None] = uuids.BLOOD_PRESSURE_SERVICE
    protocol: ClassVar[OmronMemory] = omron_memory.HEM_7322T
    model: ClassVar[str] = "HEM-7322T-E"
    user = 1

    def __init__(
        self,
        settings: PeripheralSettings,
        series: Series[BloodPressureRow],
        zone: zoneinfo.ZoneInfo,
        folder: Path,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(settings, series, zone, folder, now)
        self._key_file = folder / "key"
        self.is_pairing = not self._key_file.exists()
        self.writes: list[Frame] = []

    def _services(self) -> list[gatt.Service]:
        self._written: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._sources = {
            uuid: building_blocks.characteristic(self.device, uuid, Properties.NOTIFY)
            for uuid in FROM_CUFF
        }
        self._lock = self._sink(UNLOCK, Properties.NOTIFY)
        channels = [self._sink(uuid) for uuid in TO_CUFF]
        return [
            gatt.Service(omron_frames.SERVICE, [*channels, *self._sources.values(), self._lock]),
            building_blocks.device_information(self.device, "OMRON HEALTHCARE", self.model),
        ]

    def _sink(
        self, uuid: str, more: Properties = Properties.WRITE_WITHOUT_RESPONSE
    ) -> gatt.Characteristic[bytes]:
        return building_blocks.characteristic(
            self.device,
            uuid,
            Properties.WRITE | more,
            write=lambda _connection, content: self._written.put_nowait((uuid, content)),
        )

    def _advertised(self) -> list[tuple[AdvertisingData.Type, bytes]]:
        state = _OMRON.to_bytes(2, "little") + _STATE
        return [*super()._advertised(), (AdvertisingData.MANUFACTURER_SPECIFIC_DATA, state)]

    def _encode(self, row: BloodPressureRow, stamp: Stamp) -> Frames:
        layout = self.protocol.layout
        places = layout.places()[(self.user - 1) * layout.ring_size :]
        place = places[stamp.sequence % layout.ring_size]
        record = layout.record(
            stamp.clock_time, row.systolic_mmhg, row.diastolic_mmhg, row.pulse_bpm
        )
        answer = Frame(ANSWER | omron_frames.READ, place.address, place.size, record)
        return [(FROM_CUFF[0], answer.to_bytes())]

    async def _converse(self, connection: Connection) -> None:
        while not self._written.empty():
            self._written.get_nowait()
        is_open = has_begun = False
        while True:
            uuid, content = await self._written.get()
            if uuid == UNLOCK:
                answer = self._answer_of_lock(content)
                is_open = is_open or answer == bytes([ACCEPTED | omron_memory.USE_KEY, 0])
                await self._say(connection, self._lock, answer.ljust(17, b"\0"))
                continue
            try:
                question = Frame.from_bytes(content)
            except leaf_errors.FrameError:
                continue
            if question.kind == omron_frames.BEGIN:
                has_begun = is_open and self._is_ready(connection)
            if not has_begun:
                continue
            answer = self._answer_of_memory(question).to_bytes()
            for channel, piece in zip(FROM_CUFF, omron_frames.pieces(answer), strict=False):
                await self._say(connection, self._sources[channel], piece)
            if question.kind == omron_frames.END:
                has_begun = False
                told = [record.sequence for record in self.memory.contents.records]
                self.memory.mark_sent(told)

    def _is_ready(self, connection: Connection) -> bool:
        """Whether a host has subscribed in the order that the cuff wants."""
        on = [
            building_blocks.is_subscribed(self.device, connection, source)
            for source in self._sources.values()
        ]
        return all(on) and not building_blocks.is_subscribed(self.device, connection, self._lock)

    def _answer_of_lock(self, said: bytes) -> bytes:
        command, key = said[0], said[1:]
        answer = ACCEPTED | command
        if command == omron_memory.USE_KEY:
            is_known = self._key_file.exists() and self._key_file.read_bytes() == key
            return bytes([answer, 0 if is_known else _OTHER_KEY])
        if not self.is_pairing:
            return bytes([answer, _REFUSED])
        if command == omron_memory.SET_KEY:
            self.program(key)
        return bytes([answer, 0])

    def program(self, key: bytes) -> None:
        """Take a host's key for whatever key there was, and leave pairing mode."""
        durable_file.replace(self._key_file, key)
        self.is_pairing = False

    def _answer_of_memory(self, question: Frame) -> Frame:
        kind = ANSWER | question.kind
        if question.kind == _WRITE:
            self.writes.append(question)
        if question.kind != omron_frames.READ:
            return Frame(kind)
        content = self._content(question.address, question.size)
        return Frame(kind, question.address, question.size, content)

    def _content(self, address: int, size: int) -> bytes:
        layout = self.protocol.layout
        if address == layout.clock.address:
            return layout.clock_block(self.display_time)
        if address == layout.index.address:
            # Where the next record goes; what else stands there nobody here reads.
            return self.memory.contents.next_sequence.to_bytes(2, "big").ljust(size, b"\0")
        raws = (bytes.fromhex(one.frames[0][1]) for one in self.memory.contents.records)
        ring = {frame.address: frame.content for frame in map(Frame.from_bytes, raws)}
        return ring.get(address, _BLANK * size)

    async def _say(
        self, connection: Connection, source: gatt.Characteristic[bytes], content: bytes
    ) -> None:
        await self.device.gatt_server.notify_subscriber(connection, source, content)


class OmronLittleEndianCuff(OmronCuff):
    """An X4 Smart with the older radio (HEM-7155T_ESL): another map, another order of octets."""

    protocol: ClassVar[OmronMemory] = omron_memory.HEM_7155T
    model: ClassVar[str] = "X4 Smart"
