"""Proprietary protocols: a module each, pure, named in device profiles.

A module has

- ``RECORDS``: the characteristics under which it keeps records; empty if it only sets a clock.
- ``conversation(situation)``: how it talks, see `firmware_profiles.conversation`.
- ``decode(raw)``: what one of its records means; raises `FrameError`. Absent without records.
"""

from __future__ import annotations

from typing import Final, Protocol

from firmware_profiles.conversation import Conversation, Situation
from firmware_profiles.readings import Decoded


class VendorProtocol(Protocol):
    """What each module offers."""

    @property
    def RECORDS(self) -> tuple[str, ...]:  # noqa: N802  # a module's constant
        """Characteristics under which it keeps records; empty if it only sets a clock."""
        ...

    def conversation(self, situation: Situation) -> Conversation:
        """Talk to the peripheral."""
        ...

    def decode(self, raw: bytes) -> Decoded:
        """Decode a record."""
        ...


_MODULES: Final[dict[str, VendorProtocol]] = {}


def has(name: str) -> bool:
    """Whether there is such a protocol."""
    return name in _MODULES


def of(name: str) -> VendorProtocol:
    """Return the protocol of that name, which `has` knows."""
    return _MODULES[name]
