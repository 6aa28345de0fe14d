"""Virtual devices of TaiDoc's, as FORA sells them: sleepy, chatty, newest record first.

Source: the support statements of the profiles fora-p30-plus and fora-gd40.
"""

from __future__ import annotations

import asyncio
import struct
from datetime import datetime
from typing import ClassVar, Final

from bumble import gatt
from bumble.device import Connection

from firmware_profiles.protocols import taidoc, taidoc_record
from firmware_profiles.protocols.taidoc import Command
from gateway.ward import gatt as building_blocks
from gateway.ward.gatt import Properties
from gateway.ward.memory import StoredRecord
from gateway.ward.series import BloodPressureRow, GlucoseRow, Row
from gateway.ward.virtual_peripheral import Frames, Stamp, VirtualPeripheral

_SERVICE: Final = "00001523-1212-efde-1523-785feabcd123"
_AWAKE: Final = 0x54


class TaidocDevice(VirtualPeripheral[Row]):
    """What both kinds do: answer one command at a time, the first one with an unasked word only."""

    service: ClassVar[str] = _SERVICE
    bonds: ClassVar[bool] = False
    model: ClassVar[int]

    def _services(self) -> list[gatt.Service]:
        self._asked: asyncio.Queue[bytes] = asyncio.Queue()
        self._channel = building_blocks.characteristic(
            self.device,
            taidoc.CHANNEL,
            Properties.WRITE | Properties.NOTIFY,
            write=lambda _connection, content: self._asked.put_nowait(content),
            is_open=True,
        )
        return [gatt.Service(_SERVICE, [self._channel])]

    def _answers(self, at: datetime, mark: int, value: bytes) -> Frames:
        time = bytearray(taidoc_record.packed_minute(at))
        time[2] |= mark
        return [
            (
                taidoc.CHANNEL,
                taidoc.frame(Command.READ_RECORD_TIME, bytes(time), taidoc.FROM_DEVICE),
            ),
            (taidoc.CHANNEL, taidoc.frame(Command.READ_RECORD_VALUE, value, taidoc.FROM_DEVICE)),
        ]

    async def _converse(self, connection: Connection) -> None:
        await self._asked.get()  # it only wakes the device
        await self._say(connection, taidoc.frame(_AWAKE, bytes(4), taidoc.FROM_DEVICE))
        reported = list(reversed(self.memory.contents.records))
        while True:
            asked = await self._asked.get()
            command, content = asked[1], asked[2:6]
            if command == Command.SWITCH_OFF:
                break
            await self._say(connection, self._answer(command, content, reported))
        self.memory.mark_sent([record.sequence for record in reported])
        await self.hang_up(connection)

    def _answer(self, command: int, content: bytes, records: list[StoredRecord]) -> bytes:
        match command:
            case Command.READ_MODEL:
                told = struct.pack("<HH", self.model, 0)
            case Command.READ_CLOCK:
                told = taidoc_record.packed_minute(self.display_time)
            case Command.SET_CLOCK:
                shown = taidoc_record.minute_of(taidoc.frame(command, content))
                if shown is not None:
                    self.memory.set_clock(self.memory.contents.clock.adjusted(shown, self._now()))
                told = content
            case Command.COUNT_RECORDS:
                told = struct.pack("<HH", len(records), 0)
            case _:
                index = struct.unpack_from("<H", content)[0]
                which = 0 if command == Command.READ_RECORD_TIME else 1
                return bytes.fromhex(records[index].frames[which][1])
        return taidoc.frame(command, told, taidoc.FROM_DEVICE)

    async def _say(self, connection: Connection, answer: bytes) -> None:
        await self.device.gatt_server.notify_subscriber(connection, self._channel, answer)


class TaidocCuff(TaidocDevice[BloodPressureRow]):
    """FORA P30 Plus (TD-3128)."""

    model: ClassVar[int] = 0x3128

    def _encode(self, row: BloodPressureRow, stamp: Stamp) -> Frames:
        systolic, diastolic, pulse = map(
            round, (row.systolic_mmhg, row.diastolic_mmhg, row.pulse_bpm)
        )
        mean = (systolic + 2 * diastolic) // 3
        return self._answers(stamp.clock_time, 0, bytes([systolic, mean, diastolic, pulse]))


class TaidocMeter(TaidocDevice[GlucoseRow]):
    """FORA GD40 (TD-4255)."""

    model: ClassVar[int] = 0x4255

    def _encode(self, row: GlucoseRow, stamp: Stamp) -> Frames:
        return self._answers(
            stamp.clock_time, 0, struct.pack("<HBB", round(row.glucose_mg_dl), 0, 0)
        )
