"""SFLOAT, the 16-bit decimal number of the health profiles.

A little-endian word: exponent in the top four bits, mantissa in the other twelve, both two's
complement; the number is mantissa * 10^exponent. Five words are no numbers. They are told by the
whole word, never by the mantissa alone: 0x0FFF is -1 and 0xF7FF is 204.7, although both mantissas
look special.

Source: IEEE 11073-20601, SFLOAT-Type; Bluetooth SIG, Personal Health Devices Transcoding.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason

_SIZE: Final = 2
_MIN_MANTISSA, _MAX_MANTISSA = -2048, 2047
_MIN_EXPONENT, _MAX_EXPONENT = -8, 7


class Special(IntEnum):
    """The words that are not numbers."""

    POSITIVE_INFINITY = 0x07FE  # above what the device can measure
    NAN = 0x07FF  # no valid result
    NRES = 0x0800  # there is a result, but not at this resolution
    RESERVED = 0x0801
    NEGATIVE_INFINITY = 0x0802  # below what the device can measure


@dataclass(frozen=True, slots=True)
class Sfloat:
    """One word, kept as mantissa and exponent, for the exponent also tells the resolution.

    Attributes:
        mantissa: -2048 to 2047.
        exponent: -8 to 7, power of ten.
    """

    mantissa: int
    exponent: int

    def __post_init__(self) -> None:
        """Refuse what does not fit the word.

        Raises:
            ValueError: mantissa or exponent out of range.
        """
        if not _MIN_MANTISSA <= self.mantissa <= _MAX_MANTISSA:
            raise ValueError("an SFLOAT mantissa is from -2048 to 2047")
        if not _MIN_EXPONENT <= self.exponent <= _MAX_EXPONENT:
            raise ValueError("an SFLOAT exponent is from -8 to 7")

    @classmethod
    def of(cls, number: Decimal | int | str) -> Sfloat:
        """Write a number at its own resolution, or at the nearest one that can hold it exactly.

        ``Sfloat.of("5.50")`` is 550 * 10^-2. ``Sfloat.of(2500)`` is 250 * 10^1.

        Raises:
            ValueError: no word is exactly this number.
        """
        sign, digits, exponent = Decimal(number).as_tuple()
        if not isinstance(exponent, int):
            raise ValueError("NaN is sfloat.NAN")  # noqa: TRY004 - the type is right, the number not
        mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
        if mantissa == 0:
            return cls(0, min(max(exponent, _MIN_EXPONENT), _MAX_EXPONENT))
        while exponent < _MIN_EXPONENT or not _MIN_MANTISSA <= mantissa <= _MAX_MANTISSA:
            if mantissa % 10:
                raise ValueError("the number has too many digits for an SFLOAT")
            mantissa, exponent = mantissa // 10, exponent + 1
        while exponent > _MAX_EXPONENT and abs(mantissa) <= _MAX_MANTISSA:
            mantissa, exponent = mantissa * 10, exponent - 1
        word = cls(mantissa, exponent)
        if word.special is not None:
            raise ValueError("the number falls on a word that SFLOAT reserves")
        return word

    @classmethod
    def from_bytes(cls, raw: bytes) -> Sfloat:
        """Take a word apart; every word is legal.

        Raises:
            FrameError: not two bytes.
        """
        if len(raw) != _SIZE:
            reason = FrameReason.SHORT_FRAME if len(raw) < _SIZE else FrameReason.TRAILING_BYTES
            raise errors.FrameError(reason, f"an SFLOAT has 2 bytes, not {len(raw)}")
        return of_word(int.from_bytes(raw, "little"))

    def to_bytes(self) -> bytes:
        """Put the word together."""
        return self._word.to_bytes(_SIZE, "little")

    @property
    def special(self) -> Special | None:
        """Say which special word this is; None for a number."""
        return _SPECIALS.get(self._word)

    def decimal(self) -> Decimal | None:
        """Return the number exactly, in the resolution it was sent in; None for a special word."""
        return _number(self._word)

    @property
    def _word(self) -> int:
        return (self.exponent & 0x0F) << 12 | (self.mantissa & 0x0FFF)


_SPECIALS: Final = {special.value: special for special in Special}


# Pressures, pulses and glucose are a few thousand of the 65 536 words, and a server meets them by the million.
_REMEMBERED: Final = 4096


@functools.lru_cache(_REMEMBERED)
def of_word(word: int) -> Sfloat:
    """Take a word of 16 bits apart; every word is legal."""
    mantissa, exponent = word & 0x0FFF, word >> 12
    return Sfloat(
        mantissa=mantissa - 0x1000 if mantissa >= 0x0800 else mantissa,
        exponent=exponent - 0x10 if exponent >= 0x08 else exponent,
    )


@functools.lru_cache(_REMEMBERED)
def _number(word: int) -> Decimal | None:
    taken_apart = of_word(word)
    if word in _SPECIALS:
        return None
    return Decimal(taken_apart.mantissa).scaleb(taken_apart.exponent)


NAN: Final = Sfloat.from_bytes(Special.NAN.to_bytes(_SIZE, "little"))
NRES: Final = Sfloat.from_bytes(Special.NRES.to_bytes(_SIZE, "little"))
POSITIVE_INFINITY: Final = Sfloat.from_bytes(Special.POSITIVE_INFINITY.to_bytes(_SIZE, "little"))
NEGATIVE_INFINITY: Final = Sfloat.from_bytes(Special.NEGATIVE_INFINITY.to_bytes(_SIZE, "little"))
