"""Ids that rise with the time of their making, so that an index over millions of them grows at one end.

Source: RFC 9562, May 2024, section 5.7 (UUID version 7) with the counter of section 6.2, method 1.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from typing import Final
from uuid import UUID

_COUNTER_BITS: Final = 12
_VERSION_7: Final = 7 << 76
_VARIANT: Final = 0b10 << 62
_RANDOM_MASK: Final = (1 << 62) - 1
_DRAWN: Final = struct.Struct("512Q")


class _Source:
    """Makes the ids of this process, one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0  # milliseconds since 1970 and, in the lowest bits, the counter
        self._drawn: list[int] = []

    def new(self) -> UUID:
        with self._lock:
            # The system's source is asked for many at once: each question lets another thread take the interpreter, and
            # getting it back takes far longer than the answer.
            if not self._drawn:
                self._drawn.extend(_DRAWN.unpack(os.urandom(_DRAWN.size)))
            random = self._drawn.pop() & _RANDOM_MASK
            self._last = max(self._last + 1, time.time_ns() // 1_000_000 << _COUNTER_BITS)
            ticks = self._last
        at_ms, counter = ticks >> _COUNTER_BITS, ticks & (1 << _COUNTER_BITS) - 1
        return UUID(int=at_ms << 80 | _VERSION_7 | counter << 64 | _VARIANT | random)


_SOURCE: Final = _Source()


def new() -> UUID:
    """Return an id that is higher than all that this process has made before, with 62 random bits.

    It tells when it was made, to the millisecond: fit for what is stored now, never for when something was measured.
    """
    return _SOURCE.new()
