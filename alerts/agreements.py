"""Agreed schedules as they are in force: the practice's default and the patients' own, versioned, with who and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
from psycopg.types.json import Jsonb

from alerts import errors, schedule
from alerts.schedule import Expected, Schedule
from firmware_profiles.readings import Kind
from ingest import named_queries, statements
from ingest.errors import RefusalReason, RefusedByStoreError

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("alerts", "agreements")
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One version of a schedule.

    Attributes:
        patient_id: whose; None: the practice's default, for whoever measures this kind and has none of their own.
        in_force_from: aware UTC.
        in_force_until: None while nothing has ended it.
        set_by: who agreed on it.
        reason: why.
    """

    patient_id: UUID | None
    version: int
    schedule: Schedule
    in_force_from: datetime
    in_force_until: datetime | None
    set_by: str
    reason: str

    @property
    def ends_at(self) -> datetime:
        """Return the end as an instant that can be compared."""
        return self.in_force_until or _LAST

    def is_in_force(self, at: datetime) -> bool:
        """Tell whether it holds at an instant."""
        return self.in_force_from <= at < self.ends_at


def occasions(
    default: Sequence[Agreement],
    own: Sequence[Agreement],
    zone: ZoneInfo,
    after: datetime,
    until: datetime,
) -> Iterator[Expected]:
    """Return what was expected of a patient and was over after one instant and at another at the latest. Pure.

    In the time of a patient's own schedule the practice's default is none. An occasion counts if one version was in
    force during all of it.

    Args:
        default: the practice's versions for a kind.
        own: the patient's versions for it.
        zone: the patient's.
        after: aware.
        until: aware.
    """
    for agreement in (*default, *own):
        others = own if agreement.patient_id is None else ()
        for one in schedule.ended(agreement.schedule, zone, after, until):
            is_whole = agreement.in_force_from <= one.from_at and one.until_at <= agreement.ends_at
            if is_whole and not any(
                other.in_force_from < one.until_at and one.from_at < other.ends_at
                for other in others
            ):
                yield one


def in_force(
    agreements: Iterable[Agreement], patient_id: UUID, kind: Kind, at: datetime
) -> Agreement | None:
    """Return the schedule that holds for a patient at an instant: their own, or else the practice's default. Pure."""
    holding = [one for one in agreements if one.schedule.kind is kind and one.is_in_force(at)]
    own = next((one for one in holding if one.patient_id == patient_id), None)
    return own or next((one for one in holding if one.patient_id is None), None)


def of_practice(cur: Cursor, practice_id: UUID, after: datetime) -> list[Agreement]:
    """Return all versions of a practice that were in force after an instant, aware."""
    return _load(cur, practice_id, None, after)


def of_patient(
    cur: Cursor, practice_id: UUID, patient_id: UUID, after: datetime
) -> list[Agreement]:
    """Return the practice's defaults and the patient's own versions that were in force after an instant, aware."""
    return _load(cur, practice_id, patient_id, after)


def agree(
    cur: Cursor,
    practice_id: UUID,
    patient_id: UUID | None,
    agreed: Schedule,
    *,
    set_by: str,
    reason: str,
    at: datetime,
) -> int:
    """Put a schedule in force from an instant on, and end the one before; return its version's number.

    Args:
        cur: Open cursor of the console or the owner.
        practice_id: Whose.
        patient_id: Whose own; None for the practice's default.
        agreed: What is expected.
        set_by: Who agreed on it.
        reason: Why.
        at: Aware.

    Raises:
        errors.BadRule: Who or why is missing.
        errors.ScheduleChanged: Another version begins then or later.
    """
    if not (set_by.strip() and reason.strip()):
        raise errors.BadRule
    which = {
        "practice_id": practice_id,
        "patient_id": patient_id,
        "kind": agreed.kind,
        "definition": Jsonb(schedule.definition(agreed)),
        "set_by": set_by,
        "reason": reason,
        "at": at,
        "new_id": uuid4(),
    }
    cur.execute(_Q.end, which)
    try:
        with statements.refusals(), cur.connection.transaction():
            row = cur.execute(_Q.add, which).fetchone()
    except RefusedByStoreError as error:
        if error.reason is RefusalReason.ALREADY_THERE:
            raise errors.ScheduleChanged from None
        raise
    return int(row[0]) if row else 0


def end(cur: Cursor, practice_id: UUID, patient_id: UUID | None, kind: Kind, at: datetime) -> bool:
    """End the version in force, so that the practice's default holds again, or nothing; False where there is none."""
    which = {"practice_id": practice_id, "patient_id": patient_id, "kind": kind, "at": at}
    return statements.changed(cur, _Q.end, which)


@dataclass(frozen=True, slots=True)
class _Row:
    patient_id: UUID | None
    version: int
    definition: dict[str, Any]
    in_force_from: datetime
    in_force_until: datetime | None
    set_by: str
    reason: str


def _load(
    cur: Cursor, practice_id: UUID, patient_id: UUID | None, after: datetime
) -> list[Agreement]:
    asked = {"practice_id": practice_id, "patient_id": patient_id, "after": after}
    found = []
    for row in statements.rows(cur, _Row, _Q.load, asked):
        read = schedule.of_definition(row.definition)
        if read is not None:  # written by a later version than this
            found.append(
                Agreement(
                    patient_id=row.patient_id,
                    version=row.version,
                    schedule=read,
                    in_force_from=row.in_force_from,
                    in_force_until=row.in_force_until,
                    set_by=row.set_by,
                    reason=row.reason,
                )
            )
    return found
