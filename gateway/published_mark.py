"""The highest outbox number that was ever published, kept outside the database on purpose.

It finds what no integrity check can: a torn write-ahead log loses its last commits without a trace, and a number that
the server has already seen would then be given to another record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway import durable_file

_NAME: Final = "outbox.mark"


def note(folder: Path, epoch: str, seq: int) -> None:
    """Note, durably and before it happens, that numbers up to `seq` are about to be published.

    Raises:
        OSError: the disk refused; they must not be published.
    """
    durable_file.replace(folder / _NAME, f"{epoch} {seq}\n".encode())


def load(folder: Path, epoch: str) -> int:
    """Return the highest number that was ever published in this epoch; 0 if none."""
    marked = last(folder)
    return marked[1] if marked is not None and marked[0] == epoch else 0


def last(folder: Path) -> tuple[str, int] | None:
    """Return the epoch that published last and the highest number it published; None if there was none."""
    try:
        epoch, _, seq = (folder / _NAME).read_text(encoding="ascii").partition(" ")
        return epoch, int(seq)
    except (FileNotFoundError, ValueError):
        return None
