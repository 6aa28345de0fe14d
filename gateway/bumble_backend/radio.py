"""One controller, opened through a bumble transport, with this gateway's Bluetooth identity and its bonds."""

from __future__ import annotations

import asyncio
import contextlib
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
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportInitError, TransportSpecError

from gateway import durable_file, errors
from gateway.bumble_backend.bonds import PrivateKeyStore
from gateway.bumble_backend.failures import as_bleak_errors

# A controller answers a reset within milliseconds; a wrong device on a serial line never does.
_START_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Radio:
    """An open controller.

    Attributes:
        device: bumble's host side of it.
        lost: done when the controller has gone away.
    """

    device: Device
    lost: asyncio.Future[None]


@contextlib.asynccontextmanager
async def opened(transport_name: str, state_folder: Path) -> AsyncIterator[Radio]:
    """Open the controller and switch it on; hang up and close it afterwards.

    Args:
        transport_name: bumble's name of the transport, for example ``usb:0`` or ``tcp-client:127.0.0.1:9001``.
        state_folder: where identity and bonds live.

    Raises:
        AdapterError: the transport cannot be opened, or no controller answers on it.
    """
    # Its warnings quote packets, and packets hold measurements.
    logging.getLogger("bumble").setLevel(logging.ERROR)
    try:
        hci_transport = await open_transport(transport_name)
    except (OSError, TransportInitError, TransportSpecError, ImportError) as error:
        raise errors.AdapterError(
            f"cannot open the Bluetooth controller {transport_name}; check hci_transport and that it is there"
        ) from error
    try:
        device = _host(hci_transport, state_folder)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                with as_bleak_errors():
                    await device.power_on()
        except (exc.BleakError, TimeoutError) as error:
            raise errors.AdapterError(
                f"no Bluetooth controller answers on {transport_name}"
            ) from error
        yield Radio(device, hci_transport.source.terminated)
    finally:
        await hci_transport.close()


def _host(hci_transport: Transport, state_folder: Path) -> Device:
    identity = _identity(state_folder)
    configuration = DeviceConfiguration(
        name="Homevitals gateway",
        address=hci.Address(identity["address"]),
        irk=bytes.fromhex(identity["irk"]),
    )
    device = Device.from_config_with_hci(configuration, hci_transport.source, hci_transport.sink)
    device.keystore = PrivateKeyStore(identity["address"], state_folder / "bonds.json")
    # No display and no keys: Just Works, with LE Secure Connections where the peripheral can.
    device.pairing_config_factory = lambda _connection: PairingConfig(
        sc=True,
        mitm=False,
        bonding=True,
        delegate=PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT),
    )
    return device


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
