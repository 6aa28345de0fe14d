"""The Device Information Service and the Battery Service: who a peripheral says it is, and how full its battery is.

Strings are UTF-8; some devices end them with NUL, or fill them up to an even length with NUL or blanks. System IDs are
often made of the address, sometimes all zeros, and never a way to know a peripheral.

Source: Bluetooth SIG GATT Specification Supplement, System ID, Battery Level; A&D UA-651BLE SDK V1.2 through a
third-party digest (padding); Beurer BM54 communication protocol through the same (System ID of zeros).
"""

from __future__ import annotations

from typing import Final

from firmware_profiles import errors
from firmware_profiles.errors import FrameReason

# Longer than any name on a label; a peripheral must not fill our memory and pages.
_MOST_CHARACTERS: Final = 128
_SYSTEM_ID_SIZE: Final = 8
# In the middle of a 64-bit id that is made of a 48-bit address.
_OF_ADDRESS: Final = (b"\xfe\xff", b"\xff\xff")
_FULL_PERCENT: Final = 100


def text(raw: bytes) -> str:
    """Return a string without its padding, at most 128 characters; "" if nothing is left.

    What is no UTF-8 becomes U+FFFD, and what cannot be printed a blank: it is shown to people.
    """
    characters = raw.split(b"\0", 1)[0].decode("utf-8", "replace")
    printable = "".join(one if one.isprintable() else " " for one in characters)
    return printable.strip()[:_MOST_CHARACTERS].rstrip()


def text_to_bytes(characters: str, *, is_even: bool = False) -> bytes:
    """Write a string, filled up to an even length as some devices do it."""
    raw = characters.encode()
    return raw + b"\0" if is_even and len(raw) % 2 else raw


def address_of_system_id(raw: bytes) -> str | None:
    """Return the Bluetooth address that a System ID (2a23) is made of, or None if it is made of something else.

    Raises:
        FrameError: not eight bytes.
    """
    if len(raw) != _SYSTEM_ID_SIZE:
        reason = (
            FrameReason.SHORT_FRAME if len(raw) < _SYSTEM_ID_SIZE else FrameReason.TRAILING_BYTES
        )
        raise errors.FrameError(reason, f"a System ID has 8 bytes, not {len(raw)}")
    address = raw[:3] + raw[5:]
    if raw[3:5] not in _OF_ADDRESS or not any(address):
        return None
    return ":".join(f"{octet:02X}" for octet in reversed(address))


def system_id_to_bytes(address: str) -> bytes:
    """Write the System ID that is made of a Bluetooth address, such as “00:09:1F:01:02:03”."""
    octets = bytes.fromhex(address.replace(":", ""))[::-1]
    return octets[:3] + _OF_ADDRESS[0] + octets[3:]


def battery_percent(raw: bytes) -> int:
    """Return a Battery Level (2a19).

    Raises:
        FrameError: not one byte, or `reserved_value` above 100: such a level means nothing.
    """
    if len(raw) != 1:
        reason = FrameReason.TRAILING_BYTES if raw else FrameReason.EMPTY_FRAME
        raise errors.FrameError(reason, f"a Battery Level has 1 byte, not {len(raw)}")
    if raw[0] > _FULL_PERCENT:
        raise errors.FrameError(FrameReason.RESERVED_VALUE, "the battery is said to be overfull")
    return raw[0]


def battery_to_bytes(percent: int) -> bytes:
    """Write a Battery Level."""
    return bytes([percent])
