"""The processes of the stack on one machine: start, watch, stop; one log file each."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy import errors

# A process that has not ended this long after SIGTERM is killed: everything here is safe to kill at any moment.
_STOP_TIMEOUT_S = 10.0
# A process that ends by itself is started again after this pause, so that a broken one does not spin.
_RESTART_PAUSE_S = 1.0
_PR_SET_PDEATHSIG = 1  # prctl(2), Linux


@dataclass(slots=True)
class _Child:
    command: Sequence[str]
    log_file: Path
    environ: Mapping[str, str]
    popen: subprocess.Popen[bytes] | None = None
    ended_at: float = 0.0


@dataclass(slots=True)
class Processes:
    """A group of child processes, kept running until ``stop``.

    Each child leads its own process group, so that a Ctrl-C in the terminal reaches only the parent, which then
    stops the children in the right order: readers of a thing before the thing itself.
    """

    log_folder: Path
    _children: dict[str, _Child] = field(default_factory=dict)

    def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str] | None = None
    ) -> None:
        """Start a process under ``name``; its output goes to ``<log_folder>/<name>.log``."""
        self.log_folder.mkdir(parents=True, exist_ok=True)
        child = _Child(command, self.log_folder / f"{name}.log", {**os.environ, **(environ or {})})
        self._children[name] = child
        self._spawn(child)

    def names(self) -> list[str]:
        """Return the names in the order in which the processes were started."""
        return list(self._children)

    def pid(self, name: str) -> int:
        """Return the process id of a child; it changes when the child is started again."""
        popen = self._children[name].popen
        if popen is None:
            raise errors.ProcessFailed(
                f"{name} is not running; see {self._children[name].log_file}"
            )
        return popen.pid

    def restart_ended(self) -> list[str]:
        """Start again what has ended by itself; return the names of those started."""
        restarted = []
        for name, child in self._children.items():
            if child.popen is None or child.popen.poll() is None:
                continue
            if child.ended_at == 0.0:
                child.ended_at = time.monotonic()
            elif time.monotonic() - child.ended_at > _RESTART_PAUSE_S:
                child.ended_at = 0.0
                self._spawn(child)
                restarted.append(name)
        return restarted

    def require_running(self) -> None:
        """Raise if a process has ended.

        Raises:
            ProcessFailed: names the process, its exit status and its log file.
        """
        for name, child in self._children.items():
            status = child.popen.poll() if child.popen else None
            if status is not None:
                raise errors.ProcessFailed(
                    f"the process “{name}” ended with status {status}; its last words are in {child.log_file}"
                )

    def kill(self, name: str) -> None:
        """Kill a child with SIGKILL, as a power cut would, and wait until it is gone."""
        popen = self._children[name].popen
        if popen is not None:
            os.killpg(popen.pid, signal.SIGKILL)
            popen.wait()

    def stop(self) -> None:
        """Stop all children, last started first; what does not end in time is killed."""
        for name in reversed(self._children):
            popen = self._children[name].popen
            if popen is None or popen.poll() is not None:
                continue
            popen.terminate()
            try:
                popen.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill(name)
        self._children.clear()

    def _spawn(self, child: _Child) -> None:
        with child.log_file.open("ab") as log:
            child.popen = subprocess.Popen(  # noqa: S603  (our own commands, no shell)
                child.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(child.environ),
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509  (one system call, no locks, no allocation)
            )


def is_running(pid: int) -> bool:
    """Tell whether a process exists that is not just waiting to be buried."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


# Looked up before any fork, so that the child has nothing to load.
_LIBC = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Ask the kernel to end this child when its parent dies, even of SIGKILL: no orphan keeps a port or a lock."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
