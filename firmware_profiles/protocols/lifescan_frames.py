"""How LifeScan's meters wrap a message: a frame with a checksum, cut into packets that are acknowledged one by one.

A frame is 02, its length (16 bits), 03, the message, 03, and a checksum over all that (CRC-16 with polynomial 1021 and
initial value FFFF, least significant octet first). The first packet of a frame begins with the number of its packets,
each further one with 40 plus a number; whoever gets one writes 80 plus that number back. In everything that we ask and
are told a frame is one packet.

Sources: glucometers-tech/glucometer-protocols@d0234c5 (shared binary protocol, OneTouch Verio 2015); xDrip
(NightscoutFoundation/xDrip@24ab633, VerioHelper); tidepool-org/uploader@0185809 (oneTouchVerioBLE, crc); the packets
also from dezi/xavaro@7136f2b (BlueToothGlucoseOneTouch). Readers differ in whether the numbers of further packets go up
or down; it does not matter here: they come in order, and the same number goes back.
"""

from __future__ import annotations

import binascii
from typing import Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason

_START, _PREFIX, _END = 0x02, 0x03, 0x03
_HEAD_SIZE, _TAIL_SIZE = 4, 3
# Start, length, prefix, end, checksum.
OVERHEAD: Final = _HEAD_SIZE + _TAIL_SIZE
_CRC_START: Final = 0xFFFF

# The two highest bits of a packet's first octet.
_KIND, _NUMBER = 0xC0, 0x3F
_FIRST, _FURTHER, _ACKNOWLEDGED = 0x00, 0x40, 0x80
# An attribute carries 20 octets on a link with the smallest MTU; one of them is the packet's own.
PACKET_CONTENT_SIZE: Final = 19


def framed(message: bytes) -> bytes:
    """Put a message into a frame."""
    size = len(message) + OVERHEAD
    body = bytes([_START]) + size.to_bytes(2, "little") + bytes([_PREFIX]) + message + bytes([_END])
    return body + binascii.crc_hqx(body, _CRC_START).to_bytes(2, "little")


def message_of(frame: bytes) -> bytes:
    """Take a message out of its frame.

    Raises:
        FrameError: the frame is not whole.
    """
    if not frame:
        raise errors.FrameError(FrameReason.EMPTY_FRAME, "the frame is empty")
    if len(frame) < OVERHEAD:
        raise errors.FrameError(FrameReason.SHORT_FRAME, "the frame is shorter than an empty one")
    size = int.from_bytes(frame[1:3], "little")
    if len(frame) != size:
        reason = FrameReason.SHORT_FRAME if len(frame) < size else FrameReason.TRAILING_BYTES
        raise errors.FrameError(reason, f"the frame says it has {size} octets, it has {len(frame)}")
    if (frame[0], frame[3], frame[-_TAIL_SIZE]) != (_START, _PREFIX, _END):
        raise errors.FrameError(FrameReason.RESERVED_VALUE, "the frame lacks one of its marks")
    if binascii.crc_hqx(frame[:-2], _CRC_START) != int.from_bytes(frame[-2:], "little"):
        raise errors.FrameError(FrameReason.IMPOSSIBLE_VALUE, "the frame's checksum is wrong")
    return frame[_HEAD_SIZE:-_TAIL_SIZE]


def packets(frame: bytes, content_size: int = PACKET_CONTENT_SIZE) -> list[bytes]:
    """Cut a frame into packets of so many octets of content at most."""
    parts = [frame[at : at + content_size] for at in range(0, len(frame), content_size)]
    heads = [_FIRST | len(parts), *(_FURTHER | number for number in range(1, len(parts)))]
    return [bytes([head]) + part for head, part in zip(heads, parts, strict=True)]


def acknowledgement(packet: bytes) -> bytes:
    """Return what is written back for a packet."""
    return bytes([_ACKNOWLEDGED | packet[0] & _NUMBER])


def is_acknowledgement(packet: bytes) -> bool:
    """Whether a packet acknowledges one of ours."""
    return len(packet) == 1 and packet[0] & _KIND == _ACKNOWLEDGED


def is_content(packet: bytes) -> bool:
    """Whether a packet carries a part of a frame."""
    return bool(packet) and not packet[0] & _ACKNOWLEDGED


class Assembly:
    """The packets of one frame as they come in; a first packet begins it anew."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._count = 0

    @property
    def is_begun(self) -> bool:
        """Whether the beginning of a frame is there; without it further packets are worth nothing."""
        return bool(self._parts)

    def add(self, packet: bytes) -> bytes | None:
        """Take a packet that has content; return the frame if it is whole now."""
        if packet[0] & _KIND == _FIRST:
            self._parts, self._count = [packet[1:]], packet[0] & _NUMBER
        elif self._parts:
            self._parts.append(packet[1:])
        return b"".join(self._parts) if self._parts and len(self._parts) == self._count else None
