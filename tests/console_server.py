"""Fixtures: the console on a free port of this process, over the made-up practice, with a clock that the test moves."""

from __future__ import annotations

import base64
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from psycopg_pool import ConnectionPool

from ccm_link.settings import CcmLinkSettings
from tests.made_up_practice import Clock, Connect, MadeUp


@pytest.fixture
def connect(database) -> Connect:
    return database.connect


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def console(database, made_up: MadeUp, clock: Clock, tmp_path: Path) -> Iterator[Console]:
    """Serve the console of the made-up practice; yield its address and the application behind it."""
    keys = tmp_path / "console-secrets.keys"
    keys.write_bytes(base64.b64encode(os.urandom(32)) + b"\n")
    keys.chmod(0o600)
    with serve(database.conninfo, clock, CcmLinkSettings(secrets_key_file=keys)) as found:
        yield found


@pytest.fixture
def address(console: Console) -> str:
    return console.address


@dataclass(frozen=True)
class Console:
    """A console that serves."""

    address: str
    app: FastAPI


@contextlib.contextmanager
def serve(
    conninfo: Callable[[str], str],
    clock: Callable[[], datetime],
    settings: CcmLinkSettings | None = None,
) -> Iterator[Console]:
    """Serve the console until the block ends. ``conninfo`` makes the connection string of a role."""
    from ccm_link.console import app, connections

    with (
        _pool(conninfo("homevitals_console")) as pool,
        _pool(conninfo("homevitals_entrance")) as entrance,
    ):
        console = app.create_app(pool, entrance, settings or CcmLinkSettings(), clock)
        server = connections.server(console, "127.0.0.1", 0)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield Console(f"http://127.0.0.1:{_port(server)}", console)
        finally:
            server.should_exit = True
            thread.join(10)


def _pool(conninfo: str) -> ConnectionPool[psycopg.Connection[Any]]:
    return ConnectionPool(conninfo, min_size=1, max_size=4, timeout=5, open=False)


def _port(server: uvicorn.Server) -> int:
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the console did not start"
        time.sleep(0.01)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
