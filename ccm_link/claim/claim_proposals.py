"""Proposals of claims: made anew from worked-out months, as long as nobody attested them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from ccm_link import store
from ccm_link.billing.proposal import Line
from ccm_link.claim import claim_drafts
from ccm_link.claim.claim_states import ClaimState
from ccm_link.claim.month_proposals import WorkedOut
from ccm_link.month import Month
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.claim", "claims")


def propose(
    cur: store.Cursor,
    practice_id: UUID,
    month: Month,
    found: Collection[WorkedOut],
    at: datetime,
) -> int:
    """Make the proposals of patients' months what their facts say now, and return how many are new.

    What is past that state stays as it is; so does a proposal with the same facts.
    """
    asked = {
        "practice_id": practice_id,
        "month_on": month.first_on,
        "patient_ids": [one.patient_id for one in found],
    }
    drafts = {
        (draft.patient_id, draft.practitioner_id): draft for one in found for draft in one.drafts
    }
    stale = []
    for claim_id, patient_id, practitioner_id, state, facts_sha256 in store.tuples(
        cur, _Q.load_proposed, **asked
    ):
        draft = drafts.get((patient_id, practitioner_id))
        is_same = draft is not None and draft.facts_sha256 == bytes(facts_sha256)
        if state != ClaimState.PROPOSED or is_same:
            drafts.pop((patient_id, practitioner_id), None)
        else:
            stale.append(claim_id)
    cur.execute(_Q.forget, {"practice_id": practice_id, "claim_ids": stale})
    if not drafts:
        return 0
    corrected = {
        (patient_id, practitioner_id): claim_id
        for patient_id, practitioner_id, claim_id in store.tuples(cur, _Q.load_corrected, **asked)
    }
    made = {uuid4(): draft for draft in drafts.values()}
    rows = [
        {
            "claim_id": str(claim_id),
            "patient_id": str(draft.patient_id),
            "practitioner_id": _text(draft.practitioner_id),
            "payer": draft.payer,
            "facts_sha256": draft.facts_sha256.hex(),
            "diagnoses": list(draft.diagnoses),
            "replaces": _text(corrected.get((draft.patient_id, draft.practitioner_id))),
        }
        for claim_id, draft in made.items()
    ]
    lines = [
        {"claim_id": str(claim_id), "patient_id": str(draft.patient_id), **columns_of(number, line)}
        | {"diagnosis_pointers": claim_drafts.pointers(draft.diagnoses)}
        for claim_id, draft in made.items()
        for number, line in enumerate(draft.lines, 1)
    ]
    made_now = {**asked, "claims": Jsonb(rows), "at": at}
    claim_ids = [claim_id for (claim_id,) in store.tuples(cur, _Q.propose, **made_now)]
    cur.execute(
        _Q.propose_lines,
        {"practice_id": practice_id, "lines": Jsonb(lines), "claim_ids": claim_ids},
    )
    return len(claim_ids)


def columns_of(number: int, line: Line) -> dict[str, Any]:
    """Return a line as its columns."""
    return {
        "line_number": number,
        "program": line.program,
        "code": line.code,
        "units": line.count,
        "is_set_up": claim_drafts.is_set_up(line),
        "service_on": line.service_on.isoformat(),
        "first_on": line.first_on.isoformat(),
        "last_on": line.last_on.isoformat(),
    }


def _text(one: UUID | None) -> str | None:
    return None if one is None else str(one)
