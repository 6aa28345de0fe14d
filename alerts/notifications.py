"""Calls and messages as stored: which rung was called when and why, and what became of each message.

Every function takes an open cursor; whoever opened the transaction commits it. What is due is found among all
practices, which the notifier's role may see by its ids; everything else happens in the scope of one practice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from alerts.channels.message import Channel
from alerts.episode import EpisodeEventKind
from alerts.errors import Failure
from alerts.ladders import Call, Called, Ladder, Nobody, Reason, Whom
from alerts.measures import Severity
from ingest import named_queries

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("alerts", "notifications")

# What makes an episode need somebody, so that its ladder is climbed from the first rung on.
_BEGINNINGS: Final = [
    EpisodeEventKind.OPENED.value,
    EpisodeEventKind.ESCALATED.value,
    EpisodeEventKind.RETURNED.value,
    EpisodeEventKind.RELEASED.value,
    EpisodeEventKind.ASSIGNED.value,
    EpisodeEventKind.SNOOZE_ENDED.value,
    EpisodeEventKind.FELL_BACK.value,
    EpisodeEventKind.TAKEN_UP.value,
]


class State(StrEnum):
    """What became of a message."""

    QUEUED = "queued"
    SENT = "sent"  # taken by whoever carries it on; on the console: to be seen
    GIVEN_UP = "given_up"
    WITHDRAWN = "withdrawn"  # somebody had the episode before it went out


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an episode stands.

    Attributes:
        is_set_aside: Whether its patient is not active.
        snoozed_until: When a snooze that holds runs out, aware UTC.
        began_at: When the latest round began.
    """

    episode_id: UUID
    severity: Severity
    is_closed: bool
    is_acknowledged: bool
    is_set_aside: bool
    snoozed_until: datetime | None
    began_at: datetime

    @property
    def is_waiting(self) -> bool:
        """Say whether somebody is needed now."""
        is_over = self.is_closed or self.is_acknowledged or self.is_set_aside
        return not is_over and self.snoozed_until is None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in this notifier's hands; ``attempt`` counts from 1, ``episode_id`` None is a test."""

    practice_id: UUID
    notification_id: UUID
    episode_id: UUID | None
    attempt: int


@dataclass(frozen=True, slots=True)
class Addressed:
    """Where a claimed message goes; ``address`` None: the contact was ended. Without a severity it is a test."""

    practice: str
    severity: Severity | None
    address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """One message of a call, for a page; ``staff_name`` None: the practice line."""

    channel: Channel
    state: State
    attempts: int
    next_at: datetime
    settled_at: datetime | None
    failure: str
    staff_id: UUID | None
    staff_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """A rung that was called, with its messages."""

    round_at: datetime
    rung: int
    whom: Whom
    reason: Reason
    nobody: Nobody | None
    called_at: datetime
    messages: list[SentMessage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LastMessage:
    """What became of the last message to an address."""

    contact_id: UUID
    state: State
    failure: str
    queued_at: datetime
    settled_at: datetime | None
    is_test: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))


# Calling


def lease_climbs(
    cur: Cursor, most: int, *, now: datetime, until: datetime
) -> list[tuple[UUID, UUID]]:
    """Return practice and id of episodes whose ladder has to be looked at; nobody else does that until then."""
    cur.execute(_Q.lease_climbs, {"now": now, "until": until, "most": most})
    return cur.fetchall()


def standings(
    cur: Cursor, practice_id: UUID, episode_ids: Collection[UUID], now: datetime
) -> list[Standing]:
    """Load where episodes stand."""
    parameters = {
        "practice_id": practice_id,
        "episode_ids": list(episode_ids),
        "beginnings": _BEGINNINGS,
        "now": now,
    }
    cur.execute(_Q.load_standing, parameters)
    return [
        Standing(
            episode_id=episode_id,
            severity=Severity(severity),
            is_closed=is_closed,
            is_acknowledged=is_acknowledged,
            is_set_aside=is_set_aside,
            snoozed_until=snoozed_until,
            began_at=began_at,
        )
        for (
            episode_id,
            severity,
            is_closed,
            is_acknowledged,
            is_set_aside,
            snoozed_until,
            began_at,
        ) in cur.fetchall()
    ]


def called(
    cur: Cursor, practice_id: UUID, episode_ids: Collection[UUID]
) -> Mapping[tuple[UUID, datetime], dict[int, Called]]:
    """Load what was called, by episode and round."""
    cur.execute(_Q.load_called, {"practice_id": practice_id, "episode_ids": list(episode_ids)})
    found: dict[tuple[UUID, datetime], dict[int, Called]] = {}
    for episode_id, round_at, rung, nobody, is_given_up in cur.fetchall():
        of_round = found.setdefault((episode_id, round_at), {})
        of_round[rung] = Called(None if nobody is None else Nobody(nobody), is_given_up)
    return found


def insert_call(
    cur: Cursor, practice_id: UUID, standing: Standing, ladder: Ladder, call: Call, at: datetime
) -> bool:
    """Store a call with its messages; False where the rung was called already, and nothing is doubled."""
    named = {
        "practice_id": practice_id,
        "episode_id": standing.episode_id,
        "round_at": standing.began_at,
        "rung": call.number,
        "at": at,
    }
    cur.execute(
        _Q.insert_rung_call,
        {
            **named,
            "severity": ladder.severity,
            "ladder_version": ladder.version,
            "whom": call.whom,
            "reason": call.reason,
            "nobody": call.nobody,
        },
    )
    if cur.fetchone() is None:
        return False
    for one in call.recipients:
        recipient = {
            "staff_id": one.staff_id,
            "channel": one.channel,
            "contact_id": one.contact_id,
        }
        cur.execute(_Q.insert_notification, {**named, **recipient})
    return True


