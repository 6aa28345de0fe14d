"""Whom a practice has called, as stored: its ladders, its shifts, the addresses of its people.

Every function takes an open cursor of a transaction that works for the practice; whoever opened it commits.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb

from alerts import errors, ladders
from alerts.channels import addresses
from alerts.channels.message import Channel
from alerts.ladders import Contact, Ladder, People, Rung
from alerts.measures import Severity
from alerts.on_call import Duty, Schedule, Shift, WeeklyShift
from ingest import named_queries, statements

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("alerts", "escalation")


def ladders_of(cur: Cursor, practice_id: UUID) -> dict[Severity, Ladder]:
    """Load the ladder that counts for each severity that has one."""
    cur.execute(_Q.load_ladders, {"practice_id": practice_id})
    return {
        Severity(severity): Ladder(
            severity=Severity(severity),
            version=version,
            rungs=ladders.from_json(rungs),
            set_by=set_by,
            set_at=set_at,
            reason=reason,
            since=since,
        )
        for severity, version, rungs, set_by, set_at, reason, since in cur.fetchall()
    }


def set_ladder(
    cur: Cursor,
    practice_id: UUID,
    severity: Severity,
    rungs: tuple[Rung, ...],
    *,
    former_version: int,
    set_by: UUID,
    reason: str,
    at: datetime,
) -> None:
    """Put a new version of a ladder in force, and have every waiting episode looked at under it.

    Args:
        cur: Open cursor.
        practice_id: Whose ladder.
        severity: For which episodes.
        rungs: Its rungs; none: nobody is called.
        former_version: The version that was looked at; 0 where there was none.
        set_by: Who decided so.
        reason: Why.
        at: Now, aware UTC.

    Raises:
        errors.BadLadder: It cannot be climbed, or the reason is missing.
        errors.LadderChanged: Somebody else has set a version meanwhile.
    """
    if not reason.strip():
        raise errors.BadLadder
    parameters = {
        "practice_id": practice_id,
        "severity": severity,
        "version": former_version + 1,
        "rungs": Jsonb(ladders.to_json(ladders.check(rungs))),
        "set_by": set_by,
        "at": at,
        "reason": reason,
    }
    found = ladders_of(cur, practice_id).get(severity)
    if (found.version if found else 0) != former_version:
        raise errors.LadderChanged
    try:
        with cur.connection.transaction():
            cur.execute(_Q.insert_ladder, parameters)
    except psycopg.errors.UniqueViolation:
        raise errors.LadderChanged from None
    cur.execute(_Q.look_at_all, {"practice_id": practice_id})


def schedule(cur: Cursor, practice_id: UUID, since: datetime) -> Schedule:
    """Load the shifts of a practice that are not over at an instant."""
    whose = {"practice_id": practice_id, "since": since}
    cur.execute(_Q.load_shifts, whose)
    single = [
        Shift(
            shift_id=shift_id,
            duty=Duty(duty),
            staff_id=staff_id,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        for shift_id, duty, staff_id, starts_at, ends_at in cur.fetchall()
    ]
    cur.execute(_Q.load_weekly_shifts, whose)
    weekly = [
        WeeklyShift(
            shift_id=shift_id,
            duty=Duty(duty),
            staff_id=staff_id,
            first_on=first_on,
            starts=starts,
            days_later=days_later,
            ends=ends,
            every_weeks=every_weeks,
            last_on=last_on,
        )
        for (
            shift_id,
            duty,
            staff_id,
            first_on,
            starts,
            days_later,
            ends,
            every_weeks,
            last_on,
        ) in cur.fetchall()
    ]
    return Schedule(_zone(cur, practice_id), single, weekly)


def add_shift(
    cur: Cursor,
    practice_id: UUID,
    duty: Duty,
    staff_id: UUID,
    *,
    starts_at: datetime,
    ends_at: datetime,
    added_by: UUID,
    at: datetime,
) -> UUID:
    """Put somebody on duty from an instant to another, instead of whoever has the weekly shift.

    Raises:
        errors.BadShift: It ends before it begins.
        RefusedByStoreError: The practice has no such member of staff.
    """
    if not starts_at < ends_at:
        raise errors.BadShift
    return statements.add(
        cur,
        _Q.insert_shift,
        {
            "practice_id": practice_id,
            "duty": duty,
            "staff_id": staff_id,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "added_by": added_by,
            "at": at,
        },
    )


def add_weekly_shift(
    cur: Cursor,
    practice_id: UUID,
    duty: Duty,
    staff_id: UUID,
    *,
    first_on: date,
    starts: time,
    days_later: int,
    ends: time,
    every_weeks: int,
    last_on: date | None,
    added_by: UUID,
    at: datetime,
) -> UUID:
    """Put somebody on duty every so many weeks; see :class:`alerts.on_call.WeeklyShift`.

    Raises:
        errors.BadShift: It ends before it begins, or after its next one has begun.
        RefusedByStoreError: The practice has no such member of staff, or a number is out of range.
    """
    fields: dict[str, Any] = {
        "duty": duty,
        "staff_id": staff_id,
        "first_on": first_on,
        "starts": starts,
        "days_later": days_later,
        "ends": ends,
        "every_weeks": every_weeks,
        "last_on": last_on,
    }
    WeeklyShift(shift_id=staff_id, **fields)  # which refuses what cannot be
    return statements.add(
        cur,
        _Q.insert_weekly_shift,
        {"practice_id": practice_id, "added_by": added_by, "at": at, **fields},
    )


def cancel_shift(cur: Cursor, practice_id: UUID, shift_id: UUID, *, by: UUID, at: datetime) -> bool:
    """Cancel a shift, a single or a weekly one; False where there is none that holds."""
    parameters = {"practice_id": practice_id, "shift_id": shift_id, "by": by, "at": at}
    return statements.changed(cur, _Q.cancel_shift, parameters) or statements.changed(
        cur, _Q.cancel_weekly_shift, parameters
    )


def contacts(cur: Cursor, practice_id: UUID) -> list[Contact]:
    """Load the addresses at which people and the practice line are reached now."""
    cur.execute(_Q.load_contacts, {"practice_id": practice_id})
    return [
        Contact(contact_id, staff_id, Channel(channel), address)
        for contact_id, staff_id, channel, address in cur.fetchall()
    ]


def add_contact(
    cur: Cursor,
    practice_id: UUID,
    staff_id: UUID | None,
    channel: Channel,
    address: str,
    *,
    added_by: UUID,
    at: datetime,
) -> UUID:
    """Add an address of a member of staff, or (None) of the practice line.

    Raises:
        errors.BadContact: It is none of that channel.
        RefusedByStoreError: It is there already, or the practice has no such member of staff.
    """
    if not addresses.is_one(channel, address):
        raise errors.BadContact
    return statements.add(
        cur,
        _Q.insert_contact,
        {
            "practice_id": practice_id,
            "staff_id": staff_id,
            "channel": channel,
            "address": address,
            "added_by": added_by,
            "at": at,
        },
    )


def end_contact(
    cur: Cursor, practice_id: UUID, contact_id: UUID, *, by: UUID, at: datetime
) -> bool:
    """Use an address no more; False where there is none that holds."""
    parameters = {"practice_id": practice_id, "contact_id": contact_id, "by": by, "at": at}
    return statements.changed(cur, _Q.end_contact, parameters)


def people(cur: Cursor, practice_id: UUID, channels: frozenset[Channel], now: datetime) -> People:
    """Load who could be called now.

    Args:
        cur: Open cursor.
        practice_id: Where.
        channels: Over which messages can leave here.
        now: Aware UTC.
    """
    with cur.connection.cursor(row_factory=scalar_row) as active:
        active.execute(_Q.load_active_staff, {"practice_id": practice_id})
        return People(
            schedule=schedule(cur, practice_id, now),
            active=frozenset(active.fetchall()),
            contacts=contacts(cur, practice_id),
            channels=channels,
        )


def _zone(cur: Cursor, practice_id: UUID) -> ZoneInfo:
    (name,) = cur.execute(_Q.load_zone, {"practice_id": practice_id}).fetchone() or ("UTC",)
    return ZoneInfo(name)
