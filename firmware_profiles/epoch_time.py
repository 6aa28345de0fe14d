"""Seconds since the beginning of 1900 or 2000, as the newer Bluetooth services count time; naive, without a zone.

Source: Bluetooth SIG GATT Specification Supplement, Enhanced Blood Pressure Measurement; Device Time Service 1.0.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_SINCE_1900: Final = datetime(1900, 1, 1)  # noqa: DTZ001 - a peripheral's clock has no zone
_SINCE_2000: Final = datetime(2000, 1, 1)  # noqa: DTZ001
HIGHEST_S: Final = 0xFFFF_FFFF


def wall_clock(seconds: int, *, is_since_2000: bool) -> datetime:
    """Return the time that a count of seconds (0 to HIGHEST_S) stands for."""
    return (_SINCE_2000 if is_since_2000 else _SINCE_1900) + timedelta(seconds=seconds)


def seconds(wall_clock: datetime, *, is_since_2000: bool) -> int:
    """Return the count of a naive time, fractions cut off.

    Raises:
        ValueError: the time is aware, or no such count reaches it.
    """
    if wall_clock.tzinfo is not None:
        raise ValueError("a peripheral's clock has no zone: pass the wall-clock time of its home")
    count = (wall_clock - (_SINCE_2000 if is_since_2000 else _SINCE_1900)) // timedelta(seconds=1)
    if not 0 <= count <= HIGHEST_S:
        raise ValueError("the epoch does not reach that time")
    return count
