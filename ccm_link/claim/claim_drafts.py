"""What a proposed month becomes as claims: one for each practitioner, with all that each unit rests on. Pure.

The hash of a draft is of what its lines rest on: codes, periods, seconds of entries, days, and the rows of the tables.
Two drafts with the same hash are the same claim; which of a day's readings are there makes no difference to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ccm_link.billing.facts import PatientMonth
from ccm_link.billing.proposal import Line, Proposal
from ccm_link.billing.rows import Row, SetUp
from ccm_link.billing.rule_book import InForce

MOST_DIAGNOSES: Final = 12
"""Of one claim. Source: ASC X12N 005010X222A1, segment HI of loop 2300 has twelve places."""
_MOST_POINTERS: Final = 4
"""Of one line. Source: the same, composite SV107 of loop 2400."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A claim that could be made now.

    Attributes:
        practitioner_id: who bills; None: not known.
        payer: name of the payer whose rules were applied; None: the tables' alone.
        lines: in the order of their days and codes; their numbers count from 1.
        facts_sha256: of all that they rest on.
        diagnoses: all that are recorded, by code, at most twelve.
    """

    patient_id: UUID
    practitioner_id: UUID | None
    payer: str | None
    lines: tuple[Line, ...]
    facts_sha256: bytes
    diagnoses: tuple[str, ...]

    @property
    def tables(self) -> str:
        """Names of the tables whose rows led to its lines."""
        return ", ".join(sorted({row.table for line in self.lines for row in line.rules}))


def drafts(
    patient_id: UUID, proposal: Proposal, known: PatientMonth, payer: str | None
) -> tuple[Draft, ...]:
    """Return the claims that a month's proposed lines make, by practitioner."""
    by_practitioner: dict[UUID | None, list[Line]] = {}
    practitioners = _practitioners(known)
    for line in proposal.proposed:
        by_practitioner.setdefault(practitioners.get(line.program), []).append(line)
    return tuple(
        _draft(patient_id, practitioner_id, payer, lines, known)
        for practitioner_id, lines in sorted(
            by_practitioner.items(), key=lambda one: str(one[0] or "")
        )
    )


def is_set_up(line: Line) -> bool:
    """Tell whether a line is the set-up of an episode."""
    return isinstance(line.rules[0].row, SetUp)


def pointers(diagnoses: Sequence[str]) -> list[int]:
    """Return the places in a claim's diagnoses that its lines point to: the first ones, as the person ordered them."""
    return list(range(1, min(len(diagnoses), _MOST_POINTERS) + 1))


def rules_of(line: Line) -> list[dict[str, Any]]:
    """Return the rows that led to a line, as they are kept with it: the code's own first."""
    return [_row(one) for one in line.rules]


def _row(one: InForce[Row]) -> dict[str, Any]:
    return {
        "section": one.section,
        "name": one.row.name,
        "table": one.table,
        "line": one.line,
        "from_on": one.from_on.isoformat(),
        "source": one.row.source,
        "certainty": str(one.row.certainty),
    }


def _practitioners(known: PatientMonth) -> Mapping[str, UUID | None]:
    in_order = sorted(known.programs, key=lambda one: one.enrolled_at)
    return {one.program: one.practitioner_id for one in in_order}


def _draft(
    patient_id: UUID,
    practitioner_id: UUID | None,
    payer: str | None,
    lines: Sequence[Line],
    known: PatientMonth,
) -> Draft:
    in_order = tuple(sorted(lines, key=lambda line: (line.service_on, line.code)))
    rests_on = {
        "month": str(known.month),
        "practitioner": str(practitioner_id),
        "payer": payer,
        "lines": [_line(line) for line in in_order],
    }
    text = json.dumps(rests_on, sort_keys=True, separators=(",", ":"))
    return Draft(
        patient_id=patient_id,
        practitioner_id=practitioner_id,
        payer=payer,
        lines=in_order,
        facts_sha256=hashlib.sha256(text.encode()).digest(),
        diagnoses=tuple(sorted(known.diagnoses or ()))[:MOST_DIAGNOSES],
    )


def _line(line: Line) -> dict[str, Any]:
    return {
        "program": line.program,
        "code": line.code,
        "service_on": line.service_on.isoformat(),
        "period": [line.first_on.isoformat(), line.last_on.isoformat()],
        "units": [
            {
                "seconds": [
                    [str(share.entry_id), share.span.from_s, share.span.until_s]
                    for share in unit.shares
                ],
                "days": [day.day.isoformat() for day in unit.days],
            }
            for unit in line.units
        ],
        "rules": list(_names(line)),
    }


def _names(line: Line) -> Iterator[list[str]]:
    for one in line.rules:
        yield [one.section, one.row.name, one.table, one.from_on.isoformat()]
