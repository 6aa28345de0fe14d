"""Date Time (2a08) and Current Time (2a2b): a peripheral's wall clock, without a zone.

The parts are kept as sent. A peripheral with an unset clock sends zeros or nonsense, and its record
must survive that: such a time simply has no `wall_clock`.

Source: Bluetooth SIG GATT Specification Supplement, Date Time, Day Date Time, Exact Time 256,
Current Time.
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from enum import IntFlag
from typing import Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason

_DATE_TIME: Final = struct.Struct("<HBBBBB")
_CURRENT_TIME_TAIL: Final = struct.Struct("<BBB")
DATE_TIME_SIZE: Final = _DATE_TIME.size  # 7
CURRENT_TIME_SIZE: Final = DATE_TIME_SIZE + _CURRENT_TIME_TAIL.size  # 10

_FIRST_YEAR: Final = 1582  # the Gregorian calendar begins
_FRACTIONS_PER_SECOND: Final = 256


class AdjustReason(IntFlag):
    """Why a clock was last changed; bits 4 to 7 are reserved."""

    MANUAL = 1 << 0
    EXTERNAL_REFERENCE = 1 << 1  # a host has set it
    TIME_ZONE = 1 << 2
    SUMMER_TIME = 1 << 3


@dataclass(frozen=True, slots=True)
class DateTime:
    """Seven bytes of wall clock; year, month or day 0 means unknown."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int

    @classmethod
    def of(cls, wall_clock: datetime) -> DateTime:
        """Write a naive wall-clock time; fractions of a second are cut off.

        Raises:
            ValueError: the time is aware: convert it to the peripheral's zone first.
        """
        _require_naive(wall_clock)
        return cls(*wall_clock.timetuple()[:6])

    @classmethod
    def from_bytes(cls, raw: bytes) -> DateTime:
        """Take seven bytes apart, whatever they say.

        Raises:
            FrameError: not seven bytes.
        """
        _require_size(raw, DATE_TIME_SIZE, "a Date Time")
        return cls(*_DATE_TIME.unpack(raw))

    def to_bytes(self) -> bytes:
        """Write the parts as seven bytes."""
        return _DATE_TIME.pack(*astuple(self))

    def wall_clock(self) -> datetime | None:
        """Return the naive time, or None if a part is unknown or the date does not exist."""
        return wall_clock(self.year, self.month, self.day, self.hour, self.minute, self.second)


UNKNOWN: Final = DateTime(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """Ten bytes of wall clock.

    Attributes:
        date_time: to the second.
        day_of_week: 1 Monday to 7 Sunday, 0 unknown. Where it disagrees with the date, the date
            counts.
        fractions256: 256ths of a second.
        adjust_reason: an AdjustReason, maybe with reserved bits, as a number.
    """

    date_time: DateTime
    day_of_week: int
    fractions256: int
    adjust_reason: int

    @classmethod
    def of(cls, wall_clock: datetime, *, adjust_reason: int = 0) -> CurrentTime:
        """Write a naive wall-clock time, cut off to a 256th of a second.

        Raises:
            ValueError: the time is aware: convert it to the peripheral's zone first.
        """
        return cls(
            date_time=DateTime.of(wall_clock),
            day_of_week=wall_clock.isoweekday(),
            fractions256=wall_clock.microsecond * _FRACTIONS_PER_SECOND // 1_000_000,
            adjust_reason=adjust_reason,
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> CurrentTime:
        """Take ten bytes apart, whatever they say.

        Raises:
            FrameError: not ten bytes.
        """
        _require_size(raw, CURRENT_TIME_SIZE, "a Current Time")
        return cls(
            DateTime.from_bytes(raw[:DATE_TIME_SIZE]),
            *_CURRENT_TIME_TAIL.unpack(raw[DATE_TIME_SIZE:]),
        )

    def to_bytes(self) -> bytes:
        """Write the parts as ten bytes."""
        tail = _CURRENT_TIME_TAIL.pack(self.day_of_week, self.fractions256, self.adjust_reason)
        return self.date_time.to_bytes() + tail

    def wall_clock(self) -> datetime | None:
        """Return the naive time, or None if a part is unknown or the date does not exist."""
        whole = self.date_time.wall_clock()
        if whole is None:
            return None
        return whole + timedelta(
            microseconds=self.fractions256 * 1_000_000 // _FRACTIONS_PER_SECOND
        )


def wall_clock(
    year: int, month: int, day: int, hour: int, minute: int, second: int
) -> datetime | None:
    """Return the naive time, or None if a part is unknown or the date does not exist."""
    if year < _FIRST_YEAR:
        return None
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a peripheral's clock has no zone
    except ValueError:
        return None


def _require_naive(wall_clock: datetime) -> None:
    if wall_clock.tzinfo is not None:
        raise ValueError("a peripheral's clock has no zone: pass the wall-clock time of its home")


def _require_size(raw: bytes, size: int, what: str) -> None:
    if len(raw) != size:
        reason = FrameReason.SHORT_FRAME if len(raw) < size else FrameReason.TRAILING_BYTES
        raise errors.FrameError(reason, f"{what} has {size} bytes, not {len(raw)}")
