"""``homevitals ingest export``: write readings of a practice as CSV or Parquet, as they come from the database."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any, BinaryIO, Final
from uuid import UUID

import psycopg

from ccm_link.settings import CcmLinkSettings
from deploy import command_line, configuration, given_files, look
from firmware_profiles.readings import Kind
from ingest import audit, exports, tenancy
from ingest.exporting import csv_file, parquet_file
from ingest.exports import Wanted

_SESSION: Final = "-c timezone=UTC"
_WRITERS: Final[dict[str, Callable[[Iterable[tuple[Any, ...]], BinaryIO], int]]] = {
    "csv": csv_file.write,
    "parquet": parquet_file.write,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which readings and where to."""
    parser.add_argument("output", metavar="OUTPUT", help="a new file, or “-” for standard output")
    parser.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    parser.add_argument("--format", choices=list(_WRITERS), default="csv", help="form of the file")
    parser.add_argument("--patient", metavar="RECORD_NUMBER", help="one patient's alone")
    parser.add_argument("--kind", choices=list(Kind), help="one kind of measurement alone")
    command_line.add_span(parser)
    parser.add_argument(
        "--all-versions", action="store_true", help="also versions that were corrected since"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def run(options: argparse.Namespace) -> int:
    """Write whose data is taken into the audit trail, then write the data."""
    command_line.require_span(options)
    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    wanted = Wanted(
        practice_id=practice.practice_id,
        record_number=options.patient,
        kind=None if options.kind is None else Kind(options.kind),
        from_at=options.from_at,
        until_at=options.until_at,
        all_versions=options.all_versions,
    )
    with (
        _ended_cleanly(),
        given_files.target(options.output, replace=options.force) as file,
        psycopg.connect(settings.database, autocommit=True, options=_SESSION) as connection,
    ):
        count = _write(connection, wanted, options.format, file)
    print(f"{count} readings written", file=sys.stderr)
    return 0


@contextmanager
def _ended_cleanly() -> Iterator[None]:
    """Let SIGTERM end the block like any other failure: nothing is left behind, and the trail says that it failed."""

    def end(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    former = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _write(connection: psycopg.Connection[Any], wanted: Wanted, form: str, file: BinaryIO) -> int:
    """Write the line of the trail in a transaction that commits before the first byte leaves; then the readings.

    Only patients whom the line names are read: who gets a first reading meanwhile is not part of it.
    """
    with tenancy.transaction(connection, wanted.practice_id) as cur:
        patient_ids = exports.patients(cur, wanted)
        audit.record(cur, [_event(wanted, form, patient_ids, audit.Outcome.SUCCESS)])
    try:
        with tenancy.transaction(connection, wanted.practice_id):
            return _WRITERS[form](exports.readings(connection, wanted, patient_ids), file)
    except BaseException:
        with tenancy.transaction(connection, wanted.practice_id) as cur:
            audit.record(cur, [_event(wanted, form, patient_ids, audit.Outcome.FAILED)])
        raise


def _event(
    wanted: Wanted, form: str, patient_ids: list[UUID], outcome: audit.Outcome
) -> audit.Event:
    return audit.Event(
        practice_id=wanted.practice_id,
        at=datetime.now(UTC),
        kind=audit.Kind.EXPORT,
        action=audit.Action.READ,
        agent=command_line.agent(),
        outcome=outcome,
        purpose=audit.Purpose.OPERATIONS,
        patient_ids=tuple(patient_ids),
        resource="readings",
        detail={
            "format": form,
            "kind": None if wanted.kind is None else wanted.kind.value,
            "from": None if wanted.from_at is None else wanted.from_at.isoformat(),
            "to": None if wanted.until_at is None else wanted.until_at.isoformat(),
            "all_versions": wanted.all_versions,
        },
    )
