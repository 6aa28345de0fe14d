"""Where a session leaves what it hears: the outbox, as a session sees it."""

from __future__ import annotations

from typing import Protocol

from gateway.record import CapturedRecord


class Keeper(Protocol):
    """Keeps records and what is known of peripherals. Everything it returns from is durable."""

    def append(self, record: CapturedRecord) -> int:
        """Store a record durably and return its number."""
        ...

    def watermark(self, peripheral: str, profile_id: str) -> int | None:
        """Return the last sequence number that a meter has fully reported, or None."""
        ...

    def set_watermark(self, peripheral: str, profile_id: str, last_sequence: int) -> None:
        """Note how far a meter has reported."""
        ...

    def recall(self, peripheral: str) -> dict[str, bytes]:
        """Return what is remembered about a peripheral, by name."""
        ...

    def remember(self, peripheral: str, name: str, content: bytes) -> None:
        """Remember something about a peripheral until it is paired anew."""
        ...
