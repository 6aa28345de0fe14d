"""What is set up from the command line as the database's owner: the connection, the scope, the line in the trail."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from deploy import command_line, database, errors
from ingest import audit
from ingest.audit import Action, Event, Kind

Cursor = psycopg.Cursor[Any]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where the database is, as its owner."""
    parser.add_argument(
        "--database",
        metavar="CONNINFO",
        default=os.environ.get("HOMEVITALS_OWNER_DATABASE", ""),
        help=f"libpq connection string for the role {database.OWNER} (environment: HOMEVITALS_OWNER_DATABASE)",
    )


def conninfo(options: argparse.Namespace) -> str:
    """Return the owner's connection string.

    Raises:
        ConfigurationError: nobody said it.
    """
    if not options.database:
        raise errors.ConfigurationError(
            f"say which database: --database “host=… dbname=… user={database.OWNER}”"
        )
    return str(options.database)


def record(
    cur: Cursor,
    practice_id: UUID,
    action: Action,
    resource: str,
    resource_id: str,
    at: datetime,
    *,
    kind: Kind = Kind.CHANGE,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write what was done into the audit trail, in the transaction that does it, with who sits at the command line."""
    event = Event(
        practice_id=practice_id,
        at=at,
        kind=kind,
        action=action,
        agent=command_line.agent(),
        purpose=audit.Purpose.SYSTEM_ADMINISTRATION,
        resource=resource,
        resource_id=resource_id,
        detail=detail or {},
    )
    audit.record(cur, [event])
