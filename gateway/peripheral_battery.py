"""A peripheral's battery level, as the GATT standard writes it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import bleak
from bleak import exc

from firmware_profiles import uuids

_MAX_PERCENT: Final = 100


async def read(client: bleak.BleakClient, timeout_s: float) -> int | None:
    """Return the level in per cent, or None if the peripheral does not tell one that can be.

    Raises:
        BleakError: the link failed.
    """
    with contextlib.suppress(exc.BleakGATTProtocolError, exc.BleakCharacteristicNotFoundError):
        async with asyncio.timeout(timeout_s):
            raw = await client.read_gatt_char(uuids.full_uuid(uuids.BATTERY_LEVEL))
        if len(raw) == 1 and raw[0] <= _MAX_PERCENT:
            return raw[0]
    return None
