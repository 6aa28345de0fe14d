"""Virtual OneTouch meter of the Verio family: shows a PIN, takes one question at a time, deaf after its clock was set.

Source: the support statement of the profile onetouch-verio.
"""

from __future__ import annotations

import asyncio
from typing import Final

from bumble import gatt
from bumble.device import Connection

from firmware_profiles.protocols import lifescan_frames, onetouch_verio
from gateway.ward import gatt as building_blocks
from gateway.ward.gatt import Properties
from gateway.ward.series import GlucoseRow
from gateway.ward.virtual_peripheral import Frames, Stamp, VirtualPeripheral

_DEAF_S: Final = 1.0
_PATIENCE_S: Final = 5.0
_DOES_NOT_KNOW: Final = bytes([onetouch_verio.NO_SUCH_RECORD, 0x03])


class OneTouchMeter(VirtualPeripheral[GlucoseRow]):
    """The meter. `content_size` says into how large packets it cuts its answers."""

    shows_passkey = True
    content_size = lifescan_frames.PACKET_CONTENT_SIZE

    def _services(self) -> list[gatt.Service]:
        self._written: asyncio.Queue[bytes] = asyncio.Queue()
        # Its own refusal, and no error of the link's, tells a host without a bond what is wrong.
        self._answers = building_blocks.characteristic(
            self.device, onetouch_verio.ANSWERS, Properties.NOTIFY, is_open=True
        )
        requests = building_blocks.characteristic(
            self.device,
            onetouch_verio.REQUESTS,
            Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE,
            write=self._on_write,
            is_open=True,
        )
        return [
            gatt.Service(onetouch_verio.SERVICE, [requests, self._answers]),
            building_blocks.device_information(self.device, "LifeScan", "OneTouch Verio Flex"),
        ]

    def _encode(self, row: GlucoseRow, stamp: Stamp) -> Frames:
        answer = onetouch_verio.encode(stamp.clock_time, row.glucose_mg_dl, tag=row.meal or 0)
        return [(onetouch_verio.ANSWERS, answer)]

    def _on_write(self, connection: Connection, content: bytes) -> None:
        if connection.is_encrypted:
            self._written.put_nowait(content)
        elif lifescan_frames.is_content(content):
            refusal = lifescan_frames.framed(bytes([onetouch_verio.NOT_ALLOWED, 0x03]))
            self._spawn(self._say(connection, *lifescan_frames.packets(refusal)))

    async def _converse(self, connection: Connection) -> None:
        self._forget_what_was_written()
        while True:
            packet = await self._written.get()
            if not lifescan_frames.is_content(packet):
                continue
            await self._say(connection, lifescan_frames.acknowledgement(packet))
            request = lifescan_frames.message_of(packet[1:])
            for part in lifescan_frames.packets(self._answer(request), self.content_size):
                await self._say(connection, part)
                await self._hear(lifescan_frames.acknowledgement(part))
            if request[:1] == onetouch_verio.READ_RECORD:
                self.memory.mark_sent([_number(request) - 1])
            if request[:2] == onetouch_verio.SET_CLOCK:
                await asyncio.sleep(_DEAF_S)
                self._forget_what_was_written()

    def _answer(self, request: bytes) -> bytes:
        contents = self.memory.contents
        if request == onetouch_verio.READ_CLOCK:
            told = onetouch_verio.clock_setting(self.display_time)
        elif request == onetouch_verio.READ_COUNTER:
            told = contents.next_sequence.to_bytes(4, "little")
        elif request == onetouch_verio.READ_RECORD_COUNT:
            told = len(contents.records).to_bytes(2, "little")
        elif request[:2] == onetouch_verio.SET_CLOCK:
            shown = onetouch_verio.clock_time(int.from_bytes(request[2:], "little"))
            if shown is not None:
                self.memory.set_clock(contents.clock.adjusted(shown, self._now()))
            told = b""
        else:
            found = (one for one in contents.records if one.sequence + 1 == _number(request))
            record = next(found, None)
            if record is None:
                return lifescan_frames.framed(_DOES_NOT_KNOW)
            return bytes.fromhex(record.frames[0][1])
        return lifescan_frames.framed(bytes([onetouch_verio.OK]) + told)

    async def _hear(self, acknowledgement: bytes) -> None:
        """Wait for an acknowledgement; what is asked before it comes is lost."""
        async with asyncio.timeout(_PATIENCE_S):
            while await self._written.get() != acknowledgement:
                pass

    async def _say(self, connection: Connection, *packets: bytes) -> None:
        for packet in packets:
            await self.device.gatt_server.notify_subscriber(connection, self._answers, packet)

    def _forget_what_was_written(self) -> None:
        while not self._written.empty():
            self._written.get_nowait()


def _number(request: bytes) -> int:
    """Return the number of a test that a request names; tests are counted from 1."""
    return int.from_bytes(request[1:3], "little")
