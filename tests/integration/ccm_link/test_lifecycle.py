"""What people, the rules and the clock do with a task and its episode: one winner, a line on both, no doubles."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from alerts.measures import Severity
from ccm_link import errors, work
from ccm_link.minutes import time_log, timers
from ccm_link.minutes.time_entry import Limits
from ccm_link.task import snoozing, task_sink, tasks
from deploy import scheduler
from deploy.settings import SchedulerSettings

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SETTINGS = SchedulerSettings()


def snooze(cur: Any, clinic: Any, task_id: Any, version: int, until_at: Any, at: Any) -> work.Task:
    return snoozing.snooze(
        cur,
        clinic.practice_id,
        task_id,
        clinic.ada,
        version,
        until_at=until_at,
        reason="She sleeps until then.",
        at=at,
    )


def assign(cur: Any, clinic: Any, task_id: Any, version: int, to: UUID, at: Any) -> work.Task:
    return tasks.assign(
        cur, clinic.practice_id, task_id, clinic.ada, version, owner_staff_id=to, note="", at=at
    )


def complete(cur: Any, clinic: Any, task_id: Any, version: int, at: Any) -> work.Task:
    completed, _ = tasks.complete(
        cur,
        clinic.practice_id,
        task_id,
        clinic.ada,
        version,
        work.Disposition.EXPECTED_THRESHOLD_REVIEWED,
        "As last week.",
        at,
        limits=Limits(HOUR),
    )
    return completed


def told(clinic: Any, task_id: Any) -> tuple[list[str], list[str]]:
    """Return the events of a task and those of its episode."""
    task_events = clinic.owner.execute(
        "select event from ccm.task_event where task_id = %s order by at, event_no", (task_id,)
    ).fetchall()
    episode_events = clinic.owner.execute(
        "select event.event from alerts.episode_event event join ccm.task using (practice_id, episode_id)"
        " where task_id = %s order by event.at",
        (task_id,),
    ).fetchall()
    clinic.owner.commit()
    return [event for (event,) in task_events], [event for (event,) in episode_events]


def test_an_assigned_task_is_the_colleagues_who_acknowledges_it_by_claiming(
    clinic: Any, noon: Any
) -> None:
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur:
        assigned = assign(cur, clinic, task_id, 1, clinic.ben, noon)
        assert (assigned.owner_name, assigned.acknowledged_at) == ("Ben", None)
        assert assign(cur, clinic, task_id, 1, clinic.ben, noon) == assigned  # a double click
        with pytest.raises(errors.TaskOwned):
            tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 2, noon)
        taken = tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, 2, noon + MINUTE)
        assert taken.acknowledged_at == noon + MINUTE
        clinic.console.commit()
        for stranger in (clinic.olga, uuid4()):  # an operator, and nobody
            with pytest.raises(errors.UnknownColleague):
                assign(cur, clinic, task_id, 3, stranger, noon)
        handed_on = tasks.assign(
            cur,
            clinic.practice_id,
            task_id,
            clinic.ben,
            3,
            owner_staff_id=clinic.ada,
            note=" He has a call. ",
            at=noon + 2 * MINUTE,
        )
        assert (handed_on.owner_name, handed_on.acknowledged_at) == ("Ada", None)
        last = tasks.events(cur, clinic.practice_id, task_id)[-1]
        assert (last.staff_name, last.owner_name, last.note) == ("Ben", "Ada", "He has a call.")
        clinic.console.commit()
    assert told(clinic, task_id) == (
        ["opened", "assigned", "claimed", "assigned"],
        ["assigned", "acknowledged", "assigned"],
    )


def test_a_restricted_patients_task_is_for_the_care_team_alone(clinic: Any, noon: Any) -> None:
    clinic.owner.execute(
        "insert into ingest.restriction (practice_id, patient_id, restricted_at, reason, restricted_by)"
        " values (%s, %s, %s, 'A colleague.', %s)",
        (clinic.practice_id, clinic.patient, noon, clinic.ada),
    )
    clinic.owner.execute(
        "insert into ingest.care_team_member (practice_id, patient_id, staff_id, joined_at, added_by)"
        " values (%s, %s, %s, %s, %s)",
        (clinic.practice_id, clinic.patient, clinic.ada, noon, clinic.ada),
    )
    clinic.owner.commit()
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur:
        able = tasks.colleagues(cur, clinic.practice_id, clinic.patient)
        assert [one.display_name for one in able] == ["Ada"]
        able = tasks.colleagues(cur, clinic.practice_id, clinic.other_patient)
        assert [one.display_name for one in able] == ["Ada", "Ben"]
        with pytest.raises(errors.UnknownColleague):
            assign(cur, clinic, task_id, 1, clinic.ben, noon)


LIMITS = {
    Severity.URGENT: 30 * MINUTE,
    Severity.CLINICAL: DAY,
    Severity.OUTREACH: 7 * DAY,
    Severity.TECHNICAL: 7 * DAY,
}


def test_a_snooze_ends_by_itself_within_its_severitys_limit(
    clinic: Any, noon: Any, subtests: pytest.Subtests
) -> None:
    for severity, limit in LIMITS.items():
        task_id = clinic.open_task(severity=severity)
        with subtests.test(severity.value), clinic.console.cursor() as cur:
            for until_at, reason in (
                (noon, errors.SnoozeReason.OVER),
                (noon + limit + MINUTE, errors.SnoozeReason.TOO_LONG),
            ):
                with pytest.raises(errors.BadSnooze) as refused:
                    snooze(cur, clinic, task_id, 1, until_at, noon)
                assert refused.value.reason is reason
            first = snooze(cur, clinic, task_id, 1, noon + limit / 2, noon)
            assert (first.is_snoozed(noon), first.is_snoozed(noon + limit / 2)) == (True, False)
            # Prolonged, it counts from its beginning: nothing is out of sight for longer than the limit.
            at = noon + limit / 4
            with pytest.raises(errors.BadSnooze):
                snooze(cur, clinic, task_id, 2, noon + limit + MINUTE, at)
            prolonged = snooze(cur, clinic, task_id, 2, noon + limit, at)
            assert (prolonged.snoozed_at, prolonged.snoozed_until) == (noon, noon + limit)
            with pytest.raises(errors.StaleTask):  # a second press of the button
                snooze(cur, clinic, task_id, 2, noon + limit, at)
            # Over, and begun anew.
            again = snooze(cur, clinic, task_id, 3, noon + 2 * limit, noon + limit)
            assert again.snoozed_at == noon + limit
            clinic.console.commit()
            assert told(clinic, task_id)[1] == ["snoozed"] * 3


def test_claiming_ends_a_snooze_and_so_does_whoever_wants_it_back(clinic: Any, noon: Any) -> None:
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur:
        snooze(cur, clinic, task_id, 1, noon + 20 * MINUTE, noon)
        seen = snoozing.end(cur, clinic.practice_id, task_id, clinic.ada, 2, noon + MINUTE)
        assert seen.snoozed_until is None
        unchanged = snoozing.end(cur, clinic.practice_id, task_id, clinic.ada, 2, noon + MINUTE)
        assert unchanged == seen
        snooze(cur, clinic, task_id, 3, noon + 20 * MINUTE, noon + 2 * MINUTE)
        at = noon + 3 * MINUTE
        assert not tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, 4, at).is_snoozed(at)
        with pytest.raises(errors.TaskOwned):  # Ben's now
            snooze(cur, clinic, task_id, 5, noon + 20 * MINUTE, at)
        clinic.console.commit()
    assert told(clinic, task_id) == (
        ["opened", "snoozed", "snooze_ended", "snoozed", "claimed", "snooze_ended"],
        ["snoozed", "snooze_ended", "snoozed", "acknowledged", "snooze_ended"],
    )


def test_becoming_severer_ends_the_snooze_and_leaves_the_owner(clinic: Any, noon: Any) -> None:
    task_id = clinic.open_task(severity=Severity.CLINICAL, due_in=DAY)
    with clinic.console.cursor() as cur:
        tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, noon)
        snooze(cur, clinic, task_id, 2, noon + 20 * HOUR, noon)
        clinic.console.commit()
    severer = clinic.again(task_id, severity=Severity.URGENT, at=noon + HOUR, due_in=HOUR)
    milder = clinic.again(task_id, severity=Severity.CLINICAL, at=noon + 2 * HOUR, due_in=MINUTE)
    with clinic.evaluator.transaction(), clinic.evaluator.cursor() as cur:
        cur.execute("update alerts.episode set severity = 'urgent'")
        for told_of in (severer, severer, milder):  # again and milder: nothing
            assert task_sink.escalate_task(cur, told_of) == task_id
    with clinic.console.cursor() as cur:
        task = tasks.task(cur, clinic.practice_id, task_id)
        assert task is not None
        assert (task.severity, task.title) == (Severity.URGENT, severer.title)
        assert (task.due_at, task.row_version) == (noon + 2 * HOUR, 4)
        assert (task.owner_name, task.acknowledged_at) == ("Ada", noon)
        assert not task.is_snoozed(noon + HOUR)
        with pytest.raises(errors.StaleTask):  # she decided on something milder
            complete(cur, clinic, task_id, 3, noon + HOUR)
    assert told(clinic, task_id) == (
        ["opened", "claimed", "snoozed", "escalated", "snooze_ended"],
        ["acknowledged", "snoozed", "snooze_ended"],
    )


def test_a_returned_task_is_open_again_and_keeps_what_it_was_completed_with(
    clinic: Any, noon: Any
) -> None:
    task_id = clinic.open_task(severity=Severity.CLINICAL, due_in=DAY)
    with clinic.console.cursor() as cur:
        complete(cur, clinic, task_id, 1, noon + MINUTE)
        clinic.console.commit()
    returned = clinic.again(task_id, severity=Severity.URGENT, at=noon + HOUR, due_in=HOUR)
    with clinic.evaluator.transaction(), clinic.evaluator.cursor() as cur:
        cur.execute(
            "update alerts.episode set closed_at = null, closed_by = null, return_count = 1"
        )
        assert task_sink.reopen_task(cur, returned) == task_id
        assert task_sink.reopen_task(cur, returned) == task_id  # is open: nothing
    with clinic.console.cursor() as cur:
        task = tasks.task(cur, clinic.practice_id, task_id)
        assert task is not None
        assert (task.status, task.disposition, task.owner_name) == (
            work.TaskStatus.OPEN,
            None,
            None,
        )
        assert (task.severity, task.due_at) == (Severity.URGENT, noon + 2 * HOUR)
        assert (task.acknowledged_at, task.return_count) == (None, 1)
        history = tasks.events(cur, clinic.practice_id, task_id)
        assert [(line.event.value, line.disposition) for line in history] == [
            ("opened", None),
            ("completed", work.Disposition.EXPECTED_THRESHOLD_REVIEWED),
            ("returned", None),
        ]
        again = complete(cur, clinic, task_id, 3, noon + 2 * HOUR)
        assert again.status is work.TaskStatus.COMPLETED
        clinic.console.commit()
    clinic.owner.execute(
        "update ccm.enrolment set state = 'closed', close_reason = 'other', ended_at = %s",
        (noon + 3 * HOUR,),
    )
    clinic.owner.commit()
    left = clinic.again(task_id, severity=Severity.URGENT, at=noon + 4 * HOUR, due_in=HOUR)
    with clinic.evaluator.transaction(), clinic.evaluator.cursor() as cur:
        assert (
            task_sink.reopen_task(cur, left) is None
        )  # nobody here cares for the patient any more


def test_of_two_who_decide_at_once_one_wins(clinic: Any, noon: Any) -> None:
    deeds: list[Callable[[Any, Any], object]] = [
        lambda cur, task_id: tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, 1, noon),
        lambda cur, task_id: snooze(cur, clinic, task_id, 1, noon + MINUTE, noon),
        lambda cur, task_id: tasks.assign(
            cur,
            clinic.practice_id,
            task_id,
            clinic.ben,
            1,
            owner_staff_id=clinic.ada,
            note="",
            at=noon,
        ),
        lambda cur, task_id: complete(cur, clinic, task_id, 1, noon),
    ]
    task_id = clinic.open_task()
    start = threading.Barrier(len(deeds))
    outcomes: list[str] = []

    def decide(deed: Callable[[Any, Any], object]) -> None:
        with (
            clinic.database.connect("homevitals_console", clinic.practice_id) as connection,
            connection.cursor() as cur,
        ):
            start.wait()
            try:
                deed(cur, task_id)
                outcomes.append("won")
            except errors.CcmLinkError as error:
                outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=decide, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("won") == 1, outcomes
    assert set(outcomes) <= {"won", "StaleTask", "TaskCompleted"}
    assert len(told(clinic, task_id)[0]) == 2


def _owner(clinic: Any, task_id: Any) -> tuple[UUID | None, datetime | None]:
    found = clinic.owner.execute(
        "select owner_staff_id, episode.acknowledged_at from ccm.task"
        " join alerts.episode using (practice_id, patient_id, episode_id) where task_id = %s",
        (task_id,),
    ).fetchone()
    clinic.owner.commit()
    assert found is not None
    return found[0], found[1]


def _run_the_clock(clinic: Any, at: datetime) -> None:
    with clinic.database.connect("homevitals_scheduler") as connection:
        scheduler.fall_back(connection, SETTINGS, at)


def _claimed(clinic: Any, at: datetime, severity: Severity = Severity.URGENT) -> Any:
    task_id = clinic.open_task(severity=severity)
    with clinic.console.cursor() as cur:
        tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, at)
        clinic.console.commit()
    return task_id


QUIET = {
    Severity.URGENT: 15 * MINUTE,
    Severity.CLINICAL: 4 * HOUR,
    Severity.OUTREACH: 2 * DAY,
    Severity.TECHNICAL: 2 * DAY,
}


def test_a_task_that_was_taken_on_and_left_alone_falls_back(
    clinic: Any, noon: Any, subtests: pytest.Subtests
) -> None:
    for severity, after in QUIET.items():
        task_id = _claimed(clinic, noon, severity)
        untouched = clinic.open_task(severity=severity)
        with subtests.test(severity.value):
            _run_the_clock(clinic, noon + after - MINUTE)
            assert _owner(clinic, task_id) == (clinic.ada, noon)
            _run_the_clock(clinic, noon + after)
            assert _owner(clinic, task_id) == (None, None)
            assert told(clinic, task_id) == (
                ["opened", "claimed", "fell_back"],
                ["acknowledged", "fell_back"],
            )
            assert told(clinic, untouched)[0] == ["opened"]
            with clinic.console.cursor() as cur:
                last = tasks.events(cur, clinic.practice_id, task_id)[-1]
                assert (last.staff_name, last.owner_name) == (None, "Ada")
                assert last.note.startswith("Nobody worked on it for ")
                with pytest.raises(errors.StaleTask):  # her page is older than that
                    complete(cur, clinic, task_id, 2, noon + after)
            clinic.console.rollback()


def _snoozes(cur: Any, clinic: Any, task_id: Any, at: datetime) -> None:
    snooze(cur, clinic, task_id, 2, at + 10 * MINUTE, at)


def _runs_a_timer(cur: Any, clinic: Any, task_id: Any, at: datetime) -> None:
    timers.start(
        cur,
        clinic.practice_id,
        clinic.ada,
        clinic.patient,
        program="ccm",
        activity=work.Activity.PHONE_CALL,
        at=at,
        limits=Limits(HOUR),
        task_id=task_id,
    )


def _logs_time(cur: Any, clinic: Any, task_id: Any, at: datetime) -> None:
    time_log.add_by_hand(
        cur,
        clinic.practice_id,
        clinic.ada,
        clinic.patient,
        started_at=at - 5 * MINUTE,
        ended_at=at - 2 * MINUTE,
        program="ccm",
        activity=work.Activity.CHART_REVIEW,
        note="Looked.",
        reason="Forgot the timer.",
        at=at,
        task_id=task_id,
    )


@pytest.mark.parametrize("works", [_snoozes, _runs_a_timer, _logs_time])
def test_whoever_works_on_it_keeps_it_and_then_loses_it(
    clinic: Any, noon: Any, works: Callable[..., None]
) -> None:
    task_id = _claimed(clinic, noon)
    with clinic.console.cursor() as cur:
        works(cur, clinic, task_id, noon + 10 * MINUTE)
        clinic.console.commit()
    _run_the_clock(clinic, noon + 20 * MINUTE)
    assert _owner(clinic, task_id)[0] == clinic.ada
    _run_the_clock(clinic, noon + 3 * HOUR)  # a timer is not believed for ever
    assert _owner(clinic, task_id)[0] is None


def test_what_is_assigned_and_not_taken_on_does_not_fall_back(clinic: Any, noon: Any) -> None:
    task_id = clinic.open_task()
    with clinic.console.cursor() as cur:
        assign(cur, clinic, task_id, 1, clinic.ben, noon)
        clinic.console.commit()
    _run_the_clock(clinic, noon + DAY)
    assert _owner(clinic, task_id) == (clinic.ben, None)


def test_two_schedulers_give_each_task_back_once(clinic: Any, noon: Any) -> None:
    found = [_claimed(clinic, noon) for _ in range(8)]
    start = threading.Barrier(3)

    def run() -> None:
        start.wait()
        _run_the_clock(clinic, noon + HOUR)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for task_id in found:
        assert told(clinic, task_id) == (
            ["opened", "claimed", "fell_back"],
            ["acknowledged", "fell_back"],
        )


def test_the_clock_leaves_what_somebody_is_changing_at_this_moment(clinic: Any, noon: Any) -> None:
    task_id = _claimed(clinic, noon)
    with clinic.console.cursor() as cur:
        complete(cur, clinic, task_id, 2, noon + HOUR)
        _run_the_clock(clinic, noon + HOUR)  # does not wait for her
        clinic.console.commit()
    assert told(clinic, task_id)[0] == ["opened", "claimed", "completed"]
