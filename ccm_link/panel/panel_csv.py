"""A panel as a CSV file: UTF-8, a header with the names of :data:`panel_patient.COLUMNS`, a patient in each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from ccm_link.panel import panel_patient
from ccm_link.panel.panel_patient import PanelPatient
from ingest import errors
from ingest.importing.csv_table import CsvTable
from ingest.importing.imported_row import Fault


def read(stream: BinaryIO, delimiter: str, time_zone: str) -> Iterator[PanelPatient | list[Fault]]:
    """Yield what each row says, or all that is wrong with it.

    Args:
        stream: The file, at its beginning.
        delimiter: What separates columns.
        time_zone: IANA name of whoever's row does not say one.

    Raises:
        FileRefused: It is no CSV file in UTF-8, a column is needed and missing, or is none that a panel may have.
    """
    table = CsvTable(stream, delimiter)
    for position, name in enumerate(table.columns, start=1):
        if name not in panel_patient.COLUMNS:
            # Not its name: where the header is missing, a patient stands there.
            raise errors.FileRefused(
                f"column {position} of the header is none of a panel; docs/patients.md lists them"
            )
    for needed in panel_patient.NEEDED:
        if needed not in table.columns:
            raise errors.FileRefused(f"the header has no column {needed}")
    for row in table:
        if isinstance(row, Fault):
            yield [row]
        else:
            cells = {name: row.cells[at] for name, at in table.columns.items()}
            yield panel_patient.read(row.line, cells, time_zone)
