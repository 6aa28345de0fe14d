"""BlueZ's radio: a virtual controller behind the kernel's /dev/vhci, on one air with the virtual peripherals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from bumble import core, hci
from bumble.controller import Controller
from bumble.link import LocalLink
from bumble.transport import open_transport
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from gateway.ward.radio_server import Radio

_PUBLIC_ADDRESS: Final = "00:1B:DC:00:00:01"
# With these the kernel uses commands that bumble's controller does not carry out.
_NOT_OFFERED: Final = (
    hci.LeFeatureMask.LL_PRIVACY
    | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
)


class Air(LocalLink):
    """bumble's link, which names a sender by its random address; BlueZ connects with its public one."""

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is not None and receiver is not None:
            asyncio.get_running_loop().call_soon(
                receiver.on_link_acl_data, connection.self_address, transport, data
            )


class KernelRadio(Radio):
    """The controller that the kernel drives."""

    le_features = Controller.le_features & ~_NOT_OFFERED


@asynccontextmanager
async def bluez_radio(air: Air) -> AsyncIterator[KernelRadio]:
    """Plug a controller in; it is BlueZ's powered adapter until the end."""
    transport = await open_transport("vhci:")
    radio = KernelRadio(
        "bluez",
        host_source=transport.source,
        host_sink=transport.sink,
        link=air,
        public_address=_PUBLIC_ADDRESS,
    )
    try:
        await _powered()
        yield radio
    finally:
        radio.drop_out()
        await transport.close()


async def _powered(timeout_s: float = 30.0) -> None:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    try:
        async with asyncio.timeout(timeout_s):
            while not await _is_powered(bus):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        bus.disconnect()


async def _is_powered(bus: MessageBus) -> bool:
    question = Message("org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
    reply = await bus.call(question)
    assert reply is not None
    objects: dict[str, Any] = reply.body[0] if reply.signature == "a{oa{sa{sv}}}" else {}
    adapters = [
        found["org.bluez.Adapter1"] for found in objects.values() if "org.bluez.Adapter1" in found
    ]
    return any(adapter["Powered"].value for adapter in adapters)
