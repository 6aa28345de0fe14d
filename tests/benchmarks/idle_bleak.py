"""bleak alone, for ``deploy/bench gateway``: a scanner that hears everything and does nothing with it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import bleak

from gateway.bumble_backend import BumbleScanner, radio
from gateway.pairing_window import PairingDesk


async def scan(transport: str, folder: Path) -> None:
    """Scan for ever."""
    async with (
        radio.opened(transport, folder, PairingDesk(lambda: 0.0)) as open_radio,
        bleak.BleakScanner(
            lambda _device, _advertisement: None, backend=BumbleScanner, radio=open_radio
        ),  # type: ignore[call-arg]
    ):
        print("scans", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(scan(sys.argv[1], Path(sys.argv[2])))
