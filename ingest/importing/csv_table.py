"""CSV files as rows with line numbers and their own bytes, one row in memory at a time.

UTF-8 with or without a byte order mark, line ends of any system but old Macs, quotation marks as in RFC 4180. A file
that is none of it is refused with what it seems to be; a row that is none of it is a fault with its line.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from ingest import errors
from ingest.importing.imported_row import Fault, FaultReason, Place

# The longest export that we know has 200 bytes in a row, with notes a few thousand. A quotation mark that is never
# closed swallows the rest of the file; it is noticed here.
MAX_ROW_BYTES: Final = 64 * 1024
DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row. ``line`` is its first line, from 1."""

    line: int
    cells: tuple[str, ...]
    raw: bytes = field(repr=False)


class CsvTable:
    """A table with a header: the columns by name, and the rows below.

    Args:
        stream: The file, at its beginning.
        delimiter: One of :data:`DELIMITERS`.
        may_be_followed: Whether another table, of other columns, may stand below: it is not read, and
            ``other_table_at`` says on which line it begins.

    Raises:
        FileRefused: it is no CSV file in UTF-8, or its header names a column twice.
    """

    def __init__(self, stream: BinaryIO, delimiter: str, *, may_be_followed: bool = False) -> None:
        self._rows = _rows(stream, delimiter)
        header = next(self._rows, None)
        if header is None:
            raise errors.FileRefused("the file is empty; its first line has to be a header")
        if isinstance(header, Fault):
            raise errors.FileRefused(f"line {header.place.number}: {header.words}")
        self.header_raw: Final = header.raw
        self.columns: Final = _columns(header, delimiter)
        self.other_table_at: int | None = None
        self._width = len(header.cells)
        self._may_be_followed = may_be_followed

    def __iter__(self) -> Iterator[CsvRow | Fault]:
        """Yield the rows below the header, each as wide as it is."""
        for row in self._rows:
            if self._may_be_followed and isinstance(row, CsvRow) and self._begins_another(row):
                self.other_table_at = row.line
                return
            if isinstance(row, CsvRow) and len(row.cells) != self._width:
                words = f"has {len(row.cells)} cells, the header has {self._width}"
                yield Fault(Place(row.line), FaultReason.RAGGED, words, row.raw)
            else:
                yield row

    def _begins_another(self, row: CsvRow) -> bool:
        """Say whether a row is a header: it begins with the same column as ours, and goes on with others."""
        names = [cell.strip().casefold() for cell in row.cells]
        return self.columns.get(names[0]) == 0 and names != list(self.columns)


def _columns(header: CsvRow, delimiter: str) -> dict[str, int]:
    names = [cell.strip().casefold() for cell in header.cells]
    for other, words in DELIMITERS.items():
        if len(names) == 1 and other != delimiter and other in names[0]:
            raise errors.FileRefused(
                f"the header is separated by {words}; say so with --delimiter {words}"
            )
    for position, name in enumerate(names, start=1):
        if (first := names.index(name) + 1) != position:
            raise errors.FileRefused(f"columns {first} and {position} of the header are the same")
    return {name: position for position, name in enumerate(names)}


def _rows(stream: BinaryIO, delimiter: str) -> Iterator[CsvRow | Fault]:
    for line, raw in _raw_rows(stream):
        if line == 1:
            _check_encoding(raw)
        if not raw.strip():
            continue
        yield _row(line, raw, delimiter)


def _raw_rows(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield rows as they stand, with the line on which each begins; inside quotation marks a line end ends no row."""
    line = 0
    while raw := _line(stream, line + 1):
        first, line = line + 1, line + 1
        while raw.count(b'"') % 2:
            more = _line(stream, first)
            raw += more
            line += 1
            if not more or len(raw) > MAX_ROW_BYTES:
                raise errors.FileRefused(
                    f"line {first}: a quotation mark is opened and not closed within {MAX_ROW_BYTES // 1024} KiB"
                )
        yield first, raw


def _line(stream: BinaryIO, number: int) -> bytes:
    raw = stream.readline(MAX_ROW_BYTES + 1)
    if len(raw) > MAX_ROW_BYTES:
        raise errors.FileRefused(f"line {number}: longer than {MAX_ROW_BYTES // 1024} KiB")
    return raw


def _check_encoding(raw: bytes) -> None:
    if raw.startswith(_UTF_16) or b"\0" in raw:
        raise errors.FileRefused("the file is UTF-16 or binary; save it as “CSV UTF-8”")


def _row(line: int, raw: bytes, delimiter: str) -> CsvRow | Fault:
    if b"\0" in raw:
        return Fault(Place(line), FaultReason.NOT_TEXT, "holds a NUL", raw)
    try:
        text = raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        words = f"is not UTF-8 at its byte {error.start + 1}; save the file as “CSV UTF-8”"
        return Fault(Place(line), FaultReason.NOT_TEXT, words, raw)
    try:
        found = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        words = "quotation marks or line ends are not as in RFC 4180"
        return Fault(Place(line), FaultReason.NOT_CSV, words, raw)
    if len(found) != 1:
        words = "line ends of another system stand inside the row"
        return Fault(Place(line), FaultReason.NOT_CSV, words, raw)
    return CsvRow(line, tuple(found[0]), raw)
