"""Free loopback ports, and waiting until something listens on a port or a unix socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Tell whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_answering(address: Path) -> bool:
    """Tell whether something accepts connections on a unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(str(address)) == 0


def wait_until(condition: Callable[[], bool], *, timeout_s: float, poll_s: float = 0.05) -> bool:
    """Poll ``condition`` until it holds; return False if it did not within ``timeout_s`` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_s)
    return True


def kept_ports(file: Path, names: tuple[str, ...], wanted: dict[str, int]) -> dict[str, int]:
    """Return a port for each name, the same ones as last time while they stay free.

    A second start keeps the console's address, so that an open browser tab goes on working.

    Args:
        file: Where the ports of the last start are kept (JSON object).
        names: The names that need a port.
        wanted: Ports that the settings fix; they win.
    """
    kept: dict[str, int] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    ports: dict[str, int] = {}
    for name in names:
        port = wanted.get(name) or kept.get(name)
        if port is None or (name not in wanted and is_listening(port)):
            port = free_port()
        ports[name] = port
    file.write_text(json.dumps(ports), encoding="utf-8")
    return ports
