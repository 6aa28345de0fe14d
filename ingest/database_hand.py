"""One connection to the store that goes on trying while it is the database that fails.

What the database says about a record is no trouble of its own: that is raised, and the record is to blame.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

import psycopg
import tenacity

from ingest.commit import Committer

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

_LONGEST_RETRY_S: Final = 5.0
_CONNECT_TIMEOUT_S: Final = 5
# No statement of a batch takes nearly that long; one that does waits for something that is lost.
_SESSION_OPTIONS: Final = "-c statement_timeout=60s -c lock_timeout=30s"

# What PostgreSQL says about the row and not about itself. Source: PostgreSQL 18, appendix A: classes
# 22 data exception, 23 integrity constraint violation, 54 program limit exceeded, P0 raised by a
# function. All else (connection, resources, rights, a missing migration) is no record's fault.
_BLAMES_RECORD: Final = frozenset({"22", "23", "44", "54", "P0"})


class DatabaseHand:
    """Does things with a committer, over a connection that is made when it is needed.

    Args:
        conninfo: Of the role ``homevitals_ingest``.
        stop: Ends the attempts.
    """

    def __init__(self, conninfo: str, stop: threading.Event) -> None:
        self._conninfo = conninfo
        self._stop = stop
        self._committer: Committer | None = None

    def do(self, action: Callable[[Committer], _Result]) -> _Result:
        """Do something with the database, again and again while it is the database that fails.

        Raises:
            tenacity.RetryError: it still failed when the worker was told to stop.
            psycopg.Error: the database refuses a record.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_trouble_of_the_database),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=_LONGEST_RETRY_S),
            stop=tenacity.stop_when_event_set(self._stop),
            sleep=tenacity.sleep_using_event(self._stop),
        )
        result: _Result = retrying(self._attempt, action)
        return result

    def close(self) -> None:
        """Close the connection; the next action makes a new one."""
        if self._committer is not None:
            self._committer.close()
            self._committer = None

    def _attempt(self, action: Callable[[Committer], _Result]) -> _Result:
        try:
            if self._committer is None:
                connection = psycopg.connect(
                    self._conninfo,
                    autocommit=True,
                    connect_timeout=_CONNECT_TIMEOUT_S,
                    options=_SESSION_OPTIONS,
                )
                self._committer = Committer(connection)
            return action(self._committer)
        except psycopg.Error as error:
            if _is_trouble_of_the_database(error):
                log.warning("database_failed", extra=where(error))
                self.close()
            raise


def where(error: Exception) -> dict[str, str]:
    """Return what may be logged of an error: a database's message would repeat the row."""
    if not isinstance(error, psycopg.Error):
        return {"error": type(error).__name__}
    return {
        "error": type(error).__name__,
        "sqlstate": error.sqlstate or "",
        "constraint": error.diag.constraint_name or "",
    }


def _is_trouble_of_the_database(error: BaseException) -> bool:
    if not isinstance(error, psycopg.Error):
        return False
    # psycopg refuses by itself, without a code, what cannot be written as the type of a column.
    return (error.sqlstate or "")[:2] not in _BLAMES_RECORD and not (
        error.sqlstate is None and isinstance(error, psycopg.DataError)
    )
