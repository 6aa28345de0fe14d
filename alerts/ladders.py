"""Ladders: whom to call about an episode that nobody has acknowledged, after how long, over which channels. Pure.

A round begins when an episode opens, becomes severer, comes back, or falls back to nobody, and climbs the ladder from
its first rung. A rung is called when its time has come, or at once where the one before reached nobody: there is no
owner, nobody is on duty, there is no address, or every message of it was given up. Whoever acknowledges, snoozes or
closes the episode ends the round. Nothing is decided twice: what was called in a round stands in :class:`Called`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from alerts import errors, on_call
from alerts.channels.message import OUTWARD, Channel
from alerts.measures import Severity
from alerts.on_call import Duty, Schedule

MOST_RUNGS: Final = 5
_LATEST: Final = timedelta(days=7)


class Whom(StrEnum):
    """Whom a rung calls."""

    OWNER = "owner"  # of the task
    COVER = "cover"
    CLINICIAN_ON_CALL = "clinician_on_call"
    PRACTICE_LINE = "practice_line"  # nobody in particular: the last one who can be called


class Reason(StrEnum):
    """Why a rung is called now."""

    TIME = "time"  # nobody has acknowledged the episode for so long
    NOBODY_BEFORE = "nobody_before"  # the rung before reached nobody
    FAILED_BEFORE = "failed_before"  # all messages of the rung before were given up


class Nobody(StrEnum):
    """Why a rung reaches nobody."""

    NO_OWNER = "no_owner"
    NOBODY_ON_DUTY = "nobody_on_duty"
    NO_CONTACT = "no_contact"  # somebody is meant, and there is no address that a channel of the rung could use


@dataclass(frozen=True, slots=True)
class Rung:
    """One step: whom to call over which channels, so long after the round began."""

    after: timedelta
    whom: Whom
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One version of the ladder that a practice climbs for a severity.

    Attributes:
        since: From when on the practice has had a ladder without a break: what began before nobody is called about, or
            setting the first one would call about everything that has ever waited.
    """

    severity: Severity
    version: int
    rungs: tuple[Rung, ...]
    since: datetime
    set_by: UUID
    set_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Contact:
    """Where somebody is reached over a channel; ``staff_id`` None: the practice line."""

    contact_id: UUID
    staff_id: UUID | None
    channel: Channel
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who could be called in a practice at one moment.

    Attributes:
        active: Staff whose accounts are open.
        contacts: Of them and of the practice line.
        channels: Over which messages can leave here; the console is always there.
    """

    schedule: Schedule
    active: frozenset[UUID]
    contacts: Sequence[Contact]
    channels: frozenset[Channel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """Where an episode stands.

    Attributes:
        began_at: When the round began, aware UTC.
        is_waiting: Whether it is open, and nobody has acknowledged or snoozed it.
        owner: Of its task.
        called: Rung (from 1) → what came of calling it in this round.
    """

    began_at: datetime
    is_waiting: bool
    owner: UUID | None
    called: Mapping[int, Called]


@dataclass(frozen=True, slots=True)
class Called:
    """What came of calling a rung.

    Attributes:
        nobody: Why it reached nobody; None where messages went to somebody.
        is_given_up: Whether every message of it that leaves was given up.
    """

    nobody: Nobody | None
    is_given_up: bool


@dataclass(frozen=True, slots=True)
class Recipient:
    """One message to be sent. ``staff_id`` None: the practice line. ``contact_id`` None: the console."""

    staff_id: UUID | None
    channel: Channel
    contact_id: UUID | None


@dataclass(frozen=True, slots=True)
class Call:
    """A rung to be called now."""

    number: int
    whom: Whom
    reason: Reason
    recipients: tuple[Recipient, ...]
    nobody: Nobody | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, and when to look again; None: not before something happens."""

    calls: tuple[Call, ...]
    look_at: datetime | None


