"""How Omron's cuffs carry requests to their memory: frames with an XOR checksum, spread over four channels.

A frame is its length, two octets of kind, an address (16 bits, most significant octet first), a count of octets, the
octets, a status, and a checksum that makes the exclusive-or of all of it zero. It goes out in pieces of 16 octets, each
on the channel of its place; the last one is filled up with zeros. The answer's kind is the question's with the highest
bit set.

Sources: userx14/omblepy@708c13e; eigger/hass-omron@d6758ed, whose reports show frames of real cuffs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason

SERVICE: Final = "ecbe3980-c9a2-11e1-b1bd-0002a5d5c51b"
# To the cuff. Everything that we ask fits into the first one.
TO_CUFF: Final = (
    "db5b55e0-aee7-11e1-965e-0002a5d5c51b",
    "e0b8a060-aee7-11e1-92f4-0002a5d5c51b",
    "0ae12b00-aee8-11e1-a192-0002a5d5c51b",
    "10e1ba60-aee8-11e1-89e5-0002a5d5c51b",
)
FROM_CUFF: Final = (
    "49123040-aee8-11e1-a74d-0002a5d5c51b",
    "4d0bf320-aee8-11e1-a0d9-0002a5d5c51b",
    "5128ce60-aee8-11e1-b84b-0002a5d5c51b",
    "560f1420-aee8-11e1-8184-0002a5d5c51b",
)

BEGIN, READ, END = 0x0000, 0x0100, 0x0F00
ANSWER: Final = 0x8000
_OVERHEAD: Final = 8
_CHANNEL_SIZE: Final = 16
_LONGEST: Final = _CHANNEL_SIZE * len(FROM_CUFF)


@dataclass(frozen=True, slots=True)
class Frame:
    """A question or an answer.

    Attributes:
        kind: what it is about.
        address: in the cuff's memory, 0 to 65535.
        size: octets that are asked for, or that the answer is about.
        content: the octets; none in a question, and none in an answer about memory that was never written.
        status: 0 unless the cuff refuses.
    """

    kind: int
    address: int = 0
    size: int = 0
    content: bytes = b""
    status: int = 0

    def to_bytes(self) -> bytes:
        """Encode it."""
        body = (
            bytes([len(self.content) + _OVERHEAD])
            + self.kind.to_bytes(2, "big")
            + self.address.to_bytes(2, "big")
            + bytes([self.size])
            + self.content
            + bytes([self.status])
        )
        return body + bytes([_checksum(body)])

    @classmethod
    def from_bytes(cls, raw: bytes) -> Frame:
        """Decode it.

        Raises:
            FrameError: it is not whole.
        """
        if not raw:
            raise errors.FrameError(FrameReason.EMPTY_FRAME, "the frame is empty")
        if len(raw) < max(raw[0], _OVERHEAD):
            raise errors.FrameError(FrameReason.SHORT_FRAME, "the frame is cut off")
        if len(raw) > raw[0]:
            raise errors.FrameError(
                FrameReason.TRAILING_BYTES, "the frame is longer than it says that it is"
            )
        if _checksum(raw):
            raise errors.FrameError(FrameReason.IMPOSSIBLE_VALUE, "the frame's checksum is wrong")
        content, size = raw[6:-2], raw[5]
        if content and len(content) != size:
            raise errors.FrameError(
                FrameReason.IMPOSSIBLE_VALUE, "the frame does not hold as much as it says"
            )
        return cls(
            kind=int.from_bytes(raw[1:3], "big"),
            address=int.from_bytes(raw[3:5], "big"),
            size=size,
            content=content,
            status=raw[-2],
        )


def pieces(raw: bytes) -> list[bytes]:
    """Cut a frame into what each channel carries, as a cuff sends it."""
    return [
        raw[at : at + _CHANNEL_SIZE].ljust(_CHANNEL_SIZE, b"\0")
        for at in range(0, len(raw), _CHANNEL_SIZE)
    ]


class Assembly:
    """The pieces of one answer, in whatever order the channels bring them."""

    def __init__(self) -> None:
        self._pieces: dict[int, bytes] = {}

    def add(self, characteristic: str, piece: bytes) -> bytes | None:
        """Take a piece; return the bytes of the frame if they are whole now. Others than our channels are ignored."""
        if characteristic not in FROM_CUFF or not piece:
            return None
        self._pieces[FROM_CUFF.index(characteristic)] = piece
        size = self._pieces.get(0, b"\0")[0]
        channels = range(-(-size // _CHANNEL_SIZE))
        if not 0 < size <= _LONGEST or not all(channel in self._pieces for channel in channels):
            return None
        whole = b"".join(self._pieces[channel] for channel in channels)[:size]
        self._pieces.clear()
        return whole


def _checksum(content: bytes) -> int:
    return reduce(xor, content, 0)
