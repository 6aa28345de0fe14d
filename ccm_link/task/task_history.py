"""A task's history with its episode's, in one order: what the rules found, what people and the clock did. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from alerts.episode import EpisodeEvent, EpisodeEventKind
from ccm_link.work import Disposition, TaskEvent, TaskEventKind

# What only the episode tells; everything else that happens to it happens to its task too.
_OF_READINGS: Final = frozenset(
    {
        EpisodeEventKind.BREACHED_AGAIN,
        EpisodeEventKind.BREACHED_LATE,
        EpisodeEventKind.IN_RANGE,
        EpisodeEventKind.READING_WITHDRAWN,
        EpisodeEventKind.CORRECTED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the history.

    Attributes:
        at: When it happened; of several, the last.
        staff_name: Who did it; None: the rules, or the clock.
        note: What they wrote, or what was measured; of several, the last.
        disposition, until_at, owner_name: As in :class:`ccm_link.work.TaskEvent`.
        count: How often in a row.
    """

    at: datetime
    event: TaskEventKind | EpisodeEventKind
    staff_name: str | None = None
    note: str = ""
    disposition: Disposition | None = None
    until_at: datetime | None = None
    owner_name: str | None = None
    count: int = 1


def in_order(
    task_events: Iterable[TaskEvent], episode_events: Iterable[EpisodeEvent]
) -> list[Line]:
    """Return all lines, oldest first; readings that went on breaching, one behind the other, as one line.

    Args:
        task_events: In their order.
        episode_events: In theirs. Of one instant, the task's opening stands first and what people did last.
    """
    lines = [(line.at, _place(line), line) for line in map(_of_task, task_events)]
    lines += [
        (line.at, 1, line)
        for line in map(_of_episode, episode_events)
        if line.event in _OF_READINGS
    ]
    found: list[Line] = []
    for _, _, line in sorted(lines, key=lambda placed: placed[:2]):
        is_more = line.event is EpisodeEventKind.BREACHED_AGAIN
        if is_more and found and found[-1].event is line.event:
            found[-1] = replace(line, count=found[-1].count + 1)
        else:
            found.append(line)
    return found


def _place(line: Line) -> int:
    return 0 if line.event is TaskEventKind.OPENED else 2


def _of_task(event: TaskEvent) -> Line:
    return Line(
        at=event.at,
        event=event.event,
        staff_name=event.staff_name,
        note=event.note,
        disposition=event.disposition,
        until_at=event.until_at,
        owner_name=event.owner_name,
    )


def _of_episode(event: EpisodeEvent) -> Line:
    return Line(at=event.at, event=event.event, note=event.note)
