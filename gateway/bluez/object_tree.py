"""BlueZ's objects as its signals tell of them: adapters, peripherals with their bonds, characteristics. No I/O.

Source: BlueZ 5.66, doc/adapter-api.txt, doc/device-api.txt, doc/gatt-api.txt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dbus_fast import Message, Variant

from firmware_profiles import uuids
from gateway.bluez import device_path

BLUEZ: Final = "org.bluez"
ADAPTER: Final = "org.bluez.Adapter1"
DEVICE: Final = "org.bluez.Device1"
CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"

Properties = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A characteristic that BlueZ shows.

    Attributes:
        path: its object path, which begins with the peripheral's.
        address: of the peripheral, upper case with colons.
        uuid: in the form of `uuids.short_uuid`.
    """

    path: str
    address: str
    uuid: str


class ObjectTree:
    """What BlueZ has, as of the last message that was applied."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[str, Properties]] = {}

    def replace(self, managed: Mapping[str, Mapping[str, Mapping[str, Variant]]]) -> None:
        """Take over the answer to GetManagedObjects."""
        self._objects = {path: _plain(interfaces) for path, interfaces in managed.items()}

    def apply(self, message: Message) -> None:
        """Take over what a signal says; others are ignored."""
        match message.member, message.body:
            case "InterfacesAdded", [str(path), dict(interfaces)]:
                self._objects.setdefault(path, {}).update(_plain(interfaces))
            case "InterfacesRemoved", [str(path), list(names)]:
                for name in names:
                    self._objects.get(path, {}).pop(name, None)
                if not self._objects.get(path):
                    self._objects.pop(path, None)
            case "PropertiesChanged", [str(interface), dict(changed), list(invalidated)]:
                properties = self._objects.get(str(message.path), {}).get(interface)
                if properties is not None:
                    properties |= {name: variant.value for name, variant in changed.items()}
                    for name in invalidated:
                        properties.pop(name, None)
            case _:
                pass

    def adapters(self) -> list[str]:
        """Return the paths of all adapters that can be a central, in order of their names."""
        return sorted(
            path
            for path, interfaces in self._objects.items()
            if "central" in interfaces.get(ADAPTER, {}).get("Roles", ["central"])
            and ADAPTER in interfaces
        )

    def is_powered(self, adapter: str) -> bool:
        """Whether an adapter is switched on."""
        return bool(self._of(adapter, ADAPTER).get("Powered", False))

    def device(self, adapter: str, address: str) -> Properties:
        """Return a peripheral's properties at one adapter; empty if BlueZ does not know it."""
        for path, interfaces in self._objects.items():
            found = interfaces.get(DEVICE)
            if found and found.get("Adapter") == adapter and found.get("Address") == address:
                return self._objects[path][DEVICE]
        return {}

    def is_bonded(self, adapter: str, address: str) -> bool:
        """Whether BlueZ keeps a key of a peripheral."""
        device = self.device(adapter, address)
        # Bonded came with BlueZ 5.65; before it, Paired meant both.
        return bool(device.get("Bonded", device.get("Paired", False)))

    def is_connected(self, adapter: str, address: str) -> bool:
        """Whether there is a link to a peripheral."""
        return bool(self.device(adapter, address).get("Connected", False))

    def characteristics(self, adapter: str) -> Iterator[Characteristic]:
        """Yield the characteristics of all peripherals at one adapter."""
        for path in list(self._objects):
            if path.startswith(f"{adapter}/"):
                found = self.characteristic(path)
                if found is not None:
                    yield found

    def characteristic(self, path: str) -> Characteristic | None:
        """Return the characteristic of an object path, or None if it is none."""
        properties = self._of(path, CHARACTERISTIC)
        device = self._of(device_path.owner(path) or "", DEVICE)
        if not properties or not device:
            return None
        uuid = uuids.short_uuid(str(properties["UUID"]))
        return Characteristic(path, str(device["Address"]), uuid)

    def _of(self, path: str, interface: str) -> Properties:
        return self._objects.get(path, {}).get(interface, {})


def _plain(interfaces: Mapping[str, Mapping[str, Variant]]) -> dict[str, Properties]:
    return {
        name: {key: variant.value for key, variant in properties.items()}
        for name, properties in interfaces.items()
    }
