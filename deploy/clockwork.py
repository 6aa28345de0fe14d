"""Jobs that run by the clock of a process: over and over, in threads of their own, on connections of one pool.

A job may run twice at once, in this process or another, and at the wrong time; one that fails is logged and runs again
at its next time, so one failing never stops the others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from psycopg_pool import ConnectionPool

log = logging.getLogger(__name__)

# A job that could not start in time (the machine slept) still runs, once.
_MISFIRE_GRACE_S: Final = 3600
_CONNECT_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Job:
    """What is done every so often.

    Attributes:
        name: In the log.
        run: Does it, on a connection that is in no transaction.
        every: Pause between two beginnings.
        at_once: How many of it may run in this process at the same time.
    """

    name: str
    run: Callable[[psycopg.Connection[Any]], None]
    every: timedelta
    at_once: int = 1


def run(conninfo: str, jobs: Sequence[Job], stop: threading.Event) -> None:
    """Run the jobs until ``stop``; each runs once at the start.

    Args:
        conninfo: Where the database is; connections are opened as they are needed.
        jobs: What to do.
        stop: Ends it after the jobs at hand.
    """
    # Their every run would be a line, and every one that waits for the one before; what matters is logged by the jobs.
    for library in ("apscheduler", "psycopg.pool"):
        logging.getLogger(library).setLevel(logging.ERROR)
    most = sum(job.at_once for job in jobs)
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(most)},
        job_defaults={"coalesce": True, "misfire_grace_time": _MISFIRE_GRACE_S},
    )
    with ConnectionPool(
        conninfo,
        kwargs={"connect_timeout": int(_CONNECT_TIMEOUT_S)},
        min_size=0,
        max_size=most,
        timeout=_CONNECT_TIMEOUT_S,
        check=ConnectionPool.check_connection,  # a restarted database costs no job
        open=True,
    ) as pool:
        for job in jobs:
            scheduler.add_job(
                _run_safely,
                "interval",
                args=[pool, job],
                id=job.name,
                seconds=job.every.total_seconds(),
                max_instances=job.at_once,
                next_run_time=datetime.now(UTC),
            )
        scheduler.start()
        stop.wait()
        scheduler.shutdown(wait=True)


def _run_safely(pool: ConnectionPool[psycopg.Connection[Any]], job: Job) -> None:
    try:
        with pool.connection() as connection:
            job.run(connection)
    except psycopg.Error as error:
        log.warning("job_failed", extra={"job": job.name, "sqlstate": error.sqlstate or ""})
