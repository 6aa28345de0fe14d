"""Answers bumble's questions about pairing: as the open pairing window says, and no to everything outside of one."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Final

from bumble.device import Connection
from bumble.pairing import PairingConfig, PairingDelegate

from firmware_profiles.device_profile import PairingMode
from gateway.pairing_window import PairingDesk, PairingRefused, Window

log = logging.getLogger(__name__)

# What the gateway says it has; for the reasons see gateway/bluez/pairing_agent.py.
_CAPABILITIES: Final = {
    PairingMode.NONE: PairingDelegate.NO_OUTPUT_NO_INPUT,
    PairingMode.JUST_WORKS: PairingDelegate.NO_OUTPUT_NO_INPUT,
    PairingMode.PASSKEY: PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
}


def configuration(desk: PairingDesk, connection: Connection) -> PairingConfig:
    """Return how to pair over a connection, with LE Secure Connections where the peripheral can."""
    address = str(connection.peer_address).partition("/")[0].upper()
    window = desk.window_for(address)
    mode = (window.mode if window else None) or PairingMode.NONE
    return PairingConfig(
        sc=True,
        mitm=mode is PairingMode.PASSKEY,
        bonding=True,
        delegate=_WindowDelegate(window, mode, address[-5:]),
    )


class _WindowDelegate(PairingDelegate):
    """Asks a window, if there is one."""

    def __init__(self, window: Window | None, mode: PairingMode, short_name: str) -> None:
        super().__init__(_CAPABILITIES[mode])
        self._window = window
        self._short_name = short_name

    async def accept(self) -> bool:
        """Agree to pair at all."""
        if self._window is None:
            self._log_rejected("no_window")
        return self._window is not None

    async def confirm(self, auto: bool = False) -> bool:  # noqa: ARG002  # bumble's signature
        """Agree to a pairing without a code."""
        with self._rejecting():
            self._needed().accept_without_code()
            return True
        return False

    async def compare_numbers(self, number: int, digits: int) -> bool:  # noqa: ARG002  # always six
        """Agree if the peripheral shows the same code."""
        with self._rejecting():
            await self._needed().confirm(number)
            return True
        return False

    async def get_number(self) -> int | None:
        """Return the code that the peripheral shows."""
        with self._rejecting():
            return await self._needed().passkey()
        return None

    async def display_number(self, number: int, digits: int) -> None:  # noqa: ARG002  # always six
        """Show a code that has to be typed on the peripheral."""
        with self._rejecting():
            await self._needed().show(number)

    def _needed(self) -> Window:
        if self._window is None:
            raise PairingRefused("no_window")
        return self._window

    @contextlib.contextmanager
    def _rejecting(self) -> Iterator[None]:
        try:
            yield
        except PairingRefused as error:
            self._log_rejected(error.reason)

    def _log_rejected(self, reason: str) -> None:
        log.warning("pairing_rejected", extra={"peripheral_id": self._short_name, "reason": reason})