def withdraw(cur: Cursor, practice_id: UUID, episode_id: UUID, at: datetime) -> None:
    """Send nothing more about an episode."""
    cur.execute(_Q.withdraw, {"practice_id": practice_id, "episode_id": episode_id, "at": at})


def look_later(
    cur: Cursor,
    practice_id: UUID,
    episode_id: UUID,
    look_at: datetime | None,
    *,
    leased_until: datetime,
) -> None:
    """Say when to look at a ladder next; None: not before something happens to its episode."""
    cur.execute(
        _Q.look_later,
        {
            "practice_id": practice_id,
            "episode_id": episode_id,
            "look_at": look_at,
            "leased_until": leased_until,
        },
    )


def end_climb(cur: Cursor, practice_id: UUID, episode_id: UUID, *, leased_until: datetime) -> None:
    """Look at the ladder of a closed episode no more."""
    cur.execute(
        _Q.end_climb,
        {"practice_id": practice_id, "episode_id": episode_id, "leased_until": leased_until},
    )


# Sending


def claim(cur: Cursor, channel: Channel, *, now: datetime, until: datetime) -> Claimed | None:
    """Claim the oldest message of a channel that is due; until then nobody else sends it."""
    with cur.connection.cursor(row_factory=class_row(Claimed)) as rows:
        rows.execute(_Q.claim, {"channel": channel, "now": now, "until": until})
        return rows.fetchone()


def begin_attempt(cur: Cursor, claimed: Claimed, at: datetime) -> None:
    """Write down that a message is about to leave."""
    cur.execute(_Q.begin_attempt, {**_named(claimed), "at": at})


def addressed(cur: Cursor, claimed: Claimed) -> Addressed:
    """Load where a claimed message goes and what it may say."""
    cur.execute(_Q.load_message, _named(claimed))
    ((slug, severity, address),) = cur.fetchall()
    return Addressed(slug, None if severity is None else Severity(severity), address)


def record_sent(cur: Cursor, claimed: Claimed, receipt: str, at: datetime) -> None:
    """Write down that a message was taken, and under which id."""
    cur.execute(_Q.end_attempt, {**_named(claimed), "failure": "", "at": at})
    cur.execute(_Q.sent, {**_named(claimed), "receipt": receipt, "at": at})


def record_failure(
    cur: Cursor, claimed: Claimed, failure: Failure, *, next_at: datetime | None, at: datetime
) -> bool:
    """Write down that a message was not taken; say whether it is given up by that.

    Args:
        cur: Open cursor.
        claimed: The message.
        failure: Why.
        next_at: When it is tried again; None gives it up, and has the ladder looked at.
        at: Now, aware UTC.
    """
    told = {**_named(claimed), "failure": failure, "at": at, "next_at": next_at}
    if next_at is None and claimed.episode_id is not None:
        # Before the message's own row: whoever looks at the ladder holds the climb, and then wants messages.
        cur.execute(_Q.look_now, {**told, "episode_id": claimed.episode_id})
    cur.execute(_Q.end_attempt, told)
    if next_at is not None:
        cur.execute(_Q.try_again, told)
        return False
    return cur.execute(_Q.give_up, told).fetchone() is not None


def _named(claimed: Claimed) -> dict[str, Any]:
    return {
        "practice_id": claimed.practice_id,
        "notification_id": claimed.notification_id,
        "attempt": claimed.attempt,
    }


# Looking


def queue_test(cur: Cursor, practice_id: UUID, contact_id: UUID, at: datetime) -> bool:
    """Queue a message that tries an address out; False where there is no such address."""
    parameters = {"practice_id": practice_id, "contact_id": contact_id, "at": at}
    return cur.execute(_Q.queue_test, parameters).fetchone() is not None


def calls_of_episode(cur: Cursor, practice_id: UUID, episode_id: UUID) -> list[PastCall]:
    """Load who was called about an episode, the last call first."""
    cur.execute(_Q.load_calls_of_episode, {"practice_id": practice_id, "episode_id": episode_id})
    found: dict[tuple[datetime, int], PastCall] = {}
    for round_at, rung, whom, reason, nobody, called_at, channel, *told in cur.fetchall():
        call = found.setdefault(
            (round_at, rung),
            PastCall(
                round_at=round_at,
                rung=rung,
                whom=Whom(whom),
                reason=Reason(reason),
                nobody=None if nobody is None else Nobody(nobody),
                called_at=called_at,
            ),
        )
        if channel is not None:
            state, attempts, next_at, settled_at, failure, staff_id, staff_name = told
            call.messages.append(
                SentMessage(
                    channel=Channel(channel),
                    state=State(state),
                    attempts=attempts,
                    next_at=next_at,
                    settled_at=settled_at,
                    failure=failure,
                    staff_id=staff_id,
                    staff_name=staff_name,
                )
            )
    return list(found.values())


def last_messages(cur: Cursor, practice_id: UUID) -> dict[UUID, LastMessage]:
    """Load what became of the last message to each address that holds; by contact."""
    with cur.connection.cursor(row_factory=class_row(LastMessage)) as rows:
        rows.execute(_Q.load_last_messages, {"practice_id": practice_id})
        return {one.contact_id: one for one in rows.fetchall()}


# Watching, among all practices


def waiting_since(cur: Cursor, now: datetime) -> datetime | None:
    """Return since when the oldest call or message is due; None where nothing is."""
    (since,) = cur.execute(_Q.waiting_since, {"now": now}).fetchone() or (None,)
    found: datetime | None = since
    return found


def count_failing(cur: Cursor, since: datetime) -> int:
    """Count the addresses to which the last message since then was given up."""
    (count,) = cur.execute(_Q.count_failing, {"since": since}).fetchone() or (0,)
    return int(count)
