"""The Bluetooth adapter as the rest of the gateway sees it: a source of bleak scanners and clients.

Which host stack is behind it is decided here, through bleak's own ``backend=`` argument, and nowhere else. So is who
may be connected: peripherals with a bond, those that need none, and the one for which a pairing window is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

import bleak
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from firmware_profiles.device_profile import PairingMode
from gateway import errors
from gateway import settings as gateway_settings
from gateway.errors import SessionReason
from gateway.pairing_window import PairingDesk
from gateway.sighting import Sighting

# BlueZ waits so long for an agent's answer. Source: BlueZ 5.66, src/agent.c, REQUEST_TIMEOUT.
_PAIRING_TIMEOUT_S: Final = 60.0

# Without a filter of loudness, BlueZ tells of a peripheral that it knows only when that is louder or softer by 8 dB
# than before, as long as a scan lasts: a bonded cuff that lies where it lay yesterday would not be noticed. This one
# lets everything through. Source: BlueZ 5.87, src/adapter.c, discovery_filter_has_proximity; src/device.c,
# device_set_rssi.
_EVERY_ADVERTISEMENT: Final = MappingProxyType({"RSSI": -127})

OnAdvertisement = Callable[[BLEDevice, AdvertisementData], None]
OnDisconnected = Callable[[], None]


class HostStack(Protocol):
    """Who keeps the bonds of an adapter and asks about new ones."""

    def is_bonded(self, address: str) -> bool:
        """Whether there is a key of a peripheral."""
        ...

    async def prepare_pairing(self, mode: PairingMode) -> None:
        """Get ready for a pairing of this kind.

        Raises:
            AdapterError: it cannot.
        """
        ...

    async def expect(self, address: str) -> None:
        """Get ready for what a bonded peripheral sends unasked."""
        ...

    def was_key_refused(self, address: str) -> bool:
        """Whether a peripheral has ended the last link because it does not have our key, as far as that is told."""
        ...


class SystemDialogue:
    """The host stack of a system that asks the person at its own screen, and that keeps its bonds to itself."""

    def is_bonded(self, _address: str) -> bool:
        """Say yes: the system knows."""
        return True

    async def prepare_pairing(self, _mode: PairingMode) -> None:
        """Do nothing: the system asks."""

    async def expect(self, _address: str) -> None:
        """Do nothing: nothing is known of other systems that could be done."""

    def was_key_refused(self, _address: str) -> bool:
        """Say no: the system tells nobody."""
        return False


@dataclass(frozen=True, slots=True)
class Unasked:
    """What becomes of frames that peripherals send before a session has asked, where the host stack confirms them.

    Attributes:
        is_wanted: whether a characteristic (short UUID) of a peripheral is listened to at all times.
        keep: stores such a frame: address, characteristic, content.
    """

    is_wanted: Callable[[str, str], bool]
    keep: Callable[[str, str, bytes], None]


NOTHING_UNASKED: Final = Unasked(lambda _address, _uuid: False, lambda _address, _uuid, _raw: None)


class Adapter:
    """One radio, open: bleak with the arguments that lead its scanners and clients to that radio."""

    def __init__(
        self,
        *,
        scanner_arguments: dict[str, Any],
        client_arguments: dict[str, Any],
        lost: asyncio.Future[None],
        host_stack: HostStack,
        desk: PairingDesk,
    ) -> None:
        self._scanner_arguments = scanner_arguments
        self._client_arguments = client_arguments
        self._lost = lost
        self._host_stack = host_stack
        self._desk = desk

    def is_bonded(self, address: str) -> bool:
        """Whether this radio has a key of a peripheral."""
        return self._host_stack.is_bonded(address)

    def was_key_refused(self, address: str) -> bool:
        """Whether a peripheral has ended the last link because it does not have our key, as far as that is told."""
        return self._host_stack.was_key_refused(address)

    def may_connect(self, sighting: Sighting) -> bool:
        """Whether a peripheral may be connected: it has a bond, needs none, or is to get one now."""
        return (
            sighting.profile.pairing.mode is PairingMode.NONE
            or self._desk.window_for(sighting.address) is not None
            or self.is_bonded(sighting.address)
        )

    async def prepare(self, sighting: Sighting) -> None:
        """Do what can be done before connecting, so that it takes none of the peripheral's time.

        Raises:
            AdapterError: the host stack cannot pair.
        """
        window = self._desk.window_for(sighting.address)
        if window is not None:
            is_new = not self.is_bonded(sighting.address)
            await window.note_found(sighting.profile, sighting.seen.name, is_new=is_new)
            await self._host_stack.prepare_pairing(sighting.profile.pairing.mode)

    async def expect(self, address: str) -> None:
        """Be ready for what a bonded peripheral sends unasked. To be called before it is connected."""
        await self._host_stack.expect(address)

    def require_proof(self, sighting: Sighting) -> None:
        """Refuse to go on when a bond was just made without the code that the peripheral's model has.

        Raises:
            SessionError: PAIRING_REFUSED, for somebody may sit in between.
        """
        window = self._desk.window_for(sighting.address)
        if (
            window is not None
            and window.is_new
            and window.mode is PairingMode.PASSKEY
            and not window.is_authenticated
        ):
            raise errors.SessionError(
                SessionReason.PAIRING_REFUSED, "they paired without comparing a code"
            )

    def scanner(self, on_advertisement: OnAdvertisement) -> bleak.BleakScanner:
        """Return a scanner, not started, that reports every advertisement."""
        return bleak.BleakScanner(on_advertisement, **self._scanner_arguments)

    def client(
        self, device: BLEDevice, on_disconnected: OnDisconnected, *, pair: bool, timeout_s: float
    ) -> bleak.BleakClient:
        """Return a client, not connected.

        Args:
            device: Whom to connect, as a scanner has found it.
            on_disconnected: Called when the link has ended.
            pair: Whether to bond while connecting if there is no bond yet. Done only in a pairing window.
            timeout_s: How long connecting may take; in a pairing window longer, for a person may have to type.
        """
        is_open = self._desk.window_for(device.address.upper()) is not None
        return bleak.BleakClient(
            device,
            disconnected_callback=lambda _: on_disconnected(),
            pair=pair and is_open,
            timeout=max(timeout_s, _PAIRING_TIMEOUT_S) if is_open else timeout_s,
            **self._client_arguments,
        )

    async def wait_lost(self) -> None:
        """Return when the radio is gone and must be opened anew."""
        await asyncio.shield(self._lost)


@contextlib.asynccontextmanager
async def opened(
    settings: gateway_settings.GatewaySettings,
    desk: PairingDesk,
    unasked: Unasked = NOTHING_UNASKED,
    *,
    platform_adapter: str = "",
    power_cycle: bool = False,
) -> AsyncIterator[Adapter]:
    """Open an adapter and close it afterwards.

    Args:
        settings: Which host stack, and for bumble which controller.
        desk: Where pairing windows are opened.
        unasked: What becomes of frames that nobody has asked for yet.
        platform_adapter: Which of the system's, for example hci1; empty for the first one.
        power_cycle: Whether to switch it off and on first, because it hangs.

    Raises:
        AdapterError: there is no such adapter, or it does not answer.
    """
    if settings.adapter == gateway_settings.BUMBLE:
        from gateway.bumble_backend import BumbleClient, BumbleScanner, radio

        # Opening it resets the controller. What comes unasked waits unconfirmed in the client.
        async with radio.opened(settings.hci_transport, settings.state_folder, desk) as open_radio:
            yield Adapter(
                scanner_arguments={"backend": BumbleScanner, "radio": open_radio},
                client_arguments={"backend": BumbleClient, "radio": open_radio},
                lost=open_radio.lost,
                host_stack=open_radio,
                desk=desk,
            )
    elif sys.platform == "linux":
        from gateway.bluez import companion
        from gateway.bluez.capturing_client import CapturingClient

        async with companion.opened(
            platform_adapter, desk, unasked.is_wanted, unasked.keep, power_cycle=power_cycle
        ) as bluez:
            chosen = {"adapter": bluez.adapter.rpartition("/")[2]}
            yield Adapter(
                scanner_arguments={"bluez": chosen | {"filters": _EVERY_ADVERTISEMENT}},
                client_arguments={
                    "bluez": chosen,
                    "backend": CapturingClient,
                    "companion": bluez,
                },
                lost=bluez.lost,
                host_stack=bluez,
                desk=desk,
            )
    else:
        # bleak hears when somebody switches Bluetooth off.
        never = asyncio.get_running_loop().create_future()
        yield Adapter(
            scanner_arguments={},
            client_arguments={},
            lost=never,
            host_stack=SystemDialogue(),
            desk=desk,
        )
