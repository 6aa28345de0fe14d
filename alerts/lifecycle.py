"""What people and the clock do with an open episode: it is taken on, given back, handed over, left to wait.

Each change is one conditional update with its line in the episode's history, on the open cursor of whoever changes
the task with it. Who may do what is decided there (:mod:`ccm_link.task.tasks`). Instants are aware.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import psycopg

from alerts.episode import EpisodeEventKind
from alerts.measures import Severity
from ingest import named_queries

if TYPE_CHECKING:
    from typing import LiteralString

Cursor = psycopg.Cursor[Any]

_Q: Final = named_queries.load("alerts", "lifecycle")

SNOOZE_LIMITS: Final[Mapping[Severity, timedelta]] = {
    Severity.URGENT: timedelta(minutes=30),
    Severity.CLINICAL: timedelta(hours=24),
    Severity.OUTREACH: timedelta(days=7),
    Severity.TECHNICAL: timedelta(days=7),
}
"""How long an episode may wait before it is seen again.

Custom of remote monitoring programs, no guideline: in half an hour a call is tried again, within a day comes the next
round through the worklist, within a week a battery. A shorter limit shows more, a longer one hides more.
"""


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does something to which episode, when. ``staff_id``: None for the evaluator and the clock."""

    practice_id: UUID
    episode_id: UUID
    staff_id: UUID | None
    at: datetime


def latest_snooze(
    severity: Severity, snoozed_at: datetime | None, snoozed_until: datetime | None, at: datetime
) -> datetime:
    """Return until when an episode may wait at most. Pure.

    A snooze that runs and is prolonged counts from its beginning, so that nothing is out of sight for longer than the
    limit: an urgent one snoozed at 10:00 until 10:20 can wait until 10:30, also where that is asked for at 10:15.
    """
    is_running = snoozed_at is not None and snoozed_until is not None and snoozed_until > at
    begun_at = snoozed_at if is_running and snoozed_at is not None else at
    return begun_at + SNOOZE_LIMITS[severity]


def lock(cur: Cursor, practice_id: UUID, episode_id: UUID) -> None:
    """Hold others back from an episode until the transaction ends; before its task is changed."""
    cur.execute(_Q.lock_episode, {"practice_id": practice_id, "episode_id": episode_id})


def acknowledge(cur: Cursor, deed: Deed) -> bool:
    """Take an episode on; False where somebody has, or where it is closed."""
    return _does(cur, _Q.acknowledge, deed, EpisodeEventKind.ACKNOWLEDGED)


def release(cur: Cursor, deed: Deed, *, owner_id: UUID | None, note: str) -> bool:
    """Give an episode back that was ``owner_id``'s; False where it is closed."""
    return _does(cur, _Q.take_back, deed, EpisodeEventKind.RELEASED, owner_id=owner_id, note=note)


def assign(cur: Cursor, deed: Deed, *, owner_id: UUID, note: str) -> bool:
    """Hand an episode over to somebody who has not taken it on yet; False where it is closed."""
    return _does(cur, _Q.take_back, deed, EpisodeEventKind.ASSIGNED, owner_id=owner_id, note=note)


def snooze(cur: Cursor, deed: Deed, *, until_at: datetime, note: str) -> bool:
    """Let an episode wait; False where it is closed or ``until_at`` is over. The caller holds the limit."""
    return _does(cur, _Q.snooze, deed, EpisodeEventKind.SNOOZED, note=note, until_at=until_at)


def end_snooze(cur: Cursor, deed: Deed) -> bool:
    """Let an episode be seen before its time; False where it does not wait."""
    return _does(cur, _Q.end_snooze, deed, EpisodeEventKind.SNOOZE_ENDED)


def start_anew(cur: Cursor, practice_id: UUID, episode_id: UUID) -> None:
    """Forget who had taken an episode on that came back; the event of its return is the evaluator's."""
    cur.execute(_Q.start_anew, {"practice_id": practice_id, "episode_id": episode_id})


def fall_back(cur: Cursor, deed: Deed, *, owner_id: UUID, note: str) -> bool:
    """Give an episode back on which ``owner_id`` did nothing; False where nobody has it, or where it is closed."""
    return _does(cur, _Q.fall_back, deed, EpisodeEventKind.FELL_BACK, owner_id=owner_id, note=note)


def _does(
    cur: Cursor,
    statement: LiteralString,
    deed: Deed,
    event: EpisodeEventKind,
    *,
    owner_id: UUID | None = None,
    note: str = "",
    **more: object,
) -> bool:
    """Run a conditional update and, where its condition held, write its line."""
    said = {
        "practice_id": deed.practice_id,
        "episode_id": deed.episode_id,
        "staff_id": deed.staff_id,
        "at": deed.at,
    }
    cur.execute(statement, said | more)
    if cur.rowcount != 1:
        return False
    cur.execute(_Q.insert_deed, said | {"event": event, "owner_id": owner_id, "note": note})
    return True
