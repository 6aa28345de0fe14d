"""How browsers and gateways connect: how many at once, how long a request may take to arrive, how large its head is.

uvicorn waits for the rest of a request for ever. Here a connection that does not bring a whole request in time is
closed, so that nobody can hold all of them by sending a byte now and then.

Source: OWASP Denial of Service Cheat Sheet, "Slow HTTP attacks", 2025.
"""

from __future__ import annotations

import asyncio
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ccm_link.console import security

# A form of 64 KiB over a bad mobile line takes a few seconds.
REQUEST_TIMEOUT_S: Final = 20.0
# Between two requests of a browser that keeps its connection.
_KEEP_ALIVE_S: Final = 5
# Whoever takes nothing of an answer for this long is cut off: the rest of it, or of a stream, would be kept meanwhile.
WRITE_TIMEOUT_S: Final = 30.0
# Each costs some kilobytes. A browser opens six; more than this at once get 503 and try again.
MOST_CONNECTIONS: Final = 512
# A browser that keeps a connection open ends with the process, not the process with the browser.
_SHUTDOWN_S: Final = 5


class TimedConnection(H11Protocol):
    """A connection that is closed when a request does not arrive whole, or an answer is not taken, in time."""

    request_timeout_s: float = REQUEST_TIMEOUT_S
    write_timeout_s: float = WRITE_TIMEOUT_S
    _deadline: asyncio.TimerHandle | None = None
    _write_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came; stop waiting once the request is whole."""
        self._wait()
        super().data_received(data)
        if self._is_whole():
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._stop_waiting_to_write()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for a peer that does not take what was written."""
        super().pause_writing()
        if self._write_deadline is None:
            self._write_deadline = self.loop.call_later(self.write_timeout_s, self._give_up)

    def resume_writing(self) -> None:
        """Go on: the peer took most of it."""
        self._stop_waiting_to_write()
        super().resume_writing()

    def _is_whole(self) -> bool:
        if self.conn.their_state is h11.SEND_BODY:
            return False
        unread, _ = self.conn.trailing_data
        return self.conn.their_state is not h11.IDLE or not unread

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.request_timeout_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_waiting_to_write(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    def _give_up(self) -> None:
        self.transport.abort()


def server(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    request_timeout_s: float = REQUEST_TIMEOUT_S,
    write_timeout_s: float = WRITE_TIMEOUT_S,
) -> uvicorn.Server:
    """Return a server for the application with all limits; the caller runs it."""
    limits = {"request_timeout_s": request_timeout_s, "write_timeout_s": write_timeout_s}
    connection = type("Connection", (TimedConnection,), limits)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # What a proxy says about the browser is believed nowhere: neither its address nor https.
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            h11_max_incomplete_event_size=security.MAX_HEAD_BYTES,
        )
    )
