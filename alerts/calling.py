"""Looks at the ladders of episodes that need somebody, and writes down whom to call; any number of notifiers at once.

Nobody is called twice for one rung: looks are leased, and a rung's call is a row with a unique key. A notifier that is
killed leaves its looks to be done when the lease is over. Whoever changes an episode holds it and then has its ladder
looked at; so no transaction here holds a look while it waits for an episode.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg

from alerts import escalation, ladders, notifications
from alerts.channels.message import Channel
from alerts.ladders import Called, Climb, Ladder, People
from alerts.measures import Severity
from alerts.notifications import Standing
from ingest import tenancy

log = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]

_MOST: Final = 100  # looks that are leased at once
_LEASE: Final = timedelta(
    minutes=1
)  # far longer than so many looks take, and how long one that fails waits


@dataclass(frozen=True, slots=True)
class EpisodeTask:
    """The work that an episode made: which task, and who owns it."""

    task_id: UUID
    owner: UUID | None


TasksOf = Callable[[notifications.Cursor, UUID, Collection[UUID]], Mapping[UUID, EpisodeTask]]
"""Returns the tasks of a practice's episodes; handed in, for this package stands below care management."""


@dataclass(frozen=True, slots=True)
class _Practice:
    """What the looks at a practice's ladders have in common."""

    practice_id: UUID
    ladders: Mapping[Severity, Ladder]
    people: People
    tasks: Mapping[UUID, EpisodeTask]
    called: Mapping[tuple[UUID, datetime], dict[int, Called]]
    now: datetime
    leased_until: datetime


def look(
    connection: Connection, tasks_of: TasksOf, channels: frozenset[Channel], now: datetime
) -> int:
    """Look at the ladders that are due; return how many they were.

    1. Lease looks that no other notifier has; commit.
    2. Practice by practice, see where its episodes stand.
    3. Episode by episode, store the calls that are due, or withdraw what is not sent yet where somebody has it; commit.
    4. Say when to look again, unless something has happened meanwhile; commit.

    Args:
        connection: With autocommit, or between transactions.
        tasks_of: Knows the tasks of episodes.
        channels: Over which messages can leave here.
        now: Aware UTC.
    """
    leased_until = now + _LEASE
    with connection.transaction(), connection.cursor() as cur:
        leased = notifications.lease_climbs(cur, _MOST, now=now, until=leased_until)
    by_practice: dict[UUID, list[UUID]] = {}
    for practice_id, episode_id in leased:
        by_practice.setdefault(practice_id, []).append(episode_id)
    for practice_id, episode_ids in by_practice.items():
        try:
            with tenancy.transaction(connection, practice_id) as cur:
                standings = notifications.standings(cur, practice_id, episode_ids, now)
                common = _Practice(
                    practice_id=practice_id,
                    ladders=escalation.ladders_of(cur, practice_id),
                    people=escalation.people(cur, practice_id, channels, now),
                    tasks=tasks_of(cur, practice_id, episode_ids),
                    called=notifications.called(cur, practice_id, episode_ids),
                    now=now,
                    leased_until=leased_until,
                )
            for standing in standings:
                _look_at(connection, common, standing)
        except Exception as error:  # the top loop: one practice's fault must not silence the others
            if connection.broken:
                raise
            extra = {"practice_id": practice_id, "error": type(error).__name__}
            log.error("calling_failed", extra=extra)  # noqa: TRY400 - its text may repeat a row
    return len(leased)


def _look_at(connection: Connection, common: _Practice, standing: Standing) -> None:
    practice_id, episode_id = common.practice_id, standing.episode_id
    with tenancy.transaction(connection, practice_id) as cur:
        if standing.is_waiting:
            look_at = _climb(cur, common, standing)
        else:
            notifications.withdraw(cur, practice_id, episode_id, common.now)
            look_at = standing.snoozed_until
    with tenancy.transaction(connection, practice_id) as cur:
        if standing.is_closed:
            notifications.end_climb(cur, practice_id, episode_id, leased_until=common.leased_until)
        else:
            notifications.look_later(
                cur, practice_id, episode_id, look_at, leased_until=common.leased_until
            )


def _climb(cur: notifications.Cursor, common: _Practice, standing: Standing) -> datetime | None:
    """Call the rungs that are due; return when to look again."""
    ladder = common.ladders.get(standing.severity)
    if ladder is None:
        return None
    task = common.tasks.get(standing.episode_id)
    climb = Climb(
        began_at=standing.began_at,
        is_waiting=True,
        owner=None if task is None else task.owner,
        called=common.called.get((standing.episode_id, standing.began_at), {}),
    )
    plan = ladders.plan(ladder, climb, common.people, common.now)
    for call in plan.calls:
        if not notifications.insert_call(
            cur, common.practice_id, standing, ladder, call, common.now
        ):
            continue
        extra = {"episode_id": standing.episode_id, "rung": call.number, "reason": call.reason}
        if call.nobody is None:
            log.info("rung_called", extra={**extra, "count": len(call.recipients)})
        else:
            log.warning("rung_reached_nobody", extra={**extra, "state": call.nobody})
    return plan.look_at
