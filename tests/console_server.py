"""Fixtures: the console on a free port of this process, over the made-up practice, with a clock that the test moves."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
import uvicorn
from psycopg_pool import ConnectionPool

from ccm_link.console import app
from ccm_link.settings import CcmLinkSettings
from tests import made_up_practice
from tests.made_up_practice import Clock, Connect, MadeUp


@pytest.fixture
def connect(database) -> Connect:
    return database.connect


@pytest.fixture
def made_up(connect: Connect) -> MadeUp:
    return made_up_practice.set_up(connect)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def address(database, made_up: MadeUp, clock: Clock) -> Iterator[str]:
    with serve(database.conninfo("homevitals_console"), clock) as found:
        yield found


@contextlib.contextmanager
def serve(conninfo: str, clock: Callable[[], datetime]) -> Iterator[str]:
    """Serve the console until the block ends; yield its address."""
    pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
        conninfo, min_size=1, max_size=4, timeout=5, open=False
    )
    console = app.create_app(pool, CcmLinkSettings(), clock)
    server = uvicorn.Server(
        uvicorn.Config(console, host="127.0.0.1", port=0, log_config=None, access_log=False)
    )
    with pool:
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{_port(server)}"
        finally:
            server.should_exit = True
            thread.join(10)


def _port(server: uvicorn.Server) -> int:
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the console did not start"
        time.sleep(0.01)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
