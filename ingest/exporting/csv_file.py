"""Exported readings as CSV (RFC 4180, UTF-8, line ends CRLF): the form that the generic import reads.

Times are RFC 3339 in UTC; what is not there is an empty cell; text that a spreadsheet would take for a formula gets a
quotation mark before it (:mod:`ingest.formula_cells`).
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, BinaryIO

from ingest import formula_cells
from ingest.exporting.columns import COLUMNS


def write(rows: Iterable[tuple[Any, ...]], file: BinaryIO) -> int:
    """Write a header and the rows, each as it comes; return how many there were.

    Raises:
        OSError: whoever takes the bytes takes no more.
    """
    count = 0
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        lines = csv.writer(text)
        lines.writerow([column.name for column in COLUMNS])
        for row in rows:
            lines.writerow([_cell(part) for part in row])
            count += 1
        text.flush()
    finally:
        with contextlib.suppress(OSError):  # the file stays open for whoever opened it
            text.detach()
    return count


def _cell(part: Any) -> str:
    if part is None:
        return ""
    if isinstance(part, float):
        return repr(part).removesuffix(".0")
    if isinstance(part, datetime):
        return part.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(part, date):
        return part.isoformat()
    if isinstance(part, list):
        return formula_cells.escaped(" ".join(part))
    return formula_cells.escaped(str(part))
