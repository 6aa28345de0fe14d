"""Claims as they are stored: with lines, what became of them, and what attested lines rest on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, cast
from uuid import UUID

from ccm_link import claim_errors, store
from ccm_link.claim import claim_states
from ccm_link.claim.claim_states import ClaimState
from ccm_link.month import Month
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.claim", "claims")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """A line as it is stored.

    Attributes:
        seconds: that it rests on, once it is attested.
        rules: the rows that led to it, the code's own first; None while it is proposed.
    """

    claim_id: UUID
    line_number: int
    program: str
    code: str
    units: int
    is_set_up: bool
    service_on: date
    first_on: date
    last_on: date
    diagnosis_pointers: tuple[int, ...]
    rules: tuple[Mapping[str, Any], ...] | None
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimEvent:
    """What became of a claim, with who said so; ``at`` is aware UTC."""

    event_number: int
    claim_id: UUID
    state: ClaimState
    at: datetime
    made_by: str
    reference: str
    denial_codes: tuple[str, ...]
    paid_cents: int | None
    note: str
    export_number: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim with its lines and what became of it.

    Attributes:
        claim_number: as people and payers call it.
        replaces: the claim that it corrects.
        row_version: goes into every form; an older one is refused.
    """

    claim_id: UUID
    claim_number: int
    patient_id: UUID
    month_on: date
    practitioner_id: UUID | None
    practitioner_name: str | None
    payer: str | None
    state: ClaimState
    facts_sha256: bytes
    tables: str | None
    tables_sha256: bytes | None
    diagnoses: tuple[str, ...]
    replaces: UUID | None
    proposed_at: datetime
    row_version: int
    lines: tuple[ClaimLine, ...] = ()
    events: tuple[ClaimEvent, ...] = ()

    @property
    def month(self) -> Month:
        """The month that it is for."""
        return Month(self.month_on.year, self.month_on.month)

    @property
    def choices(self) -> list[ClaimState]:
        """What a person can say next of it."""
        return claim_states.choices(self.state)

    @property
    def reference(self) -> str:
        """The payer's own number of it, as it was said last; "" where nobody said one."""
        return next((one.reference for one in reversed(self.events) if one.reference), "")


def lock(cur: store.Cursor, practice_id: UUID, claim_id: UUID) -> Claim:
    """Return a claim that nobody else decides about until the transaction ends.

    Raises:
        claim_errors.UnknownClaim: The practice has no such claim.
    """
    cur.execute(_Q.lock, {"practice_id": practice_id, "claim_id": claim_id})
    return load(cur, practice_id, claim_id)


def load(cur: store.Cursor, practice_id: UUID, claim_id: UUID) -> Claim:
    """Return a claim.

    Raises:
        claim_errors.UnknownClaim: The practice has no such claim.
    """
    found = store.rows(cur, _claim, _Q.load, practice_id=practice_id, claim_id=claim_id)
    if not found:
        raise claim_errors.UnknownClaim
    return _whole(cur, practice_id, found)[0]


def id_of_number(cur: store.Cursor, practice_id: UUID, number: int) -> UUID:
    """Return the id of the claim with a number.

    Raises:
        claim_errors.UnknownClaim: The practice has no such claim.
    """
    found = store.scalar(cur, _Q.load_id_of_number, practice_id=practice_id, claim_number=number)
    if found is None:
        raise claim_errors.UnknownClaim
    return cast("UUID", found)


def of_patient(cur: store.Cursor, practice_id: UUID, patient_id: UUID, month: Month) -> list[Claim]:
    """Return the claims of a patient's month, what stands first."""
    found = store.rows(
        cur,
        _claim,
        _Q.load_of_patient,
        practice_id=practice_id,
        patient_id=patient_id,
        month_on=month.first_on,
    )
    return _whole(cur, practice_id, found)


def of_month(
    cur: store.Cursor, practice_id: UUID, month: Month, states: Iterable[ClaimState]
) -> list[Claim]:
    """Return the claims of a practice's month in some states, by their number."""
    found = store.rows(
        cur,
        _claim,
        _Q.load_of_month,
        practice_id=practice_id,
        month_on=month.first_on,
        states=[str(one) for one in states],
    )
    return _whole(cur, practice_id, found)


def count_of_month(cur: store.Cursor, practice_id: UUID, month: Month) -> dict[ClaimState, int]:
    """Count the claims of a practice's month by state."""
    asked = {"practice_id": practice_id, "month_on": month.first_on}
    rows = store.tuples(cur, _Q.count_of_month, **asked)
    return {ClaimState(state): claims for state, claims in rows}


def days_of(
    cur: store.Cursor, practice_id: UUID, claim_ids: Sequence[UUID]
) -> dict[tuple[UUID, int], list[tuple[date, tuple[UUID, ...]]]]:
    """Return the days with their readings that attested lines rest on, by claim and line."""
    asked = {"practice_id": practice_id, "claim_ids": list(claim_ids)}
    found: defaultdict[tuple[UUID, int], list[tuple[date, tuple[UUID, ...]]]] = defaultdict(list)
    for claim_id, number, day, reading_ids in store.tuples(cur, _Q.load_days, **asked):
        found[claim_id, number].append((day, tuple(reading_ids)))
    return dict(found)


def _whole(cur: store.Cursor, practice_id: UUID, found: Sequence[Claim]) -> list[Claim]:
    """Return claims with their lines and events."""
    asked: dict[str, Any] = {
        "practice_id": practice_id,
        "claim_ids": [one.claim_id for one in found],
    }
    lines, events = defaultdict(list), defaultdict(list)
    if found:
        for line in store.rows(cur, _claim_line, _Q.load_lines, **asked):
            lines[line.claim_id].append(line)
        for event in store.rows(cur, _claim_event, _Q.load_events, **asked):
            events[event.claim_id].append(event)
    return [
        replace(one, lines=tuple(lines[one.claim_id]), events=tuple(events[one.claim_id]))
        for one in found
    ]


def _claim(*, state: str, diagnoses: list[str], **columns: Any) -> Claim:
    return Claim(state=ClaimState(state), diagnoses=tuple(diagnoses), **columns)


def _claim_line(
    *, diagnosis_pointers: list[int], rules: list[Any] | None, **columns: Any
) -> ClaimLine:
    return ClaimLine(
        diagnosis_pointers=tuple(diagnosis_pointers),
        rules=None if rules is None else tuple(rules),
        **columns,
    )


def _claim_event(*, state: str, denial_codes: list[str], **columns: Any) -> ClaimEvent:
    return ClaimEvent(state=ClaimState(state), denial_codes=tuple(denial_codes), **columns)
