"""Words for the bits of a status, and which of them the peripheral can tell at all.

A bit whose feature the peripheral lacks carries no information, set or not: it is named with “_unsupported” when it is
set, and nothing is ever concluded from one that is not.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import IntFlag
from typing import Final, TypeVar

RESERVED: Final = "reserved_status"

_Bits = TypeVar("_Bits", bound=IntFlag)


def words(
    status: _Bits, *, supported: _Bits | None = None, silent: Collection[_Bits] = ()
) -> tuple[str, ...]:
    """Name the bits that are set, lowest first, and say where bits are set that mean nothing yet.

    Args:
        status: as sent; may hold reserved bits.
        supported: what the peripheral can tell; None if it did not say.
        silent: bits that are not worth a word.
    """
    named = [
        f"{bit.name.lower()}{'' if supported is None or bit in supported else '_unsupported'}"
        for bit in type(status)
        if bit in status and bit not in silent and bit.name is not None
    ]
    known = sum(bit.value for bit in type(status))
    if status & ~known:
        named.append(RESERVED)
    return tuple(named)
