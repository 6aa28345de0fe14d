"""A look into the outbox beside a running gateway, or without one. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlcipher3 import dbapi2 as sqlite

from gateway import outbox_database, outbox_file, outbox_rows, outbox_salvage, statements
from gateway.outbox_limits import Fill
from gateway.outbox_rows import Acquaintance, OutboxRow
from gateway.outbox_salvage import Salvage

_SQL: Final = statements.load()


@dataclass(frozen=True, slots=True)
class Look:
    """What an outbox holds.

    Attributes:
        epoch: which instance of an outbox it is.
        fill: how much waits and since when.
        rows: the newest records, oldest first.
        salvages: the repairs that it remembers, oldest first.
        acquaintances: what is known of each peripheral.
    """

    epoch: str
    fill: Fill
    rows: list[OutboxRow]
    salvages: list[Salvage]
    acquaintances: list[Acquaintance]


def into(folder: Path, limit: int) -> Look:
    """Look into the outbox of a state folder.

    Args:
        folder: The gateway's state folder.
        limit: How many of the newest records.

    Raises:
        OutboxError: there is no outbox in the folder, or it cannot be read.
    """
    connection = outbox_file.open_for_reading(folder)
    try:
        connection.execute("begin")  # one moment for all
        rows = connection.execute(_SQL["load_latest"], {"limit": limit}).fetchall()
        acquaintances = connection.execute(_SQL["load_acquaintances"]).fetchall()
        return Look(
            epoch=connection.execute(_SQL["load_instance"]).fetchone()["epoch"],
            fill=outbox_rows.fill(connection, folder),
            rows=[outbox_rows.outbox_row(row) for row in reversed(rows)],
            salvages=outbox_salvage.load(connection),
            acquaintances=[outbox_rows.acquaintance(row) for row in acquaintances],
        )
    except sqlite.Error as error:
        raise outbox_database.refusal(error) from error
    finally:
        connection.close()
