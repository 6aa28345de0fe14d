"""Puts a backup into an empty database and holds the copy against the manifest; services stay out until it is the same.

A database that is being restored allows no connections but a superuser's. What fails on the way leaves it so: no
service ever starts on half a copy.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import conninfo, sql
from psycopg.rows import dict_row

from deploy import (
    backup,
    backup_contents,
    backup_folder,
    backup_manifest,
    backup_programs,
    database,
    errors,
)
from deploy.backup_contents import TIMESCALEDB, Connected, Connection, Progress
from deploy.backup_manifest import Contents
from deploy.errors import BackupError, ConfigurationError
from ingest import audit_verification, named_queries
from ingest.audit_anchor_reader import Anchors
from ingest.audit_findings import Finding, Place, Verdict
from ingest.audit_verification import Limits

_Q: Final = named_queries.load("deploy", "backup_restore")
# Anchors of after the backup know links that it does not have: that is the gap, and no tampering.
_OF_THE_GAP: Final = frozenset({Place.TAIL_CUT, Place.CHAIN_GONE})


@dataclass(frozen=True, slots=True)
class Restored:
    """A copy that is what was backed up.

    Attributes:
        contents: What was backed up, and when.
        lost_events: Practice → how many audit events anchors knew that came after the backup, at least.
        is_anchored: Whether its chains were held against any anchor.
    """

    contents: Contents
    lost_events: dict[UUID, int]
    is_anchored: bool


def restore(
    folder: Path,
    connection_string: str,
    anchors: Anchors | None,
    finish: Callable[[Connection, Restored], None],
    progress: Progress,
) -> Restored:
    """Restore a backup whose files were checked.

    1. Refuse what cannot work, before anything is changed. 2. Make the roles; keep services out. 3. Fill the database.
    4. Compare rows, content, definitions and chain heads with the manifest; check the audit chains. 5. Let ``finish``
    write what has to be written, in the copy. 6. Let services in.

    Args:
        folder: The backup.
        connection_string: An empty database, as a superuser.
        anchors: Of the audit trail; None checks the chains alone.
        finish: Called with a connection in autocommit mode once the copy is known to be the same.
        progress: Called now and then.

    Raises:
        ConfigurationError: role, database or server cannot take this backup; nothing was changed.
        MissingProgram: pg_restore or the extension's version is not there; nothing was changed.
        BackupError: it did not succeed, or the copy is not the same. The database stays closed.
    """
    manifest, _ = backup_folder.read_manifest(folder)
    contents = manifest.contents
    with psycopg.connect(connection_string, autocommit=True, options=backup.SESSION) as admin:
        who = backup_contents.connected(admin)
        _require_fit(admin, who, contents)
        backup_programs.find("pg_restore", who.server_major)
        database.create_roles(admin)
        _require_roles(admin, contents)
        connections = _one(admin, _Q.connection_limit)["connections"]
        _close(admin, who.database)
        try:
            _fill(admin, who, folder, connection_string, contents, progress)
            restored = _compared(connection_string, contents, anchors, progress)
            _in_database(
                admin, _Q.give_to_owner, who.database, owner=sql.Identifier(database.OWNER)
            )
            with _seeing_hypertables(connection_string) as inside:
                inside.execute(_Q.count_rows_anew)
                finish(inside, restored)
            if contents.engine == TIMESCALEDB:
                admin.execute(_Q.after_timescaledb)
        except (errors.DeployError, psycopg.Error) as error:
            raise BackupError(
                f"{_in_words(error)}\nThe database {who.database} is not usable and stays closed to services: drop it"
            ) from error
        _in_database(admin, _Q.say_nothing, who.database)
        _limit(admin, who.database, connections)
    return restored


def check(
    folder: Path, connection_string: str, anchors: Anchors | None, progress: Progress
) -> Restored:
    """Restore a backup into a scratch database beside another one, compare, and drop it again.

    Args:
        folder: The backup.
        connection_string: Any database of the server, as a superuser.
        anchors: Of the audit trail; None checks the chains alone.
        progress: Called now and then.

    Raises:
        DeployError: as :func:`restore` does.
    """
    scratch = f"homevitals_check_{secrets.token_hex(4)}"
    with psycopg.connect(connection_string, autocommit=True, options=backup.SESSION) as admin:
        _require_superuser(backup_contents.connected(admin))
        _in_database(admin, _Q.create_scratch, scratch)
        try:
            inside = conninfo.make_conninfo(connection_string, dbname=scratch)
            return restore(folder, inside, anchors, lambda _connection, _restored: None, progress)
        finally:
            _in_database(admin, _Q.drop_scratch, scratch)


def _require_fit(admin: Connection, who: Connected, contents: Contents) -> None:
    _require_superuser(who)
    if _one(admin, _Q.occupants)["count"]:
        raise ConfigurationError(
            f"the database {who.database} is not empty, and nothing is overwritten; make a new one: "
            "create database NAME template template0"
        )
    if who.server_major < contents.server_major:
        raise ConfigurationError(
            f"the backup is of PostgreSQL {contents.server_major} and this server is {who.server_major}; take "
            f"{contents.server_major} or later"
        )
    version = contents.extensions.get(TIMESCALEDB)
    if version is not None:
        wanted = {"name": TIMESCALEDB, "version": version}
        if not _one(admin, _Q.has_extension_version, wanted)["has"]:
            raise errors.MissingProgram(
                f"the backup needs TimescaleDB {version}, which this server does not have; install exactly that "
                "version (it may be updated afterwards)"
            )


def _require_superuser(who: Connected) -> None:
    if not who.is_superuser:
        raise ConfigurationError(
            f"the role {who.role} is no superuser; a restore makes roles, gives tables to their owners and puts the "
            "extension in, so connect as one"
        )


def _require_roles(admin: Connection, contents: Contents) -> None:
    rows = admin.execute(_Q.missing_roles, {"roles": list(contents.roles)}).fetchall()
    if rows:
        raise ConfigurationError(
            f"roles of the backup are not on this server; make them first: {', '.join(role for (role,) in rows)}"
        )


def _close(admin: Connection, name: str) -> None:
    _in_database(admin, _Q.say_unfinished, name)
    _limit(admin, name, 0)


def _limit(admin: Connection, name: str, connections: int) -> None:
    _in_database(admin, _Q.limit_connections, name, connections=sql.Literal(connections))


def _in_words(error: Exception) -> str:
    if isinstance(error, psycopg.Error):
        # Never the message: it may repeat a row.
        return f"the database refused a step of the restore (SQLSTATE {error.sqlstate or 'none'})"
    return str(error)


def _fill(
    admin: Connection,
    who: Connected,
    folder: Path,
    connection_string: str,
    contents: Contents,
    progress: Progress,
) -> None:
    version = contents.extensions.get(TIMESCALEDB)
    if version is not None:
        admin.execute(sql.SQL(_Q.add_timescaledb).format(version=sql.Literal(version)))
        admin.execute(_Q.before_timescaledb)
    backup_programs.restore(
        folder / backup_folder.DUMP,
        connection_string,
        who.server_major,
        lambda: progress("filling the database", 0, 0),
    )


def _compared(
    connection_string: str, contents: Contents, anchors: Anchors | None, progress: Progress
) -> Restored:
    """Hold the copy against the manifest, before any job of the extension could change it."""
    with _seeing_hypertables(connection_string) as inside:
        with backup_contents.snapshot(inside) as held:
            found = backup_contents.read(held, progress)
        if told := backup_manifest.differences(contents, found):
            lines = "\n".join(f"  - {line}" for line in told)
            raise BackupError(f"the copy is not what was backed up:\n{lines}")
        # What waited for the sealer at the backup has not waited since.
        verdict = audit_verification.verify(
            inside,
            anchors,
            Limits(contents.taken_at),
            lambda done, total: progress("checking the audit chains", done, total),
        )
    return Restored(contents, _lost_events(verdict), bool(verdict.anchors))


def _lost_events(verdict: Verdict) -> dict[UUID, int]:
    """Return how many events anchors know beyond the copy.

    Raises:
        BackupError: anything else is wrong with the trail.
    """
    wrong = [finding for finding in verdict.findings if finding.place not in _OF_THE_GAP]
    if wrong:
        lines = "\n".join(f"  - {finding.words()}" for finding in wrong)
        raise BackupError(f"the audit trail in the backup is not whole:\n{lines}")
    return dict(_lost(finding) for finding in verdict.findings)


def _lost(finding: Finding) -> tuple[UUID, int]:
    if finding.practice_id is None or finding.position is None or finding.next_position is None:
        raise AssertionError("a chain that is cut has a practice and positions")
    return finding.practice_id, finding.next_position - finding.position + 1


@contextmanager
def _seeing_hypertables(connection_string: str) -> Iterator[Connection]:
    with psycopg.connect(connection_string, autocommit=True, options=backup.SESSION) as connection:
        connection.execute(_Q.see_hypertables)
        yield connection


def _in_database(admin: Connection, statement: Any, name: str, **parts: sql.Composable) -> None:
    admin.execute(sql.SQL(statement).format(database=sql.Identifier(name), **parts))


def _one(connection: Connection, statement: Any, parameters: dict[str, Any] | None = None) -> Any:
    with connection.cursor(row_factory=dict_row) as cur:
        return cur.execute(statement, parameters).fetchone()
