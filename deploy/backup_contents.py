"""Reads what is in a database at one instant: rows and hashes of every table, definitions, heads of audit chains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from deploy import backup_programs, errors
from deploy.backup_manifest import Content, Contents
from ingest import audit_sealer, named_queries

_Q: Final = named_queries.load("deploy", "backup_contents")
TIMESCALEDB: Final = "timescaledb"

Connection = psycopg.Connection[Any]
Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is (0 where nobody knows)."""


@dataclass(frozen=True, slots=True)
class Connected:
    """Who is connected to what."""

    server_version: int
    database: str
    role: str
    is_superuser: bool
    reads_past_walls: bool
    at: datetime

    @property
    def server_major(self) -> int:
        """Return the major version of the server."""
        return self.server_version // 10000


@dataclass(frozen=True, slots=True)
class _Table:
    schema: str
    name: str
    divided_by: str | None

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A view of the whole database that does not move any more, and its name for other connections."""

    connection: Connection
    name: str
    connected: Connected
    tables: tuple[_Table, ...]


def connected(connection: Connection) -> Connected:
    """Return who is connected to what."""
    row = _rows(connection, _Q.connected)[0]
    return Connected(**(row | {"at": row["at"].astimezone(UTC)}))


def require_reading_all(who: Connected) -> None:
    """Refuse a role that walls hold back: a backup of what it sees would be partial.

    Raises:
        ConfigurationError: it is neither a superuser nor a role with BYPASSRLS.
    """
    if not who.reads_past_walls:
        raise errors.ConfigurationError(
            f"the role {who.role} is held back by row-level security, and a backup of what it sees would not be whole; "
            "connect as a superuser, or as a role made for backups: create role NAME login bypassrls; "
            "grant pg_read_all_data to NAME"
        )


@contextmanager
def snapshot(connection: Connection) -> Iterator[Snapshot]:
    """Hold one view of all tables while the block runs.

    1. Find the tables. 2. Lock each against being dropped, truncated or packed away, which a snapshot alone does not
    see. 3. Take the snapshot, behind the locks.

    Args:
        connection: In autocommit mode, of a role that no wall holds back.

    Raises:
        BackupError: a table is locked, or goes away meanwhile.
    """
    tables = _tables(connection)
    with connection.transaction():
        connection.execute(_Q.one_view)
        _hold(connection, tables)
        connection.execute(_Q.settle)
        name = _rows(connection, _Q.export_snapshot)[0]["snapshot"]
        yield Snapshot(connection, name, connected(connection), tables)


def _hold(connection: Connection, tables: Iterable[_Table]) -> None:
    try:
        for table in tables:
            connection.execute(sql.SQL(_Q.hold).format(table=table.identifier))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable) as error:
        raise errors.BackupError(backup_programs.SOMETHING_HOLDS_A_TABLE) from error


def read(held: Snapshot, progress: Progress) -> Contents:
    """Read everything that the manifest says of the database, in bounded memory."""
    connection = held.connection
    tables: dict[str, dict[str, Content]] = {}
    for number, table in enumerate(held.tables):
        progress("counting and hashing rows", number, len(held.tables))
        tables[table.full_name] = _content(connection, table)
    progress("counting and hashing rows", len(held.tables), len(held.tables))
    with connection.cursor() as cur:
        heads = audit_sealer.heads(cur)
    extensions = _extensions(connection)
    return Contents(
        taken_at=held.connected.at,
        database=held.connected.database,
        server_version=held.connected.server_version,
        extensions=extensions,
        engine=TIMESCALEDB if TIMESCALEDB in extensions else "partitions",
        migrations=tuple(row["migration"] for row in _rows(connection, _Q.migrations)),
        tables=tables,
        sequences={row["name"]: row["position"] for row in _rows(connection, _Q.sequences)},
        structure={row["part"]: row["sha256"] for row in _rows(connection, _Q.structure)},
        audit_heads={
            str(practice_id): (head.position, head.chain_sha256.hex())
            for practice_id, head in heads.items()
        },
        roles=tuple(row["role"] for row in _rows(connection, _Q.roles)),
    )


def _tables(connection: Connection) -> tuple[_Table, ...]:
    divided_by: Mapping[tuple[str, str], str] = {}
    if TIMESCALEDB in _extensions(connection):
        divided_by = {
            (row["schema"], row["name"]): row["divided_by"]
            for row in _rows(connection, _Q.hypertables)
        }
    return tuple(
        _Table(
            row["schema"],
            row["name"],
            row["divided_by"] or divided_by.get((row["schema"], row["name"])),
        )
        for row in _rows(connection, _Q.tables)
    )


def _extensions(connection: Connection) -> dict[str, str]:
    return {row["name"]: row["version"] for row in _rows(connection, _Q.extensions)}


def _content(connection: Connection, table: _Table) -> dict[str, Content]:
    column: sql.Composable = sql.SQL("null::timestamptz")
    if table.divided_by is not None:
        column = sql.Identifier(table.divided_by)
    statement = sql.SQL(_Q.content).format(table=table.identifier, column=column)
    return {
        row["month"] or "": Content(row["rows"], f"{row['high']} {row['low']}")
        for row in _rows(connection, statement)
    }


def _rows(connection: Connection, statement: Any) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cur:
        return cur.execute(statement).fetchall()
