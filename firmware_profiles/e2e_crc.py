"""The checksum that some health services put behind their values (E2E-CRC).

CRC-16 with the polynomial x^16 + x^12 + x^5 + 1, initial value 0xFFFF, bits of each octet from the lowest to the
highest, nothing added at the end; sent little-endian. "123456789" gives 0x6F91.

Source: NordicSemiconductor/Android-BLE-Common-Library, which has CRC-16/MCRF4XX for the services that use it. The text
of the supplement's own section was not seen.
"""

from __future__ import annotations

from typing import Final

_REVERSED_POLYNOMIAL: Final = 0x8408
SIZE: Final = 2


def of(raw: bytes, crc: int = 0xFFFF) -> int:
    """Return the checksum of some bytes, or go on with that of the bytes before them."""
    for octet in raw:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (_REVERSED_POLYNOMIAL if crc & 1 else 0)
    return crc


def to_bytes(crc: int) -> bytes:
    """Write a checksum."""
    return crc.to_bytes(SIZE, "little")
