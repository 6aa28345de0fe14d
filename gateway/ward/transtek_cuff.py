"""Virtual cuff of Transtek's, as Welch Allyn sells it: challenges its host and forgets what the link has confirmed.

Source: the support statement of the profile welch-allyn-bp100.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from datetime import timedelta
from typing import ClassVar, Final

from bumble import gatt
from bumble.device import Connection

from firmware_profiles.protocols import transtek
from gateway.ward import gatt as building_blocks
from gateway.ward.gatt import Properties
from gateway.ward.series import BloodPressureRow
from gateway.ward.virtual_peripheral import Frames, Stamp, VirtualPeripheral

log = logging.getLogger(__name__)

_SERVICE: Final = "7809"
_PATIENCE_S: Final = 10.0


class TranstekCuff(VirtualPeripheral[BloodPressureRow]):
    """The cuff. `is_pairing` when its button is held; `guess` says which of the passwords it has (its revision)."""

    service: ClassVar[str] = _SERVICE
    bonds: ClassVar[bool] = False
    is_pairing = False
    guess = 0

    @property
    def password(self) -> bytes:
        """What its hosts must know."""
        return transtek.guessed_password(self.settings.address, self.guess)

    def _services(self) -> list[gatt.Service]:
        self._written: asyncio.Queue[bytes] = asyncio.Queue()
        self._questions, self._measurements = (
            building_blocks.characteristic(self.device, uuid, Properties.INDICATE, is_open=True)
            for uuid in (transtek.QUESTIONS, transtek.MEASUREMENTS)
        )
        self._subscribed = asyncio.Event()
        self._questions.on(self._questions.EVENT_SUBSCRIPTION, self._on_subscription)
        commands = building_blocks.characteristic(
            self.device,
            transtek.COMMANDS,
            Properties.WRITE,
            write=lambda _connection, content: self._written.put_nowait(content),
            is_open=True,
        )
        return [gatt.Service(_SERVICE, [commands, self._questions, self._measurements])]

    def _encode(self, row: BloodPressureRow, stamp: Stamp) -> Frames:
        numbers = (row.systolic_mmhg, row.diastolic_mmhg, row.pulse_bpm)
        return [(transtek.MEASUREMENTS, transtek.encode(stamp.clock_time, *map(round, numbers)))]

    async def _converse(self, connection: Connection) -> None:
        while not self._written.empty():
            self._written.get_nowait()
        await self._subscribed.wait()
        if self.is_pairing:
            await self._say(connection, transtek.PASSWORD, self.password)
            await self._hear(transtek.SET_BROADCAST)
        challenge = secrets.token_bytes(4)
        await self._say(connection, transtek.CHALLENGE, challenge)
        if await self._hear(transtek.RESPONSE) != transtek.response(challenge, self.password):
            log.info("password_refused", extra={"profile_id": self.settings.model})
            await self.hang_up(connection)
            return
        seconds = int.from_bytes(await self._hear(transtek.SET_TIME), "little")
        shown = transtek.EPOCH + timedelta(seconds=seconds)
        self.memory.set_clock(self.memory.contents.clock.adjusted(shown, self._now()))
        await self._hear(transtek.GO_ON)
        self.is_pairing = False
        while (record := self.memory.next_unsent()) is not None:
            ((_, content),) = record.frames
            # The link's confirmation is enough for this cuff to forget the record.
            await self.device.gatt_server.indicate_subscriber(
                connection, self._measurements, bytes.fromhex(content)
            )
            self.memory.mark_sent([record.sequence])
            await self._hear(transtek.GO_ON)
        await self._say(connection, transtek.LEAVING, b"")
        await self.hang_up(connection)

    def _on_subscription(self, _peer: Connection, _notify: bool, indicate: bool) -> None:
        if indicate:
            self._subscribed.set()

    def _on_disconnection(self, reason: int) -> None:
        self._subscribed.clear()
        super()._on_disconnection(reason)

    async def _say(self, connection: Connection, question: int, content: bytes) -> None:
        await self.device.gatt_server.indicate_subscriber(
            connection, self._questions, bytes([question]) + content
        )

    async def _hear(self, command: int) -> bytes:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                written = await self._written.get()
                if written[0] == command:
                    return written[1:]
