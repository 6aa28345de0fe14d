"""What a virtual peripheral keeps without power: its records, its clock, and who has subscribed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from gateway import durable_file
from gateway.ward.device_clock import DeviceClock

# As many as a good meter for the home keeps; the oldest goes when another is measured.
_CAPACITY: Final = 500


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One measurement in memory.

    Attributes:
        sequence: the peripheral's own count, from 0.
        frames: characteristic (short UUID) and bytes in hexadecimal, in the order they are sent.
        is_sent: whether a host has confirmed it.
    """

    sequence: int
    frames: tuple[tuple[str, str], ...]
    is_sent: bool = False

    @classmethod
    def of(cls, sequence: int, frames: Sequence[tuple[str, bytes]]) -> Self:
        """Return an unsent record made of frames: characteristic and bytes."""
        return cls(sequence, tuple((source, raw.hex()) for source, raw in frames))


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that survives.

    Attributes:
        clock: the clock that records are stamped with.
        records: oldest first.
        next_sequence: number of the next measurement.
        live_count: how many live measurements have been taken.
        display_offset_min: minutes from the clock to the display (meters with a user-facing time).
        is_subscribed: whether the bonded host has left its subscription on.
        buffer_size: whether, and in which of its sizes, a device keeps what it could not send; 0: not at all.
    """

    clock: DeviceClock
    records: tuple[StoredRecord, ...] = ()
    next_sequence: int = 0
    live_count: int = 0
    display_offset_min: int = 0
    is_subscribed: bool = False
    buffer_size: int = 1


class Memory:
    """The contents, written to disk whole and at once with every change."""

    def __init__(self, path: Path, contents: Contents) -> None:
        self._path = path
        self._contents = contents

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Return what a peripheral remembered, or None if it has never been switched on."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        clock = document.pop("clock")
        records = document.pop("records")
        contents = Contents(
            clock=DeviceClock(
                shown=datetime.fromisoformat(clock["shown"]),
                set_at=datetime.fromisoformat(clock["set_at"]),
                drift_ppm=clock["drift_ppm"],
            ),
            records=tuple(
                StoredRecord(
                    record["sequence"],
                    tuple((source, content) for source, content in record["frames"]),
                    record["is_sent"],
                )
                for record in records
            ),
            **document,
        )
        return cls(path, contents)

    @classmethod
    def create(cls, path: Path, contents: Contents) -> Self:
        """Switch a peripheral on for the first time."""
        memory = cls(path, contents)
        memory._save(contents)
        return memory

    @property
    def contents(self) -> Contents:
        """Return what is remembered now."""
        return self._contents

    @property
    def has_unsent(self) -> bool:
        """Whether some record has not been confirmed."""
        return self.next_unsent() is not None

    def next_unsent(self) -> StoredRecord | None:
        """Return the oldest record that no host has confirmed."""
        return next((record for record in self._contents.records if not record.is_sent), None)

    def add(self, frames: Sequence[tuple[str, bytes]]) -> StoredRecord:
        """Store a live measurement; the oldest record makes room."""
        contents = self._contents
        record = StoredRecord.of(contents.next_sequence, frames)
        self._save(
            replace(
                contents,
                records=(*contents.records, record)[-_CAPACITY:],
                next_sequence=contents.next_sequence + 1,
                live_count=contents.live_count + 1,
            )
        )
        return record

    def mark_sent(self, sequences: Sequence[int]) -> None:
        """Note that a host has confirmed these records."""
        sent = set(sequences)
        records = tuple(
            replace(record, is_sent=True) if record.sequence in sent else record
            for record in self._contents.records
        )
        self._save(replace(self._contents, records=records))

    def forget_sent(self) -> None:
        """Delete what a host has confirmed."""
        kept = tuple(record for record in self._contents.records if not record.is_sent)
        self._save(replace(self._contents, records=kept))

    def forget_unsent(self) -> None:
        """Lose what no host has confirmed."""
        kept = tuple(record for record in self._contents.records if record.is_sent)
        self._save(replace(self._contents, records=kept))

    def set_buffer_size(self, size: int) -> None:
        """Set whether what could not be sent is kept."""
        self._save(replace(self._contents, buffer_size=size))

    def set_clock(self, clock: DeviceClock) -> None:
        """Set the clock."""
        self._save(replace(self._contents, clock=clock))

    def set_display_offset(self, minutes: int) -> None:
        """Move the display against the clock."""
        self._save(replace(self._contents, display_offset_min=minutes))

    def set_subscribed(self, *, is_subscribed: bool) -> None:
        """Note whether the bonded host wants indications in its next connection."""
        self._save(replace(self._contents, is_subscribed=is_subscribed))

    def _save(self, contents: Contents) -> None:
        document = asdict(contents)
        durable_file.replace(self._path, json.dumps(document, default=_text).encode())
        self._contents = contents


def _text(at: datetime) -> str:
    return at.isoformat()
