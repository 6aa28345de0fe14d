"""``homevitals migrate``: bring the database to this version."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

from deploy import database, errors


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where the database is, as its owner."""
    parser.add_argument(
        "--database",
        metavar="CONNINFO",
        default=os.environ.get("HOMEVITALS_OWNER_DATABASE", ""),
        help=f"libpq connection string for the role {database.OWNER} (environment: HOMEVITALS_OWNER_DATABASE)",
    )


def run(options: argparse.Namespace) -> int:
    """Apply what is missing and print it."""
    if not options.database:
        raise errors.ConfigurationError(
            f"say which database: --database “host=… dbname=… user={database.OWNER}”"
        )
    applied = database.migrate_all(options.database, datetime.now(UTC))
    for name in applied:
        print(name)
    if not applied:
        print("nothing to do: the database is at this version", file=sys.stderr)
    return 0
