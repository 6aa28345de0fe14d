"""The outbox's database: SQLite, encrypted page by page (SQLCipher), with a write-ahead log."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import Any, Final

from sqlcipher3 import dbapi2 as sqlite

from gateway import errors, statements

log = logging.getLogger(__name__)

NAME: Final = "outbox.db"
LAYOUT: Final = 1
_SQL: Final = statements.load()

Row = dict[str, Any]


def connect(path: Path, key: str, *, options: str = "") -> sqlite.Connection:
    """Open a database file with its key; whether the key fits shows at the first statement.

    Args:
        path: The file; made if it is not there.
        key: 64 hexadecimal digits.
        options: The query part of SQLite's URI, for example ``?mode=ro``.
    """
    connection = sqlite.connect(
        f"{path.resolve().as_uri()}{options}", uri=True, isolation_level=None
    )
    connection.row_factory = _as_dict
    # A raw key: SQLCipher then skips the slow derivation meant for passphrases. It cannot be a parameter.
    connection.execute(f"pragma key = \"x'{key}'\"")
    connection.execute("pragma cipher_log_level = none")  # it would write to our standard error
    return connection


def create(path: Path, key: str) -> sqlite.Connection:
    """Make an outbox with a new epoch, under a name that is not yet the outbox's.

    Raises:
        OutboxError: the disk refuses.
    """
    for leftover in with_companions(path):
        leftover.unlink(missing_ok=True)
    try:
        connection = connect(path, key)
        prepare(connection)
        path.chmod(0o600)
        epoch = secrets.token_hex(16)
        connection.executescript(statements.layout())
        connection.executescript(statements.additions())
        connection.execute(_SQL["add_instance"], {"epoch": epoch, "layout": LAYOUT})
    except sqlite.Error as error:
        raise refusal(error) from error
    log.info("outbox_created", extra={"epoch": epoch})
    return connection


def prepare(connection: sqlite.Connection) -> None:
    """Make commits durable: they return only after the write-ahead log is on the disk."""
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")


def with_companions(path: Path) -> tuple[Path, Path, Path]:
    """Name a database file, its write-ahead log and that log's index."""
    return path, Path(f"{path}-wal"), Path(f"{path}-shm")


def refusal(error: sqlite.Error) -> errors.OutboxError:
    """Translate what SQLite says into what the gateway can do about it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite.SQLITE_FULL:
        return errors.OutboxError(
            errors.StorageReason.FULL,
            "no space is left for the outbox; free space on the gateway's disk",
        )
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return errors.OutboxError(
        errors.StorageReason.FAILED,
        f"the outbox failed ({name}); check the disk, then start the gateway again",
    )


def _as_dict(cursor: sqlite.Cursor, row: tuple[Any, ...]) -> Row:
    return {column[0]: cell for column, cell in zip(cursor.description, row, strict=True)}
