"""BlueZ's daemon as the gateway's companion: it knows our pairing agent, we know its objects, and when it is gone.

bleak listens to objects only. When bluetoothd dies, or its adapter is unplugged or switched off in the middle of a
scan, bleak hears nothing and would wait for ever. Here these are one event, after which everything is opened anew;
that also registers the agent with the next bluetoothd.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from dbus_fast import BusType, DBusFastError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from firmware_profiles.device_profile import PairingMode
from gateway import errors
from gateway.bluez import device_path
from gateway.bluez.capture import Capture, Keep, Wants
from gateway.bluez.object_tree import (
    ADAPTER,
    BLUEZ,
    DEVICE,
    OBJECT_MANAGER,
    PROPERTIES,
    Characteristic,
    ObjectTree,
)
from gateway.bluez.pairing_agent import CAPABILITIES, PairingAgent
from gateway.errors import AdapterReason
from gateway.pairing_window import PairingDesk

_AGENT_MANAGER: Final = "org.bluez.AgentManager1"
_AGENT_PATH: Final = "/org/homevitals/pairing_agent"
_DBUS: Final = "org.freedesktop.DBus"
# The system may have to start bluetoothd first; D-Bus gives a service 25 s for that.
_ANSWER_TIMEOUT_S: Final = 30.0
# A controller is off within milliseconds and on within a second; some dongles load their firmware again.
_POWER_TIMEOUT_S: Final = 15.0
# Source: BlueZ 5.87, doc/org.bluez.Device.rst, signal Disconnected.
_KEY_REFUSED: Final = "org.bluez.Reason.Authentication"
# A request ends quietly with the connection; that it is lost is heard elsewhere.
_CLOSED: Final = (OSError, EOFError, DBusFastError)
_RULES: Final = (
    f"type='signal',sender='{_DBUS}',interface='{_DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"type='signal',sender='{BLUEZ}',interface='{OBJECT_MANAGER}'",
    f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',member='PropertiesChanged'",
    f"type='signal',sender='{BLUEZ}',interface='{DEVICE}',member='Disconnected'",
)


class Companion:
    """One connection to bluetoothd, for one adapter.

    Attributes:
        adapter: object path of the adapter.
        lost: done when bluetoothd, the adapter or the system bus has gone away.
        capture: what peripherals send unasked.
    """

    def __init__(self, bus: MessageBus, desk: PairingDesk, wants: Wants, keep: Keep) -> None:
        self._bus = bus
        self._desk = desk
        self._tree = ObjectTree()
        self._stirred = asyncio.Event()
        self._refusals: set[str] = set()
        self._link_ends: dict[str, asyncio.Semaphore] = {}
        self._work: set[asyncio.Task[None]] = set()
        self.adapter = ""
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.capture = Capture(bus.call, self._tree, wants, keep)

    def is_bonded(self, address: str) -> bool:
        """Whether BlueZ keeps a key of a peripheral at this adapter."""
        return self._tree.is_bonded(self.adapter, address)

    async def expect(self, address: str) -> None:
        """Be subscribed to what a bonded peripheral sends unasked, before it is connected."""
        self._refusals.discard(address)
        if self.is_bonded(address):
            for found in list(self._tree.characteristics(self.adapter)):
                if found.address == address:
                    with contextlib.suppress(*_CLOSED):
                        await self.capture.renew(found)

    def was_key_refused(self, address: str) -> bool:
        """Whether BlueZ has said that the last link ended for want of a common key. It does so from 5.82 on."""
        return address in self._refusals

    async def links_ended(self, address: str, count: int) -> None:
        """Return when so many links to a peripheral have ended, from now on. To be waited for by one at a time."""
        ends = self._link_ends[address] = asyncio.Semaphore(0)
        try:
            for _ in range(count):
                await ends.acquire()
        finally:
            self._link_ends.pop(address, None)

    def leave(self, address: str) -> None:
        """Take note that a session has ended."""
        self.capture.leave(address)
        self._hold()

    async def prepare_pairing(self, mode: PairingMode) -> None:
        """Become the one whom BlueZ asks, with the capability that a way of pairing needs.

        Another program may have made its agent the default one since; BlueZ tells nobody. A capability belongs to the
        registration, so that is made anew.

        Raises:
            AdapterError: bluetoothd does not take the agent.
        """
        await self._request(_AGENT_MANAGER, "/org/bluez", "UnregisterAgent", "o", [_AGENT_PATH])
        await self._introduce_agent(mode)

    async def open(self, adapter_name: str, *, power_cycle: bool) -> None:
        """Introduce ourselves to bluetoothd and switch the adapter on.

        Args:
            adapter_name: For example hci1; empty for the first one.
            power_cycle: Whether to switch it off first, because it hangs.

        Raises:
            AdapterError: bluetoothd does not run, does not answer, or has no such adapter.
        """
        self._bus.add_message_handler(self._hear)
        self._bus.export(_AGENT_PATH, PairingAgent(self._desk, self.lose))
        for rule in _RULES:
            await self._request(_DBUS, "/org/freedesktop/DBus", "AddMatch", "s", [rule], to=_DBUS)
        await self._introduce_agent(PairingMode.NONE)
        reply = await self._request(OBJECT_MANAGER, "/", "GetManagedObjects", "", [])
        self._tree.replace(reply.body[0])
        adapter = self._chosen(adapter_name)
        if power_cycle and self._tree.is_powered(adapter):
            await self._switch(adapter, is_on=False)
        if not self._tree.is_powered(adapter):
            await self._switch(adapter, is_on=True)
        self.adapter = adapter  # from here on its signals are listened to
        self._hold()

    def lose(self) -> None:
        """Give everything up: it will be opened anew."""
        if not self.lost.done():
            self.lost.set_result(None)

    async def close(self) -> None:
        """Stop what is under way; with the connection BlueZ forgets agent and subscriptions."""
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def _hear(self, message: Message) -> None:
        self.capture.hear(message)  # nothing may come before a record's commit
        if message.message_type is not MessageType.SIGNAL:
            return
        self._tree.apply(message)
        self._stirred.set()
        if means_gone(message, self.adapter):
            self.lose()
        self._note_refusal(message)
        self._note_link_end(message)
        if message.member == "InterfacesAdded":
            self._hold()
        if message.member == "InterfacesRemoved":
            self.capture.forget_gone()

    def _note_refusal(self, message: Message) -> None:
        address = device_path.address(str(message.path))
        if message.member == "Disconnected" and address is not None:
            refuse = message.body[:1] == [_KEY_REFUSED]
            (self._refusals.add if refuse else self._refusals.discard)(address)

    def _note_link_end(self, message: Message) -> None:
        match message.member, message.body:
            case "PropertiesChanged", [str(interface), {"Connected": Variant(value=False)}, _]:
                ends = self._link_ends.get(device_path.address(str(message.path)) or "")
                if interface == DEVICE and ends is not None:
                    ends.release()
            case _:
                pass

    def _hold(self) -> None:
        for found in self._tree.characteristics(self.adapter):
            if self.is_bonded(found.address) and not self.lost.done():
                task = asyncio.create_task(self._hold_one(found))
                self._work.add(task)
                task.add_done_callback(self._work.discard)

    async def _hold_one(self, found: Characteristic) -> None:
        with contextlib.suppress(*_CLOSED):
            await self.capture.hold(found)

    def _chosen(self, adapter_name: str) -> str:
        adapters = self._tree.adapters()
        wanted = f"/org/bluez/{adapter_name}"
        if adapter_name and wanted in adapters:
            return wanted
        there = ", ".join(path.rpartition("/")[2] for path in adapters) or "none"
        if adapter_name or not adapters:
            raise errors.AdapterError(
                AdapterReason.ABSENT,
                f"bluetoothd has no adapter {adapter_name or 'at all'} (there are: {there}); check platform_adapters,"
                " and that it is plugged in",
            )
        return next(filter(self._tree.is_powered, adapters), adapters[0])

    async def _switch(self, adapter: str, *, is_on: bool) -> None:
        body = [ADAPTER, "Powered", Variant("b", is_on)]
        await self._request(PROPERTIES, adapter, "Set", "ssv", body)
        try:
            async with asyncio.timeout(_POWER_TIMEOUT_S):
                while self._tree.is_powered(adapter) is not is_on:
                    self._stirred.clear()
                    await self._stirred.wait()
        except TimeoutError as error:
            raise errors.AdapterError(
                AdapterReason.HANGS, "the Bluetooth adapter does not switch on and off"
            ) from error

    async def _introduce_agent(self, mode: PairingMode) -> None:
        """Make our agent the one that BlueZ asks.

        bleak pairs on connections of its own, which have no agent; for these BlueZ asks the default one.
        """
        for member, signature, body in (
            ("RegisterAgent", "os", [_AGENT_PATH, CAPABILITIES[mode]]),
            ("RequestDefaultAgent", "o", [_AGENT_PATH]),
        ):
            await self._request(_AGENT_MANAGER, "/org/bluez", member, signature, body)

    async def _request(
        self,
        interface: str,
        path: str,
        member: str,
        signature: str,
        body: list[Any],
        to: str = BLUEZ,
    ) -> Message:
        request = Message(to, path, interface, member, signature=signature, body=body)
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                reply = await self._bus.call(request)
        except (OSError, EOFError, TimeoutError) as error:
            raise errors.AdapterError(
                AdapterReason.SILENT, f"bluetoothd does not answer: {type(error).__name__}"
            ) from error
        if reply.message_type is MessageType.ERROR:
            raise _refusal(member, str(reply.error_name))
        return reply


@contextlib.asynccontextmanager
async def opened(
    adapter_name: str, desk: PairingDesk, wants: Wants, keep: Keep, *, power_cycle: bool = False
) -> AsyncIterator[Companion]:
    """Keep bluetoothd company while open.

    Args:
        adapter_name: For example hci1; empty for the first one.
        desk: Where pairing windows are opened.
        wants: Which characteristics of which peripherals are captured.
        keep: Where frames go that no session waits for.
        power_cycle: Whether to switch the adapter off and on first.

    Raises:
        AdapterError: there is no system bus, or bluetoothd does not run, take the agent, or have the adapter.
    """
    bus = await _connected()
    companion = Companion(bus, desk, wants, keep)
    closed = asyncio.create_task(_until_closed(bus, companion.lose))
    try:
        await companion.open(adapter_name, power_cycle=power_cycle)
        yield companion
    finally:
        await companion.close()
        bus.disconnect()
        await closed


def means_gone(message: Message, adapter: str) -> bool:
    """Whether a signal says that bluetoothd has ended, or that an adapter was unplugged or switched off."""
    match message.member, message.body:
        case "NameOwnerChanged", [str(name), str(old_owner), _]:
            return name == BLUEZ and old_owner != ""
        case "InterfacesRemoved", [path, list(interfaces)]:
            return path == adapter and ADAPTER in interfaces
        case "PropertiesChanged", [str(interface), {"Powered": Variant(value=is_powered)}, _]:
            return message.path == adapter and interface == ADAPTER and is_powered is False
        case _:
            return False


def _refusal(member: str, error_name: str) -> errors.AdapterError:
    if error_name.endswith(".Blocked"):
        return errors.AdapterError(
            AdapterReason.BLOCKED,
            "the Bluetooth adapter is switched off for the whole machine: run “rfkill unblock bluetooth”",
        )
    if "Agent" in member:
        return errors.AdapterError(
            AdapterReason.REFUSED,
            f"bluetoothd does not take the pairing agent ({error_name}); check that the system's Bluetooth service runs"
            " and that this user may use it",
        )
    return errors.AdapterError(AdapterReason.REFUSED, f"bluetoothd refuses {member}: {error_name}")


async def _connected() -> MessageBus:
    try:
        return await MessageBus(bus_type=BusType.SYSTEM).connect()
    except (OSError, EOFError, DBusFastError) as error:
        raise errors.AdapterError(
            AdapterReason.SILENT,
            f"there is no D-Bus system bus, hence no Bluetooth by the system: {type(error).__name__}",
        ) from error


async def _until_closed(bus: MessageBus, lose: Callable[[], None]) -> None:
    with contextlib.suppress(OSError, EOFError, DBusFastError):
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    lose()
