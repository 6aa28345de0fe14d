"""Attesting claims and recording what becomes of them: each step is a person's, and nothing goes back.

What is attested is frozen with all that it rests on: the database refuses every change of it. Where the facts say
something else afterwards, that is shown, never taken over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.types.json import Jsonb

from ccm_link import claim_errors, store
from ccm_link.billing import periods
from ccm_link.billing.proposal import Line
from ccm_link.claim import claim_drafts, claim_states
from ccm_link.claim.claim_drafts import Draft
from ccm_link.claim.claim_proposals import columns_of
from ccm_link.claim.claim_records import Claim
from ccm_link.claim.claim_states import ClaimState
from ccm_link.claim.month_proposals import WorkedOut
from ccm_link.claim.site_tables import SiteTables
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.claim", "claims")


def attest(
    cur: store.Cursor,
    practice_id: UUID,
    claim: Claim,
    now_found: WorkedOut | None,
    tables: SiteTables,
    zone: ZoneInfo,
    *,
    diagnoses: Sequence[str],
    row_version: int,
    made_by: str,
    at: datetime,
) -> None:
    """Freeze a proposed claim with all that it rests on: a person vouches for it.

    Args:
        cur: a transaction that works for the practice.
        practice_id: whose.
        claim: as it was loaded in this transaction, behind `lock`.
        now_found: the month as the facts say it in this transaction.
        tables: that it was worked out with.
        zone: the practice's.
        diagnoses: recorded ones of the patient, the one that matters most first.
        row_version: of the row that the person saw.
        made_by: who attests.
        at: now, aware.

    Raises:
        claim_errors.WrongState: It is not a proposal any more.
        claim_errors.StaleClaim: It is another one than the person saw.
        claim_errors.MonthNotOver: More can still count, of the month or of a block of days in the patient's zone.
        claim_errors.NoPractitioner: Nobody knows who bills.
        claim_errors.FactsChanged: The facts say something else by now.
        claim_errors.BadDiagnoses: None is named, or one that is not the patient's.
        claim_errors.ClaimedAlready: One of its codes is claimed for the same time.
    """
    if claim.state is not ClaimState.PROPOSED:
        raise claim_errors.WrongState
    if claim.row_version != row_version:
        raise claim_errors.StaleClaim
    draft = draft_of(claim, now_found)
    if _may_grow(claim, draft, zone, at):
        raise claim_errors.MonthNotOver
    if claim.practitioner_id is None:
        raise claim_errors.NoPractitioner
    if draft is None or draft.facts_sha256 != claim.facts_sha256:
        raise claim_errors.FactsChanged
    if not is_of_patient(diagnoses, now_found):
        raise claim_errors.BadDiagnoses
    mine = {"practice_id": practice_id, "claim_id": claim.claim_id}
    try:
        with cur.connection.transaction():
            cur.execute(_Q.forget_lines, mine)
            for number, line in enumerate(draft.lines, 1):
                _freeze(cur, mine | {"patient_id": claim.patient_id}, number, line, diagnoses)
            attested = store.scalar(
                cur,
                _Q.attest,
                **mine,
                payer=draft.payer,
                tables=draft.tables,
                tables_sha256=tables.sha256_of(draft.payer),
                diagnoses=list(diagnoses),
                row_version=row_version,
            )
    except psycopg.errors.UniqueViolation as error:
        raise claim_errors.ClaimedAlready from error
    if attested is None:
        raise claim_errors.StaleClaim
    _note(cur, practice_id, claim, ClaimState.ATTESTED, made_by=made_by, at=at)


def record(
    cur: store.Cursor,
    practice_id: UUID,
    claim: Claim,
    state: ClaimState,
    *,
    made_by: str,
    at: datetime,
    reference: str = "",
    denial_codes: Sequence[str] = (),
    paid_cents: int | None = None,
    note: str = "",
    export_number: int | None = None,
) -> None:
    """Record what became of an attested claim.

    Args:
        cur: a transaction that works for the practice.
        practice_id: whose.
        claim: as it was loaded in this transaction, behind `lock`.
        state: what it is from now on.
        made_by: who says so.
        at: now, aware.
        reference: the payer's number of it, a check, a letter.
        denial_codes: as the payer gave them; of a denial alone.
        paid_cents: of a payment alone.
        note: why, in words.
        export_number: the file into which it was written.

    Raises:
        claim_errors.WrongState: It cannot become that.
    """
    if not claim_states.may_follow(claim.state, state) or state is ClaimState.ATTESTED:
        raise claim_errors.WrongState
    changed = store.scalar(
        cur,
        _Q.change_state,
        practice_id=practice_id,
        claim_id=claim.claim_id,
        state=state,
        former=claim.state,
    )
    if changed is None:
        raise claim_errors.WrongState
    _note(
        cur,
        practice_id,
        claim,
        state,
        made_by=made_by,
        at=at,
        reference=reference,
        denial_codes=list(denial_codes) if state is ClaimState.DENIED else [],
        paid_cents=paid_cents if state is ClaimState.PAID else None,
        note=note,
        export_number=export_number,
    )


def draft_of(claim: Claim, now_found: WorkedOut | None) -> Draft | None:
    """Return the claim as the facts say it now; None where they make none."""
    drafts = now_found.drafts if now_found else ()
    return next((one for one in drafts if one.practitioner_id == claim.practitioner_id), None)


def has_changed(claim: Claim, now_found: WorkedOut | None) -> bool:
    """Tell whether the facts say something else than what a person attested; a claim that was given up is past that."""
    if claim.state is ClaimState.PROPOSED or claim.state in claim_states.GIVEN_UP:
        return False
    draft = draft_of(claim, now_found)
    return draft is None or draft.facts_sha256 != claim.facts_sha256


def is_borne(claim: Claim, now_found: WorkedOut | None) -> bool:
    """Tell whether the facts still bear each line that was attested, with all its units; they may bear more."""
    draft = draft_of(claim, now_found)
    borne = {(line.code, line.last_on): line.count for line in (draft.lines if draft else ())}
    return all(borne.get((line.code, line.last_on), 0) >= line.units for line in claim.lines)


def is_of_patient(diagnoses: Sequence[str], now_found: WorkedOut | None) -> bool:
    """Tell whether diagnoses are recorded ones of the patient, each once, and not more than a claim holds."""
    known = set(now_found.known.diagnoses or ()) if now_found else set()
    return (
        0 < len(diagnoses) == len(set(diagnoses)) <= claim_drafts.MOST_DIAGNOSES
        and set(diagnoses) <= known
    )


def _may_grow(claim: Claim, draft: Draft | None, zone: ZoneInfo, at: datetime) -> bool:
    """Tell whether the month still runs, or a block of days by the clocks of a patient further west."""
    is_over = draft is None or all(line.is_over for line in draft.lines)
    return not is_over or at < periods.span_of_month(claim.month, zone)[-1].until_at


def _freeze(
    cur: store.Cursor,
    of_claim: Mapping[str, object],
    number: int,
    line: Line,
    diagnoses: Sequence[str],
) -> None:
    cur.execute(
        _Q.freeze_line,
        {
            **of_claim,
            **columns_of(number, line),
            "diagnosis_pointers": claim_drafts.pointers(diagnoses),
            "rules": Jsonb(claim_drafts.rules_of(line)),
        },
    )
    shares = [(nth, share) for nth, unit in enumerate(line.units, 1) for share in unit.shares]
    cur.execute(
        _Q.freeze_shares,
        {
            **of_claim,
            "line_number": number,
            "unit_numbers": [nth for nth, _ in shares],
            "entry_ids": [share.entry_id for _, share in shares],
            "from_ats": [share.span.from_at for _, share in shares],
            "until_ats": [share.span.until_at for _, share in shares],
        },
    )
    for unit in line.units:
        for day in unit.days:
            cur.execute(
                _Q.freeze_day,
                {
                    **of_claim,
                    "line_number": number,
                    "day": day.day,
                    "reading_ids": list(day.reading_ids),
                },
            )


def _note(
    cur: store.Cursor,
    practice_id: UUID,
    claim: Claim,
    state: ClaimState,
    *,
    made_by: str,
    at: datetime,
    reference: str = "",
    denial_codes: Sequence[str] = (),
    paid_cents: int | None = None,
    note: str = "",
    export_number: int | None = None,
) -> None:
    cur.execute(
        _Q.note_event,
        {
            "practice_id": practice_id,
            "claim_id": claim.claim_id,
            "patient_id": claim.patient_id,
            "state": state,
            "at": at,
            "made_by": made_by,
            "reference": reference,
            "denial_codes": list(denial_codes),
            "paid_cents": paid_cents,
            "note": note,
            "export_number": export_number,
        },
    )
