"""The console as a process."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from types import FrameType
from typing import Final

from psycopg_pool import ConnectionPool

from ccm_link.console import app, connections, surroundings
from ccm_link.console.entrance import sealing
from ccm_link.settings import CcmLinkSettings

# One for each request that is being answered; more at once wait their turn, at most this long.
_MOST_CONNECTIONS: Final = 8
_WAIT_S: Final = 5.0
# Times come back in UTC wherever the database stands; a statement that takes this long will not be waited for.
_SESSION_OPTIONS: Final = (
    "-c timezone=UTC -c statement_timeout=10s -c idle_in_transaction_session_timeout=30s"
)


def run(settings: CcmLinkSettings) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was asked, and return. Runs in the main thread.

    Raises:
        SettingsError: passwords would cross a network in the clear, or there is no place for the console's keys.
    """
    sealing.make_if_missing(settings.secrets_key_file)
    pool, entrance = _pool(settings.database), _pool(settings.entrance_database)
    console = app.create_app(pool, entrance, settings, lambda: datetime.now(UTC))
    server = connections.server(console, settings.host, settings.port)

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn has handlers of its own while it serves, and afterwards raises the signal again for those before it:
    # these let the process end as one that did its work.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    with pool, entrance:
        server.run()


def _pool(conninfo: str) -> surroundings.Pool:
    return ConnectionPool(
        conninfo,
        kwargs={"options": _SESSION_OPTIONS},
        min_size=1,
        max_size=_MOST_CONNECTIONS,
        timeout=_WAIT_S,
        open=False,
        check=ConnectionPool.check_connection,  # a restarted database costs nobody a failed page
    )
