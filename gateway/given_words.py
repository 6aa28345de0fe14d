"""What people type behind a command, or why it cannot be meant. Light, for ``--help`` reads it too."""

from __future__ import annotations

import argparse
import re
from datetime import datetime
from typing import Final

# As in gateway/pairing_requests.py, which is too heavy for --help; a test holds them together.
LONGEST_WINDOW_S: Final = 600
# Decades of records; a screen takes far fewer.
_MOST_ROWS: Final = 1_000_000
_ADDRESS: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")


def count(word: str) -> int:
    """Return how many rows are wanted.

    Raises:
        ArgumentTypeError: it is no number, or no sensible one.
    """
    try:
        rows = int(word)
    except ValueError:
        rows = 0
    if not 1 <= rows <= _MOST_ROWS:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {_MOST_ROWS}")
    return rows


def address(word: str) -> str:
    """Return a Bluetooth address in capitals.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not _ADDRESS.fullmatch(word):
        raise argparse.ArgumentTypeError("expected an address like AA:BB:CC:DD:EE:FF")
    return word.upper()


def window_s(word: str) -> float:
    """Return for how long a pairing window is to be open, in seconds.

    Raises:
        ArgumentTypeError: it is no number, or not within what the gateway allows.
    """
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= LONGEST_WINDOW_S:
        raise argparse.ArgumentTypeError(f"expected seconds from 1 to {LONGEST_WINDOW_S}")
    return seconds


def instant(word: str) -> datetime:
    """Return an instant, aware.

    Raises:
        ArgumentTypeError: it is none, or has no zone.
    """
    try:
        at = datetime.fromisoformat(word)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{word!r} is no instant; expected one like 2026-11-01T08:00:00Z"
        ) from None
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{word!r} needs a zone: add Z or +01:00")
    return at
