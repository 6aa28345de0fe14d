"""bleak's client on BlueZ, which gets captured characteristics from `capture` and all others from BlueZ itself."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from bleak import exc
from bleak.backends.bluezdbus.client import BleakClientBlueZDBus
from bleak.backends.bluezdbus.utils import assert_gatt_reply
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import NotifyCallback

from firmware_profiles import uuids
from gateway.bluez.companion import Companion

# bleak 3.1 connects again for as long as it may when a link came up and broke at once: dozens of times in 20 s, which
# empties the batteries of a peripheral that has lost its key. Once or twice is a matter of the radio.
_LINKS_LIMIT: Final = 3


class CapturingClient(BleakClientBlueZDBus):
    """One connection to one peripheral."""

    def __init__(self, *arguments: Any, companion: Companion, **others: Any) -> None:
        """Take bleak's arguments; `companion` comes through its keyword arguments for backends."""
        super().__init__(*arguments, **others)
        self._companion = companion

    async def connect(
        self, pair: bool, dangerous_use_bleak_cache: bool = False, **others: Any
    ) -> None:
        """Connect; what the peripheral sends from here on is captured, if it was bonded before.

        Raises:
            BleakError: as bleak's own.
        """
        address = self.address.upper()
        if not self._companion.is_bonded(address):
            self._companion.capture.leave_alone(address)
        try:
            await self._unless_it_breaks(
                asyncio.create_task(super().connect(pair, dangerous_use_bleak_cache, **others))
            )
            await self._require_link()
        except BaseException:
            self._companion.leave(address)
            raise

    async def _unless_it_breaks(self, connecting: asyncio.Task[None]) -> None:
        """Connect, and give up when link after link has come up only to break.

        Raises:
            BleakError: they do, or as bleak's own.
        """
        breaking = asyncio.create_task(
            self._companion.links_ended(self.address.upper(), _LINKS_LIMIT)
        )
        try:
            await asyncio.wait({connecting, breaking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            breaking.cancel()
            if not connecting.done():
                connecting.cancel()
                await asyncio.wait({connecting})
        if connecting.cancelled():
            raise exc.BleakError("the peripheral drops every link")
        await connecting

    async def _require_link(self) -> None:
        """Refuse a connection whose peripheral hung up just when its services had been looked through.

        bleak 3.1 sets the services afterwards, takes that for connected, and fails an assertion of its own when it
        disconnects.

        Raises:
            BleakError: the link is gone.
        """
        if self.is_connected:
            return
        self.services = None
        await self.disconnect()
        raise exc.BleakError("the peripheral hung up while its services were looked through")

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **others: Any
    ) -> None:
        """Subscribe.

        Raises:
            BleakError: as bleak's own.
        """
        capture = self._companion.capture
        uuid = uuids.short_uuid(characteristic.uuid)
        if not capture.is_for(self.address.upper(), uuid):
            await super().start_notify(characteristic, callback, **others)
            return
        reply = await capture.subscribe(str(characteristic.obj[0]), callback)
        assert_gatt_reply(reply, start_notify=True)

    def _cleanup_all(self) -> None:
        super()._cleanup_all()
        self._companion.leave(self.address.upper())
