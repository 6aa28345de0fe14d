"""FLOAT, the 32-bit decimal number of the health profiles; thermometers send it.

A little-endian word: exponent in the top eight bits, mantissa in the other 24, both two's complement;
the number is mantissa * 10^exponent. As with SFLOAT, five words are no numbers, told by the whole word.

Source: IEEE 11073-20601, FLOAT-Type; Bluetooth SIG, Personal Health Devices Transcoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason
from firmware_profiles.sfloat import Special

_SIZE: Final = 4
_MIN_MANTISSA, _MAX_MANTISSA = -0x80_0000, 0x7F_FFFF
_MIN_EXPONENT, _MAX_EXPONENT = -128, 127

_SPECIALS: Final[Mapping[int, Special]] = {
    0x007F_FFFE: Special.POSITIVE_INFINITY,
    0x007F_FFFF: Special.NAN,
    0x0080_0000: Special.NRES,
    0x0080_0001: Special.RESERVED,
    0x0080_0002: Special.NEGATIVE_INFINITY,
}


@dataclass(frozen=True, slots=True)
class Medfloat32:
    """One word, kept as mantissa and exponent, for the exponent also tells the resolution.

    Attributes:
        mantissa: -8388608 to 8388607.
        exponent: -128 to 127, power of ten.
    """

    mantissa: int
    exponent: int

    def __post_init__(self) -> None:
        """Refuse what does not fit the word.

        Raises:
            ValueError: mantissa or exponent out of range.
        """
        if not _MIN_MANTISSA <= self.mantissa <= _MAX_MANTISSA:
            raise ValueError("a FLOAT mantissa is from -8388608 to 8388607")
        if not _MIN_EXPONENT <= self.exponent <= _MAX_EXPONENT:
            raise ValueError("a FLOAT exponent is from -128 to 127")

    @classmethod
    def of(cls, number: Decimal | int | str) -> Medfloat32:
        """Write a number at its own resolution: ``of("37.0")`` is 370 * 10^-1.

        Raises:
            ValueError: no word is this number at its resolution.
        """
        sign, digits, exponent = Decimal(number).as_tuple()
        if not isinstance(exponent, int):
            raise ValueError("NaN is medfloat32.NAN")  # noqa: TRY004 - the type is right, the number not
        word = cls(int("".join(map(str, digits))) * (-1 if sign else 1), exponent)
        if word.special is not None:
            raise ValueError("the number falls on a word that FLOAT reserves")
        return word

    @classmethod
    def from_bytes(cls, raw: bytes) -> Medfloat32:
        """Take a word apart; every word is legal.

        Raises:
            FrameError: not four bytes.
        """
        if len(raw) != _SIZE:
            reason = FrameReason.SHORT_FRAME if len(raw) < _SIZE else FrameReason.TRAILING_BYTES
            raise errors.FrameError(reason, f"a FLOAT has {_SIZE} bytes, not {len(raw)}")
        return cls(
            mantissa=int.from_bytes(raw[:3], "little", signed=True),
            exponent=int.from_bytes(raw[3:], "little", signed=True),
        )

    def to_bytes(self) -> bytes:
        """Put the word together."""
        return self.mantissa.to_bytes(3, "little", signed=True) + self.exponent.to_bytes(
            1, "little", signed=True
        )

    @property
    def special(self) -> Special | None:
        """Say which special word this is; None for a number."""
        return _SPECIALS.get(int.from_bytes(self.to_bytes(), "little"))

    def decimal(self) -> Decimal | None:
        """Return the number exactly, in the resolution it was sent in; None for a special word."""
        if self.special is not None:
            return None
        return Decimal(self.mantissa).scaleb(self.exponent)


NAN: Final = Medfloat32.from_bytes(b"\xff\xff\x7f\x00")
NRES: Final = Medfloat32.from_bytes(b"\x00\x00\x80\x00")
POSITIVE_INFINITY: Final = Medfloat32.from_bytes(b"\xfe\xff\x7f\x00")
NEGATIVE_INFINITY: Final = Medfloat32.from_bytes(b"\x02\x00\x80\x00")
