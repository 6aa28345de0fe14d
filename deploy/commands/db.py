"""``homevitals db``: move the readings of a database to TimescaleDB. Runs as the database's owner."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from deploy import owner, progress, series_migration
from deploy.series_migration import Step


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    owner.arguments(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    move = actions.add_parser(
        "migrate-to-timescale",
        help="move the readings from monthly partitions to a hypertable while readings go on arriving",
        description="Copies month by month beside the partitions, compares every month by count and hash, and swaps "
        "the tables under a short lock. Can be interrupted at any moment and goes on where it was.",
    )
    move.add_argument(
        "--keep-old",
        action="store_true",
        help="keep the partitions as ingest.reading_series_old instead of dropping them",
    )
    move.add_argument(
        "--start-over", action="store_true", help="copy again what a former run has copied"
    )
    move.add_argument("--json", action="store_true", help="print the outcome as JSON")


def run(options: argparse.Namespace) -> int:
    """Move, and say what was moved."""
    with progress.shown("moving readings") as show:

        def told(step: Step) -> None:
            if sys.stderr.isatty():
                show(step.done, step.of)
            else:
                print(
                    f"{step.doing} {step.month}: {step.reading_count} readings ({step.done} of {step.of})",
                    file=sys.stderr,
                )

        moved = series_migration.move(
            owner.conninfo(options), told, keep_old=options.keep_old, start_over=options.start_over
        )
    if options.json:
        print(json.dumps(asdict(moved)))
    elif not moved.months:
        print("nothing to do: the readings are on TimescaleDB", file=sys.stderr)
    else:
        print(
            f"moved {moved.readings} readings of {moved.months} months, each the same by count and hash; "
            f"readings had to wait for {moved.locked_s:.1f} s"
        )
        if moved.old_table_kept:
            print("the partitions are kept as ingest.reading_series_old; drop them when you like")
    return 0
