from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from alerts import store as alerts_store
from ccm_link import errors, work
from ccm_link.minutes import timers
from ccm_link.minutes.time_entry import Limits
from ccm_link.task import tasks

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
MINUTE = timedelta(minutes=1)
LIMIT = Limits(timedelta(hours=2))


def complete(
    cur: Any, clinic: Any, task_id: UUID, staff_id: UUID, row_version: int, at: Any, **changes: Any
) -> work.Task:
    arguments: dict[str, Any] = {
        "disposition": work.Disposition.REACHED_ADVISED,
        "note": "Spoke to her.",
    }
    completed, _ = tasks.complete(
        cur,
        clinic.practice_id,
        task_id,
        staff_id,
        row_version,
        at=at,
        limits=LIMIT,
        **(arguments | changes),
    )
    return completed


def test_patient_without_enrolment_gets_no_task(clinic: Any, noon: Any) -> None:
    clinic.owner.execute(
        "update ccm.enrolment set state = 'closed', close_reason = 'other', ended_at = %s", (noon,)
    )
    clinic.owner.commit()
    assert clinic.open_task() is None
    with clinic.console.cursor() as cur:
        assert tasks.tasks_of_patient(cur, clinic.practice_id, clinic.patient) == []


def test_task_is_claimed_and_completed_and_its_episode_closed(clinic: Any, noon: Any) -> None:
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur:
        claimed = tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, noon)
        assert (claimed.owner_name, claimed.row_version) == ("Ada", 2)
        assert claimed.acknowledged_at == noon
        again = tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, noon)
        assert again == claimed
        done = complete(cur, clinic, task_id, clinic.ada, 2, noon + MINUTE)
        assert done.status is work.TaskStatus.COMPLETED
        assert done.disposition is work.Disposition.REACHED_ADVISED
        assert done.completed_at == noon + MINUTE
        assert tasks.tasks_of_patient(cur, clinic.practice_id, clinic.patient) == [done]
        assert tasks.task_of_episode(cur, clinic.practice_id, done.episode_id) == done
        history = tasks.events(cur, clinic.practice_id, task_id)
        assert [(line.event.value, line.staff_name) for line in history] == [
            ("opened", None),
            ("claimed", "Ada"),
            ("completed", "Ada"),
        ]
        episode = alerts_store.episode(cur, clinic.practice_id, done.episode_id)
        assert episode is not None
        assert (episode.closed_at, episode.closed_by) == (noon + MINUTE, str(clinic.ada))
        assert [
            line.event.value
            for line in alerts_store.episode_events(cur, clinic.practice_id, done.episode_id)
        ] == ["acknowledged", "closed"]


def test_unclaimed_task_belongs_to_who_completes_it(clinic: Any, noon: Any) -> None:
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur:
        assert complete(cur, clinic, task_id, clinic.ben, 1, noon).owner_name == "Ben"


def _unknown(cur: Any, clinic: Any, task_id: UUID, at: Any) -> None:
    tasks.claim(cur, clinic.practice_id, uuid4(), clinic.ada, 1, at)


def _foreign_practice(cur: Any, clinic: Any, task_id: UUID, at: Any) -> None:
    tasks.claim(cur, uuid4(), task_id, clinic.ada, 1, at)


def _stale_claim(cur: Any, clinic: Any, task_id: UUID, at: Any) -> None:
    tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, 1, at)
    tasks.release(cur, clinic.practice_id, task_id, clinic.ben, 2, "Mistake.", at)
    tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, at)


def _claim_of_owned(cur: Any, clinic: Any, task_id: UUID, at: Any) -> None:
    tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, 1, at)
    tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 2, at)


def _stale_release(cur: Any, clinic: Any, task_id: UUID, at: Any) -> None:
    tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, 1, at)
    tasks.release(cur, clinic.practice_id, task_id, clinic.ada, 1, "He is away.", at)


def _stale_complete(cur: Any, clinic: Any, task_id: UUID, at: Any) -> None:
    tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, at)
    complete(cur, clinic, task_id, clinic.ada, 1, at)


def _complete_of_owned(cur: Any, clinic: Any, task_id: UUID, at: Any) -> None:
    tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, 1, at)
    complete(cur, clinic, task_id, clinic.ada, 2, at)


def _complete_twice(cur: Any, clinic: Any, task_id: UUID, at: Any) -> None:
    complete(cur, clinic, task_id, clinic.ada, 1, at)
    complete(cur, clinic, task_id, clinic.ada, 1, at)


def _claim_of_completed(cur: Any, clinic: Any, task_id: UUID, at: Any) -> None:
    complete(cur, clinic, task_id, clinic.ada, 1, at)
    tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 2, at)


