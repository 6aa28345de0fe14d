"""A peripheral's wall clock, as the GATT standard writes it: read it, set it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import bleak
from bleak import exc

from firmware_profiles import errors as leaf_errors
from firmware_profiles import gatt_time, uuids
from firmware_profiles.device_profile import Clock, ClockFormat

# A Current Time server took what it could of the time written. Source: Current Time Service 1.1, section 3.1.2.1.
_DATA_FIELD_IGNORED: Final = 0x80
_FORMATS: Final[Mapping[ClockFormat, type[gatt_time.CurrentTime | gatt_time.DateTime]]] = {
    ClockFormat.CURRENT_TIME: gatt_time.CurrentTime,
    ClockFormat.DATE_TIME: gatt_time.DateTime,
}


def is_there(client: bleak.BleakClient, clock: Clock) -> bool:
    """Whether a connected peripheral has the clock that its profile says; without one it still has records to give."""
    return client.services.get_characteristic(uuids.full_uuid(clock.characteristic)) is not None


async def read(client: bleak.BleakClient, clock: Clock, timeout_s: float) -> datetime | None:
    """Return what the clock shows, naive, or None if it shows no time.

    Raises:
        BleakError: the link failed.
    """
    async with asyncio.timeout(timeout_s):
        raw = bytes(await client.read_gatt_char(uuids.full_uuid(clock.characteristic)))
    try:
        return _FORMATS[clock.format].from_bytes(raw).wall_clock()
    except leaf_errors.FrameError:
        return None


async def write(
    client: bleak.BleakClient, clock: Clock, home_time: datetime, timeout_s: float
) -> bool:
    """Set the clock to a naive wall-clock time; return whether the peripheral took all of it.

    Raises:
        BleakError: the link failed, or the peripheral refused.
    """
    content = _FORMATS[clock.format].of(home_time).to_bytes()
    try:
        async with asyncio.timeout(timeout_s):
            await client.write_gatt_char(
                uuids.full_uuid(clock.characteristic), content, response=True
            )
    except exc.BleakGATTProtocolError as error:
        if error.code != _DATA_FIELD_IGNORED:
            raise
        return False
    return True
