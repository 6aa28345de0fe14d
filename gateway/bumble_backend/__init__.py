"""bleak on bumble, a Bluetooth host stack in user space.

Passed to bleak through its ``backend=`` argument. It needs no daemon and no kernel support beyond access to the
controller's transport, its ATT confirmation leaves only after our callback has returned, and the same code talks to
a USB dongle and to the virtual ward.
"""

from __future__ import annotations

from gateway.bumble_backend.client import BumbleClient
from gateway.bumble_backend.scanner import BumbleScanner

__all__ = ["BumbleClient", "BumbleScanner"]
