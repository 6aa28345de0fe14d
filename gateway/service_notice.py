"""What the process tells systemd: that it is ready, how it is, and that it lives.

These are single datagrams to the socket that systemd names in the environment. The libraries for it are either bindings
that need a compiler and libsystemd's headers on the Pi, or have had no release for years; so here are the few lines.

Source: sd_notify(3), section "Notes" on the protocol; sd_watchdog_enabled(3).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping
from typing import Final

from gateway.pulse import Pulse

log = logging.getLogger(__name__)

_STATUS_EVERY_S: Final = 10.0
# What is said once has to arrive; the event loop can bear that long.
_PATIENCE_S: Final = 1.0


class ServiceNotice:
    """The way to whoever supervises this process; says nothing where nobody listens.

    Args:
        environ: The process's environment.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        # “@” stands for the NUL that begins the name of an abstract socket.
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self.watchdog_s = _watchdog_s(environ)

    def ready(self) -> None:
        """Say that the service has started."""
        self._tell("READY=1", patience_s=_PATIENCE_S)

    def status(self, words: str) -> None:
        """Say in one line how it is; shown by “systemctl status”."""
        self._tell(f"STATUS={' '.join(words.split())}")

    def alive(self) -> None:
        """Ask the watchdog to wait on."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the service ends now."""
        self._tell("STOPPING=1", patience_s=_PATIENCE_S)

    async def report(self, pulse: Pulse, words: Callable[[], str]) -> None:
        """Say how the service is, and that it lives as long as its loops turn, until cancelled.

        Args:
            pulse: The loops. While one of them hangs the watchdog is not asked to wait, and systemd starts anew.
            words: How it is, in one line.
        """
        # Half the time: one that is late must not cost a restart.
        pause_s = min(self.watchdog_s / 2, _STATUS_EVERY_S) if self.watchdog_s else _STATUS_EVERY_S
        told = ""
        while True:
            hanging = pulse.hanging()
            if hanging:
                log.error("loop_hangs", extra={"loops": ",".join(hanging)})
            else:
                self.alive()
            now = f"hangs: {', '.join(hanging)}" if hanging else words()
            if now != told:
                self.status(now)
                told = now
            await asyncio.sleep(pause_s)

    def _tell(self, words: str, *, patience_s: float = 0.0) -> None:
        """Send a datagram; if the supervisor is so busy that its queue is full, wait a little or let it be."""
        if not self._address:
            return
        # A supervisor that does not listen must not end what it supervises.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.settimeout(patience_s)
            way.sendto(words.encode(), self._address)


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Return after how many seconds without a sign the supervisor acts; None if it does not."""
    try:
        period_us, pid = (
            int(environ["WATCHDOG_USEC"]),
            int(environ.get("WATCHDOG_PID", os.getpid())),
        )
    except (KeyError, ValueError):
        return None
    return period_us / 1e6 if period_us > 0 and pid == os.getpid() else None
