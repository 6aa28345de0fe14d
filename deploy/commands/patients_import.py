"""``homevitals patients import``: take in a panel from a file; without ``--apply`` it says what would become of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Final

import psycopg

from ccm_link.settings import CcmLinkSettings
from deploy import command_line, configuration, errors, given_files, look, progress
from deploy.import_report import FAULTS_TOLD
from ingest.errors import IngestError
from ingest.importing import csv_table
from ingest.importing.imported_row import Fault

if TYPE_CHECKING:
    from ccm_link.panel.panel_import import Importer, Outcome, Survey

_SESSION: Final = "-c timezone=UTC"
_DELIMITERS: Final = {words: sign for sign, words in csv_table.DELIMITERS.items()}
_FORMATS: Final = ("csv", "fhir")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the file, what is to be known about it, and what to do with it."""
    parser.add_argument("file", metavar="FILE", help="the file, or “-” for standard input")
    parser.add_argument("--practice", metavar="SLUG", help="whose, where there are several")
    parser.add_argument(
        "--format", choices=_FORMATS, help="what it is (default: a bundle if it begins with “{”)"
    )
    parser.add_argument(
        "--delimiter", choices=list(_DELIMITERS), default="commas", help="what separates columns"
    )
    parser.add_argument("--apply", action="store_true", help="store what is new; else nothing is")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="store the good patients although others are faulty",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Look at the whole file, tell what it holds, and store it if that is wanted and nothing is faulty."""
    from ccm_link.panel.panel_import import Importer

    settings = configuration.load(options.config).get(CcmLinkSettings)
    practice = look.practice(settings, options.practice)
    try:
        with (
            given_files.source(options.file) as stream,
            psycopg.connect(settings.database, autocommit=True, options=_SESSION) as connection,
        ):
            importer = Importer(
                connection,
                practice.practice_id,
                command_line.agent(),
                clock=lambda: datetime.now(UTC),
            )
            options.format = options.format or _detected(stream)
            survey, faults = _go_through(importer, stream, options, practice.time_zone)
            report = _Report(survey, faults, options.format, as_json=options.json)
            if survey.faults and not options.partial:
                report.print(
                    "nothing was stored: every fault has to be mended, or left out with --partial"
                )
                return 1
            if not options.apply:
                report.print("dry run: nothing was stored; add --apply to store what is new")
                return 0
            survey, faults = _go_through(importer, stream, options, practice.time_zone, apply=True)
            report = _Report(survey, faults, options.format, as_json=options.json)
            report.print(f"stored {survey.new + survey.changed} patients")
            return 1 if survey.faults and not options.partial else 0
    except IngestError as error:
        raise errors.DeployError(str(error)) from None


class _Report:
    """What was found, told once; never what stands in the file."""

    def __init__(self, survey: Survey, faults: list[Fault], read_as: str, *, as_json: bool) -> None:
        self._survey = survey
        self._faults = faults
        self._place = "entry" if read_as == "fhir" else "line"
        self._as_json = as_json

    def print(self, ending: str) -> None:
        """Print it on standard output, with what became of the file in words."""
        survey = self._survey
        if self._as_json:
            faults = [
                {"place": one.place.number, "name": one.place.name, "words": one.words}
                for one in self._faults
            ]
            print(json.dumps({**asdict(survey), "faults_told": faults, "ending": ending}, indent=2))
            return
        for words, count in (
            ("patients", survey.patients),
            ("  new", survey.new),
            ("  changed", survey.changed),
            *((f"    {name}", number) for name, number in sorted(survey.changes.items())),
            ("  unchanged", survey.unchanged),
            ("faulty", survey.faults),
        ):
            print(f"{words:<20}{count:>8}")
        for fault in self._faults:
            name = f", {fault.place.name}" if fault.place.name else ""
            print(f"  {self._place} {fault.place.number}{name}: {fault.words}")
        if len(self._faults) == FAULTS_TOLD:
            print("  … and perhaps more")
        print(ending)


def _go_through(
    importer: Importer,
    stream: BinaryIO,
    options: argparse.Namespace,
    time_zone: str,
    *,
    apply: bool = False,
) -> tuple[Survey, list[Fault]]:
    kept: list[Fault] = []

    def on_fault(fault: Fault) -> None:
        if len(kept) < FAULTS_TOLD:
            kept.append(fault)

    with progress.shown("storing patients" if apply else "looking at patients") as show:
        panel = _read(stream, options, time_zone)
        survey = importer.run(panel, on_fault, lambda done: show(done, 0), apply=apply)
    return survey, kept


def _read(stream: BinaryIO, options: argparse.Namespace, time_zone: str) -> Iterator[Outcome]:
    from ccm_link.panel import panel_bundle, panel_csv

    stream.seek(0)
    if options.format == "fhir":
        return panel_bundle.read(stream.read(panel_bundle.MAX_BYTES + 1), time_zone)
    return panel_csv.read(stream, _DELIMITERS[options.delimiter], time_zone)


def _detected(stream: BinaryIO) -> str:
    return "fhir" if stream.read(64).lstrip().startswith(b"{") else "csv"