def plan(ladder: Ladder | None, climb: Climb, people: People, now: datetime) -> Plan:
    """Say which rungs are due, whom each of them reaches, and when the next one may be.

    All rungs whose time has come are called, also several at once after a standstill: twice is better than never.

    Args:
        ladder: In force for the episode's severity; None where the practice has none.
        climb: Where the episode stands.
        people: Who could be called.
        now: Aware.
    """
    if ladder is None or not climb.is_waiting or climb.began_at < ladder.since:
        return Plan((), None)
    calls: list[Call] = []
    lost: Reason | None = None  # why the rung before was no use
    for number, rung in enumerate(ladder.rungs, start=1):
        before = climb.called.get(number)
        if before is None:
            due_at = climb.began_at + rung.after
            if due_at > now and lost is None:
                return Plan(tuple(calls), due_at)
            reason = lost if lost is not None and due_at > now else Reason.TIME
            call = _call(number, rung, reason, climb, people, now)
            calls.append(call)
            lost = None if call.nobody is None else Reason.NOBODY_BEFORE
        elif before.nobody is not None:
            lost = Reason.NOBODY_BEFORE
        else:
            lost = Reason.FAILED_BEFORE if before.is_given_up else None
    return Plan(tuple(calls), None)


def _call(
    number: int, rung: Rung, reason: Reason, climb: Climb, people: People, now: datetime
) -> Call:
    persons, nobody = _persons(rung.whom, climb, people, now)
    found = tuple(
        recipient
        for person in persons
        for channel in rung.channels
        for recipient in _recipients(person, channel, people)
    )
    # Who is not there does not see the console: a rung that means to reach people outside has to reach one there.
    is_outward = not OUTWARD.isdisjoint(rung.channels)
    if persons and is_outward and all(one.channel is Channel.CONSOLE for one in found):
        nobody = Nobody.NO_CONTACT
    return Call(number, rung.whom, reason, found, nobody)


def _persons(
    whom: Whom, climb: Climb, people: People, now: datetime
) -> tuple[tuple[UUID | None, ...], Nobody | None]:
    match whom:
        case Whom.OWNER:
            return _active((climb.owner,) if climb.owner else (), people, Nobody.NO_OWNER)
        case Whom.COVER:
            staff_ids = on_call.on_duty(people.schedule, Duty.COVER, now)
        case Whom.CLINICIAN_ON_CALL:
            staff_ids = on_call.on_duty(people.schedule, Duty.CLINICIAN, now)
        case Whom.PRACTICE_LINE:
            return (None,), None
    return _active(staff_ids, people, Nobody.NOBODY_ON_DUTY)


def _active(
    staff_ids: Sequence[UUID], people: People, nobody: Nobody
) -> tuple[tuple[UUID | None, ...], Nobody | None]:
    found = tuple(one for one in staff_ids if one in people.active)
    return found, None if found else nobody


def _recipients(person: UUID | None, channel: Channel, people: People) -> Iterator[Recipient]:
    if channel is Channel.CONSOLE:
        yield Recipient(person, channel, None)
    elif channel in people.channels:
        for contact in people.contacts:
            if (contact.staff_id, contact.channel) == (person, channel):
                yield Recipient(person, channel, contact.contact_id)


def check(rungs: Sequence[Rung]) -> tuple[Rung, ...]:
    """Return the rungs of a ladder that can be climbed; none where a practice wants nobody to be called.

    Raises:
        errors.BadLadder: There are too many, two at one time, or the last one calls somebody who may be away.
    """
    if not rungs:
        return ()
    is_rising = all(earlier.after < later.after for earlier, later in pairwise(rungs))
    if not (
        len(rungs) <= MOST_RUNGS
        and is_rising
        and timedelta(0) <= rungs[0].after
        and rungs[-1].after <= _LATEST
        and all(rung.channels for rung in rungs)
        and rungs[-1].whom is Whom.PRACTICE_LINE
    ):
        raise errors.BadLadder
    return tuple(rungs)


def to_json(rungs: Sequence[Rung]) -> list[dict[str, Any]]:
    """Return rungs as they are stored."""
    return [
        {
            "after_minutes": rung.after // timedelta(minutes=1),
            "whom": rung.whom.value,
            "channels": [channel.value for channel in rung.channels],
        }
        for rung in rungs
    ]


def from_json(stored: Sequence[Mapping[str, Any]]) -> tuple[Rung, ...]:
    """Return rungs as they were stored."""
    return tuple(
        Rung(
            timedelta(minutes=one["after_minutes"]),
            Whom(one["whom"]),
            tuple(Channel(channel) for channel in one["channels"]),
        )
        for one in stored
    )
