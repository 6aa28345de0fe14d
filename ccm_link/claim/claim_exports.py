"""Writing attested claims into files: from the store to the contents of a file, refused where something is missing.

A file is written down with its hash, and each claim of it says into which file it went. Nothing is sent anywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from psycopg.rows import tuple_row

from ccm_link import claim_errors, store
from ccm_link.billing import periods
from ccm_link.claim import claim_records, claims, month_facts, month_proposals, practice_billing
from ccm_link.claim.claim_records import Claim, ClaimLine
from ccm_link.claim.claim_states import ClaimState
from ccm_link.claim.site_tables import SiteTables
from ccm_link.claim_files import contents, fhir, professional, sheet
from ccm_link.claim_files.contents import (
    Address,
    Biller,
    FileClaim,
    FileLine,
    Format,
    Insured,
    Practitioner,
)
from ccm_link.claim_files.professional import Route
from ccm_link.month import Month
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.claim", "claims")

_NOBODY: Final = Biller(None, None, None, Address(None, None, None, None), None, None, None)


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written down.

    Attributes:
        number: of the export; of X12 the interchange's control number.
        claims: that are in it.
        left_out: what is missing in claims that are not, by the claim's number.
    """

    number: int
    text: str
    claims: tuple[Claim, ...]
    left_out: dict[int, list[str]]


def export(
    cur: store.Cursor,
    practice_id: UUID,
    month: Month,
    chosen: Sequence[Claim],
    wanted: Format,
    tables: SiteTables,
    route: Route | None,
    *,
    leave_out: bool,
    made_by: str,
    at: datetime,
) -> Exported:
    """Write claims of a month into a file, and note in each that it was.

    Args:
        cur: a transaction that works for the practice; commit it before the file leaves.
        practice_id: whose.
        month: of which all of them are.
        chosen: attested or exported ones, as loaded in this transaction.
        wanted: kind of file.
        tables: with the site's charges.
        route: from whom to whom; of X12 alone.
        leave_out: whether claims in which something is missing are left out, instead of refusing the file.
        made_by: who writes it.
        at: now, aware.

    Raises:
        claim_errors.NothingToExport: There is none, or none is left.
        claim_errors.Incomplete: Something is missing in one of them, or the facts bear it no more.
        claim_errors.WrongState: One of them is not attested, or was given up.
    """
    biller, found = load(cur, practice_id, month, chosen, tables)
    lacks = {one.number: _lacks(biller, one, wanted, route, at) for one in found}
    for number in _not_borne(cur, practice_id, month, chosen, tables, at):
        lacks[number].append("what it rests on (facts have changed: void the claim)")
    left_out = {number: words for number, words in lacks.items() if words}
    if left_out and not leave_out:
        raise claim_errors.Incomplete(_in_words(left_out))
    written = [one for one in found if one.number not in left_out]
    if not written:
        raise claim_errors.NothingToExport
    number = cast("int", store.scalar(cur, _Q.next_export_number))
    text = _text(biller, written, wanted, route, number, at)
    store.scalar(
        cur,
        _Q.note_export,
        practice_id=practice_id,
        export_number=number,
        format=wanted,
        file_sha256=hashlib.sha256(text.encode()).digest(),
        claim_count=len(written),
        at=at,
        made_by=made_by,
    )
    numbers = {one.number for one in written}
    kept = tuple(one for one in chosen if one.claim_number in numbers)
    for claim in kept:
        claims.record(
            cur,
            practice_id,
            claim,
            ClaimState.EXPORTED,
            made_by=made_by,
            at=at,
            export_number=number,
        )
    return Exported(number, text, kept, left_out)


def _not_borne(
    cur: store.Cursor,
    practice_id: UUID,
    month: Month,
    chosen: Sequence[Claim],
    tables: SiteTables,
    at: datetime,
) -> Iterator[int]:
    """Yield the numbers of claims that the facts do not bear any more, some hundreds of patients at once."""
    patient_ids = sorted({one.patient_id for one in chosen})
    for start in range(0, len(patient_ids), month_facts.CHUNK):
        chunk = patient_ids[start : start + month_facts.CHUNK]
        now_found = month_proposals.of_patients(cur, practice_id, chunk, month, tables, at)
        for one in chosen:
            found = now_found.get(one.patient_id)
            if found is not None and not claims.is_borne(one, found):
                yield one.claim_number


