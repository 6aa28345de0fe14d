"""Which signals say that Bluetooth by BlueZ is gone."""

from __future__ import annotations

from typing import Any

import pytest
from dbus_fast import Message, Variant

from gateway.bluez import companion

HCI = "/org/bluez/hci0"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
ON, OFF = Variant("b", value=True), Variant("b", value=False)


def signal(member: str, signature: str, *body: Any) -> Message:
    return Message.new_signal(HCI, "org.example.Any", member, signature, list(body))


@pytest.mark.parametrize(
    ("message", "is_gone"),
    [
        pytest.param(
            signal("NameOwnerChanged", "sss", "org.bluez", ":1.5", ""), True, id="daemon-ended"
        ),
        pytest.param(
            signal("NameOwnerChanged", "sss", "org.bluez", ":1.5", ":1.9"), True, id="replaced"
        ),
        pytest.param(
            signal("NameOwnerChanged", "sss", "org.bluez", "", ":1.9"), False, id="daemon-started"
        ),
        pytest.param(
            signal("NameOwnerChanged", "sss", "org.example", ":1.5", ""), False, id="another-ended"
        ),
        pytest.param(
            signal("InterfacesRemoved", "oas", HCI, ["org.bluez.Media1", ADAPTER]),
            True,
            id="unplugged",
        ),
        pytest.param(
            signal("InterfacesRemoved", "oas", "/org/bluez/hci0/dev_1", [DEVICE]),
            False,
            id="device-forgotten",
        ),
        pytest.param(
            signal("PropertiesChanged", "sa{sv}as", ADAPTER, {"Powered": OFF}, []),
            True,
            id="switched-off",
        ),
        pytest.param(
            signal("PropertiesChanged", "sa{sv}as", ADAPTER, {"Powered": ON}, []),
            False,
            id="switched-on",
        ),
        pytest.param(
            signal("PropertiesChanged", "sa{sv}as", ADAPTER, {"Discovering": OFF}, []),
            False,
            id="scan-ended",
        ),
        pytest.param(signal("NameAcquired", "s", ":1.3"), False, id="another-signal"),
    ],
)
def test_bluetooth_counts_as_gone_when(message: Message, *, is_gone: bool) -> None:
    assert companion.means_gone(message, HCI) is is_gone


@pytest.mark.parametrize(
    "message",
    [
        signal("PropertiesChanged", "sa{sv}as", ADAPTER, {"Powered": OFF}, []),
        signal("InterfacesRemoved", "oas", HCI, [ADAPTER]),
    ],
)
def test_bluetooth_does_not_count_as_gone_when_another_adapter_is(message: Message) -> None:
    assert not companion.means_gone(message, "/org/bluez/hci1")
