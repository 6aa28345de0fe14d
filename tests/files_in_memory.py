"""Where the tests' files lie: in memory, where there is room for them.

Each test of the store copies a database, and each record of a gateway waits for its commit. On a disk that is most of
the time of a run; no test pulls the plug of the machine, which is all that a disk would be needed for.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")
_PREFIX: Final = "hv-t"  # short, for the paths of sockets below it are limited to 107 bytes
_NEEDED_BYTES: Final = 2 * 2**30  # a worker uses some 200 MB


class RunFolder:
    """The folder of one run. Whoever finds it without a living owner removes it: a killed run cannot."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_MEMORY))
        self._owned = _lock(self.path)
        os.environ["TMPDIR"] = str(self.path)
        tempfile.tempdir = None  # it is looked up anew, here and in every process that we start

    def leave(self, *, keep: bool) -> None:
        """Give the folder up; ``keep`` leaves what is in it to be looked at until the next run."""
        if self._owned is not None:
            os.close(self._owned)
        if not keep:
            shutil.rmtree(self.path, ignore_errors=True)


def enter() -> RunFolder | None:
    """Let temporary files lie in memory from now on, unless TMPDIR says where, or there is too little of it."""
    if "TMPDIR" in os.environ or not _has_room():
        return None
    for left in _MEMORY.glob(f"{_PREFIX}*"):
        descriptor = _lock(left)
        if descriptor is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(descriptor)
    return RunFolder()


def _lock(folder: Path) -> int | None:
    """Return a descriptor that holds the folder until it is closed; None where another process holds it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _has_room() -> bool:
    try:
        free = shutil.disk_usage(_MEMORY).free
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    (available_kib,) = (int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    return min(free, available_kib * 1024) >= _NEEDED_BYTES
