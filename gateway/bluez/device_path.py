"""The names that BlueZ gives to peripherals on the D-Bus."""

from __future__ import annotations

import re
from typing import Final

# Source: BlueZ 5.66, doc/device-api.txt: [variable prefix]/{hci0,hci1,...}/dev_XX_XX_XX_XX_XX_XX.
_DEVICE_PATH: Final = re.compile(
    r"/org/bluez/hci[0-9]+/dev_(?P<address>[0-9A-F]{2}(?:_[0-9A-F]{2}){5})"
)


def address(device_path: str) -> str | None:
    """Return the Bluetooth address in a device's object path, upper case with colons, or None if it is no such path.

    A peripheral that was found under a private address keeps that one in its path even after it has been recognised.
    """
    found = _DEVICE_PATH.fullmatch(device_path)
    return found["address"].replace("_", ":") if found else None


def owner(path: str) -> str | None:
    """Return the path of the device that an object belongs to, or None if it belongs to none."""
    found = _DEVICE_PATH.match(path)
    return found[0] if found and path[found.end() :].startswith("/") else None
