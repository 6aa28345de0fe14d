"""A file of nothing that is given up when the disk is full, so that the outbox can still shrink.

On a full file system SQLite can neither insert nor delete: without room the outbox could not even note a receipt or
prune. While the ballast is gone no new record is taken (peripherals keep theirs); what is stored drains.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

# Room for a few thousand rows' worth of updates in the write-ahead log.
SIZE_BYTES: Final = 4 * 1024 * 1024
# Restored only when clearly more is free, or it would come and go at the edge.
_COMFORTABLE: Final = 4 * SIZE_BYTES


class Ballast:
    """The spare file of one state folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "outbox.ballast"

    @property
    def is_held(self) -> bool:
        """Whether the room is still in reserve."""
        return self._path.exists()

    @property
    def has_room(self) -> bool:
        """Whether the room is in reserve and the file system has as much again."""
        return self.is_held and shutil.disk_usage(self._path.parent).free >= SIZE_BYTES

    def release(self) -> bool:
        """Give the room to the outbox; returns False if that has been done before."""
        if not self.is_held:
            return False
        self._path.unlink()
        log.error("disk_full_no_new_records")
        return True

    def restore(self) -> None:
        """Reserve the room again if the disk has plenty; otherwise try another time."""
        if self.is_held or shutil.disk_usage(self._path.parent).free < _COMFORTABLE:
            return
        unfinished = self._path.with_suffix(".unfinished")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE_BYTES)
        except OSError:
            return
        finally:
            os.close(descriptor)
        unfinished.rename(self._path)
        log.info("ballast_in_place")
