"""Take a frame apart from front to back, and hold it to its exact length."""

from __future__ import annotations

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.gatt_time import DATE_TIME_SIZE, DateTime
from firmware_profiles.medfloat32 import Medfloat32
from firmware_profiles.sfloat import Sfloat, of_word


class FrameReader:
    """A position in a frame. Every method takes what it names (little-endian) and moves on.

    A field that the frame is too short for raises FrameError `short_frame`: bytes are never made
    up.
    """

    def __init__(self, raw: bytes) -> None:
        if not raw:
            raise errors.FrameError(FrameReason.EMPTY_FRAME, "the frame is empty")
        self._raw = raw
        self._position = 0

    def u8(self) -> int:
        """Take one byte."""
        return self._take(1)[0]

    def u16(self) -> int:
        """Take an unsigned 16-bit number."""
        return int.from_bytes(self._take(2), "little")

    def s16(self) -> int:
        """Take a signed 16-bit number."""
        return int.from_bytes(self._take(2), "little", signed=True)

    def u24(self) -> int:
        """Take an unsigned 24-bit number."""
        return int.from_bytes(self._take(3), "little")

    def u32(self) -> int:
        """Take an unsigned 32-bit number."""
        return int.from_bytes(self._take(4), "little")

    def s8(self) -> int:
        """Take a signed byte."""
        return int.from_bytes(self._take(1), "little", signed=True)

    def sfloat(self) -> Sfloat:
        """Take an SFLOAT."""
        return of_word(self.u16())

    def medfloat32(self) -> Medfloat32:
        """Take a FLOAT."""
        return Medfloat32.from_bytes(self._take(4))

    def date_time(self) -> DateTime:
        """Take a Date Time."""
        return DateTime.from_bytes(self._take(DATE_TIME_SIZE))

    def rest(self) -> bytes:
        """Take all that is left, which may be nothing."""
        return self._take(len(self._raw) - self._position)

    @property
    def is_at_end(self) -> bool:
        """Tell whether all was taken."""
        return self._position == len(self._raw)

    def finish(self) -> None:
        """Make sure that nothing is left.

        Raises:
            FrameError: `trailing_bytes`; the flags do not account for the whole frame, so its
                layout is not proven.
        """
        if self._position != len(self._raw):
            raise errors.FrameError(
                FrameReason.TRAILING_BYTES,
                f"the fields end at byte {self._position}, the frame at byte {len(self._raw)}",
            )

    def _take(self, size: int) -> bytes:
        taken = self._raw[self._position : self._position + size]
        if len(taken) < size:
            raise errors.FrameError(
                FrameReason.SHORT_FRAME,
                f"a field ends at byte {self._position + size}, the frame at byte {len(self._raw)}",
            )
        self._position += size
        return taken
