"""``homevitals ingest import``: take in readings from a file; without ``--apply`` it says what would become of it."""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Any, BinaryIO, Final, cast

import psycopg

from ccm_link.settings import CcmLinkSettings
from deploy import command_line, configuration, errors, given_files, look, progress
from deploy.import_report import FAULTS_TOLD, ImportReport
from ingest.errors import IngestError
from ingest.import_candidates import Told
from ingest.import_run import Importer, Survey
from ingest.importing import csv_table, formats, wall_time
from ingest.importing.formats import Format
from ingest.importing.imported_row import Fault
from ingest.importing.wall_time import DateOrder
from ingest.imports import File
from ingest.settings import IngestSettings

_SESSION: Final = "-c timezone=UTC"
_DELIMITERS: Final = {words: sign for sign, words in csv_table.DELIMITERS.items()}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the file, what is to be known about it, and what to do with it."""
    parser.add_argument("file", metavar="FILE", help="the file, or “-” for standard input")
    parser.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    parser.add_argument(
        "--format", choices=list(Format), help="what it is, where its header does not say it"
    )
    parser.add_argument(
        "--patient",
        metavar="RECORD_NUMBER",
        help="the patient of all rows, where they do not say it",
    )
    parser.add_argument(
        "--time-zone",
        metavar="ZONE",
        type=_zone,
        help="zone of times without one, for example America/Chicago (default: each patient's own)",
    )
    parser.add_argument(
        "--date-order", choices=list(DateOrder), help="what comes first in dates like 03/04/2026"
    )
    parser.add_argument(
        "--delimiter", choices=list(_DELIMITERS), default="commas", help="what separates columns"
    )
    parser.add_argument("--apply", action="store_true", help="store what is new; else nothing is")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="store the good rows although others are faulty; needs --rejects",
    )
    parser.add_argument(
        "--rejects", metavar="FILE", help="where --partial writes the faulty rows, as they are"
    )
    parser.add_argument("--force", action="store_true", help="the file of rejects may be there")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(refuse=parser.error)


def run(options: argparse.Namespace) -> int:
    """Look at the whole file, tell what it holds, and store it if that is wanted and nothing is faulty."""
    if options.partial != (options.rejects is not None):
        options.refuse("“--partial” and “--rejects” go together")
    with _stop_asked() as asked:
        try:
            with ExitStack() as opened:
                return _import(options, asked, opened)
        except _Interrupted:
            return 128 + asked.number
        except IngestError as error:
            raise errors.DeployError(str(error)) from None


@dataclass(slots=True)
class _Asked:
    """Which signal asked to stop; 0 while none did."""

    number: int = 0


class _Interrupted(Exception):
    """A signal asked to stop, and what had to be told was told; the file of rejects is not to be kept."""


def _import(options: argparse.Namespace, asked: _Asked, opened: ExitStack) -> int:
    configured = configuration.load(options.config)
    practice = look.practice(configured.get(CcmLinkSettings), options.practice)
    stream = opened.enter_context(given_files.source(options.file))
    sha256 = hashlib.file_digest(cast("Any", stream), "sha256").digest()
    stream.seek(0)
    delimiter = _DELIMITERS[options.delimiter]
    chosen = Format(options.format or formats.detect(stream, delimiter))
    told = Told(practice.practice_id, formats.PROFILES[chosen], options.patient, options.time_zone)
    connection = opened.enter_context(
        psycopg.connect(configured.get(IngestSettings).database, autocommit=True, options=_SESSION)
    )
    importer = Importer(
        connection,
        told,
        command_line.agent(),
        clock=lambda: datetime.now(UTC),
        wants_to_stop=lambda: asked.number != 0,
    )
    before = _stamp(stream)
    looked_at = _read(stream, chosen, options)
    survey, faults = _look(options, importer, looked_at, opened)
    report = ImportReport(
        chosen,
        survey,
        faults,
        options.time_zone,
        looked_at.other_table_at,
        as_json=options.json,
    )
    if not survey.is_whole:
        report.print("interrupted while looking: nothing was stored")
        raise _Interrupted
    if survey.faults and not options.partial:
        report.print("nothing was stored: every fault has to be mended, or left out with --partial")
        return 1
    if not options.apply:
        report.print("dry run: nothing was stored; add --apply to store what is new")
        return 0
    if survey.new == 0:
        report.print("nothing was stored: 0 new")
        return 0
    if before != _stamp(stream):
        raise errors.DeployError("the file changed while it was looked at; start again")
    file = File(sha256, chosen, _choices(options))
    with progress.shown("storing rows") as show:
        run_ = importer.store(
            file,
            _read(stream, chosen, options).rows,
            survey,
            lambda done: show(done, survey.rows),
        )
    if run_.rows_done < run_.row_count:
        report.print(
            f"interrupted: {run_.rows_done} of {run_.row_count} rows are done, {run_.stored_count} readings stored; "
            "the same command goes on from there"
        )
        raise _Interrupted
    report.print(f"stored {run_.stored_count} readings, import {run_.run_id}")
    return 0


def _look(
    options: argparse.Namespace, importer: Importer, file: formats.Reading, opened: ExitStack
) -> tuple[Survey, list[Fault]]:
    """Look at all rows; write the faulty ones into the file of rejects, which takes its name at the very end."""
    kept: list[Fault] = []
    rejects: BinaryIO | None = None
    if options.partial and options.apply:
        rejects = opened.enter_context(given_files.target(options.rejects, replace=options.force))
        rejects.write(file.head)
    count = 0

    def on_fault(fault: Fault) -> None:
        nonlocal count
        if rejects is not None:
            rejects.write(file.separator if count else b"")
            rejects.write(fault.raw)
            if not file.separator and not fault.raw.endswith(b"\n"):
                rejects.write(b"\n")
        count += 1
        if len(kept) < FAULTS_TOLD:
            kept.append(fault)

    with progress.shown("looking at rows") as show:
        survey = importer.survey(file.rows, on_fault, lambda done: show(done, 0))
    if rejects is not None:
        rejects.write(file.tail)
        rejects.flush()
    return survey, kept


def _read(stream: BinaryIO, chosen: Format, options: argparse.Namespace) -> formats.Reading:
    stream.seek(0)
    order = None if options.date_order is None else DateOrder(options.date_order)
    return formats.read(stream, chosen, delimiter=_DELIMITERS[options.delimiter], order=order)


def _choices(options: argparse.Namespace) -> dict[str, str | bool | None]:
    return {
        "patient": options.patient,
        "time_zone": options.time_zone,
        "date_order": options.date_order,
        "delimiter": options.delimiter,
        "partial": options.partial,
    }


def _stamp(stream: BinaryIO) -> tuple[int, int]:
    status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns


def _zone(name: str) -> str:
    if wall_time.zone(name) is None:
        raise argparse.ArgumentTypeError("no such time zone; write it like America/Chicago")
    return name


@contextmanager
def _stop_asked() -> Iterator[_Asked]:
    """Let signals wait for the end of the batch at hand."""
    asked = _Asked()

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked.number:  # twice: at once
            sys.exit(128 + number)
        asked.number = number

    former = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