def _complete_without_note(cur: Any, clinic: Any, task_id: UUID, at: Any) -> None:
    complete(cur, clinic, task_id, clinic.ada, 1, at, note="  ")


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(_unknown, errors.UnknownTask, id="unknown"),
        pytest.param(_foreign_practice, errors.UnknownTask, id="another practice's"),
        pytest.param(_stale_claim, errors.StaleTask, id="stale claim"),
        pytest.param(_claim_of_owned, errors.TaskOwned, id="claim of a colleague's"),
        pytest.param(_stale_release, errors.StaleTask, id="stale release"),
        pytest.param(_stale_complete, errors.StaleTask, id="stale complete"),
        pytest.param(_complete_of_owned, errors.TaskOwned, id="complete a colleague's"),
        pytest.param(_complete_twice, errors.TaskCompleted, id="double click"),
        pytest.param(_claim_of_completed, errors.TaskCompleted, id="claim of completed"),
        pytest.param(_complete_without_note, errors.MissingWords, id="no note"),
    ],
)
def test_change_is_refused_when(
    clinic: Any,
    noon: Any,
    act: Callable[[Any, Any, UUID, Any], None],
    error: type[errors.CcmLinkError],
) -> None:
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur, pytest.raises(error) as raised:
        act(cur, clinic, task_id, noon)
    assert str(raised.value).endswith(".")


def test_one_of_two_wins_when_both_claim_at_once(clinic: Any, noon: Any) -> None:
    task_id = clinic.open_task()
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def claim(staff_id: UUID) -> None:
        with clinic.database.connect("homevitals_console", clinic.practice_id) as connection:
            start.wait()
            try:
                with connection.cursor() as cur:
                    tasks.claim(cur, clinic.practice_id, task_id, staff_id, 1, noon)
                outcomes.append("won")
            except errors.StaleTask:
                outcomes.append("stale")

    threads = [threading.Thread(target=claim, args=(who,)) for who in (clinic.ada, clinic.ben)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["stale", "won"]
    with clinic.console.cursor() as cur:
        history = tasks.events(cur, clinic.practice_id, task_id)
    assert [line.event.value for line in history] == ["opened", "claimed"]


def test_released_task_is_anyones_again(clinic: Any, noon: Any) -> None:
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur:
        tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, 1, noon)
        released = tasks.release(
            cur, clinic.practice_id, task_id, clinic.ada, 2, "Ben is away.", noon + MINUTE
        )
        assert (released.owner_staff_id, released.acknowledged_at) == (None, None)
        unchanged = tasks.release(
            cur, clinic.practice_id, task_id, clinic.ada, 2, "Ben is away.", noon + MINUTE
        )
        assert unchanged == released
        assert tasks.claim(
            cur, clinic.practice_id, task_id, clinic.ada, 3, noon + MINUTE
        ).owner_name == ("Ada")
        last = tasks.events(cur, clinic.practice_id, task_id)[1:]
        assert [line.note for line in last] == ["", "Ben is away.", ""]


def test_completing_stores_the_timer_that_runs_on_the_task(clinic: Any, noon: Any) -> None:
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur:
        timers.start(
            cur,
            clinic.practice_id,
            clinic.ada,
            clinic.patient,
            program="ccm",
            activity=work.Activity.PHONE_CALL,
            at=noon,
            limits=LIMIT,
            task_id=task_id,
        )
        complete(cur, clinic, task_id, clinic.ada, 1, noon + 7 * MINUTE, note="Called.")
        assert timers.running(cur, clinic.practice_id, clinic.ada) is None
        cur.execute("select task_id, note, ended_at - started_at from ccm.time_entry")
        assert cur.fetchall() == [(task_id, "Called.", 7 * MINUTE)]


def test_completing_leaves_a_timer_on_other_work_alone(clinic: Any, noon: Any) -> None:
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur:
        timers.start(
            cur,
            clinic.practice_id,
            clinic.ada,
            clinic.other_patient,
            program="ccm",
            activity=work.Activity.CHART_REVIEW,
            at=noon,
            limits=LIMIT,
        )
        complete(cur, clinic, task_id, clinic.ada, 1, noon + MINUTE)
        assert timers.running(cur, clinic.practice_id, clinic.ada) is not None


def test_completing_changes_nothing_when_the_timer_ran_too_long(clinic: Any, noon: Any) -> None:
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur:
        timers.start(
            cur,
            clinic.practice_id,
            clinic.ada,
            clinic.patient,
            program="ccm",
            activity=work.Activity.PHONE_CALL,
            at=noon,
            limits=LIMIT,
            task_id=task_id,
        )
        before = tasks.task(cur, clinic.practice_id, task_id)
        with pytest.raises(errors.TimerTooLong) as raised:
            complete(cur, clinic, task_id, clinic.ada, 1, noon + LIMIT.longest + MINUTE)
        clinic.console.commit()  # a page that shows the error commits what is there: nothing
        assert raised.value.started_at == noon
        assert tasks.task(cur, clinic.practice_id, task_id) == before
        assert before is not None
        episode = alerts_store.episode(cur, clinic.practice_id, before.episode_id)
        assert episode is not None
        assert episode.closed_at is None
        assert timers.running(cur, clinic.practice_id, clinic.ada) is not None
