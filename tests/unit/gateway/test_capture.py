"""Who gets a frame that BlueZ signals: a session, the outbox, or nobody."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from dbus_fast import Message, MessageType, Variant

from gateway import errors
from gateway.bluez.capture import Capture
from gateway.bluez.object_tree import Characteristic, ObjectTree
from gateway.errors import StorageReason

HCI = "/org/bluez/hci0"
CUFF = "C4:65:1B:00:00:01"
DEVICE = f"{HCI}/dev_C4_65_1B_00_00_01"
PATH = f"{DEVICE}/service0001/char0002"
FOUND = Characteristic(PATH, CUFF, "2a35")


class Stand:
    """A capture with a bluetoothd that answers as the test wants."""

    def __init__(self, *, is_wanted: bool = True) -> None:
        self.tree = ObjectTree()
        self.tree.replace(
            {
                DEVICE: {
                    "org.bluez.Device1": {
                        "Address": Variant("s", CUFF),
                        "Adapter": Variant("o", HCI),
                    }
                },
                PATH: {"org.bluez.GattCharacteristic1": {"UUID": Variant("s", "2a35")}},
            }
        )
        self.kept: list[tuple[str, str, bytes]] = []
        self.called: list[str] = []
        self.error: str | None = None
        self.disk_error: errors.OutboxError | None = None
        self.capture = Capture(self.call, self.tree, lambda *_: is_wanted, self.keep)

    async def call(self, message: Message) -> Message:
        self.called.append(f"{message.member} {message.path}")
        if self.error:
            return Message(message_type=MessageType.ERROR, error_name=self.error, reply_serial=1)
        return Message(message_type=MessageType.METHOD_RETURN, reply_serial=1)

    def keep(self, *frame: Any) -> None:
        if self.disk_error:
            raise self.disk_error
        self.kept.append(frame)

    def hold(self) -> None:
        asyncio.run(self.capture.hold(FOUND))

    def signal(self, content: bytes, interface: str = "org.bluez.GattCharacteristic1") -> None:
        body = [interface, {"Value": Variant("ay", content)}, []]
        self.capture.hear(
            Message.new_signal(PATH, "org.example", "PropertiesChanged", "sa{sv}as", body)
        )


def test_frame_is_kept_when_no_session_has_subscribed() -> None:
    stand = Stand()
    stand.hold()
    stand.signal(b"\x01")
    stand.signal(b"\x01")  # as often as it comes
    assert stand.kept == [(CUFF, "2a35", b"\x01")] * 2
    assert stand.called == [f"StartNotify {PATH}"]


def test_frame_goes_to_the_session_until_that_leaves() -> None:
    stand, heard = Stand(), []
    stand.hold()
    asyncio.run(stand.capture.subscribe(PATH, heard.append))
    stand.signal(b"\x01")
    stand.capture.leave(CUFF)
    stand.signal(b"\x02")
    assert heard == [bytearray(b"\x01")]
    assert stand.kept == [(CUFF, "2a35", b"\x02")]
    assert len(stand.called) == 2  # a session makes sure of the subscription


@pytest.mark.parametrize("interface", ["org.bluez.GattDescriptor1", "org.bluez.Battery1"])
def test_frame_is_nobody_s_when_it_is_of_something_else(interface: str) -> None:
    stand = Stand()
    stand.hold()
    stand.signal(b"\x01", interface)
    assert stand.kept == []


def test_nothing_is_kept_that_is_not_subscribed_or_not_wanted() -> None:
    stand = Stand(is_wanted=False)
    stand.hold()
    stand.signal(b"\x01")
    assert (stand.kept, stand.called) == ([], [])


def test_peripheral_is_left_alone_until_its_first_session_has_ended() -> None:
    stand = Stand()
    stand.capture.leave_alone(CUFF)
    stand.hold()
    assert stand.called == []
    stand.capture.leave(CUFF)
    stand.hold()
    assert len(stand.called) == 1


@pytest.mark.parametrize(
    ("error", "is_held"),
    [
        # We are subscribed, and it comes into force with the next link.
        ("org.bluez.Error.InProgress", True),
        ("org.bluez.Error.NotPermitted", False),
        ("org.bluez.Error.NotConnected", False),
    ],
)
def test_subscription_counts_when_bluez_has_it(error: str, *, is_held: bool) -> None:
    stand = Stand()
    stand.error = error
    stand.hold()
    stand.signal(b"\x01")
    assert bool(stand.kept) is is_held


def test_subscription_is_made_again_before_a_link_as_bluez_may_have_dropped_it() -> None:
    stand = Stand()
    stand.hold()
    stand.hold()
    assert len(stand.called) == 1
    asyncio.run(stand.capture.renew(FOUND))
    assert len(stand.called) == 2


def test_subscription_is_made_anew_when_the_object_was_gone() -> None:
    stand = Stand()
    stand.hold()
    names = ["org.bluez.GattCharacteristic1"]
    stand.tree.apply(
        Message.new_signal("/", "org.example", "InterfacesRemoved", "oas", [PATH, names])
    )
    stand.capture.forget_gone()
    stand.hold()
    assert len(stand.called) == 2


def test_log_says_that_a_confirmed_record_is_not_stored_when_the_disk_is_full(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stand = Stand()
    stand.hold()
    stand.disk_error = errors.OutboxError(StorageReason.FULL)
    with caplog.at_level(logging.ERROR):
        stand.signal(b"\x01\x02\x03")
    (line,) = caplog.records
    assert (line.message, line.__dict__["reason"]) == ("confirmed_record_not_stored", "full")
