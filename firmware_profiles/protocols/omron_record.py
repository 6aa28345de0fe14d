"""How Omron's cuffs of the EEPROM generation write records and clock into their memory, and where, by model.

A record begins with eight octets: two pressures, year and pulse, then two words with date, time and two flags. The
order of the octets differs between two families, the bits of the words do not. What follows nobody has explained, nor
the flags of the cuff's seat and position for sure: they stay in the stored bytes.

Sources: userx14/omblepy@708c13e (maps and records); eigger/hass-omron@d6758ed (both, and records of real cuffs in its
tests and reports); the clock's checksums also by a capture in report 57 of omblepy and logs in reports 92 and 193 of
hass-omron.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from firmware_profiles import blood_pressure, errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.pulse import HIGHEST_BPM, LOWEST_BPM
from firmware_profiles.readings import BloodPressureReading, Result

# A clock that nobody has set stands still here, on the HEM-7600T at least. Source: somble, a reader for it.
NEVER_SET: Final = datetime(2015, 1, 1)  # noqa: DTZ001  # the cuff's clock knows no zone

_NUMBERS_SIZE: Final = 8
_SYSTOLIC_BASE_MMHG: Final = 25
_CENTURY: Final = 2000
# The little-endian family has six bits for the year, and something else in the other two.
_LITTLE_YEAR: Final = 0x3F
# There it is no pressure either, but a place that was never written. Source: hass-omron.
_LITTLE_MOST_SYSTOLIC: Final = 0xE1
_MOVED, _IRREGULAR = 1 << 15, 1 << 14
# Some records say up to 63. Source: omblepy, which reads them so, too.
_LATEST_SECOND: Final = 59
_CUFF_FITS: Final = 1 << 12


class ByteOrder(Enum):
    """Which of a number's octets comes first, as `struct` writes it."""

    BIG = ">"
    LITTLE = "<"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the memory."""

    address: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie in the memory of a model, and how they are written.

    Attributes:
        byte_order: decides about the order of fields, too.
        rings: address of each user's first record, in the order of the users' numbers.
        ring_size: records of one user.
        record_size: octets.
        index: where the cuff notes which record it writes next, and how many are unread.
        clock: the wall clock with its checksum.
    """

    byte_order: ByteOrder
    rings: tuple[int, ...]
    ring_size: int
    record_size: int
    index: Span
    clock: Span

    def places(self) -> list[Span]:
        """Return every place for a record."""
        return [
            Span(first + place * self.record_size, self.record_size)
            for first in self.rings
            for place in range(self.ring_size)
        ]

    def user_of(self, address: int) -> int | None:
        """Return the number of the user whose record begins at an address, or None if none does."""
        for user, first in enumerate(self.rings, start=1):
            place, rest = divmod(address - first, self.record_size)
            if 0 <= place < self.ring_size and rest == 0:
                return user
        return None

    def clock_time(self, block: bytes) -> datetime | None:
        """Return what a clock's octets show, naive, or None if they are not a clock's."""
        size = self.clock.size
        if self.byte_order is ByteOrder.BIG:
            told, fields, checksum = block[:8], (3, 2, 5, 4, 7, 6), block[9:]
        else:
            told, fields, checksum = block[:14], (8, 9, 10, 11, 12, 13), block[14:15]
        if len(block) != size or checksum != bytes([sum(told) & 0xFF]):
            return None
        year, month, day, hour, minute, second = (block[field] for field in fields)
        try:
            return datetime(_CENTURY + year, month, day, hour, minute, second)  # noqa: DTZ001
        except ValueError:
            return None

    def clock_block(self, shown: datetime) -> bytes:
        """Write a clock's octets."""
        year, month, day = shown.year - _CENTURY, shown.month, shown.day
        hour, minute, second = shown.hour, shown.minute, shown.second
        if self.byte_order is ByteOrder.BIG:
            told = bytes([0, 0, month, year, hour, day, second, minute])
            return told + bytes([0, sum(told) & 0xFF])
        told = bytes([*bytes(8), year, month, day, hour, minute, second])
        return told + bytes([sum(told) & 0xFF, 0])

    def reading(self, record: bytes, user: int) -> BloodPressureReading:
        """Read a record of a user.

        Raises:
            FrameError: it has another size, or its numbers are no person's.
        """
        if len(record) != self.record_size:
            is_short = len(record) < self.record_size
            reason = FrameReason.SHORT_FRAME if is_short else FrameReason.TRAILING_BYTES
            raise errors.FrameError(reason, f"a record has {self.record_size} octets")
        *fields, date, time = struct.unpack_from(f"{self.byte_order.value}4B2H", record)
        if self.byte_order is ByteOrder.BIG:
            diastolic, systolic, year, pulse = fields
        else:
            systolic, diastolic, pulse, year = fields
            year &= _LITTLE_YEAR
        if self.byte_order is ByteOrder.LITTLE and systolic > _LITTLE_MOST_SYSTOLIC:
            raise errors.FrameError(FrameReason.RESERVED_VALUE, "the systolic pressure is none")
        systolic += _SYSTOLIC_BASE_MMHG
        blood_pressure.require_plausible(systolic, diastolic)
        has_pulse = LOWEST_BPM <= pulse <= HIGHEST_BPM
        told = (
            ("body_movement", date & _MOVED),
            ("irregular_pulse", date & _IRREGULAR),
            ("pulse_implausible", not has_pulse),
        )
        return BloodPressureReading(
            device_time=_device_time(year, date, time),
            user_slot=user,
            result=Result.MEASURED,
            systolic_mmhg=float(systolic),
            diastolic_mmhg=float(diastolic),
            mean_arterial_mmhg=None,
            pulse_bpm=float(pulse) if has_pulse else None,
            qualifiers=tuple(name for name, is_so in told if is_so),
        )

    def record(
        self,
        taken_at: datetime,
        systolic_mmhg: int,
        diastolic_mmhg: int,
        pulse_bpm: int,
        *,
        moved: bool = False,
        irregular: bool = False,
    ) -> bytes:
        """Write a record; `taken_at` is naive, by the cuff's clock."""
        systolic, year = systolic_mmhg - _SYSTOLIC_BASE_MMHG, taken_at.year - _CENTURY
        fields = (
            (diastolic_mmhg, systolic, year, pulse_bpm)
            if self.byte_order is ByteOrder.BIG
            else (systolic, diastolic_mmhg, pulse_bpm, year)
        )
        date = _MOVED * moved | _IRREGULAR * irregular | taken_at.month << 10 | taken_at.day << 5
        time = _CUFF_FITS | taken_at.minute << 6 | taken_at.second
        written = struct.pack(f"{self.byte_order.value}4B2H", *fields, date | taken_at.hour, time)
        return written.ljust(self.record_size, b"\0")


