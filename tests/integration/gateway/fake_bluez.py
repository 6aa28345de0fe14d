"""A bluetoothd for tests: the parts of BlueZ's D-Bus interface that a gateway meets, with one cuff in the room.

It behaves like BlueZ 5.66 where it matters here: a pairing belongs to the agent of the connection that asked for it
or else to the default agent, and fails if there is none; an agent is known by its connection; an object is announced
when it appears; subscriptions outlive links, but not the connection that made them; every indication is confirmed, and
signalled once for each subscriber; characteristics are shown only when a peripheral has been looked through since the
start. A restarted daemon remembers bonds and nothing else. With several adapters, the cuff is bonded with the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import DBusError, ErrorType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from firmware_profiles import uuids

HCI = "/org/bluez/hci0"
IN_PROGRESS = "org.bluez.Error.InProgress"
_TRUE, _FALSE = Variant("b", value=True), Variant("b", value=False)

Interfaces = dict[str, dict[str, Variant]]
Answer = tuple[str, list[Any]]
_NOTHING: Answer = ("", [])


@dataclass
class Cuff:
    """A blood-pressure cuff: delivers what it holds once its clock is set and somebody listens, then hangs up.

    Attributes:
        services: short UUIDs of services; of each, those of its characteristics with their flags.
        question: the agent's method that BlueZ calls when this cuff is paired, or None for none (Just Works).
        passkey: what it shows.
        sends_unasked: whether it needs no clock, and sends at once over an encrypted link if it may still indicate.
        hangs_up_at_once: whether it hangs up when it has sent all that, before its services were looked through.
        knows_host: whether it has the key of the bond; BlueZ has it if `is_bonded`.
        patience: how many records it delivers before it falls silent without hanging up.
    """

    address: str
    name: str
    services: dict[str, dict[str, list[str]]]
    clock: str
    clock_content: bytes
    question: str | None = "RequestAuthorization"
    passkey: int = 123456
    sends_unasked: bool = False
    hangs_up_at_once: bool = False
    unsent: list[bytes] = field(default_factory=list)
    clock_writes: list[bytes] = field(default_factory=list)
    is_bonded: bool = False
    knows_host: bool = True
    may_indicate: bool = False
    patience: int = 100


class FakeBluez:
    """The daemon. Its life is `start` to `vanish`; the cuff outlives it.

    Attributes:
        faults: of a method, the names of the errors that its next calls get.
        is_hanging: whether every method of `faults` goes on failing, until the adapter is switched off.
        lost: what the cuff sent and nobody was subscribed to.
        calls: members that were called, in order.
        tells_reasons: whether it says why a link has ended, as BlueZ does from 5.82 on.
        aborts_links: whether it answers at once that a link was given up whose key the cuff does not have, as BlueZ
            does where the cuff's word comes before the kernel's.
        resolves_first: whether it tells that services are resolved before it tells that there is a link.
    """

    def __init__(self, cuff: Cuff, adapters: tuple[str, ...] = (HCI,)) -> None:
        self.cuff = cuff
        self.adapters = adapters
        self.agents: dict[str, tuple[str, str]] = {}  # connection → path, capability
        self.default_agent: str | None = None  # the connection
        self.capability_at_pairing = ""
        self.faults: defaultdict[str, list[str]] = defaultdict(list)
        self.is_hanging = False
        self.lost: list[bytes] = []
        self.calls: list[str] = []
        self.tells_reasons = False
        self.aborts_links = False
        self.resolves_first = False
        self.before_answer: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
        self.hears: set[str] = set(adapters)  # which adapters the cuff reaches
        self._subscribers: defaultdict[str, set[str]] = defaultdict(set)
        self._discovering: set[str] = set()
        self._filter: dict[str, Variant] = {}
        self._told: set[str] = set()
        self._is_clock_set = False
        self._objects: dict[str, Interfaces] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._at = adapters[0]
        self._bus: MessageBus
        self._methods: dict[str, Callable[[Message], Coroutine[Any, Any, Answer]]] = {
            "GetManagedObjects": self._get_managed_objects,
            "SetDiscoveryFilter": self._set_discovery_filter,
            "StartDiscovery": self._start_discovery,
            "StopDiscovery": self._stop_discovery,
            "RegisterAgent": self._register_agent,
            "UnregisterAgent": self._unregister_agent,
            "RequestDefaultAgent": self._request_default_agent,
            "Set": self._set,
            "Pair": self._pair,
            "Connect": self._connect,
            "Disconnect": self._disconnect,
            "ReadValue": self._read_value,
            "WriteValue": self._write_value,
            "StartNotify": self._start_notify,
            "RemoveDevice": self._remove_device,
        }

    @property
    def device(self) -> str:
        """The cuff's object path."""
        return f"{self._at}/dev_{self.cuff.address.replace(':', '_')}"

    def count(self, member: str) -> int:
        """Return how often a method was called."""
        return self.calls.count(member)

    async def start(self) -> None:
        """Take the name and announce what there is after a start: the adapters and bonded devices."""
        self._bus = await MessageBus().connect()
        self._bus.add_message_handler(self._on_message)
        rule = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"
        await self._bus.call(
            Message(
                "org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus",
                "AddMatch",
                signature="s",
                body=[rule],
            )
        )
        await self._bus.request_name("org.bluez")
        for number, path in enumerate(self.adapters):
            adapter = {
                "Address": Variant("s", f"00:1A:7D:DA:71:{number:02X}"),
                "Powered": _TRUE,
                "Roles": Variant("as", ["central"]),
            }
            self._add(path, {"org.bluez.Adapter1": adapter})
        if self.cuff.is_bonded:
            self._add_device()
        self._spawn(self._advertise())

    async def vanish(self) -> None:
        """End as when killed: without a word, and the system closes its connection."""
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    def switch_off(self, adapter: str = HCI) -> None:
        """Switch an adapter off."""
        self._change(adapter, "org.bluez.Adapter1", Powered=_FALSE)

    def unplug(self, adapter: str = HCI) -> None:
        """Take an adapter away."""
        interfaces = list(self._objects.pop(adapter))
        self._signal("/", "ObjectManager", "InterfacesRemoved", "oas", [adapter, interfaces])

    async def release_agent(self) -> None:
        """Let the default agent go."""
        assert self.default_agent is not None
        path, _ = self.agents.pop(self.default_agent)
        await self._bus.call(Message(self.default_agent, path, "org.bluez.Agent1", "Release"))

    def put_other_agent_first(self) -> None:
        """Let another program make its agent the default one."""
        self.agents["another"] = ("/another", "DisplayOnly")
        self.default_agent = "another"

    async def ask_agent(self, connection: str | None, question: str, device: str) -> Message | None:
        """Ask an agent about a device and return its answer, or None if there is no agent."""
        chosen = connection if connection in self.agents else self.default_agent
        if chosen is None or chosen == "another":
            return None
        signature, body = "o", [device]
        if question == "RequestConfirmation":
            signature, body = "ou", [device, self.cuff.passkey]
        return await self._bus.call(
            Message(
                chosen,
                self.agents[chosen][0],
                "org.bluez.Agent1",
                question,
                signature=signature,
                body=body,
            )
        )

    def _on_message(self, message: Message) -> bool:
        if message.message_type is not MessageType.METHOD_CALL:
            if message.member == "NameOwnerChanged":
                self._forget_connection(message.body[0])
            return False
        self._spawn(self._answer(message))
        return True

    def _forget_connection(self, name: str) -> None:
        for subscribers in self._subscribers.values():
            subscribers.discard(name)
        self.agents.pop(name, None)
        if self.default_agent == name:
            self.default_agent = next(iter(self.agents), None)

    async def _answer(self, message: Message) -> None:
        member = str(message.member)
        self.calls.append(member)
        with contextlib.suppress(EOFError, OSError):  # killed while it answers
            if member in self.before_answer:
                await self.before_answer[member]()
            try:
                self._raise_fault(member)
                signature, body = await self._method(message)(message)
                await self._bus.send(Message.new_method_return(message, signature, body))
            except DBusError as error:
                await self._bus.send(Message.new_error(message, error.type, error.text))

    def _raise_fault(self, member: str) -> None:
        if self.faults[member]:
            name = self.faults[member][0] if self.is_hanging else self.faults[member].pop(0)
            raise DBusError(name, "as the test wants it")

    def _method(self, message: Message) -> Callable[[Message], Coroutine[Any, Any, Answer]]:
        if message.path not in {"/", "/org/bluez", *self._objects}:
            raise DBusError(ErrorType.UNKNOWN_OBJECT, "no such object")
        return self._methods[str(message.member)]

    async def _nothing(self, _message: Message) -> Answer:
        return _NOTHING

    async def _get_managed_objects(self, _message: Message) -> Answer:
        return "a{oa{sa{sv}}}", [self._objects]

    async def _set_discovery_filter(self, message: Message) -> Answer:
        self._filter = message.body[0]
        return _NOTHING

    async def _start_discovery(self, message: Message) -> Answer:
        self._told.clear()
        self._discovering.add(str(message.path))
        return _NOTHING

    async def _stop_discovery(self, message: Message) -> Answer:
        self._discovering.discard(str(message.path))
        return _NOTHING

    async def _advertise(self) -> None:
        """Let the cuff be heard, which advertises as long as it has something to deliver and nobody is connected."""
        while self._bus.connected:
            for adapter in self._discovering & self.hears:
                if self.cuff.unsent and not self._is_connected():
                    self._hear(adapter)
            await asyncio.sleep(0.05)

    def _hear(self, adapter: str) -> None:
        self._at = adapter
        if self.device not in self._objects:
            self._add_device()
        elif adapter not in self._told or "RSSI" in self._filter:
            # As BlueZ from 5.87 on: the same loudness is told of once a scan, unless somebody filters by it.
            self._change(self.device, "org.bluez.Device1", RSSI=Variant("n", -60))
        self._told.add(adapter)

    async def _register_agent(self, message: Message) -> Answer:
        if message.sender in self.agents:
            raise DBusError("org.bluez.Error.AlreadyExists", "Already Exists")
        path, capability = message.body
        self.agents[str(message.sender)] = (path, capability)
        return _NOTHING

    async def _unregister_agent(self, message: Message) -> Answer:
        if self.agents.pop(str(message.sender), None) is None:
            raise DBusError("org.bluez.Error.DoesNotExist", "Does Not Exist")
        if self.default_agent == message.sender:
            self.default_agent = next(iter(self.agents), None)
        return _NOTHING

    async def _request_default_agent(self, message: Message) -> Answer:
        assert self.agents[str(message.sender)][0] == message.body[0]
        self.default_agent = message.sender
        return _NOTHING

    async def _set(self, message: Message) -> Answer:
        interface, name, value = message.body
        if name == "Powered":
            if not value.value:
                self.is_hanging = False
                self.faults.clear()
            self._change(str(message.path), interface, Powered=value)
        return _NOTHING

    async def _pair(self, message: Message) -> Answer:
        if self.cuff.is_bonded:
            raise DBusError("org.bluez.Error.AlreadyExists", "Already Exists")
        self._set_connected(is_connected=True)
        agent = self.default_agent
        self.capability_at_pairing = self.agents[agent][1] if agent else ""
        if not await self._is_agreed(message.sender):
            self._set_connected(is_connected=False)
            raise DBusError("org.bluez.Error.AuthenticationFailed", "Authentication Failed")
        self.cuff.is_bonded = self.cuff.knows_host = True
        self._change(self.device, "org.bluez.Device1", Paired=_TRUE)
        self._resolve_services()
        return _NOTHING

    async def _is_agreed(self, sender: str | None) -> bool:
        if self.cuff.question is None:
            return self.default_agent is not None
        answer = await self.ask_agent(sender, self.cuff.question, self.device)
        if answer is None or answer.message_type is MessageType.ERROR:
            return False
        return self.cuff.question != "RequestPasskey" or answer.body == [self.cuff.passkey]

    async def _connect(self, message: Message) -> Answer:
        self._at = str(message.path).rpartition("/dev_")[0]
        if self.resolves_first:
            self._resolve_services()
            self._set_connected(is_connected=True)
            return _NOTHING
        self._set_connected(is_connected=True)
        if self.cuff.is_bonded and not self.cuff.knows_host:
            self._refuse_key()
            if self.aborts_links:
                raise DBusError("org.bluez.Error.Failed", "le-connection-abort-by-local")
            return _NOTHING
        if self.cuff.is_bonded and self.cuff.sends_unasked and self.cuff.may_indicate:
            await self._send_unasked()
            if self.cuff.hangs_up_at_once:
                # BlueZ tells nobody that it drops the subscriptions whose registration has not ended with the link.
                self._subscribers.clear()
                self._set_connected(is_connected=False)
                raise DBusError("org.bluez.Error.Failed", "br-connection-canceled")
            asyncio.get_running_loop().call_later(0.1, self._hang_up)
        self._resolve_services()
        return _NOTHING

    def _refuse_key(self) -> None:
        if self.tells_reasons:
            body = ["org.bluez.Reason.Authentication", "Connection terminated: authentication"]
            self._bus.send(
                Message.new_signal(self.device, "org.bluez.Device1", "Disconnected", "ss", body)
            )
        asyncio.get_running_loop().call_later(0.02, lambda: self._set_connected(is_connected=False))

    async def _send_unasked(self) -> None:
        """Send everything over the encrypted link, before the services are looked through."""
        path = self._path_of("2a35")
        for record in list(self.cuff.unsent):
            self.cuff.unsent.remove(record)
            await asyncio.sleep(0)
            self._indicate(path, record)

    def _indicate(self, path: str | None, record: bytes) -> None:
        """Confirm an indication, and signal it once for each who is subscribed."""
        subscribers = self._subscribers[path] if path else set()
        if not subscribers:
            self.lost.append(record)
        for _ in subscribers:
            self._change(str(path), "org.bluez.GattCharacteristic1", Value=Variant("ay", record))

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
        path = str(message.path)
        is_known = message.sender in self._subscribers[path]
        if is_known and not self._is_connected():
            raise DBusError(IN_PROGRESS, "In Progress")
        self._subscribers[path].add(str(message.sender))
        if self._is_connected():
            self.cuff.may_indicate = True
            if self._is_clock_set or self.cuff.sends_unasked:
                self._spawn(self._deliver(path))
        return _NOTHING

    async def _remove_device(self, _message: Message) -> Answer:
        raise AssertionError("a gateway never removes a device from BlueZ")

    async def _deliver(self, path: str) -> None:
        for record in self.cuff.unsent[: self.cuff.patience]:
            self.cuff.unsent.remove(record)
            self._indicate(path, record)
        if not self.cuff.unsent:
            self._hang_up()

    def _add_device(self) -> None:
        services = [uuids.full_uuid(service) for service in self.cuff.services]
        device = {
            "Address": Variant("s", self.cuff.address),
            "Name": Variant("s", self.cuff.name),
            "Alias": Variant("s", self.cuff.name),
            "Adapter": Variant("o", self._at),
            "UUIDs": Variant("as", services),
            "Paired": Variant("b", self.cuff.is_bonded and self._at == self.adapters[0]),
            "Connected": _FALSE,
            "ServicesResolved": _FALSE,
            "RSSI": Variant("n", -60),
        }
        self._add(self.device, {"org.bluez.Device1": device})

    def _resolve_services(self) -> None:
        for path, interfaces in self._gatt_objects():
            if path not in self._objects:
                self._add(path, interfaces)
        self._change(self.device, "org.bluez.Device1", ServicesResolved=_TRUE)

    def _gatt_objects(self) -> Iterator[tuple[str, Interfaces]]:
        handles = itertools.count(1)
        for service, characteristics in self.cuff.services.items():
            path = f"{self.device}/service{next(handles):04x}"
            properties = {
                "UUID": Variant("s", uuids.full_uuid(service)),
                "Primary": _TRUE,
                "Device": Variant("o", self.device),
            }
            yield path, {"org.bluez.GattService1": properties}
            for characteristic, flags in characteristics.items():
                properties = {
                    "UUID": Variant("s", uuids.full_uuid(characteristic)),
                    "Service": Variant("o", path),
                    "Flags": Variant("as", flags),
                }
                child = f"{path}/char{next(handles):04x}"
                yield child, {"org.bluez.GattCharacteristic1": properties}

    def _path_of(self, characteristic: str) -> str | None:
        wanted = uuids.full_uuid(characteristic)
        for path, interfaces in self._objects.items():
            found = interfaces.get("org.bluez.GattCharacteristic1")
            if found and found["UUID"].value == wanted:
                return path
        return None

    def _is_connected(self) -> bool:
        device = self._objects.get(self.device, {}).get("org.bluez.Device1")
        return bool(device and device["Connected"].value)

    def _set_connected(self, *, is_connected: bool) -> None:
        self._change(self.device, "org.bluez.Device1", Connected=Variant("b", is_connected))

    def _hang_up(self) -> None:
        self._is_clock_set = False
        if self._is_connected():
            self._change(self.device, "org.bluez.Device1", ServicesResolved=_FALSE)
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
