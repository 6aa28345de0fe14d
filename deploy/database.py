"""Make a database ready: roles, extension, migrations, in the order of the layers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib import resources
from typing import Any, Final

import psycopg
from psycopg import sql

from deploy import storage_versions
from ingest import migrate

OWNER: Final = "homevitals_owner"
# Package → schema, lowest layer first: foreign keys point only downwards.
SCHEMAS: Final = {"ingest": "ingest", "alerts": "alerts", "ccm_link": "ccm"}


def prepare(
    conninfo_of: Callable[[str, str], str], database: str, at: datetime, *, timescaledb: bool
) -> list[str]:
    """Create roles, database and extension where they are missing, then migrate.

    Args:
        conninfo_of: Maps (role, database) to a connection string. The role ``postgres`` has to be a superuser.
        database: The database's name.
        at: Now, aware UTC; recorded with each migration.
        timescaledb: Whether the server has the extension preloaded.

    Returns:
        The migrations applied, as ``package/file``.
    """
    with psycopg.connect(conninfo_of("postgres", "postgres"), autocommit=True) as admin:
        create_roles(admin)
        if not _exists(admin, database):
            admin.execute(
                sql.SQL("create database {} owner {} template template0 encoding 'UTF8'").format(
                    sql.Identifier(database), sql.Identifier(OWNER)
                )
            )
    if timescaledb:
        with psycopg.connect(conninfo_of("postgres", database), autocommit=True) as admin:
            admin.execute("create extension if not exists timescaledb")
    return migrate_all(conninfo_of(OWNER, database), at)


def create_roles(admin: psycopg.Connection[Any]) -> None:
    """Create the services' roles where they are missing, as a superuser in autocommit mode."""
    admin.execute(_text("roles.sql").encode())


def migrate_all(owner_conninfo: str, at: datetime) -> list[str]:
    """Apply what is missing of all packages' migrations; idempotent, safe to run twice at once.

    Raises:
        MissingProgram: PostgreSQL or TimescaleDB is too old.
    """
    applied: list[str] = []
    with psycopg.connect(owner_conninfo) as connection:
        storage_versions.require(connection)
        for package, schema in SCHEMAS.items():
            folder = resources.files(package) / "migrations"
            names = migrate.migrate(connection, schema, folder, applied_at=at)
            applied += [f"{package}/{name}" for name in names]
    return applied


def _exists(admin: psycopg.Connection, database: str) -> bool:
    row = admin.execute("select from pg_database where datname = %s", (database,)).fetchone()
    return row is not None


def _text(name: str) -> str:
    return (resources.files("deploy") / name).read_text(encoding="utf-8")
