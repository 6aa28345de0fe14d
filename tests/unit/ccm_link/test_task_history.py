from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alerts.episode import EpisodeEvent, EpisodeEventKind
from ccm_link.task import task_history
from ccm_link.work import Disposition, TaskEvent, TaskEventKind

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def minutes_after(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def happened_to_task(
    minutes: int, event: TaskEventKind, disposition: Disposition | None = None
) -> TaskEvent:
    at = minutes_after(minutes)
    return TaskEvent(
        at=at, event=event, staff_id=None, staff_name=None, note="", disposition=disposition
    )


def happened_to_episode(minutes: int, event: EpisodeEventKind, note: str = "") -> EpisodeEvent:
    at = minutes_after(minutes)
    return EpisodeEvent(at=at, event=event, reading_id=None, measured_at=at, note=note)


def test_both_histories_become_one_in_which_nothing_stands_twice() -> None:
    lines = task_history.in_order(
        [
            happened_to_task(0, TaskEventKind.OPENED),
            happened_to_task(3, TaskEventKind.CLAIMED),
            happened_to_task(5, TaskEventKind.ESCALATED),
            happened_to_task(9, TaskEventKind.COMPLETED, Disposition.NOT_REACHED),
        ],
        [
            happened_to_episode(0, EpisodeEventKind.OPENED),
            happened_to_episode(1, EpisodeEventKind.BREACHED_AGAIN, "first"),
            happened_to_episode(2, EpisodeEventKind.BREACHED_AGAIN, "second"),
            happened_to_episode(3, EpisodeEventKind.ACKNOWLEDGED),
            happened_to_episode(4, EpisodeEventKind.IN_RANGE),
            happened_to_episode(5, EpisodeEventKind.ESCALATED),
            happened_to_episode(5, EpisodeEventKind.BREACHED_AGAIN, "third"),
            happened_to_episode(9, EpisodeEventKind.CLOSED),
        ],
    )
    assert [(line.event.value, line.count, line.note) for line in lines] == [
        ("opened", 1, ""),
        ("breached_again", 2, "second"),
        ("claimed", 1, ""),
        ("in_range", 1, ""),
        ("breached_again", 1, "third"),
        ("escalated", 1, ""),
        ("completed", 1, ""),
    ]
    assert lines[1].at == minutes_after(2)
    assert lines[-1].disposition is Disposition.NOT_REACHED


def test_an_opening_stands_before_what_the_same_instant_brought() -> None:
    lines = task_history.in_order(
        [happened_to_task(0, TaskEventKind.OPENED), happened_to_task(0, TaskEventKind.CLAIMED)],
        [happened_to_episode(0, EpisodeEventKind.BREACHED_AGAIN)],
    )
    assert [line.event.value for line in lines] == ["opened", "breached_again", "claimed"]
