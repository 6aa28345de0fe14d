"""Who is on the way into a program, in tabs by state, with what is to be done next: as a person works through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.rows import tuple_row

from ccm_link import store
from ccm_link.program.enrolment_states import CloseReason, State
from ccm_link.program.outreach import Outcome
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.program", "program_list")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One enrolment in the list. Instants are aware UTC.

    Attributes:
        since: when it came into its state.
        next_try_at: when to call again; None: nothing is planned.
        attempts: how often somebody tried to reach the patient.
        last_outcome: what came of the last attempt.
        needs_consent: whether it is in care and no consent is in force, for the practitioner changed.
        ended_at: from when on it is over.
    """

    enrolment_id: UUID
    patient_id: UUID
    patient_name: str
    record_number: str
    program: str
    state: State
    since: datetime
    next_try_at: datetime | None
    attempts: int
    last_outcome: Outcome | None
    practitioner_name: str | None
    care_manager_name: str | None
    needs_consent: bool
    close_reason: CloseReason | None
    ended_at: datetime | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))
        if self.last_outcome is not None:
            object.__setattr__(self, "last_outcome", Outcome(self.last_outcome))
        if self.close_reason is not None:
            object.__setattr__(self, "close_reason", CloseReason(self.close_reason))


def lines(
    cur: store.Cursor,
    practice_id: UUID,
    state: State,
    program: str | None,
    *,
    offset: int,
    limit: int,
) -> list[Line]:
    """Return a page of the enrolments in a state: whom to call again first, then who has waited longest.

    Of closed ones the last come first.

    Args:
        cur: In a transaction that works for the practice.
        practice_id: Whose; who is not active is left out, but for closed ones.
        state: Which.
        program: None: of all programs.
        offset: How many to leave out at the beginning.
        limit: How many at most.
    """
    statement = _Q.closed if state is State.CLOSED else _Q.open
    return store.rows(
        cur,
        Line,
        statement,
        practice_id=practice_id,
        state=state,
        program=program,
        offset=offset,
        limit=limit,
    )


def counts(cur: store.Cursor, practice_id: UUID, program: str | None) -> Mapping[State, int]:
    """Return how many enrolments there are in each state; who is not active is left out, but for closed ones."""
    asked = {"practice_id": practice_id, "program": program}
    with cur.connection.cursor(row_factory=tuple_row) as rows:
        found: dict[str, int] = dict(rows.execute(_Q.counts, asked).fetchall())
    return {state: found.get(state, 0) for state in State}
