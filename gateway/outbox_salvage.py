"""What can still be read of a damaged outbox, and which of its numbers cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlcipher3 import dbapi2 as sqlite

from gateway import outbox_database, published_mark, statements
from gateway.outbox_database import Row

_SQL: Final = statements.load()
# Unreadable rows in a row after which salvage stops: some eighty bad pages.
_GIVE_UP_AFTER: Final = 2_000

Runs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Salvage:
    """One repair: a damaged outbox was set aside, and what could be read of it lives on in a new one.

    Attributes:
        epoch: of the damaged outbox; None if not even that could be read.
        found_at: when, gateway clock, aware UTC.
        reason: what was wrong, one word.
        saved: records that live on, under new numbers.
        highest_seq: the last number known to have been given; None if none is known.
        unsaved: first and last number of each run up to there whose rows are not here. The server has those that it
            receipted long ago; the rest is lost unless the peripheral still has it.
    """

    epoch: str | None
    found_at: datetime
    reason: str
    saved: int
    highest_seq: int | None
    unsaved: Runs

    @property
    def unsaved_count(self) -> int:
        """Return how many numbers could not be saved."""
        return sum(last - first + 1 for first, last in self.unsaved)


def records(path: Path, key: str) -> Iterator[Row]:
    """Yield every record that can still be read, oldest first."""
    after, failures = 0, 0
    connection = outbox_database.connect(path, key)
    try:
        while failures < _GIVE_UP_AFTER:
            try:
                row = connection.execute(_SQL["load_next_record"], {"after": after}).fetchone()
            except sqlite.Error:
                after, failures = after + 1, failures + 1
                # SQLCipher remembers a bad page and then refuses the good ones too.
                connection.close()
                connection = outbox_database.connect(path, key)
                continue
            if row is None:
                return
            after, failures = row["seq"], 0
            yield row
    finally:
        connection.close()


def rows(path: Path, key: str, statement: str) -> list[Row]:
    """Return what a named statement finds; nothing if its table cannot be read, or is not there."""
    connection = outbox_database.connect(path, key)
    try:
        found: list[Row] = connection.execute(_SQL[statement]).fetchall()
    except sqlite.Error:
        found = []
    finally:
        connection.close()
    return found


def numbering(path: Path, key: str) -> tuple[str | None, int | None]:
    """Return epoch and highest number of a damaged outbox, as far as file or published mark know them."""
    instance, highest = rows(path, key, "load_instance"), rows(path, key, "highest_seq")
    marked = published_mark.last(path.parent)
    epoch = instance[0]["epoch"] if instance else None
    if marked is not None and epoch in {None, marked[0]}:
        known = [marked[1], *(int(row["highest"]) for row in highest)]
        return marked[0], max(known)
    return epoch, int(highest[0]["highest"]) if highest else None


def holes(saved: Iterable[int], highest_seq: int) -> Runs:
    """Return the runs of numbers from 1 to the highest that are not among the saved ones. Pure."""
    found, expected = [], 1
    for seq in (*sorted(saved), highest_seq + 1):
        if seq > expected:
            found.append((expected, seq - 1))
        expected = max(expected, seq + 1)
    return tuple(found)


def load(connection: sqlite.Connection) -> list[Salvage]:
    """Return the repairs that an outbox remembers, oldest first."""
    runs: dict[int, list[tuple[int, int]]] = {}
    for row in connection.execute(_SQL["load_unsaved"]).fetchall():
        runs.setdefault(row["salvage_id"], []).append((row["first_seq"], row["last_seq"]))
    return [
        Salvage(
            epoch=row["epoch"],
            found_at=datetime.fromisoformat(row["found_at"]),
            reason=row["reason"],
            saved=row["saved"],
            highest_seq=row["highest_seq"],
            unsaved=tuple(runs.get(row["salvage_id"], ())),
        )
        for row in connection.execute(_SQL["load_salvages"]).fetchall()
    ]


def note(connection: sqlite.Connection, salvage: Salvage) -> None:
    """Write a repair into the outbox that lives on."""
    added = connection.execute(
        _SQL["add_salvage"],
        {
            "epoch": salvage.epoch,
            "found_at": salvage.found_at.isoformat(),
            "reason": salvage.reason,
            "saved": salvage.saved,
            "highest_seq": salvage.highest_seq,
        },
    ).fetchone()
    for first_seq, last_seq in salvage.unsaved:
        connection.execute(
            _SQL["add_unsaved"],
            {"salvage_id": added["salvage_id"], "first_seq": first_seq, "last_seq": last_seq},
        )


def load_damaged(path: Path, key: str) -> list[Salvage]:
    """Return the repairs that a damaged outbox remembers, as far as they can be read."""
    connection = outbox_database.connect(path, key)
    try:
        return load(connection)
    except sqlite.Error:
        return []
    finally:
        connection.close()
