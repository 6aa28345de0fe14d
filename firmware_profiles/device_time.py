"""Device Time (2b90): the clock of a peripheral with the Device Time Service.

Which of its optional fields a peripheral sends is said by its Device Time Feature (2b8e), not by the value: the reader
has to be told. No cuff that uses it was found.

Source: Bluetooth SIG Device Time Service 1.0, tables 3.6 and 3.7, through bluetooth-sig 0.6.0 alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Final

from firmware_profiles import epoch_time, local_time
from firmware_profiles.frame_reader import FrameReader

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class Status(IntFlag):
    """What the peripheral says of its clock; bits 7 to 15 are reserved."""

    TIME_FAULT = 1 << 0
    UTC_ALIGNED = 1 << 1
    QUALIFIED_LOCAL_TIME = 1 << 2
    PROPOSES_UPDATE = 1 << 3
    EPOCH_2000 = 1 << 4
    NON_LOGGED_CHANGE = 1 << 5
    LOG_CONSOLIDATION = 1 << 6


class Optional(IntFlag):
    """Fields that a peripheral may send behind the others, in this order."""

    USER_TIME = 1 << 0
    DRIFT = 1 << 1
    SEQUENCE_NUMBER = 1 << 2
    FRACTIONS = 1 << 3


NONE: Final = Optional(0)


@dataclass(frozen=True, slots=True)
class DeviceTime:
    """The fields as sent; None for one that the peripheral does not send.

    Attributes:
        base_time_s: seconds since the epoch; nobody changes it.
        zone_quarters: as in Local Time Information.
        dst_code: as in Local Time Information.
        status: may hold reserved bits.
        user_time_s: what the user sees, seconds since the epoch.
        drift_s: accumulated drift of the clock, 0 to 65535.
        next_sequence_number: of its log of changes.
        fractions65536: 65536ths of a second of the base time.
    """

    base_time_s: int
    zone_quarters: int
    dst_code: int
    status: Status
    user_time_s: int | None = None
    drift_s: int | None = None
    next_sequence_number: int | None = None
    fractions65536: int | None = None

    @classmethod
    def from_bytes(cls, raw: bytes, sent: Optional = NONE) -> DeviceTime:
        """Take a value apart.

        Args:
            raw: the value, without a checksum.
            sent: the optional fields that the peripheral sends.

        Raises:
            FrameError: the value is empty, too short for its fields, or too long.
        """
        reader = FrameReader(raw)
        found = cls(
            base_time_s=reader.u32(),
            zone_quarters=reader.s8(),
            dst_code=reader.u8(),
            status=Status(reader.u16()),
            user_time_s=reader.u32() if Optional.USER_TIME in sent else None,
            drift_s=reader.u16() if Optional.DRIFT in sent else None,
            next_sequence_number=reader.u16() if Optional.SEQUENCE_NUMBER in sent else None,
            fractions65536=reader.u16() if Optional.FRACTIONS in sent else None,
        )
        reader.finish()
        return found

    def to_bytes(self) -> bytes:
        """Put the value together."""
        head = struct.pack(
            "<IbBH", self.base_time_s, self.zone_quarters, self.dst_code, self.status
        )
        if self.user_time_s is not None:
            head += struct.pack("<I", self.user_time_s)
        optional = (self.drift_s, self.next_sequence_number, self.fractions65536)
        return head + b"".join(struct.pack("<H", one) for one in optional if one is not None)

    def wall_clock(self) -> datetime | None:
        """Return what the user sees, naive: the user's time, or the base time in its zone; None if that is not known.

        A clock that says itself that it is wrong, as after a change of batteries, tells no time.
        """
        if Status.TIME_FAULT in self.status:
            return None
        is_since_2000 = Status.EPOCH_2000 in self.status
        if self.user_time_s is not None:
            return epoch_time.wall_clock(self.user_time_s, is_since_2000=is_since_2000)
        if Status.UTC_ALIGNED not in self.status:
            return epoch_time.wall_clock(self.base_time_s, is_since_2000=is_since_2000)
        offset = self.offset()
        if offset is None:
            return None
        return epoch_time.wall_clock(self.base_time_s, is_since_2000=is_since_2000) + offset

    def offset(self) -> timedelta | None:
        """Return local time minus UTC, or None if zone or summer time is unknown."""
        return local_time.offset(self.zone_quarters, self.dst_code)
