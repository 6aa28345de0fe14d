"""Answers BlueZ's questions about pairing: as the open pairing window says, and no to everything outside of one.

Source: BlueZ 5.66, doc/agent-api.txt (interface org.bluez.Agent1).
"""

# dbus-fast makes the D-Bus signatures from these annotations at run time, so they must not be postponed.

import logging
from collections.abc import Callable
from typing import Final, NoReturn

from dbus_fast import DBusError
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

from firmware_profiles.device_profile import PairingMode
from gateway.bluez import device_path
from gateway.pairing_window import PairingDesk, PairingRefused, Window

log = logging.getLogger(__name__)

# What the gateway says it has. With a keyboard, a peripheral that could do without insists on a code; without one,
# none that has a code can be paired in a way that keeps a third party out.
CAPABILITIES: Final = {
    PairingMode.NONE: "NoInputNoOutput",
    PairingMode.JUST_WORKS: "NoInputNoOutput",
    PairingMode.PASSKEY: "KeyboardDisplay",
}
_REJECTED: Final = "org.bluez.Error.Rejected"


class PairingAgent(ServiceInterface):
    """The agent of one gateway.

    Args:
        desk: Where pairing windows are opened.
        on_release: Called when BlueZ lets the agent go and will not ask it again.
    """

    def __init__(self, desk: PairingDesk, on_release: Callable[[], None]) -> None:
        super().__init__("org.bluez.Agent1")
        self._desk = desk
        self._on_release = on_release

    @dbus_method("RequestConfirmation")
    async def request_confirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> None:
        """Confirm a pairing if the peripheral shows the same code, or has none to show.

        Raises:
            DBusError: no window is open for it, or the code is another one.
        """
        window = self._window(device)
        try:
            await window.confirm(passkey)
        except PairingRefused as error:
            _reject(device, error.reason)
        _accept(device)

    @dbus_method("RequestAuthorization")
    def request_authorization(self, device: DBusObjectPath) -> None:
        """Agree to a Just Works pairing that the peripheral has started.

        Raises:
            DBusError: no window is open for it, or its model pairs with a code.
        """
        try:
            self._window(device).accept_without_code()
        except PairingRefused as error:
            _reject(device, error.reason)
        _accept(device)

    @dbus_method("AuthorizeService")
    def authorize_service(self, device: DBusObjectPath, uuid: DBusStr) -> None:  # noqa: ARG002  # none of them
        """Refuse: no peripheral has business with the services of this machine.

        Raises:
            DBusError: always.
        """
        _reject(device, "service_not_offered")

    @dbus_method("RequestPinCode")
    def request_pin_code(self, device: DBusObjectPath) -> DBusStr:
        """Refuse: PIN codes are of the Bluetooth before Low Energy.

        Raises:
            DBusError: always.
        """
        _reject(device, "pin_needed")

    @dbus_method("RequestPasskey")
    async def request_passkey(self, device: DBusObjectPath) -> DBusUInt32:
        """Return the code that the peripheral shows, as the person beside it types it.

        Raises:
            DBusError: no window is open for it, its model has no code, or nobody has typed one.
        """
        window = self._window(device)
        try:
            passkey = await window.passkey()
        except PairingRefused as error:
            _reject(device, error.reason)
        _accept(device)
        return passkey

    @dbus_method("DisplayPinCode")
    def display_pin_code(self, device: DBusObjectPath, pin_code: DBusStr) -> None:  # noqa: ARG002  # never shown
        """Refuse: PIN codes are of the Bluetooth before Low Energy.

        Raises:
            DBusError: always.
        """
        _reject(device, "pin_needed")

    @dbus_method("DisplayPasskey")
    async def display_passkey(
        self,
        device: DBusObjectPath,
        passkey: DBusUInt32,
        entered: DBusUInt16,
    ) -> None:
        """Show a code that has to be typed on the peripheral; BlueZ repeats it with every key that is pressed there.

        Raises:
            DBusError: no window is open for it, or its model has no code.
        """
        window = self._window(device)
        if entered:
            return
        try:
            await window.show(passkey)
        except PairingRefused as error:
            _reject(device, error.reason)

    @dbus_method("Cancel")
    def cancel(self) -> None:
        """Take note that the question is void: the pairing has failed."""
        self._desk.withdraw_question()

    @dbus_method("Release")
    def release(self) -> None:
        """Take note that BlueZ has let this agent go."""
        self._on_release()

    def _window(self, device: str) -> Window:
        window = self._desk.window_for(device_path.address(device))
        if window is None:
            _reject(device, "no_window")
        return window


def _accept(device: str) -> None:
    log.info("pairing_accepted", extra={"peripheral_id": _short_name(device)})


def _reject(device: str, reason: str) -> NoReturn:
    log.warning("pairing_rejected", extra={"peripheral_id": _short_name(device), "reason": reason})
    raise DBusError(_REJECTED, "the gateway does not pair with this peripheral")


def _short_name(device: str) -> str:
    """Name a peripheral in a log the way a sighting does."""
    return (device_path.address(device) or "")[-5:]
