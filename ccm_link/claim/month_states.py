"""How the months of a practice's patients stand, as they were last worked out: for lists, sums and the closing.

Working out a month of many patients takes seconds to minutes, so lists show what was kept and say of when it is. One
patient's own page works it out itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from psycopg.types.json import Jsonb

from ccm_link import store
from ccm_link.billing.fees import Amount, Fees
from ccm_link.billing.proposal import Line, Missing, Proposal
from ccm_link.claim import claim_proposals, month_facts, month_proposals
from ccm_link.claim.month_proposals import WorkedOut
from ccm_link.claim.site_tables import SiteTables
from ccm_link.month import Month
from ingest import named_queries

_Q: Final = named_queries.load("ccm_link.claim", "month_states")

NEAR_S: Final = 5 * 60
"""Seconds short of a code from which on a patient is near it: so long is a call, which somebody can decide on."""
NEAR_DAYS: Final = 3
"""Days short of a code, likewise: as many as a reminder can still bring."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Units of a code with their day of service."""

    code: str
    units: int
    service_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthState:
    """One patient's month in a row.

    Attributes:
        proposed: what nothing stops.
        held: what would be proposed if what stops it were settled.
        seconds: counted, by program.
        stops: open holds that stop a line.
        asks: open holds that only ask for a look.
        next_code: the nearest further code that can still be reached; None: there is none.
        lost: codes that cannot be reached any more.
    """

    patient_id: UUID
    proposed: tuple[Reached, ...]
    held: tuple[Reached, ...]
    seconds: Mapping[str, int]
    stops: int
    asks: int
    next_code: str | None
    next_seconds: int | None
    next_days: int | None
    next_by_on: date | None
    lost: tuple[str, ...]

    @property
    def is_near(self) -> bool:
        """Whether a further code is within a call or a few days."""
        return (
            self.next_code is not None
            and (self.next_seconds or 0) <= NEAR_S
            and (self.next_days or 0) <= NEAR_DAYS
        )

    @property
    def is_lost(self) -> bool:
        """Whether nothing is reached and something cannot be any more."""
        return bool(self.lost) and not self.proposed and not self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(MonthState):
    """The same with who it is of, and when it was worked out (aware UTC)."""

    patient_name: str
    record_number: str
    worked_out_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """What one working out of a whole practice's month did."""

    patients: int
    ready: int
    held: int
    new_claims: int


def state_of(patient_id: UUID, proposal: Proposal) -> MonthState:
    """Return a month's row."""
    reachable = [one for one in proposal.missing if one.can_be_reached]
    nearest = min(reachable, key=_distance, default=None)
    is_open = [one for one in proposal.holds if one.settled_because is None]
    return MonthState(
        patient_id=patient_id,
        proposed=_reached(proposal.proposed),
        held=_reached(proposal.held),
        seconds={name: counted.seconds for name, counted in proposal.counted.items()},
        stops=sum(one.stops for one in is_open),
        asks=sum(not one.stops for one in is_open),
        next_code=nearest.code if nearest else None,
        next_seconds=nearest.seconds if nearest else None,
        next_days=nearest.days if nearest else None,
        next_by_on=nearest.by_on if nearest else None,
        lost=tuple(sorted({one.code for one in proposal.missing if not one.can_be_reached})),
    )


def keep(
    cur: store.Cursor,
    practice_id: UUID,
    month: Month,
    found: Sequence[WorkedOut],
    at: datetime,
) -> list[MonthState]:
    """Keep how some patients' months stand now."""
    states = [state_of(one.patient_id, one.proposal) for one in found]
    cur.execute(
        _Q.keep,
        {
            "practice_id": practice_id,
            "month_on": month.first_on,
            "at": at,
            "states": Jsonb([_as_json(one) for one in states]),
        },
    )
    return states