HEM_7322T: Final = Layout(
    ByteOrder.BIG, (0x02AC, 0x0824), 100, 14, index=Span(0x0260, 8), clock=Span(0x0274, 10)
)
HEM_7361T: Final = Layout(
    ByteOrder.LITTLE, (0x0098, 0x06D8), 100, 16, index=Span(0x0010, 16), clock=Span(0x003C, 16)
)
HEM_7155T: Final = Layout(
    ByteOrder.LITTLE, (0x0098, 0x0458), 60, 16, index=Span(0x0010, 16), clock=Span(0x003C, 16)
)


def is_blank(record: bytes) -> bool:
    """Whether a place was never written, or erased: nothing in it, or numbers all of one kind."""
    return set(record[:_NUMBERS_SIZE]) <= {0xFF} or set(record[1:_NUMBERS_SIZE]) <= {0x00}


def _device_time(year: int, date: int, time: int) -> datetime | None:
    month, day, hour = date >> 10 & 0x0F, date >> 5 & 0x1F, date & 0x1F
    minute, second = time >> 6 & 0x3F, min(time & 0x3F, _LATEST_SECOND)
    try:
        shown = datetime(_CENTURY + year, month, day, hour, minute, second)  # noqa: DTZ001
    except ValueError:
        return None
    return None if shown == NEVER_SET else shown
