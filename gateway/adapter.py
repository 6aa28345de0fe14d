"""The Bluetooth adapter as the rest of the gateway sees it: a source of bleak scanners and clients.

Which host stack is behind it is decided here, through bleak's own ``backend=`` argument, and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import bleak
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from gateway import settings as gateway_settings

OnAdvertisement = Callable[[BLEDevice, AdvertisementData], None]
OnDisconnected = Callable[[], None]


class Adapter:
    """One radio, open: bleak with the arguments that lead its scanners and clients to that radio."""

    def __init__(
        self,
        *,
        scanner_arguments: dict[str, Any],
        client_arguments: dict[str, Any],
        lost: asyncio.Future[None],
    ) -> None:
        self._scanner_arguments = scanner_arguments
        self._client_arguments = client_arguments
        self._lost = lost

    def scanner(self, on_advertisement: OnAdvertisement) -> bleak.BleakScanner:
        """Return a scanner, not started, that reports every advertisement."""
        return bleak.BleakScanner(on_advertisement, **self._scanner_arguments)

    def client(
        self, device: BLEDevice, on_disconnected: OnDisconnected, *, pair: bool, timeout_s: float
    ) -> bleak.BleakClient:
        """Return a client, not connected; `pair` bonds while connecting if there is no bond yet."""
        return bleak.BleakClient(
            device,
            disconnected_callback=lambda _: on_disconnected(),
            pair=pair,
            timeout=timeout_s,
            **self._client_arguments,
        )

    async def wait_lost(self) -> None:
        """Return when the radio is gone and must be opened anew."""
        await asyncio.shield(self._lost)


@contextlib.asynccontextmanager
async def opened(settings: gateway_settings.GatewaySettings) -> AsyncIterator[Adapter]:
    """Open the adapter that the settings name and close it afterwards.

    Raises:
        AdapterError: there is no such adapter, or it does not answer.
    """
    if settings.adapter == gateway_settings.BUMBLE:
        from gateway.bumble_backend import BumbleClient, BumbleScanner, radio

        async with radio.opened(settings.hci_transport, settings.state_folder) as open_radio:
            yield Adapter(
                scanner_arguments={"backend": BumbleScanner, "radio": open_radio},
                client_arguments={"backend": BumbleClient, "radio": open_radio},
                lost=open_radio.lost,
            )
        return
    bluez = {"adapter": settings.platform_adapter} if settings.platform_adapter else {}
    async with _platform_companion(settings) as lost:
        yield Adapter(
            scanner_arguments={"bluez": bluez}, client_arguments={"bluez": bluez}, lost=lost
        )


@contextlib.asynccontextmanager
async def _platform_companion(
    settings: gateway_settings.GatewaySettings,
) -> AsyncIterator[asyncio.Future[None]]:
    """Give the operating system what it needs besides bleak; yield a future that is done when its radio is gone."""
    if sys.platform == "linux":
        from gateway.bluez import companion

        async with companion.opened(settings.peripherals) as lost:
            yield lost
    else:
        # Other systems ask the person at the screen, and bleak hears when they switch Bluetooth off.
        yield asyncio.get_running_loop().create_future()
