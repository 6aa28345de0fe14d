"""Claims as a table for a person who bills: one row for each line, in cells that no spreadsheet computes. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from ccm_link.claim_files.contents import Biller, FileClaim, FileLine
from ingest import formula_cells

COLUMNS: Final = (
    "claim", "month", "state", "record_number", "patient", "born_on", "payer", "member_id", "practitioner",
    "practitioner_npi", "billing_npi", "line", "program", "code", "units", "service_on", "first_on", "last_on",
    "diagnoses", "charge_usd", "seconds", "days",
)  # fmt: skip


def write(biller: Biller, claims: Iterable[FileClaim]) -> str:
    """Return the table with its head; what is not known is an empty cell."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for claim in claims:
        for line in claim.lines:
            table.writerow(formula_cells.escaped(cell) for cell in _row(biller, claim, line))
    return file.getvalue()


def _row(biller: Biller, claim: FileClaim, line: FileLine) -> Iterator[str]:
    insured, by = claim.insured, claim.practitioner
    yield from (str(claim.number), claim.month, claim.state, insured.record_number, insured.name)
    yield from (insured.born_on.isoformat(), insured.payer_name or "", insured.member_id or "")
    yield from (by.name, by.npi or "", biller.npi or "")
    yield from (str(line.number), line.program, line.code, str(line.units))
    yield from (day.isoformat() for day in (line.service_on, line.first_on, line.last_on))
    yield " ".join(claim.diagnoses[place - 1] for place in line.pointers)
    cents = line.charge_cents
    yield "" if cents is None else f"{cents // 100}.{cents % 100:02}"
    yield from (str(line.seconds), str(line.days))
