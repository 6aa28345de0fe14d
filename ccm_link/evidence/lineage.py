"""From a claimed unit down to what it rests on, and back: rule, seconds, task, alert, reading with its bytes.

What an attested claim rests on was frozen with it; what is joined here besides (who worked, which task, which reading
led to it) are rows that are never changed either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from ccm_link import store
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("ccm_link.evidence", "lineage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The claim itself."""

    claim_id: UUID
    claim_number: int
    patient_id: UUID
    month_on: date
    state: str
    payer: str | None
    practitioner_name: str | None
    tables: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A reading that an alert was about, in the words that its rule left."""

    episode_id: UUID
    reading_id: UUID
    measured_at: datetime | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """[from_at, until_at) of a time entry, aware; with the readings behind its task, if an alert made that."""

    line_number: int
    unit_number: int
    entry_id: UUID
    from_at: datetime
    until_at: datetime
    staff_name: str
    credential: str
    activity: str
    entered: str
    voided_at: datetime | None
    task_id: UUID | None
    task_title: str | None
    episode_id: UUID | None

    @property
    def seconds(self) -> int:
        """Whole seconds."""
        return int((self.until_at - self.from_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the patient's that a line counts, with its readings."""

    line_number: int
    day: date
    reading_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line with what each of its units rests on.

    Attributes:
        rules: the rows that led to it as they were written down; empty before attestation.
        units: by number, shares of time oldest first; empty where it rests on days.
        days: oldest first.
    """

    line_number: int
    program: str
    code: str
    count: int
    service_on: date
    first_on: date
    last_on: date
    rules: Sequence[Mapping[str, Any]]
    units: Mapping[int, Sequence[Share]]
    days: Sequence[Day]


@dataclass(frozen=True, slots=True)
class Lineage:
    """A claim, its lines, and by episode the readings that alerts were about."""

    claim: Claimed
    lines: tuple[Line, ...]
    breaches: Mapping[UUID, Sequence[Breach]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPlace:
    """Where something counts: a line of a claim, through a day or through time."""

    claim_id: UUID
    claim_number: int
    state: str
    code: str
    through: str


def of_claim(cur: Cursor, practice_id: UUID, claim_id: UUID) -> Lineage | None:
    """Return all that a claim rests on; None where the practice has no such claim, or the person does not see it."""
    key = {"practice_id": practice_id, "claim_id": claim_id}
    claim = store.row(cur, Claimed, _Q.claim, **key)
    if claim is None:
        return None
    shares: defaultdict[int, defaultdict[int, list[Share]]] = defaultdict(lambda: defaultdict(list))
    episode_ids: set[UUID] = set()
    for share in store.rows(cur, Share, _Q.shares, **key):
        shares[share.line_number][share.unit_number].append(share)
        if share.episode_id is not None:
            episode_ids.add(share.episode_id)
    days: defaultdict[int, list[Day]] = defaultdict(list)
    for day in store.rows(cur, _day, _Q.days, **key):
        days[day.line_number].append(day)
    breaches: defaultdict[UUID, list[Breach]] = defaultdict(list)
    found = store.rows(
        cur,
        Breach,
        _Q.breaches_of_episodes,
        practice_id=practice_id,
        episode_ids=sorted(episode_ids),
    )
    for breach in found:
        breaches[breach.episode_id].append(breach)

    def line(*, line_number: int, units: int, **columns: Any) -> Line:
        return Line(
            line_number=line_number,
            count=units,
            units=shares[line_number],
            days=days[line_number],
            **columns,
        )

    return Lineage(claim, tuple(store.rows(cur, line, _Q.lines, **key)), breaches)


def claims_of_reading(
    cur: Cursor, practice_id: UUID, patient_id: UUID, reading_id: UUID, measured_on: date
) -> list[ClaimPlace]:
    """Return where a reading counts: as a device day, or through the work that it led to.

    Args:
        cur: Open cursor.
        practice_id: Whose.
        patient_id: Whose reading it is.
        reading_id: The version of it that was counted.
        measured_on: Its day by any clock; the days beside it are looked at too.
    """
    return store.rows(
        cur,
        ClaimPlace,
        _Q.claims_of_reading,
        practice_id=practice_id,
        patient_id=patient_id,
        reading_id=reading_id,
        measured_on=measured_on,
    )


def claims_of_task(cur: Cursor, practice_id: UUID, task_id: UUID) -> list[ClaimPlace]:
    """Return where the time of a task counts."""
    return store.rows(cur, ClaimPlace, _Q.claims_of_task, practice_id=practice_id, task_id=task_id)


def _day(*, line_number: int, day: date, reading_ids: list[UUID]) -> Day:
    return Day(line_number, day, tuple(reading_ids))
