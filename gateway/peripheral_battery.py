"""A peripheral's battery level, as the GATT standard writes it."""

from __future__ import annotations

import asyncio
import contextlib

import bleak
from bleak import exc

from firmware_profiles import device_information, uuids
from firmware_profiles import errors as leaf_errors


async def read(client: bleak.BleakClient, timeout_s: float) -> int | None:
    """Return the level in per cent, or None if the peripheral does not tell one that can be.

    Raises:
        BleakError: the link failed.
    """
    with contextlib.suppress(
        exc.BleakGATTProtocolError, exc.BleakCharacteristicNotFoundError, leaf_errors.FrameError
    ):
        async with asyncio.timeout(timeout_s):
            raw = await client.read_gatt_char(uuids.full_uuid(uuids.BATTERY_LEVEL))
        return device_information.battery_percent(bytes(raw))
    return None
