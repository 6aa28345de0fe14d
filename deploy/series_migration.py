"""Moves the readings of a database from monthly partitions to a TimescaleDB hypertable, while readings go on arriving.

1. Beside the partitions stands a hypertable; triggers note every reading that comes or changes from then on.
2. Month by month is copied in a transaction of its own, with its count and hash. What is done is remembered with it,
   so that a process that was killed goes on where it was.
3. Every month is brought up to date by the notes and compared as a whole: in one snapshot, count and hash of both
   tables have to be the same. A row that somebody altered without the triggers shows here.
4. Under a lock, for as long as the last notes take, the hypertable takes the place of the partitions behind the views.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import class_row

from deploy import errors, storage_versions
from ingest import named_queries

if TYPE_CHECKING:
    from typing import LiteralString

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]
_T = TypeVar("_T")

_Q: Final = named_queries.load("deploy", "series_migration")
_OTHER_MOVE_MS: Final = 5000  # in which the server has noticed that a process was killed
# While a lock is waited for, readings wait behind it; and who holds one view and wants the next must not be caught in
# PostgreSQL's search for deadlocks (after a second), for it may end a transaction of ingest. Rather give way soon.
_LOCK_MS: Final = 200
_LOCK_ATTEMPTS: Final = 150
_PAUSE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the old table, from its begin until before its end, UTC."""

    month_at: datetime
    until_at: datetime
    is_copied: bool


@dataclass(frozen=True, slots=True)
class Step:
    """How far the move is.

    Attributes:
        doing: "copied" or "verified".
        month: "2026-11".
        reading_count: How many readings the month has.
    """

    doing: str
    month: str
    reading_count: int
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class Moved:
    """The outcome.

    Attributes:
        copied_months: Months that this run copied; those of a run before it are not among them.
        locked_s: For how long readings had to wait, seconds.
    """

    months: int
    copied_months: int
    readings: int
    locked_s: float
    old_table_kept: bool


def move(
    conninfo: str,
    told: Callable[[Step], None],
    *,
    keep_old: bool,
    start_over: bool = False,
    pause_s: float = _PAUSE_S,
) -> Moved:
    """Move the series, or go on with a move that was interrupted.

    Args:
        conninfo: Connection string of the schemas' owner.
        told: Called after each month.
        keep_old: Leave the partitions where they are, as ``ingest.reading_series_old``.
        start_over: Copy again what a former run has copied.
        pause_s: Between two attempts to get the lock, seconds.

    Raises:
        MissingProgram: the server has no TimescaleDB that can be used.
        SeriesMoveError: old and new differ, or the lock was not to be had. Nothing was swapped.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection, connection.cursor() as cur:
        try:
            cur.execute(_Q.wait_at_most, {"wait_ms": _OTHER_MOVE_MS})
            cur.execute(_Q.one_at_a_time)
            cur.execute(_Q.wait_at_most, {"wait_ms": _LOCK_MS})
        except psycopg.errors.LockNotAvailable:
            raise errors.SeriesMoveError(
                "another process is moving this database; wait until it ends"
            ) from None
        if _engine(cur) == "timescaledb":
            return Moved(0, 0, 0, 0.0, _finish(cur, keep_old=keep_old))
        _extension(connection, cur)
        _locked(connection, pause_s, lambda: _prepare(cur, start_over=start_over))
        cur.execute(_Q.make_noted)
        missing = [month for month in _months(cur) if not month.is_copied]
        for number, month in enumerate(missing, 1):
            count = _copy(connection, month)
            told(Step("copied", f"{month.month_at:%Y-%m}", count, number, len(missing)))
        months = _months(cur)
        readings = 0
        for number, month in enumerate(months, 1):
            count = _verify(connection, month)
            readings += count
            told(Step("verified", f"{month.month_at:%Y-%m}", count, number, len(months)))
        locked_s = _locked(
            connection, pause_s, lambda: _swap(cur), lambda: _follow(connection, cur)
        )
        kept = _finish(cur, keep_old=keep_old)
    return Moved(len(months), len(missing), readings, locked_s, kept)


def _extension(connection: Connection, cur: Cursor) -> None:
    try:
        cur.execute(_Q.make_extension)
    except psycopg.errors.InsufficientPrivilege:
        raise errors.MissingProgram(
            "the database has no TimescaleDB, and its owner may not add it; let a superuser run "
            "“create extension timescaledb” in it, and start again"
        ) from None
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile):
        raise errors.MissingProgram(
            "the server has no TimescaleDB; install it and add it to shared_preload_libraries"
        ) from None
    except psycopg.OperationalError:
        # The library ends the connection where it is not preloaded.
        raise errors.MissingProgram(
            "the server has not loaded TimescaleDB; add it to shared_preload_libraries and start the server again"
        ) from None
    storage_versions.require(connection)


@contextmanager
def _snapshot(connection: Connection) -> Iterator[Cursor]:
    """Open a transaction in which the old table does not change."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with connection.transaction(), connection.cursor() as cur:
            yield cur
    finally:
        connection.isolation_level = None


