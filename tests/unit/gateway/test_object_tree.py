"""BlueZ's objects, followed by its signals."""

from __future__ import annotations

from typing import Any

import pytest
from dbus_fast import Message, Variant

from gateway.bluez.object_tree import Characteristic, ObjectTree

HCI = "/org/bluez/hci0"
CUFF = "C4:65:1B:00:00:01"
DEVICE = f"{HCI}/dev_C4_65_1B_00_00_01"
CHAR = f"{DEVICE}/service0001/char0002"


def variants(**properties: Any) -> dict[str, Variant]:
    signatures = {bool: "b", str: "s", list: "as"}
    return {name: Variant(signatures[type(one)], one) for name, one in properties.items()}


def signal(path: str, member: str, signature: str, *body: Any) -> Message:
    return Message.new_signal(path, "org.example.Any", member, signature, list(body))


def added(path: str, interface: str, **properties: Any) -> Message:
    body = {f"org.bluez.{interface}": variants(**properties)}
    return signal("/", "InterfacesAdded", "oa{sa{sv}}", path, body)


def changed(path: str, interface: str, **properties: Any) -> Message:
    name = f"org.bluez.{interface}"
    return signal(path, "PropertiesChanged", "sa{sv}as", name, variants(**properties), [])


@pytest.fixture
def tree() -> ObjectTree:
    tree = ObjectTree()
    tree.replace({HCI: {"org.bluez.Adapter1": variants(Powered=True, Roles=["central"])}})
    tree.apply(added(DEVICE, "Device1", Address=CUFF, Adapter=HCI, Paired=False))
    tree.apply(added(CHAR, "GattCharacteristic1", UUID="00002a35-0000-1000-8000-00805f9b34fb"))
    return tree


def test_adapters_are_listed_in_order_when_they_can_be_a_central(tree: ObjectTree) -> None:
    tree.apply(added("/org/bluez/hci2", "Adapter1", Powered=False, Roles=["peripheral"]))
    tree.apply(added("/org/bluez/hci1", "Adapter1", Powered=False, Roles=["central"]))
    assert tree.adapters() == [HCI, "/org/bluez/hci1"]
    assert (tree.is_powered(HCI), tree.is_powered("/org/bluez/hci1")) == (True, False)


def test_bond_is_seen_when_a_signal_tells_of_it(tree: ObjectTree) -> None:
    assert not tree.is_bonded(HCI, CUFF)
    tree.apply(changed(DEVICE, "Device1", Paired=True))
    assert tree.is_bonded(HCI, CUFF)
    assert not tree.is_bonded("/org/bluez/hci1", CUFF)


def test_pairing_without_a_bond_is_no_bond_when_bluez_tells_them_apart(tree: ObjectTree) -> None:
    tree.apply(changed(DEVICE, "Device1", Paired=True, Bonded=False))
    assert not tree.is_bonded(HCI, CUFF)


def test_peripheral_is_known_by_its_identity_when_it_came_under_a_private_address(
    tree: ObjectTree,
) -> None:
    path = f"{HCI}/dev_5A_11_22_33_44_55"
    identity = "C4:65:1B:00:00:09"
    tree.apply(added(path, "Device1", Address=identity, Adapter=HCI, Paired=True))
    tree.apply(
        added(f"{path}/service0001/char0002", "GattCharacteristic1", UUID="2a35"),
    )
    assert tree.is_bonded(HCI, identity)
    assert identity in {one.address for one in tree.characteristics(HCI)}


def test_characteristic_is_found_under_its_peripheral_and_gone_when_that_is_removed(
    tree: ObjectTree,
) -> None:
    found = Characteristic(CHAR, CUFF, "2a35")
    assert list(tree.characteristics(HCI)) == [found]
    assert list(tree.characteristics("/org/bluez/hci1")) == []
    assert tree.characteristic(DEVICE) is None
    names = ["org.bluez.GattCharacteristic1", "org.freedesktop.DBus.Properties"]
    tree.apply(signal("/", "InterfacesRemoved", "oas", CHAR, names))
    assert list(tree.characteristics(HCI)) == []


def test_properties_are_forgotten_when_they_are_invalidated(tree: ObjectTree) -> None:
    tree.apply(changed(DEVICE, "Device1", Paired=True))
    body = ("org.bluez.Device1", {}, ["Paired"])
    tree.apply(signal(DEVICE, "PropertiesChanged", "sa{sv}as", *body))
    assert not tree.is_bonded(HCI, CUFF)


def test_signals_about_what_nobody_has_announced_are_ignored(tree: ObjectTree) -> None:
    tree.apply(changed(f"{HCI}/dev_00_00_00_00_00_00", "Device1", Paired=True))
    tree.apply(signal("/", "InterfacesRemoved", "oas", "/org/bluez/hci9", ["org.bluez.Adapter1"]))
    tree.apply(signal("/", "NameAcquired", "s", ":1.1"))
    assert tree.adapters() == [HCI]
