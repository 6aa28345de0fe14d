"""The outbox's files: who may open them, with which key, and in which state they are found.

=================  =========================================================================
``outbox.lock``    held for the life of the process: one gateway, one outbox
``outbox.key``     32 random bytes in hexadecimal, mode 0600, made at the first start
``outbox.db``      the database, its write-ahead log beside it
``outbox.mark``    epoch and highest number ever published
=================  =========================================================================
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlcipher3 import dbapi2 as sqlite

from gateway import durable_file, errors, outbox_database, outbox_repair, statements

log = logging.getLogger(__name__)

# The name under which a first database grows until it is whole.
_FIRST_NAME: Final = "outbox.db.first"
_KEY_NAME: Final = "outbox.key"
_LOCK_NAME: Final = "outbox.lock"
_KEY_BYTES: Final = 32
_SQL: Final = statements.load()


@dataclass(slots=True)
class OutboxFile:
    """An open outbox database with the lock that keeps others out."""

    folder: Path
    connection: sqlite.Connection
    epoch: str
    lock_descriptor: int

    def wipe(self) -> None:
        """Close the database and delete it, with its key: what a copy of it still holds can no longer be read.

        The lock stays. The write-ahead log goes first: SQLite would apply it to the next file of that name.
        """
        self.connection.close()
        log.warning("outbox_wiped", extra={"epoch": self.epoch})
        *companions, database = reversed(
            outbox_database.with_companions(self.folder / outbox_database.NAME)
        )
        for path in (*companions, database, self.folder / _KEY_NAME):
            path.unlink(missing_ok=True)
            durable_file.sync_folder(self.folder)

    def close(self) -> None:
        """Close the database, then let the lock go."""
        self.connection.close()
        os.close(self.lock_descriptor)


def open_exclusively(folder: Path, now: datetime) -> OutboxFile:
    """Open the outbox of a folder, making or repairing it as needed.

    Args:
        folder: The gateway's state folder.
        now: Aware time, used to name a damaged file that is set aside.

    Raises:
        OutboxError: another process holds it (IN_USE), others may read the key (KEY_EXPOSED), or the disk refuses.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock_descriptor = _lock(folder)
    try:
        _make_key(folder)
        connection, epoch = _open_sound(folder, _read_key(folder), now)
    except BaseException:
        os.close(lock_descriptor)
        raise
    return OutboxFile(folder, connection, epoch, lock_descriptor)


def open_for_reading(folder: Path) -> sqlite.Connection:
    """Open the outbox beside a running gateway, for looking only.

    Raises:
        OutboxError: there is no outbox (ABSENT), or it cannot be read.
    """
    path = folder / outbox_database.NAME
    if not path.exists():
        raise errors.OutboxError(
            errors.StorageReason.ABSENT,
            f"there is no outbox in {folder}; has the gateway run with this state folder?",
        )
    connection = outbox_database.connect(path, _read_key(folder), options="?mode=ro")
    try:
        connection.execute(_SQL["load_instance"]).fetchone()
        if connection.execute(_SQL["find_additions"]).fetchone() is None:
            # An earlier version has written it and this one has not run yet: as if its tables were there, and empty.
            connection.executescript(statements.additions(are_temporary=True))
    except sqlite.Error as error:
        connection.close()
        raise outbox_database.refusal(error) from error
    return connection


def is_held(folder: Path, locks: Path = Path("/proc/locks")) -> bool:
    """Whether a process works with the outbox of a folder. Asking takes no lock, which could get into somebody's way.

    Source: proc_locks(5): each line has the kind of lock and, as the sixth word, device and inode.
    """
    try:
        inode = (folder / _LOCK_NAME).stat().st_ino
        held = [line.split() for line in locks.read_text(encoding="ascii").splitlines()]
    except OSError:
        return False
    return any("FLOCK" in words and f":{inode} " in f"{' '.join(words)} " for words in held)


def _lock(folder: Path) -> int:
    descriptor = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise errors.OutboxError(
            errors.StorageReason.IN_USE,
            f"another gateway process is using {folder}; stop it, or give this one a state folder of its own",
        ) from None
    return descriptor


def _make_key(folder: Path) -> None:
    path = folder / _KEY_NAME
    if not path.exists():
        durable_file.replace(path, secrets.token_hex(_KEY_BYTES).encode())
        log.info("outbox_key_created")


def _read_key(folder: Path) -> str:
    path = folder / _KEY_NAME
    if path.stat().st_mode & 0o077:
        raise errors.OutboxError(
            errors.StorageReason.KEY_EXPOSED,
            f"others on this machine may read {path}: run “chmod 600 {path}”",
        )
    key = path.read_text(encoding="ascii").strip()
    try:
        if len(bytes.fromhex(key)) == _KEY_BYTES:
            return key
    except ValueError:
        pass
    raise errors.OutboxError(
        errors.StorageReason.KEY_UNUSABLE,
        f"{path} does not hold a key; restore it, or move it and {outbox_database.NAME} away to start a new outbox",
    )


def _open_sound(folder: Path, key: str, now: datetime) -> tuple[sqlite.Connection, str]:
    path = folder / outbox_database.NAME
    if not path.exists() and not outbox_repair.finish(folder, now):
        outbox_database.create(folder / _FIRST_NAME, key).close()
        (folder / _FIRST_NAME).rename(path)
        durable_file.sync_folder(folder)
    connection = outbox_database.connect(path, key)
    try:
        damage = outbox_repair.damage(connection, folder)
        if damage is not None:
            connection.close()
            outbox_repair.start_over(folder, key, now, damage)
            connection = outbox_database.connect(path, key)
        outbox_database.prepare(connection)
        connection.executescript(statements.additions())
        return connection, connection.execute(_SQL["load_instance"]).fetchone()["epoch"]
    except sqlite.Error as error:
        connection.close()
        raise outbox_database.refusal(error) from error