def _copy(connection: Connection, month: Month) -> int:
    """Copy a month as it is at one instant; notes of before that instant are done with it."""
    with _snapshot(connection) as cur:
        span = _span(month)
        cur.execute(_Q.forget_notes, span)
        cur.execute(_Q.copy_month, span)
        return _compare_month(cur, month)


def _verify(connection: Connection, month: Month) -> int:
    """Bring a month up to date and compare it as a whole."""
    with _snapshot(connection) as cur:
        _bring_up_to_date(cur, month)
        return _compare_month(cur, month)


def _compare_month(cur: Cursor, month: Month) -> int:
    count, content_hash = _same(cur, _Q.month_in_both, month)
    cur.execute(
        _Q.remember_month,
        {"month_at": month.month_at, "reading_count": count, "content_hash": content_hash},
    )
    return count


def _bring_up_to_date(cur: Cursor, month: Month) -> None:
    span = _span(month)
    cur.execute(_Q.take_notes, span)
    cur.execute(_Q.remove_noted, span)
    cur.execute(_Q.copy_noted, span)


def _prepare(cur: Cursor, *, start_over: bool) -> None:
    if start_over:
        cur.execute(_Q.start_over)
    cur.execute(_Q.prepare)


def _swap(cur: Cursor) -> float:
    """Swap the tables under a lock; return for how long it was held, seconds."""
    cur.execute(_Q.lock)
    locked_at_s = time.monotonic()
    for month in _months_noted(cur):
        _bring_up_to_date(cur, month)
        _same(cur, _Q.noted_in_both, month)
    cur.execute(_Q.swap)
    return time.monotonic() - locked_at_s


def _follow(connection: Connection, cur: Cursor) -> None:
    """Bring every month up to date without a lock, so that little is left to do under it."""
    for month in _months_noted(cur):
        with _snapshot(connection) as snapshot:
            _bring_up_to_date(snapshot, month)
            _same(snapshot, _Q.noted_in_both, month)


def _locked(
    connection: Connection,
    pause_s: float,
    work: Callable[[], _T],
    before: Callable[[], None] = lambda: None,
) -> _T:
    """Do work that needs a lock in a transaction, again until it gets it; ``before`` comes before each attempt."""
    for _ in range(_LOCK_ATTEMPTS):
        before()
        try:
            with connection.transaction():
                return work()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            time.sleep(pause_s)
    raise errors.SeriesMoveError(
        "the readings are in use all the time, so their table could not be locked; what was copied stays, start "
        "again at a quieter time"
    )


def _finish(cur: Cursor, *, keep_old: bool) -> bool:
    """Do what may wait until the tables are swapped; return whether the old one is still there."""
    cur.execute(_Q.first_refresh)
    is_there = _is_true(cur, _Q.old_table)
    if is_there and not keep_old:
        cur.execute(_Q.drop_old_table)
    return is_there and keep_old


def _same(cur: Cursor, query: LiteralString, month: Month) -> tuple[int, Any]:
    row = cur.execute(query, _span(month)).fetchone()
    if row is None or row[:2] != row[2:]:
        raise errors.SeriesMoveError(
            f"{month.month_at:%Y-%m} is not the same in the old table and in the new one: somebody altered a row "
            "behind their triggers. Nothing was swapped; find out who, then begin anew with --start-over"
        )
    return int(row[0]), row[1]


def _months(cur: Cursor) -> list[Month]:
    with cur.connection.cursor(row_factory=class_row(Month)) as found:
        return found.execute(_Q.months).fetchall()


def _months_noted(cur: Cursor) -> list[Month]:
    starts = [at.astimezone(UTC) for (at,) in cur.execute(_Q.months_noted).fetchall()]
    return [Month(at, (at + timedelta(days=32)).replace(day=1), is_copied=True) for at in starts]


def _span(month: Month) -> dict[str, datetime]:
    return {"month_at": month.month_at, "until_at": month.until_at}


def _engine(cur: Cursor) -> str:
    row = cur.execute(_Q.engine).fetchone()
    return "" if row is None else str(row[0])


def _is_true(cur: Cursor, query: LiteralString) -> bool:
    row = cur.execute(query).fetchone()
    return row is not None and bool(row[0])
