"""Answers BlueZ's questions about pairing: yes for the peripherals of this home, no for everybody else.

Source: BlueZ 5.66, doc/agent-api.txt (interface org.bluez.Agent1).
"""

# dbus-fast makes the D-Bus signatures from these annotations at run time, so they must not be postponed.

import logging
from collections.abc import Callable, Collection
from typing import Final, NoReturn

from dbus_fast import DBusError
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

from gateway.bluez import device_path

log = logging.getLogger(__name__)

# No display and no keys, as on the bumble backend: Just Works. BlueZ would ask for more with a richer capability, and
# a peripheral that can do both would then insist on a passkey that nobody can type in.
CAPABILITY: Final = "NoInputNoOutput"
_REJECTED: Final = "org.bluez.Error.Rejected"


class PairingAgent(ServiceInterface):
    """The agent of one gateway.

    Args:
        allowed: Bluetooth addresses that may pair, upper case with colons.
        on_release: Called when BlueZ lets the agent go and will not ask it again.
    """

    def __init__(self, allowed: Collection[str], on_release: Callable[[], None]) -> None:
        super().__init__("org.bluez.Agent1")
        self._allowed = frozenset(allowed)
        self._on_release = on_release

    @dbus_method("RequestConfirmation")
    def request_confirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> None:  # noqa: ARG002  # no display
        """Confirm a pairing in which the other side has nothing to compare either.

        Raises:
            DBusError: the peripheral is not of this home.
        """
        self._require_allowed(device)

    @dbus_method("RequestAuthorization")
    def request_authorization(self, device: DBusObjectPath) -> None:
        """Agree to a Just Works pairing that the peripheral has started.

        Raises:
            DBusError: the peripheral is not of this home.
        """
        self._require_allowed(device)

    @dbus_method("AuthorizeService")
    def authorize_service(self, device: DBusObjectPath, uuid: DBusStr) -> None:  # noqa: ARG002  # all or none
        """Let a bonded peripheral use a service of this machine.

        Raises:
            DBusError: the peripheral is not of this home.
        """
        self._require_allowed(device)

    @dbus_method("RequestPinCode")
    def request_pin_code(self, device: DBusObjectPath) -> DBusStr:
        """Refuse: there is no PIN to give.

        Raises:
            DBusError: always.
        """
        _reject(device, "pin_needed")

    @dbus_method("RequestPasskey")
    def request_passkey(self, device: DBusObjectPath) -> DBusUInt32:
        """Refuse: the passkey is on the peripheral's display, where no gateway can read it.

        Raises:
            DBusError: always.
        """
        _reject(device, "passkey_needed")

    @dbus_method("DisplayPinCode")
    def display_pin_code(self, device: DBusObjectPath, pin_code: DBusStr) -> None:  # noqa: ARG002  # no display
        """Refuse: there is no display.

        Raises:
            DBusError: always.
        """
        _reject(device, "display_needed")

    @dbus_method("DisplayPasskey")
    def display_passkey(
        self,
        device: DBusObjectPath,
        passkey: DBusUInt32,  # noqa: ARG002  # no display
        entered: DBusUInt16,  # noqa: ARG002
    ) -> None:
        """Refuse: there is no display.

        Raises:
            DBusError: always.
        """
        _reject(device, "display_needed")

    @dbus_method("Cancel")
    def cancel(self) -> None:
        """Take note that a question is void; every answer was given at once, so there is none to take back."""

    @dbus_method("Release")
    def release(self) -> None:
        """Take note that BlueZ has let this agent go."""
        self._on_release()

    def _require_allowed(self, device: str) -> None:
        if device_path.address(device) not in self._allowed:
            _reject(device, "not_of_this_home")
        log.info("pairing_accepted", extra={"peripheral_id": _short_name(device)})


def _reject(device: str, reason: str) -> NoReturn:
    log.warning("pairing_rejected", extra={"peripheral_id": _short_name(device), "reason": reason})
    raise DBusError(_REJECTED, "the gateway does not pair with this peripheral")


def _short_name(device: str) -> str:
    """Name a peripheral in a log the way a sighting does."""
    return (device_path.address(device) or "")[-5:]