def take_turn(cur: store.Cursor, practice_id: UUID, month: Month, since: datetime) -> bool:
    """Tell whether a month is to be worked out now, and hold others back from it until the transaction ends.

    False where somebody is at it, where nobody can have anything to bill in it, and where the whole of it was worked
    out since an instant.
    """
    asked = {"practice_id": practice_id, "month_on": month.first_on}
    if not store.scalar(cur, _Q.take_turn, **asked):
        return False
    last_at = store.scalar(cur, _Q.worked_out_at, **asked)
    if last_at is None:
        return bool(month_facts.patients_of_month(cur, practice_id, month))
    return cast("datetime", last_at) < since


def work_out_all(
    cur: store.Cursor,
    practice_id: UUID,
    month: Month,
    tables: SiteTables,
    at: datetime,
    told: Callable[[int, int], None] = lambda _done, _of: None,
) -> Kept:
    """Work out the whole practice's month, keep how each patient's stands, and make the proposals of claims anew.

    Args:
        cur: a transaction that works for the practice; everything or nothing of it is kept.
        practice_id: whose.
        month: the practice's calendar month.
        tables: of rules.
        at: now, aware; what lies behind it does not count.
        told: before some hundred patients, and at the end: how many are done, of how many.

    Raises:
        errors.NoBillingTable: There is no table of the month's year.
    """
    patient_ids = month_facts.patients_of_month(cur, practice_id, month)
    ready = held = new_claims = 0
    for start in range(0, len(patient_ids), month_facts.CHUNK):
        told(start, len(patient_ids))
        chunk = patient_ids[start : start + month_facts.CHUNK]
        worked_out = month_proposals.of_patients(cur, practice_id, chunk, month, tables, at)
        found = list(worked_out.values())
        states = keep(cur, practice_id, month, found, at)
        new_claims += claim_proposals.propose(cur, practice_id, month, found, at)
        ready += sum(bool(one.proposed) for one in states)
        held += sum(bool(one.held) for one in states)
    told(len(patient_ids), len(patient_ids))
    cur.execute(
        _Q.forget_others, {"practice_id": practice_id, "month_on": month.first_on, "at": at}
    )
    return Kept(len(patient_ids), ready, held, new_claims)


def of_month(cur: store.Cursor, practice_id: UUID, month: Month) -> list[Listed]:
    """Return how the months of all patients stood when they were last worked out, by name."""
    return store.rows(cur, _listed, _Q.of_month, practice_id=practice_id, month_on=month.first_on)


def amount(reached: Iterable[Reached], fees: Fees) -> Amount:
    """Add up what codes pay, each by the fee of its day of service."""
    cents = 0
    unpriced: set[str] = set()
    for one in reached:
        fee = fees.of(one.code, one.service_on)
        if fee is None:
            unpriced.add(one.code)
        else:
            cents += fee.cents * one.units
    return Amount(cents, tuple(sorted(unpriced)))


def _distance(one: Missing) -> timedelta:
    return timedelta(days=one.days, seconds=one.seconds)


def _reached(lines: Iterable[Line]) -> tuple[Reached, ...]:
    return tuple(Reached(line.code, line.count, line.service_on) for line in lines)


def _as_json(state: MonthState) -> dict[str, Any]:
    columns = asdict(state)
    for name in ("proposed", "held"):
        columns[name] = [
            [one.code, one.units, one.service_on.isoformat()] for one in getattr(state, name)
        ]
    return columns | {
        "patient_id": str(state.patient_id),
        "next_by_on": state.next_by_on and state.next_by_on.isoformat(),
    }


def _listed(*, proposed: list[Any], held: list[Any], lost: list[str], **columns: Any) -> Listed:
    return Listed(proposed=_from_json(proposed), held=_from_json(held), lost=tuple(lost), **columns)


def _from_json(rows: list[Any]) -> tuple[Reached, ...]:
    return tuple(Reached(code, units, date.fromisoformat(day)) for code, units, day in rows)
