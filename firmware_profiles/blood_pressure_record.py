"""Blood Pressure Record (2b36): a stored value of another characteristic, in one segment or several.

Records are asked for over the record access control point. A record's segments come one behind the other, counted from
0 to 63 and on; each names the record's sequence number (per user, 0 follows 65535) and what it holds. A record of which
a segment is missing or out of place is no record: its bytes are refused as a whole, never filled up.

Source: Bluetooth SIG GATT Specification Supplement, Blood Pressure Record.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from firmware_profiles import e2e_crc, errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.frame_reader import FrameReader

_FIRST: Final = 0b0000_0001
_LAST: Final = 0b0000_0010
_COUNTER_AT: Final = 2
_COUNTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Segment:
    """One notification.

    Attributes:
        is_first: it begins a record.
        is_last: it ends one.
        counter: 0 to 63, one more than that of the segment before it, 0 after 63.
        sequence_number: of the record, 0 to 65535.
        characteristic: what the record holds, in the form of `uuids.short_uuid`.
        part: of the value; the last one ends with the checksum if the cuff sends any.
    """

    is_first: bool
    is_last: bool
    counter: int
    sequence_number: int
    characteristic: str
    part: bytes

    @classmethod
    def from_bytes(cls, raw: bytes) -> Segment:
        """Take a notification apart.

        Raises:
            FrameError: it ends before its value begins.
        """
        reader = FrameReader(raw)
        header = reader.u8()
        return cls(
            is_first=bool(header & _FIRST),
            is_last=bool(header & _LAST),
            counter=header >> _COUNTER_AT,
            sequence_number=reader.u16(),
            characteristic=f"{reader.u16():04x}",
            part=reader.rest(),
        )

    def to_bytes(self) -> bytes:
        """Put the notification together."""
        header = self.counter << _COUNTER_AT
        header |= (_FIRST if self.is_first else 0) | (_LAST if self.is_last else 0)
        head = struct.pack("<BHH", header, self.sequence_number, int(self.characteristic, 16))
        return head + self.part


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A whole record: the value of a characteristic, under the cuff's number for it."""

    sequence_number: int
    characteristic: str
    raw: bytes


def whole(segments: Sequence[bytes], *, has_crc: bool) -> StoredValue:
    """Put the segments of one record together, in the order in which they came.

    Args:
        segments: the notifications, from the first of the record to its last.
        has_crc: whether the cuff's features say that it sends checksums.

    Raises:
        FrameError: `short_frame` if a segment is missing, `reserved_value` if they are not of one record or not in
            order, `impossible_value` if the checksum is another.
    """
    taken = [Segment.from_bytes(raw) for raw in segments]
    if not taken or not taken[0].is_first or not taken[-1].is_last:
        raise errors.FrameError(
            FrameReason.SHORT_FRAME, "the record lacks its first or last segment"
        )
    first = taken[0]
    for place, segment in enumerate(taken):
        if (
            segment.counter != (first.counter + place) % _COUNTERS
            or segment.is_first != (place == 0)
            or segment.is_last != (place == len(taken) - 1)
            or segment.sequence_number != first.sequence_number
            or segment.characteristic != first.characteristic
        ):
            raise errors.FrameError(
                FrameReason.RESERVED_VALUE, f"segment {place + 1} does not continue the record"
            )
    raw = b"".join(segment.part for segment in taken)
    if has_crc:
        raw = _checked(segments, taken[-1].part, raw)
    return StoredValue(first.sequence_number, first.characteristic, raw)


def segmented(
    value: StoredValue, *, part_size: int, has_crc: bool, counter: int = 0
) -> list[bytes]:
    """Cut a record into notifications, as a cuff does.

    Args:
        value: the record.
        part_size: bytes of the value in each segment; a checksum comes on top.
        has_crc: whether a checksum ends the last segment.
        counter: of the first segment.

    Raises:
        ValueError: a part cannot be empty.
    """
    if part_size < 1:
        raise ValueError("a segment carries at least one byte")
    parts = [value.raw[at : at + part_size] for at in range(0, len(value.raw), part_size)] or [b""]
    notifications = [
        Segment(
            is_first=place == 0,
            is_last=place == len(parts) - 1,
            counter=(counter + place) % _COUNTERS,
            sequence_number=value.sequence_number,
            characteristic=value.characteristic,
            part=part,
        ).to_bytes()
        for place, part in enumerate(parts)
    ]
    if has_crc:
        notifications[-1] += e2e_crc.to_bytes(e2e_crc.of(b"".join(notifications)))
    return notifications


def _checked(segments: Sequence[bytes], last_part: bytes, raw: bytes) -> bytes:
    """Return the value without its checksum, which covers all fields of all segments."""
    if len(last_part) < e2e_crc.SIZE:
        raise errors.FrameError(FrameReason.SHORT_FRAME, "the record ends before its checksum")
    everything = b"".join(segments)
    covered, sent = everything[: -e2e_crc.SIZE], everything[-e2e_crc.SIZE :]
    if e2e_crc.to_bytes(e2e_crc.of(covered)) != sent:
        raise errors.FrameError(
            FrameReason.IMPOSSIBLE_VALUE, "the checksum of the record is another"
        )
    return raw[: -e2e_crc.SIZE]
