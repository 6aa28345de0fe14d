"""Which profile leads a session, once the peripheral is connected and shows what it is."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import bleak
from bleak import exc

from firmware_profiles import device_information, models, uuids
from firmware_profiles.device_profile import DeviceProfile
from firmware_profiles.matching import Found, Seen

log = logging.getLogger(__name__)

_STRINGS: Final = {
    "manufacturer": uuids.MANUFACTURER_NAME,
    "model": uuids.MODEL_NUMBER,
    "firmware": uuids.FIRMWARE_REVISION,
    "hardware": uuids.HARDWARE_REVISION,
}


async def confirmed(
    client: bleak.BleakClient, seen: Seen, timeout_s: float
) -> DeviceProfile | None:
    """Return the most specific profile that fits a connected peripheral, or None if none does.

    Its Device Information is read only if some profile asks for it: a peripheral in a hurry must not be kept.

    Raises:
        BleakError: the link failed.
    """
    registry = models.known()
    services = frozenset(uuids.short_uuid(service.uuid) for service in client.services)
    strings: dict[str, str | None] = {}
    if registry.asks_for_strings(seen):
        async with asyncio.timeout(timeout_s):
            for name, characteristic in _STRINGS.items():
                strings[name] = await _string(client, characteristic)
    return registry.rematch(seen, Found(services=services, **strings))


async def _string(client: bleak.BleakClient, characteristic: str) -> str | None:
    """Read a Device Information string."""
    if client.services.get_characteristic(uuids.full_uuid(characteristic)) is None:
        return None
    try:
        raw = bytes(await client.read_gatt_char(uuids.full_uuid(characteristic)))
    except exc.BleakGATTProtocolError:
        return None  # some meters have the characteristic and refuse to tell
    return device_information.text(raw)
