"""A bluetoothd for tests: the parts of BlueZ's D-Bus interface that a gateway meets, with one cuff in the room.

It behaves like BlueZ 5.66 where it matters here: a pairing belongs to the agent of the connection that asked for it
or else to the default agent, and fails if there is none; an object is announced when it appears; a restarted daemon
remembers bonds and nothing else. It is stricter in one thing: a Just Works pairing that BlueZ has started itself is
granted by 5.66 as soon as there is an agent, which is asked only when the peripheral has started; here it always is.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import DBusError, ErrorType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from firmware_profiles import uuids

HCI = "/org/bluez/hci0"
_TRUE, _FALSE = Variant("b", value=True), Variant("b", value=False)

Interfaces = dict[str, dict[str, Variant]]
Answer = tuple[str, list[Any]]
_NOTHING: Answer = ("", [])


@dataclass
class Cuff:
    """A blood-pressure cuff: delivers what it holds once its clock is set and somebody listens, then hangs up.

    Attributes:
        services: short UUIDs of services; of each, those of its characteristics with their flags.
        question: the agent's method that BlueZ calls when this cuff is paired.
        patience: how many records it delivers before it falls silent without hanging up.
    """

    address: str
    name: str
    services: dict[str, dict[str, list[str]]]
    clock: str
    clock_content: bytes
    question: str = "RequestAuthorization"
    unsent: list[bytes] = field(default_factory=list)
    clock_writes: list[bytes] = field(default_factory=list)
    is_bonded: bool = False
    patience: int = 100

    @property
    def path(self) -> str:
        return f"{HCI}/dev_{self.address.replace(':', '_')}"


class FakeBluez:
    """The daemon. Its life is `start` to `vanish`; the cuff outlives it."""

    def __init__(self, cuff: Cuff) -> None:
        self.cuff = cuff
        self.agents: dict[str, tuple[str, str]] = {}  # connection → path, capability
        self.default_agent: str | None = None  # the connection
        self.pair_count = 0
        self.scan_count = 0
        self.refused_registration: str | None = None
        self._is_clock_set = False
        self._objects: dict[str, Interfaces] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._bus: MessageBus
        self._methods: dict[str, Callable[[Message], Coroutine[Any, Any, Answer]]] = {
            "GetManagedObjects": self._get_managed_objects,
            "SetDiscoveryFilter": self._nothing,
            "StartDiscovery": self._start_discovery,
            "StopDiscovery": self._nothing,
            "RegisterAgent": self._register_agent,
            "RequestDefaultAgent": self._request_default_agent,
            "Set": self._nothing,
            "Pair": self._pair,
            "Connect": self._connect,
            "Disconnect": self._disconnect,
            "ReadValue": self._read_value,
            "WriteValue": self._write_value,
            "StartNotify": self._start_notify,
        }

    async def start(self) -> None:
        """Take the name and announce what there is after a start: the adapter and bonded devices."""
        self._bus = await MessageBus().connect()
        self._bus.add_message_handler(self._on_message)
        await self._bus.request_name("org.bluez")
        adapter = {
            "Address": Variant("s", "00:1A:7D:DA:71:13"),
            "Powered": _TRUE,
            "Roles": Variant("as", ["central"]),
        }
        self._add(HCI, {"org.bluez.Adapter1": adapter})
        if self.cuff.is_bonded:
            self._add_device()

    async def vanish(self) -> None:
        """End as when killed: without a word, and the system closes its connection."""
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    def switch_off(self) -> None:
        """Switch the adapter off."""
        self._change(HCI, "org.bluez.Adapter1", Powered=_FALSE)

    def unplug(self) -> None:
        """Take the adapter away."""
        interfaces = list(self._objects.pop(HCI))
        self._signal("/", "ObjectManager", "InterfacesRemoved", "oas", [HCI, interfaces])

    async def release_agent(self) -> None:
        """Let the default agent go."""
        assert self.default_agent is not None
        path, _ = self.agents.pop(self.default_agent)
        await self._bus.call(Message(self.default_agent, path, "org.bluez.Agent1", "Release"))

    async def ask_agent(self, connection: str | None, question: str, device: str) -> str | None:
        """Ask an agent about a device and return the name of the error it answers with, or None for yes."""
        chosen = connection if connection in self.agents else self.default_agent
        if chosen is None:
            return "no agent"
        signature, body = "o", [device]
        if question == "RequestConfirmation":
            signature, body = "ou", [device, 123456]
        reply = await self._bus.call(
            Message(
                chosen,
                self.agents[chosen][0],
                "org.bluez.Agent1",
                question,
                signature=signature,
                body=body,
            )
        )
        return reply.error_name if reply.message_type is MessageType.ERROR else None

    def _on_message(self, message: Message) -> bool:
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        self._spawn(self._answer(message))
        return True

    async def _answer(self, message: Message) -> None:
        try:
            signature, body = await self._method(message)(message)
            await self._bus.send(Message.new_method_return(message, signature, body))
        except DBusError as error:
            await self._bus.send(Message.new_error(message, error.type, error.text))

    def _method(self, message: Message) -> Callable[[Message], Coroutine[Any, Any, Answer]]:
        if message.path not in {"/", "/org/bluez", *self._objects}:
            raise DBusError(ErrorType.UNKNOWN_OBJECT, "no such object")
        return self._methods[message.member]

    async def _nothing(self, _message: Message) -> Answer:
        return _NOTHING

    async def _get_managed_objects(self, _message: Message) -> Answer:
        return "a{oa{sa{sv}}}", [self._objects]

    async def _start_discovery(self, _message: Message) -> Answer:
        """Hear the cuff, which advertises as long as it has something to deliver."""
        self.scan_count += 1
        if not self.cuff.unsent:
            return _NOTHING
        if self.cuff.path in self._objects:
            self._change(self.cuff.path, "org.bluez.Device1", RSSI=Variant("n", -60))
        else:
            self._add_device()
        return _NOTHING

    async def _register_agent(self, message: Message) -> Answer:
        if self.refused_registration is not None:
            raise DBusError(self.refused_registration, "refused")
        path, capability = message.body
        self.agents[str(message.sender)] = (path, capability)
        return _NOTHING

    async def _request_default_agent(self, message: Message) -> Answer:
        assert self.agents[str(message.sender)][0] == message.body[0]
        self.default_agent = message.sender
        return _NOTHING

    async def _pair(self, message: Message) -> Answer:
        self.pair_count += 1
        self._set_connected(is_connected=True)
        refusal = await self.ask_agent(message.sender, self.cuff.question, self.cuff.path)
        if refusal is not None:
            self._set_connected(is_connected=False)
            raise DBusError("org.bluez.Error.AuthenticationFailed", "Authentication Failed")
        self.cuff.is_bonded = True
        self._change(self.cuff.path, "org.bluez.Device1", Paired=_TRUE)
        self._resolve_services()
        return _NOTHING

    async def _connect(self, _message: Message) -> Answer:
        assert self.cuff.is_bonded
        self._set_connected(is_connected=True)
        self._resolve_services()
        return _NOTHING

    async def _disconnect(self, _message: Message) -> Answer:
        if not self._is_connected():
            raise DBusError("org.bluez.Error.NotConnected", "Not Connected")
        self._hang_up()
        return _NOTHING

    async def _read_value(self, _message: Message) -> Answer:
        return "ay", [self.cuff.clock_content]

    async def _write_value(self, message: Message) -> Answer:
        assert self._uuid(message.path) == uuids.full_uuid(self.cuff.clock)
        self.cuff.clock_writes.append(bytes(message.body[0]))
        self._is_clock_set = True
        return _NOTHING

    async def _start_notify(self, message: Message) -> Answer:
        if self._is_clock_set:
            self._spawn(self._deliver(str(message.path)))
        return _NOTHING

    async def _deliver(self, path: str) -> None:
        for record in self.cuff.unsent[: self.cuff.patience]:
            self._change(path, "org.bluez.GattCharacteristic1", Value=Variant("ay", record))
            self.cuff.unsent.remove(record)
        if not self.cuff.unsent:
            self._hang_up()

    def _add_device(self) -> None:
        services = [uuids.full_uuid(service) for service in self.cuff.services]
        device = {
            "Address": Variant("s", self.cuff.address),
            "Name": Variant("s", self.cuff.name),
            "Alias": Variant("s", self.cuff.name),
            "Adapter": Variant("o", HCI),
            "UUIDs": Variant("as", services),
            "Paired": Variant("b", self.cuff.is_bonded),
            "Connected": _FALSE,
            "ServicesResolved": _FALSE,
        }
        self._add(self.cuff.path, {"org.bluez.Device1": device})

    def _resolve_services(self) -> None:
        handles = itertools.count(1)
        for service, characteristics in self.cuff.services.items():
            path = f"{self.cuff.path}/service{next(handles):04x}"
            properties = {
                "UUID": Variant("s", uuids.full_uuid(service)),
                "Primary": _TRUE,
                "Device": Variant("o", self.cuff.path),
            }
            self._add(path, {"org.bluez.GattService1": properties})
            for characteristic, flags in characteristics.items():
                properties = {
                    "UUID": Variant("s", uuids.full_uuid(characteristic)),
                    "Service": Variant("o", path),
                    "Flags": Variant("as", flags),
                }
                child = f"{path}/char{next(handles):04x}"
                self._add(child, {"org.bluez.GattCharacteristic1": properties})
        self._change(self.cuff.path, "org.bluez.Device1", ServicesResolved=_TRUE)

    def _is_connected(self) -> bool:
        device = self._objects[self.cuff.path]["org.bluez.Device1"]
        return bool(device["Connected"].value)

    def _set_connected(self, *, is_connected: bool) -> None:
        self._change(self.cuff.path, "org.bluez.Device1", Connected=Variant("b", is_connected))

    def _hang_up(self) -> None:
        self._is_clock_set = False
        self._change(self.cuff.path, "org.bluez.Device1", ServicesResolved=_FALSE)
        self._set_connected(is_connected=False)

    def _uuid(self, path: str | None) -> str:
        characteristic = self._objects[str(path)]["org.bluez.GattCharacteristic1"]
        return str(characteristic["UUID"].value)

    def _add(self, path: str, interfaces: Interfaces) -> None:
        self._objects[path] = interfaces
        self._signal("/", "ObjectManager", "InterfacesAdded", "oa{sa{sv}}", [path, interfaces])

    def _change(self, path: str, interface: str, **changed: Variant) -> None:
        self._objects[path][interface].update(changed)
        body = [interface, changed, []]
        self._signal(path, "Properties", "PropertiesChanged", "sa{sv}as", body)

    def _signal(
        self, path: str, interface: str, member: str, signature: str, body: list[Any]
    ) -> None:
        self._bus.send(
            Message.new_signal(path, f"org.freedesktop.DBus.{interface}", member, signature, body)
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
