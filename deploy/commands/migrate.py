"""``homevitals migrate``: bring the database to this version."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from deploy import database, owner


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where the database is, as its owner."""
    owner.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Apply what is missing and print it."""
    applied = database.migrate_all(owner.conninfo(options), datetime.now(UTC))
    for name in applied:
        print(name)
    if not applied:
        print("nothing to do: the database is at this version", file=sys.stderr)
    return 0
