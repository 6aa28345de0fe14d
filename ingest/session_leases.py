"""Which worker works for which of the broker's sessions.

A broker keeps for each session what it has to deliver, and gives none of that to another session. Should the worker of
a session die, somebody has to connect under the session's name, or its messages wait until their gateways send them
again. So sessions are leased: a lease is an advisory lock that a worker's own database connection holds. The server
lets go of it the moment the worker is gone, and whoever looks next takes the session over with everything in it.
"""

from __future__ import annotations

import math
from typing import Any, Final

import psycopg

from ingest import named_queries

_Q: Final = named_queries.load("ingest", "session_leases")

_CONNECT_TIMEOUT_S: Final = 5
# A worker whose machine is gone says nothing more. Its leases end when the server has asked its connection in vain:
# after 4 + 3 × 3 seconds.
_OPTIONS: Final = (
    "-c tcp_keepalives_idle=4 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
    " -c statement_timeout=5s -c idle_session_timeout=0"
)


def fair_share(sessions: int, workers: int) -> int:
    """Return how many sessions one of so many workers may hold, so that no session is without one."""
    return math.ceil(sessions / max(workers, 1))


class SessionLeases:
    """The leases of one worker.

    Args:
        conninfo: Of a direct connection to the server: a pool that shares connections would mix up whose lock it is.
        count: How many sessions there are; they are numbered from 1.
        own: The session that this worker takes first and gives back last.
    """

    def __init__(self, conninfo: str, count: int, own: int) -> None:
        self._conninfo = conninfo
        self._numbers = sorted(range(1, count + 1), key=lambda number: number != own)
        self._held: list[int] = []
        self._connection: psycopg.Connection[Any] | None = None

    def refresh(self) -> list[int]:
        """Take free sessions up to the fair share, give back what is beyond it; return the numbers held.

        Raises:
            psycopg.Error: the database does not answer; nothing is held any more.
        """
        try:
            cur = self._cursor()
            (workers,) = _row(cur.execute(_Q.count_workers))
            share = fair_share(len(self._numbers), workers)
            while len(self._held) > share:
                cur.execute(_Q.give_session_back, {"number": self._held[-1]})
                self._held.pop()
            for number in self._numbers:
                if len(self._held) < share and number not in self._held:
                    (is_free,) = _row(cur.execute(_Q.take_session, {"number": number}))
                    if is_free:
                        self._held.append(number)
                        self._held.sort(key=self._numbers.index)
        except psycopg.Error:
            self.close()
            raise
        return list(self._held)

    def close(self) -> None:
        """Give everything back."""
        self._held.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _cursor(self) -> psycopg.Cursor[Any]:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._conninfo,
                autocommit=True,
                connect_timeout=_CONNECT_TIMEOUT_S,
                options=_OPTIONS,
            )
            self._connection.execute(_Q.announce)
        return self._connection.cursor()


def _row(cur: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = cur.fetchone()
    return row or (0,)
