"""What happens to a damaged outbox.

It is never deleted and never silently replaced: it is set aside under a new name, everything readable is copied into
a new one with a new epoch, which also keeps the numbers that could not be saved; log and heartbeat say so.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlcipher3 import dbapi2 as sqlite

from gateway import (
    durable_file,
    errors,
    outbox_database,
    outbox_salvage,
    published_mark,
    statements,
)
from gateway.outbox_salvage import Salvage

log = logging.getLogger(__name__)

# The name under which the new file grows until it is whole.
_REPAIRED_NAME: Final = "outbox.db.repaired"
_SQL: Final = statements.load()
# What is copied row by row beside the records: how it is read, how it is written. Without watermarks the meters will be
# asked for all their records again.
_COPIED: Final = (
    ("load_watermarks", "set_watermark"),
    ("load_acquaintances", "note_acquaintance"),
    ("load_last_receipt", "note_receipt"),
)
# Content that is wrong; anything else (no permission, a failing disk) is no reason to start over.
# ERROR stands for a missing table.
_DAMAGE_CODES: Final = frozenset({sqlite.SQLITE_CORRUPT, sqlite.SQLITE_NOTADB, sqlite.SQLITE_ERROR})


def damage(connection: sqlite.Connection, folder: Path) -> str | None:
    """Say what is wrong with the content of an outbox, or None.

    Raises:
        OutboxError: it was written by a later version.
        Error: it cannot be read for another reason (no permission, a failing disk), which is none to start over.
    """
    try:
        instance = connection.execute(_SQL["load_instance"]).fetchone()
        if instance is None:
            return "no_instance"
        if instance["layout"] > outbox_database.LAYOUT:
            raise errors.OutboxError(
                errors.StorageReason.NEWER,
                "a newer version of the gateway has written this outbox; install that version again",
            )
        if connection.execute("pragma cipher_integrity_check").fetchall():
            return "bad_pages"
        if connection.execute("pragma quick_check").fetchone()["quick_check"] != "ok":
            return "inconsistent"
        highest = connection.execute(_SQL["highest_seq"]).fetchone()["highest"]
    except sqlite.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE_CODES:
            return str(error.sqlite_errorname).lower()
        raise
    return "commits_lost" if highest < published_mark.load(folder, instance["epoch"]) else None


def start_over(folder: Path, key: str, now: datetime, reason: str) -> None:
    """Set the damaged file aside, make a new one, copy over what can still be read.

    The new file is filled and closed under another name and takes the outbox's name last, so that a crash on the
    way repeats the work instead of losing it.
    """
    path = folder / outbox_database.NAME
    connection = outbox_database.create(folder / _REPAIRED_NAME, key)
    connection.execute("begin immediate")
    saved: list[int] = []
    waiting = 0
    for row in outbox_salvage.records(path, key):
        connection.execute(_SQL["restore_record"], row)
        saved.append(row["seq"])
        waiting += row["state"] == "waiting"
    for load, restore in _COPIED:
        for row in outbox_salvage.rows(path, key, load):
            connection.execute(_SQL[restore], row)
    epoch, highest = outbox_salvage.numbering(path, key)
    repair = Salvage(
        epoch=epoch,
        found_at=now,
        reason=reason,
        saved=len(saved),
        highest_seq=highest,
        unsaved=outbox_salvage.holes(saved, max(highest or 0, *saved, 0)),
    )
    for salvage in (*outbox_salvage.load_damaged(path, key), repair):
        outbox_salvage.note(connection, salvage)
    connection.execute("commit")
    connection.close()
    log.error(
        "outbox_damaged",
        extra={
            "reason": reason,
            "epoch": epoch,
            "count": len(saved),
            "waiting": waiting,
            "unsaved": repair.unsaved_count,
        },
    )
    _put_in_place(folder, now)


def finish(folder: Path, now: datetime) -> bool:
    """Finish a repair that was cut off between its renames; returns whether there was one."""
    if not (folder / _REPAIRED_NAME).exists() or (folder / outbox_database.NAME).exists():
        return False
    _put_in_place(folder, now)
    return True


def set_aside(folder: Path) -> list[Path]:
    """Return the damaged databases that lie in a state folder; only the outbox's key of their time opens them."""
    return sorted(folder.glob(f"{outbox_database.NAME}.damaged-*"))


def _put_in_place(folder: Path, now: datetime) -> None:
    """Set the damaged files aside, then give the repaired one the outbox's name.

    May be repeated from any point. A damaged write-ahead log must be gone before the repaired file takes the name:
    SQLite would apply it.
    """
    aside = f"{outbox_database.NAME}.damaged-{now:%Y%m%dT%H%M%S}"
    for damaged, name in zip(
        outbox_database.with_companions(folder / outbox_database.NAME),
        outbox_database.with_companions(folder / aside),
        strict=True,
    ):
        if damaged.exists():
            damaged.rename(name)
    (folder / _REPAIRED_NAME).rename(folder / outbox_database.NAME)
    durable_file.sync_folder(folder)
    log.error("damaged_outbox_set_aside")
