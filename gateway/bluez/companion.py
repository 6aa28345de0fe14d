"""BlueZ's daemon as the gateway's companion: it knows our pairing agent, and we know when it is gone.

bleak listens to objects only. When bluetoothd dies, or its adapter is unplugged or switched off in the middle of a
scan, bleak hears nothing and would wait for ever. Here these are one event, after which everything is opened anew;
that also registers the agent with the next bluetoothd.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from typing import Final

from dbus_fast import BusType, DBusFastError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from gateway import errors
from gateway.bluez.pairing_agent import CAPABILITY, PairingAgent

_BLUEZ: Final = "org.bluez"
_ADAPTER: Final = "org.bluez.Adapter1"
_AGENT_MANAGER: Final = "org.bluez.AgentManager1"
_AGENT_PATH: Final = "/org/homevitals/pairing_agent"
_DBUS: Final = "org.freedesktop.DBus"
_OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
# The system may have to start bluetoothd first; D-Bus gives a service 25 s for that.
_ANSWER_TIMEOUT_S: Final = 30.0
_RULES: Final = (
    f"type='signal',sender='{_DBUS}',interface='{_DBUS}',member='NameOwnerChanged',arg0='{_BLUEZ}'",
    f"type='signal',sender='{_BLUEZ}',interface='{_OBJECT_MANAGER}',member='InterfacesRemoved'",
    f"type='signal',sender='{_BLUEZ}',interface='{_PROPERTIES}',member='PropertiesChanged',arg0='{_ADAPTER}'",
)


@contextlib.asynccontextmanager
async def opened(allowed: Collection[str]) -> AsyncIterator[asyncio.Future[None]]:
    """Answer BlueZ's pairing requests while open.

    Args:
        allowed: Bluetooth addresses that may pair, upper case with colons.

    Yields:
        A future that is done when bluetoothd, its adapter or the system bus has gone away.

    Raises:
        AdapterError: there is no system bus, or bluetoothd does not run or does not take the agent.
    """
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def lose() -> None:
        if not lost.done():
            lost.set_result(None)

    def hear(message: Message) -> None:
        if means_gone(message):
            lose()

    bus = await _connected()
    closed = asyncio.create_task(_until_closed(bus, lose))
    try:
        bus.add_message_handler(hear)
        bus.export(_AGENT_PATH, PairingAgent(allowed, lose))
        await _introduce_agent(bus)
        yield lost
    finally:
        bus.disconnect()  # and with its connection BlueZ forgets the agent
        await closed


def means_gone(message: Message) -> bool:
    """Whether a signal says that bluetoothd has ended, or that an adapter was unplugged or switched off."""
    match message.member, message.body:
        case "NameOwnerChanged", [str(name), str(old_owner), _]:
            return name == _BLUEZ and old_owner != ""
        case "InterfacesRemoved", [_, list(interfaces)]:
            return _ADAPTER in interfaces
        case "PropertiesChanged", [str(interface), {"Powered": Variant(value=is_powered)}, _]:
            return interface == _ADAPTER and is_powered is False
        case _:
            return False


async def _connected() -> MessageBus:
    try:
        return await MessageBus(bus_type=BusType.SYSTEM).connect()
    except (OSError, EOFError, DBusFastError) as error:
        raise errors.AdapterError(
            f"there is no D-Bus system bus, hence no Bluetooth by the system: {type(error).__name__}"
        ) from error


async def _introduce_agent(bus: MessageBus) -> None:
    """Make our agent the one that BlueZ asks.

    bleak pairs on connections of its own, which have no agent; for these BlueZ asks the default one.
    """
    requests = [
        Message(_DBUS, "/org/freedesktop/DBus", _DBUS, "AddMatch", signature="s", body=[rule])
        for rule in _RULES
    ]
    requests += [
        Message(_BLUEZ, "/org/bluez", _AGENT_MANAGER, member, signature=signature, body=body)
        for member, signature, body in (
            ("RegisterAgent", "os", [_AGENT_PATH, CAPABILITY]),
            ("RequestDefaultAgent", "o", [_AGENT_PATH]),
        )
    ]
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            for request in requests:
                reply = await bus.call(request)
                if reply.message_type is MessageType.ERROR:
                    raise errors.AdapterError(
                        f"bluetoothd does not take the pairing agent ({reply.error_name});"
                        " check that the system's Bluetooth service runs and that this user may use it"
                    )
    except (OSError, EOFError, TimeoutError) as error:
        raise errors.AdapterError(f"bluetoothd does not answer: {type(error).__name__}") from error


async def _until_closed(bus: MessageBus, lose: Callable[[], None]) -> None:
    with contextlib.suppress(OSError, EOFError, DBusFastError):
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    lose()
