"""Small files that are either the old or the new text after a crash, never half of one."""

from __future__ import annotations

import os
from pathlib import Path


def replace(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file's content so that a power cut leaves one whole version.

    1. Write and fsync a neighbour. 2. Rename it over the file. 3. fsync the folder, which makes the rename last.

    Args:
        path: The file; its folder must exist.
        content: The new content.
        mode: Permission bits of the new file.

    Raises:
        OSError: the disk refused; the old content is still there.
    """
    neighbour = path.with_name(path.name + ".new")
    descriptor = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    neighbour.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make created, renamed and deleted names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
