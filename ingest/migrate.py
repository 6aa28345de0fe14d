"""Brings a database schema up to the migrations of a package.

A migration is a file ``NNNN_pre_slug.sql`` (safe while the version before still runs) or
``NNNN_post_slug.sql`` (only once it is gone). Each runs in a transaction of its own, together with
the row that remembers it. A file whose first line is ``-- outside a transaction`` holds one
statement that PostgreSQL refuses inside a transaction; should the process die behind it, it runs
again, so it has to be written to bear that (``if not exists``).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources.abc import Traversable
from typing import Any, Final

import psycopg
from psycopg import pq

from ingest import errors, named_queries

log = logging.getLogger(__name__)

OUTSIDE_A_TRANSACTION: Final = "-- outside a transaction"

_Q: Final = named_queries.load("ingest")
_FILE_NAME: Final = re.compile(r"(\d{4})_(pre|post)_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    name: str
    statements: bytes  # UTF-8
    sha256: bytes

    @property
    def outside_a_transaction(self) -> bool:
        """Tell whether the first line asks for it."""
        return self.statements.split(b"\n", 1)[0].strip() == OUTSIDE_A_TRANSACTION.encode()


def migrate(
    connection: psycopg.Connection[Any],
    schema: str,
    folder: Traversable,
    *,
    applied_at: datetime,
) -> list[str]:
    """Apply the migrations of ``folder`` that the database does not have yet.

    1. Take an advisory lock: two processes that start at once migrate one after the other.
    2. Compare what was applied with the files; any edit, loss or late insertion stops here.
    3. Apply the rest in order, each with its row in ``public.homevitals_migration``.

    Args:
        connection: Connection of the schema's owner, without an open transaction.
        schema: Name under which the history of this folder is kept.
        folder: Where the ``.sql`` files are.
        applied_at: Now, aware UTC.

    Returns:
        The names of the files applied, in order; empty when there was nothing to do.

    Raises:
        MigrationError: files and history contradict each other, or a transaction is open.
    """
    if connection.info.transaction_status != pq.TransactionStatus.IDLE:
        raise errors.MigrationError(
            "migrating needs a connection without an open transaction; commit first",
            errors.MigrationReason.OPEN_TRANSACTION,
        )
    migrations = read(folder)
    with _autocommit(connection), connection.cursor() as cur, _lock(cur):
        cur.execute(_Q.create_migration_table)
        cur.execute(_Q.applied_migrations, {"package": schema})
        missing = unapplied(migrations, dict(cur.fetchall()))
        for migration in missing:
            _apply(connection, cur, schema, migration, applied_at)
            log.info("migration_applied", extra={"package": schema, "migration": migration.name})
    return [migration.name for migration in missing]


def read(folder: Traversable) -> list[Migration]:
    """Return the migrations of a folder in order.

    Raises:
        MigrationError: a name does not follow the form, or a number is used twice.
    """
    migrations: dict[str, Migration] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        match = _FILE_NAME.fullmatch(file.name)
        if match is None:
            raise errors.MigrationError(
                f"“{file.name}” has to be named NNNN_pre_slug.sql or NNNN_post_slug.sql",
                errors.MigrationReason.BAD_NAME,
            )
        if match[1] in migrations:
            raise errors.MigrationError(
                f"“{file.name}” and “{migrations[match[1]].name}” have the same number; renumber one",
                errors.MigrationReason.NUMBER_TWICE,
            )
        statements = file.read_bytes()
        sha256 = hashlib.sha256(statements).digest()
        migrations[match[1]] = Migration(file.name, statements, sha256)
    return list(migrations.values())


def unapplied(migrations: list[Migration], applied: dict[str, bytes]) -> list[Migration]:
    """Return the migrations that are still to run, having checked the history of the others.

    Args:
        migrations: All files, in order.
        applied: File name → SHA-256 of what was applied to this database.

    Raises:
        MigrationError: an applied file was edited or is gone, or a new one stands before an applied one.
    """
    gone = sorted(applied.keys() - {migration.name for migration in migrations})
    if gone:
        raise errors.MigrationError(
            f"“{gone[0]}” was applied to this database but its file is gone; restore it",
            errors.MigrationReason.MISSING,
        )
    missing: list[Migration] = []
    for migration in migrations:
        if migration.name not in applied:
            missing.append(migration)
        elif applied[migration.name] != migration.sha256:
            raise errors.MigrationError(
                f"“{migration.name}” was edited after it was applied; restore it and add a new file",
                errors.MigrationReason.EDITED,
            )
        elif missing:
            raise errors.MigrationError(
                f"“{missing[0].name}” stands before “{migration.name}”, which was applied; renumber it",
                errors.MigrationReason.OUT_OF_ORDER,
            )
    return missing


def _apply(
    connection: psycopg.Connection[Any],
    cur: psycopg.Cursor[Any],
    schema: str,
    migration: Migration,
    applied_at: datetime,
) -> None:
    remember = {
        "package": schema,
        "name": migration.name,
        "sha256": migration.sha256,
        "applied_at": applied_at,
    }
    if migration.outside_a_transaction:
        cur.execute(migration.statements)
        cur.execute(_Q.remember_migration, remember)
        return
    with connection.transaction():
        cur.execute(migration.statements)
        cur.execute(_Q.remember_migration, remember)


@contextlib.contextmanager
def _autocommit(connection: psycopg.Connection[Any]) -> Iterator[None]:
    before = connection.autocommit
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = before


@contextlib.contextmanager
def _lock(cur: psycopg.Cursor[Any]) -> Iterator[None]:
    # A session's lock, not a transaction's: it has to hold across all files. Should the connection break,
    # the server lets go of it.
    cur.execute(_Q.lock_migrations)
    try:
        yield
    finally:
        if not cur.connection.closed:
            cur.execute(_Q.unlock_migrations)
