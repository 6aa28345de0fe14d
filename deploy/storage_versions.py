"""Which versions of PostgreSQL and TimescaleDB readings can be stored in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from deploy import errors
from ingest import named_queries

_Q: Final = named_queries.load("deploy", "storage_versions")

POSTGRESQL: Final = 15  # the first whose views can be asked with the caller's rights
# 2.20: bloom filters of the columnstore find one reading by its id, and its policies have the names that we call.
_TIMESCALEDB: Final = (2, 20)
_POSTGRESQL_FOR_TIMESCALEDB: Final = 16
# Columnstore and continuous aggregates are in this edition only; "apache" is the other.
_EDITION: Final = "timescale"


@dataclass(frozen=True, slots=True)
class Versions:
    """What a database runs on.

    Attributes:
        postgresql: As ``server_version_num`` writes it, 170010 for 17.10.
        timescaledb: "2.29.2"; None where the database does not have the extension.
        edition: "timescale" or "apache"; None where the server has not loaded it.
    """

    postgresql: int
    timescaledb: str | None
    edition: str | None

    def __str__(self) -> str:
        major, minor = divmod(self.postgresql, 10_000)
        without = f"PostgreSQL {major}.{minor}"
        return (
            without
            if self.timescaledb is None
            else f"{without} with TimescaleDB {self.timescaledb}"
        )


def read(connection: psycopg.Connection[Any]) -> Versions:
    """Ask the database for its versions."""
    with connection.cursor(row_factory=class_row(Versions)) as cur:
        found = cur.execute(_Q.versions).fetchone()
    if found is None:
        raise errors.DeployError("PostgreSQL did not answer; look at its log and try again")
    return found


def fault(versions: Versions) -> str | None:
    """Say what is too old, and what to do; None where everything is new enough."""
    major = versions.postgresql // 10_000
    if major < POSTGRESQL:
        return f"PostgreSQL {major} is too old; install PostgreSQL {POSTGRESQL} or later"
    if versions.timescaledb is None:
        return None
    if major < _POSTGRESQL_FOR_TIMESCALEDB:
        return (
            f"TimescaleDB is used on PostgreSQL {_POSTGRESQL_FOR_TIMESCALEDB} and later, this is {major}; "
            "upgrade PostgreSQL, or use a database without the extension"
        )
    if tuple(map(int, re.findall(r"\d+", versions.timescaledb)[:2])) < _TIMESCALEDB:
        wanted = ".".join(map(str, _TIMESCALEDB))
        return (
            f"TimescaleDB {versions.timescaledb} is too old; install {wanted} or later and run "
            "“alter extension timescaledb update” as the first statement of a new connection"
        )
    if versions.edition != _EDITION:
        return (
            "TimescaleDB runs without its community edition, which has columnstore and continuous aggregates; set "
            "timescaledb.license = 'timescale', or use a database without the extension"
        )
    return None


def require(connection: psycopg.Connection[Any]) -> None:
    """Refuse versions that are too old.

    Raises:
        MissingProgram: with what to install.
    """
    too_old = fault(read(connection))
    connection.rollback()
    if too_old is not None:
        raise errors.MissingProgram(too_old)