def load(
    cur: store.Cursor, practice_id: UUID, month: Month, chosen: Sequence[Claim], tables: SiteTables
) -> tuple[Biller, list[FileClaim]]:
    """Return who bills and what a file says of claims of a month; what is not recorded is None in it."""
    last_on = periods.last_day_of(month)
    said = practice_billing.in_force(cur, practice_id, last_on)
    asked: dict[str, Any] = {"practice_id": practice_id, "on": last_on}
    patient_ids = sorted({one.patient_id for one in chosen})
    insured = {
        one.patient_id: one
        for one in store.rows(cur, _insured, _Q.load_insured, **asked, patient_ids=patient_ids)
    }
    by = practice_billing.practitioners(
        cur, practice_id, last_on, {one.practitioner_id for one in chosen if one.practitioner_id}
    )
    days = claim_records.days_of(cur, practice_id, [one.claim_id for one in chosen])
    references = _references(cur, practice_id, [one.replaces for one in chosen if one.replaces])
    found = [
        FileClaim(
            claim_id=one.claim_id,
            number=one.claim_number,
            month=str(month),
            state=str(one.state),
            insured=insured[one.patient_id],
            practitioner=_practitioner(one, by),
            diagnoses=one.diagnoses,
            lines=tuple(
                _line(line, days.get((one.claim_id, line.line_number), []), tables)
                for line in one.lines
            ),
            is_corrected=one.replaces is not None,
            corrects=None if one.replaces is None else references.get(one.replaces),
            is_for_payer=_is_for(insured[one.patient_id].payer_name, one, tables),
        )
        for one in chosen
        if one.patient_id in insured
    ]
    return (said.biller if said else _NOBODY), found


def _lacks(
    biller: Biller, claim: FileClaim, wanted: Format, route: Route | None, at: datetime
) -> list[str]:
    lacks = contents.missing(biller, claim, wanted)
    if wanted is not Format.X12 or lacks:
        return lacks
    if route is None:
        return ["from whom to whom the file goes"]
    return professional.cannot_be_written(biller, claim, route, at)


def _in_words(left_out: dict[int, list[str]]) -> list[str]:
    return [f"claim {number}: {words}" for number, lacks in left_out.items() for words in lacks]


def _text(
    biller: Biller,
    found: Sequence[FileClaim],
    wanted: Format,
    route: Route | None,
    number: int,
    at: datetime,
) -> str:
    match wanted:
        case Format.CSV:
            return sheet.write(biller, found)
        case Format.FHIR:
            return json.dumps(fhir.bundle(biller, found, at), indent=1, ensure_ascii=False) + "\n"
        case Format.X12:
            if route is None:
                raise claim_errors.Incomplete(["from whom to whom the file goes"])
            return professional.write(biller, found, route, number, at)


def _is_for(payer: str | None, claim: Claim, tables: SiteTables) -> bool:
    """Tell whether a payer is the one for whom a claim was attested; where none was known, one with the same rules."""
    if claim.payer is None:
        return tables.sha256_of(payer) == tables.sha256_of(None)
    return payer == claim.payer


def _practitioner(claim: Claim, by: dict[UUID, Practitioner]) -> Practitioner:
    staff_id = claim.practitioner_id or UUID(int=0)
    unknown = Practitioner(staff_id, claim.practitioner_name or "", None, None, None)
    return by.get(staff_id, unknown)


def _line(
    line: ClaimLine, days: Sequence[tuple[Any, tuple[UUID, ...]]], tables: SiteTables
) -> FileLine:
    charge = tables.charges.of(line.code, line.service_on) if tables.charges else None
    return FileLine(
        number=line.line_number,
        program=line.program,
        code=line.code,
        units=line.units,
        service_on=line.service_on,
        first_on=line.first_on,
        last_on=line.last_on,
        pointers=line.diagnosis_pointers,
        charge_cents=None if charge is None else charge.cents * line.units,
        seconds=line.seconds,
        days=len(days),
        reading_ids=tuple(reading_id for _, ids in days for reading_id in ids),
    )


def _references(cur: store.Cursor, practice_id: UUID, claim_ids: Sequence[UUID]) -> dict[UUID, str]:
    asked = {"practice_id": practice_id, "claim_ids": list(claim_ids)}
    with cur.connection.cursor(row_factory=tuple_row) as rows:
        return dict(rows.execute(_Q.load_references, asked).fetchall())


def _insured(
    *, street: str | None, city: str | None, state: str | None, zip_code: str | None, **columns: Any
) -> Insured:
    return Insured(address=Address(street, city, state, zip_code), **columns)
