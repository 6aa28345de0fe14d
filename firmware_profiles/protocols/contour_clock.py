"""The clock of Ascensia's Contour meters: set in UTC, with the home's offset beside it.

Records come over the standard's Glucose Service; only the clock is proprietary. It cannot be read. The meter confirms
with an indication; one that never comes does no harm, for the write itself is confirmed by the link.

Sources: xDrip (NightscoutFoundation/xDrip@c2a0ba1, BluetoothGlucoseMeter) and the example of weliem/blessed-android,
which agree on the eleven octets: operation 1, date and time in UTC, offset in minutes as a signed 16-bit number.
"""

from __future__ import annotations

import struct
from typing import Final

from firmware_profiles.conversation import (
    Conversation,
    HomeTime,
    Listen,
    Situation,
    Write,
    home_time,
    next_notification,
)
from firmware_profiles.gatt_time import DateTime

CLOCK: Final = "00001026-0002-11e2-9e96-0800200c9a66"
RECORDS: Final[tuple[str, ...]] = ()

_SET: Final = 1
_CONFIRMATION_TIMEOUT_S: Final = 2.0


def conversation(_: Situation) -> Conversation:
    """Set the meter's clock."""
    yield Listen(CLOCK)
    home = yield from home_time()
    yield Write(CLOCK, setting(home))
    yield from next_notification(_CONFIRMATION_TIMEOUT_S)


def setting(home: HomeTime) -> bytes:
    """Write the time as the meter takes it."""
    utc = home.utc.replace(tzinfo=None)
    offset_min = round((home.local - utc).total_seconds() / 60)
    return struct.pack("<B", _SET) + DateTime.of(utc).to_bytes() + struct.pack("<h", offset_min)
