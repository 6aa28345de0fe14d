"""Proprietary protocols: a module each, pure, named in device profiles.

A module has

- ``RECORDS``: the characteristics under which it keeps records; empty if it only sets a clock, or something else.
- ``conversation(situation)``: how it talks, see `firmware_profiles.conversation`.
- ``decode(raw)``: what one of its records means; raises `FrameError`. Absent without records.
- ``identity(raw)``: what of a record never changes. Absent if that is all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from firmware_profiles.conversation import Conversation, Situation
from firmware_profiles.protocols import (
    and_buffer,
    caresens_clock,
    contour_clock,
    omron_memory,
    onetouch_verio,
    taidoc,
    transtek,
)
from firmware_profiles.readings import Decoded


class ClockProtocol(Protocol):
    """What each module offers."""

    @property
    def RECORDS(self) -> tuple[str, ...]:  # noqa: N802  # a module's constant
        """Characteristics under which it keeps records; empty if it only sets a clock."""
        ...

    def conversation(self, situation: Situation, /) -> Conversation:
        """Talk to the peripheral."""
        ...


class RecordProtocol(ClockProtocol, Protocol):
    """What each module with records offers besides."""

    def decode(self, raw: bytes) -> Decoded:
        """Decode a record."""
        ...


_MODULES: Final[dict[str, RecordProtocol]] = {
    "omron_hem_7155t": omron_memory.HEM_7155T,
    "omron_hem_7322t": omron_memory.HEM_7322T,
    "omron_hem_7361t": omron_memory.HEM_7361T,
    "onetouch_verio": onetouch_verio,
    "taidoc": taidoc,
    "transtek": transtek,
}
_CLOCKS: Final[dict[str, ClockProtocol]] = {
    "and_buffer": and_buffer,
    "caresens_clock": caresens_clock,
    "contour_clock": contour_clock,
}

_IDENTITIES: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    onetouch_verio.ANSWERS: onetouch_verio.identity,
}


def has(name: str) -> bool:
    """Whether there is such a protocol."""
    return name in _MODULES or name in _CLOCKS


def of(name: str) -> ClockProtocol:
    """Return the protocol of that name, which `has` knows."""
    return _MODULES.get(name) or _CLOCKS[name]


def decode(name: str, raw: bytes) -> Decoded:
    """Decode a record of the protocol of that name, which has some.

    Raises:
        FrameError: what is wrong with it.
    """
    return _MODULES[name].decode(raw)


def identity(characteristic: str, raw: bytes) -> bytes:
    """Return the bytes of a record by which it is known again, however often it is sent.

    Args:
        characteristic: where the bytes came from, in the form of `uuids.short_uuid`.
        raw: the bytes.
    """
    lasting = _IDENTITIES.get(characteristic)
    return raw if lasting is None else lasting(raw)
