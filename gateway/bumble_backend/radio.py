"""One controller, opened through a bumble transport, with this gateway's Bluetooth identity and its bonds."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bleak import exc
from bumble import hci
from bumble.device import Device, DeviceConfiguration
from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportInitError, TransportSpecError

from firmware_profiles.device_profile import PairingMode
from gateway import durable_file, errors
from gateway.bumble_backend import pairing
from gateway.bumble_backend.bonds import PrivateKeyStore
from gateway.bumble_backend.failures import as_bleak_errors
from gateway.errors import AdapterReason
from gateway.pairing_window import PairingDesk

# A controller answers a reset within milliseconds; a wrong device on a serial line never does.
_START_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Radio:
    """An open controller.

    Attributes:
        device: bumble's host side of it.
        lost: done when the controller has gone away.
        bonds: keys of peripherals.
    """

    device: Device
    lost: asyncio.Future[None]
    bonds: PrivateKeyStore

    def is_bonded(self, address: str) -> bool:
        """Whether there is a key of a peripheral."""
        return self.bonds.has(address)

    async def prepare_pairing(self, _mode: PairingMode) -> None:
        """Do nothing: bumble asks for the way of pairing when it pairs."""

    async def expect(self, _address: str) -> None:
        """Do nothing: what comes unasked waits unconfirmed."""

    def was_key_refused(self, _address: str) -> bool:
        """Say no: bumble's client has said so itself."""
        return False


@contextlib.asynccontextmanager
async def opened(
    transport_name: str, state_folder: Path, desk: PairingDesk
) -> AsyncIterator[Radio]:
    """Open the controller and switch it on; hang up and close it afterwards.

    Args:
        transport_name: bumble's name of the transport, for example ``usb:0`` or ``tcp-client:127.0.0.1:9001``.
        state_folder: where identity and bonds live.
        desk: where pairing windows are opened.

    Raises:
        AdapterError: the transport cannot be opened, or no controller answers on it.
    """
    # Its warnings quote packets, and packets hold measurements.
    logging.getLogger("bumble").setLevel(logging.ERROR)
    try:
        hci_transport = await open_transport(transport_name)
    except (OSError, TransportInitError, TransportSpecError, ImportError) as error:
        raise errors.AdapterError(
            AdapterReason.ABSENT,
            f"cannot open the Bluetooth controller {transport_name}; check hci_transport and that it is there",
        ) from error
    try:
        device, bonds = _host(hci_transport, state_folder, desk)
        await bonds.look()
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                with as_bleak_errors():
                    await device.power_on()
        except (exc.BleakError, TimeoutError) as error:
            raise errors.AdapterError(
                AdapterReason.SILENT, f"no Bluetooth controller answers on {transport_name}"
            ) from error
        yield Radio(device, hci_transport.source.terminated, bonds)
    finally:
        await hci_transport.close()


def _host(
    hci_transport: Transport, state_folder: Path, desk: PairingDesk
) -> tuple[Device, PrivateKeyStore]:
    identity = _identity(state_folder)
    configuration = DeviceConfiguration(
        name="Homevitals gateway",
        address=hci.Address(identity["address"]),
        irk=bytes.fromhex(identity["irk"]),
    )
    device = Device.from_config_with_hci(configuration, hci_transport.source, hci_transport.sink)
    bonds = PrivateKeyStore(identity["address"], state_folder / "bonds.json")
    device.keystore = bonds
    device.pairing_config_factory = functools.partial(pairing.configuration, desk)
    return device, bonds


def _identity(state_folder: Path) -> dict[str, str]:
    """Load this gateway's Bluetooth address and identity key; peripherals know their host by them."""
    path = state_folder / "bluetooth-identity.json"
    if not path.exists():
        identity = {
            "address": str(hci.Address.generate_static_address()),
            "irk": secrets.token_hex(16),
        }
        durable_file.replace(path, json.dumps(identity).encode())
    loaded: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return loaded
