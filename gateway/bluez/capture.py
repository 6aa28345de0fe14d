"""Loss-proof capture: hears what bonded peripherals send before anybody in this program has asked for it.

bluetoothd confirms every indication by itself. A bonded peripheral that may still indicate does so as soon as the link
is encrypted, before a session has subscribed; what nobody has subscribed to then is confirmed and gone. So one
connection to the D-Bus, which outlives sessions, keeps `StartNotify` on these characteristics: bluetoothd takes it
while the peripheral is away, and puts it in force again with each link, before that is encrypted.

It is also the only one: a session that wants such a characteristic gets it from here. With a second subscriber
bluetoothd would signal every frame twice, and nothing could tell that from two equal frames. With one there is one
signal a frame, and nothing has to be removed.

Not covered: the first link after bluetoothd was started. It shows characteristics only when it has looked through the
peripheral again, so nobody can subscribe before, and what is sent meanwhile is lost. Source: BlueZ 5.66,
src/gatt-client.c: btd_gatt_client_ready, register_notify; src/shared/gatt-client.c: notify_cb.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from dbus_fast import Message, MessageType, Variant

from gateway import errors
from gateway.bluez.object_tree import BLUEZ, CHARACTERISTIC, Characteristic, ObjectTree

log = logging.getLogger(__name__)

_IN_PROGRESS: Final = "org.bluez.Error.InProgress"

# Calls a method of bluetoothd and returns its reply.
Call = Callable[[Message], Awaitable[Message]]
# Whether a characteristic (short UUID) of a peripheral is captured.
Wants = Callable[[str, str], bool]
# Stores a frame that came when no session had subscribed: address, characteristic, content.
Keep = Callable[[str, str, bytes], None]
OnFrame = Callable[[bytearray], None]


class Capture:
    """The subscriptions of one connection.

    Args:
        call: Calls a method on that connection, and only there.
        tree: What BlueZ shows.
        wants: Which characteristics are captured.
        keep: Where frames go that no session waits for.
    """

    def __init__(self, call: Call, tree: ObjectTree, wants: Wants, keep: Keep) -> None:
        self._call = call
        self._tree = tree
        self._wants = wants
        self._keep = keep
        self._held: set[str] = set()
        self._sessions: dict[str, OnFrame] = {}
        self._left_alone: set[str] = set()

    def is_for(self, address: str, uuid: str) -> bool:
        """Whether a session gets this characteristic from here."""
        return self._wants(address, uuid)

    def hear(self, message: Message) -> None:
        """Take a frame from a signal; its commit comes before anything else."""
        match message.member, message.body:
            case "PropertiesChanged", [str(interface), {"Value": Variant(value=bytes(content))}, _]:
                if interface == CHARACTERISTIC and message.path in self._held:
                    self._take(str(message.path), content)
            case _:
                pass

    def _take(self, path: str, content: bytes) -> None:
        on_frame = self._sessions.get(path)
        try:
            if on_frame is not None:
                on_frame(bytearray(content))
                return
            found = self._tree.characteristic(path)
            if found is not None:
                self._keep(found.address, found.uuid, content)
        except errors.OutboxError as error:
            # bluetoothd has confirmed it already: all that is left is to say so.
            log.error(  # noqa: TRY400  # the text of the cause is known
                "confirmed_record_not_stored", extra={"reason": error.reason}
            )

    def leave_alone(self, address: str) -> None:
        """Subscribe to nothing of a peripheral by ourselves until it has gone: its first session leads."""
        self._left_alone.add(address)

    async def hold(self, found: Characteristic) -> None:
        """Subscribe to a characteristic if it is captured, and go on being subscribed."""
        if found.path not in self._held:
            await self.renew(found)

    async def renew(self, found: Characteristic) -> None:
        """Subscribe to a characteristic if it is captured, whether or not we have done so before.

        bluetoothd drops the subscription, and tells nobody, when a link ends before it has looked through the
        peripheral; a cuff that sends at once and hangs up ends every link so. Seen with BlueZ 5.66.
        """
        if found.address not in self._left_alone and self._wants(found.address, found.uuid):
            await self._subscribe(found.path)

    async def subscribe(self, path: str, on_frame: OnFrame) -> Message:
        """Let a session have a characteristic until it leaves; return bluetoothd's reply to the subscription."""
        self._sessions[path] = on_frame
        return await self._subscribe(path)

    def leave(self, address: str) -> None:
        """Take note that a session has ended: what still comes is kept without it."""
        self._left_alone.discard(address)
        for path in list(self._sessions):
            found = self._tree.characteristic(path)
            if found is None or found.address == address:
                del self._sessions[path]

    def forget_gone(self) -> None:
        """Forget characteristics that BlueZ shows no longer."""
        self._held = {path for path in self._held if self._tree.characteristic(path) is not None}

    async def _subscribe(self, path: str) -> Message:
        """Subscribe, or make sure of it: a subscription that failed with an earlier link is gone in bluetoothd."""
        self._held.add(path)
        reply = await self._call(Message(BLUEZ, path, CHARACTERISTIC, "StartNotify"))
        # In progress: we are subscribed, and it will be in force with the next link.
        if reply.message_type is MessageType.ERROR and reply.error_name != _IN_PROGRESS:
            self._held.discard(path)
            log.info("capture_refused", extra={"error": reply.error_name})
        return reply
