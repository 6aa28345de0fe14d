"""The console as a process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import uvicorn
from psycopg_pool import ConnectionPool

from ccm_link.console import app
from ccm_link.settings import CcmLinkSettings

# One for each request that is being answered; more at once wait their turn, at most this long.
_MOST_CONNECTIONS: Final = 8
_WAIT_S: Final = 5.0
# A browser that keeps a connection open ends with the process, not the process with the browser.
_SHUTDOWN_S: Final = 5


def run(settings: CcmLinkSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: passwords would cross a network in the clear.
    """
    pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
        settings.database,
        min_size=1,
        max_size=_MOST_CONNECTIONS,
        timeout=_WAIT_S,
        open=False,
        check=ConnectionPool.check_connection,  # a restarted database costs nobody a failed page
    )
    console = app.create_app(pool, settings, lambda: datetime.now(UTC))
    with pool:
        uvicorn.run(
            console,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
