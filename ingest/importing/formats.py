"""The formats that can be imported: told apart by their beginning, read by their modules. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final

from ingest import errors
from ingest.importing import and_csv, fhir_bundle, generic_csv, omron_csv, vendor_table
from ingest.importing.csv_table import CsvTable
from ingest.importing.imported_row import Outcome
from ingest.importing.wall_time import DateOrder


class Format(StrEnum):
    """What can be imported."""

    OMRON = "omron"
    AND = "and"
    GENERIC = "generic"
    FHIR = "fhir"


@dataclass(frozen=True, slots=True)
class Profile:
    """What read a row, kept with each reading: like a device profile, a newer version may read it otherwise."""

    profile_id: str
    version: int


PROFILES: Final = {
    Format.OMRON: Profile(omron_csv.PROFILE_ID, omron_csv.PROFILE_VERSION),
    Format.AND: Profile(and_csv.PROFILE_ID, and_csv.PROFILE_VERSION),
    Format.GENERIC: Profile(generic_csv.PROFILE_ID, generic_csv.PROFILE_VERSION),
    Format.FHIR: Profile(fhir_bundle.PROFILE_ID, fhir_bundle.PROFILE_VERSION),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A file being read: its rows one by one, and what stands around rejected ones so that they can be read again."""

    format: Format
    rows: Iterator[Outcome]
    head: bytes
    separator: bytes = b""
    tail: bytes = b""
    table: CsvTable | None = None

    @property
    def other_table_at(self) -> int | None:
        """Return the line on which another table begins that was not read; known once the rows were taken."""
        return None if self.table is None else self.table.other_table_at


def detect(stream: BinaryIO, delimiter: str) -> Format:
    """Say what a file is by its first line, and go back to its beginning.

    Raises:
        FileRefused: it is nothing that is told apart by itself.
    """
    start = stream.read(16).lstrip(b"\xef\xbb\xbf \t\r\n")
    stream.seek(0)
    if start.startswith(b"{"):
        return Format.FHIR
    columns = CsvTable(stream, delimiter).columns
    stream.seek(0)
    if generic_csv.is_header(columns):
        return Format.GENERIC
    if vendor_table.variant_of(columns, omron_csv.VARIANTS) is not None:
        return Format.OMRON
    raise errors.FileRefused(
        "the header is not known; say what it is with --format, and see docs/import-export.md for the columns of each"
    )


def read(stream: BinaryIO, chosen: Format, *, delimiter: str, order: DateOrder | None) -> Reading:
    """Open a file, at its beginning, in the format that it has.

    Raises:
        FileRefused: at once, or while the rows are taken: it is not in that format.
    """
    if chosen is Format.FHIR:
        payload = stream.read(fhir_bundle.MAX_BYTES + 1)
        rows = fhir_bundle.read(payload)
        head = b'{"resourceType":"Bundle","type":"collection","entry":[\n'
        return Reading(chosen, rows, head, b",\n", b"\n]}\n")
    table = CsvTable(stream, delimiter, may_be_followed=chosen is not Format.GENERIC)
    if chosen is Format.GENERIC:
        rows = generic_csv.read(table)
    else:
        variants = omron_csv.VARIANTS if chosen is Format.OMRON else and_csv.VARIANTS
        rows = vendor_table.read(table, variants, order)
    return Reading(chosen, rows, table.header_raw, table=table)
