"""Local Time Information (2a0f): how a peripheral's clock stands to UTC, as far as it knows.

Source: Bluetooth SIG GATT Specification Supplement, Local Time Information, Time Zone, DST Offset.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from firmware_profiles.frame_reader import FrameReader

UNKNOWN_ZONE: Final = -128
UNKNOWN_DST: Final = 255

_LOWEST_QUARTERS, _HIGHEST_QUARTERS = -48, 56
_QUARTER: Final = timedelta(minutes=15)
# By their codes; other ones are reserved.
_DST: Final = {
    0: timedelta(0),
    2: timedelta(minutes=30),
    4: timedelta(hours=1),
    8: timedelta(hours=2),
}


@dataclass(frozen=True, slots=True)
class LocalTimeInformation:
    """Zone and summer time, as sent.

    Attributes:
        zone_quarters: standard time minus UTC, in steps of 15 minutes, -48 to 56; UNKNOWN_ZONE, or reserved.
        dst_code: 0, 2, 4 or 8 quarters of an hour of summer time; UNKNOWN_DST, or reserved.
    """

    zone_quarters: int
    dst_code: int

    @classmethod
    def from_bytes(cls, raw: bytes) -> LocalTimeInformation:
        """Take two bytes apart, whatever they say.

        Raises:
            FrameError: not two bytes.
        """
        reader = FrameReader(raw)
        found = cls(reader.s8(), reader.u8())
        reader.finish()
        return found

    def to_bytes(self) -> bytes:
        """Write the parts as two bytes."""
        return struct.pack("<bB", self.zone_quarters, self.dst_code)

    def offset(self) -> timedelta | None:
        """Return local time minus UTC, or None if one of both is unknown or reserved: half an answer is none."""
        return offset(self.zone_quarters, self.dst_code)


def offset(zone_quarters: int, dst_code: int) -> timedelta | None:
    """Return local time minus UTC of a zone and a summer time, as `LocalTimeInformation` has them."""
    if not _LOWEST_QUARTERS <= zone_quarters <= _HIGHEST_QUARTERS or dst_code not in _DST:
        return None
    return zone_quarters * _QUARTER + _DST[dst_code]
