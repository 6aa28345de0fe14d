"""Tasks by schedule: opened once, by any number of schedulers, after downtime, for whom they are meant."""

from __future__ import annotations

import threading
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from alerts.measures import Severity
from ccm_link import errors, work
from ccm_link.minutes.time_entry import Limits
from ccm_link.task import scheduled_tasks, task_schedules, tasks
from ccm_link.task.recurrence import Unit
from ccm_link.task.task_schedules import NewSchedule
from deploy import scheduler
from deploy.settings import SchedulerSettings
from ingest.people import Role

pytestmark = pytest.mark.db

ZONE = ZoneInfo("America/New_York")
DAY = timedelta(days=1)


def set_up(clinic: Any, at: datetime, **given: Any) -> UUID:
    asked: dict[str, Any] = {
        "practice_id": clinic.practice_id,
        "patient_id": clinic.patient,
        "program": None,
        "title": "Monthly call",
        "why": "As the plan says.",
        "severity": Severity.OUTREACH,
        "candidate_role": Role.CARE_MANAGER,
        "owner_staff_id": None,
        "to_care_manager": False,
        "every": 1,
        "unit": Unit.MONTH,
        "first_on": at.astimezone(ZONE).date(),
        "until_on": None,
        "due_after_days": 5,
        "due_time": time(17),
    }
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        return task_schedules.set_up(
            cur,
            NewSchedule(**(asked | given)),
            made_by=clinic.ada,
            today=at.astimezone(ZONE).date(),
            at=at,
        )


def run(clinic: Any, at: datetime) -> int:
    """Do what the scheduler does at an instant; return for how many patients."""
    found = 0
    with clinic.database.connect("homevitals_scheduler", clinic.practice_id) as connection:
        cur = connection.cursor()
        for schedule in scheduled_tasks.in_force(cur, clinic.practice_id, ZONE, at):
            found += scheduled_tasks.open_due(cur, clinic.practice_id, schedule, ZONE, at)
    return found


def opened(clinic: Any, patient_id: UUID | None = None) -> list[work.Task]:
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        found = tasks.tasks_of_patient(cur, clinic.practice_id, patient_id or clinic.patient)
    return sorted(found, key=lambda task: task.opened_at)


def complete(clinic: Any, task: work.Task, at: datetime) -> None:
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        tasks.complete(
            cur,
            clinic.practice_id,
            task.task_id,
            clinic.ada,
            task.row_version,
            work.Disposition.DONE,
            "Called.",
            at,
            limits=Limits(DAY),
        )


def test_a_day_has_one_task_and_its_time_is_the_practices(clinic: Any, noon: datetime) -> None:
    schedule_id = set_up(clinic, noon)
    assert run(clinic, noon) == 1
    assert run(clinic, noon + DAY) == 0
    (task,) = opened(clinic)
    assert (task.origin, task.schedule_id, task.title) == (
        work.Origin.SCHEDULE,
        schedule_id,
        "Monthly call",
    )
    # 10 March and five days, 17:00 in New York in summer time.
    assert task.due_at == datetime(2026, 3, 15, 17, tzinfo=ZONE)
    assert (task.owner_staff_id, task.candidate_role) == (None, Role.CARE_MANAGER)
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        (event,) = tasks.events(cur, clinic.practice_id, task.task_id)
    assert (event.event, event.staff_id) == (work.TaskEventKind.OPENED, None)


def test_after_downtime_there_is_one_task_that_says_what_went_by(
    clinic: Any, noon: datetime
) -> None:
    set_up(clinic, noon)
    run(clinic, noon)
    complete(clinic, opened(clinic)[0], noon)
    assert run(clinic, noon + 100 * DAY) == 1  # 18 June; 10 April, 10 May went by
    assert [task.breach_sentence for task in opened(clinic)] == [
        "As the plan says.",
        "As the plan says. 2 earlier days of the schedule went by without a task.",
    ]


def test_a_task_that_is_open_stands_for_the_next_day_until_it_is_completed(
    clinic: Any, noon: datetime
) -> None:
    set_up(clinic, noon)
    run(clinic, noon)
    assert run(clinic, noon + 31 * DAY) == 0
    complete(clinic, opened(clinic)[0], noon + 32 * DAY)
    assert run(clinic, noon + 32 * DAY) == 1
    assert len(opened(clinic)) == 2


def test_schedulers_that_run_at_once_open_each_task_once(clinic: Any, noon: datetime) -> None:
    set_up(clinic, noon, patient_id=None, program="ccm", first_on=date(2026, 3, 10))
    together = threading.Barrier(3)

    def one() -> None:
        together.wait()
        run(clinic, noon)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for patient_id in (clinic.patient, clinic.other_patient):
        (task,) = opened(clinic, patient_id)
        with clinic.console.transaction(), clinic.console.cursor() as cur:
            assert len(tasks.events(cur, clinic.practice_id, task.task_id)) == 1


def test_a_program_schedule_is_for_who_is_in_it_and_active(clinic: Any, noon: datetime) -> None:
    set_up(clinic, noon, patient_id=None, program="ccm")
    set_up(clinic, noon, patient_id=None, program="rpm", title="Check the supplies")
    with clinic.owner.transaction():
        clinic.owner.execute(
            "insert into ingest.patient_standing (practice_id, patient_id, standing, since_at, reason, recorded_by,"
            " recorded_at) values (%s, %s, 'deceased', %s, 'Family called.', 'Ada', %s)",
            (clinic.practice_id, clinic.other_patient, noon - DAY, noon),
        )
    assert run(clinic, noon) == 1
    assert [task.title for task in opened(clinic)] == ["Monthly call"]
    assert opened(clinic, clinic.other_patient) == []


def test_the_task_is_the_named_care_managers_while_that_one_works_here(
    clinic: Any, noon: datetime
) -> None:
    set_up(clinic, noon, patient_id=None, program="ccm", to_care_manager=True)
    with clinic.owner.transaction():
        clinic.owner.execute(
            "insert into ccm.team_member (practice_id, patient_id, role, staff_id, from_at, added_by)"
            " select practice_id, patient_id, 'care_manager',"
            " case display_name when 'Quill, Rosa' then %s::uuid else %s end, %s, 'Ada'"
            " from ingest.patient where practice_id = %s",
            (clinic.ada, clinic.ben, noon - DAY, clinic.practice_id),
        )
        clinic.owner.execute(
            "update ingest.staff set disabled_at = %s where staff_id = %s", (noon, clinic.ben)
        )
    run(clinic, noon)
    (mine,), (nobodys,) = opened(clinic), opened(clinic, clinic.other_patient)
    assert (mine.owner_staff_id, mine.acknowledged_at) == (clinic.ada, None)
    assert nobodys.owner_staff_id is None


def test_an_ended_schedule_opens_nothing_and_is_ended_once(clinic: Any, noon: datetime) -> None:
    schedule_id = set_up(clinic, noon)
    end: dict[str, Any] = {"patient_id": clinic.patient, "staff_id": clinic.ben, "reason": "Moved."}
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        with pytest.raises(errors.ScheduleEnded):
            task_schedules.end(
                cur, clinic.practice_id, schedule_id, **(end | {"patient_id": None}), at=noon + DAY
            )
        task_schedules.end(cur, clinic.practice_id, schedule_id, **end, at=noon + DAY)
        with pytest.raises(errors.ScheduleEnded):
            task_schedules.end(cur, clinic.practice_id, schedule_id, **end, at=noon + DAY)
        (ended,) = task_schedules.of_patient(cur, clinic.practice_id, clinic.patient)
        assert task_schedules.of_programs(cur, clinic.practice_id) == []
    assert (ended.ended_by_name, ended.end_reason) == ("Ben", "Moved.")
    assert run(clinic, noon + 2 * DAY) == 0


def test_the_scheduler_does_so_in_each_practice(clinic: Any, noon: datetime) -> None:
    set_up(clinic, noon)
    at = noon + 7 * DAY  # due after five days, and a day of grace
    with clinic.database.connect("homevitals_scheduler") as connection:
        scheduler.open_scheduled(connection, SchedulerSettings(), noon)
        scheduler.open_scheduled(connection, SchedulerSettings(), noon)
        scheduler.mark_overdue(connection, SchedulerSettings(), noon + 5 * DAY)
        (task,) = opened(clinic)
        assert task.overdue_at is None
        scheduler.mark_overdue(connection, SchedulerSettings(), at)
        scheduler.mark_overdue(connection, SchedulerSettings(), at + DAY)
    (task,) = opened(clinic)
    assert task.overdue_at == at


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        pytest.param({"patient_id": None}, errors.BadSchedule, id="for nobody"),
        pytest.param(
            {"until_on": date(2026, 3, 9)}, errors.BadSchedule, id="ends before it begins"
        ),
        pytest.param({"first_on": date(2026, 3, 9)}, errors.BadSchedule, id="in the past"),
        pytest.param({"first_on": date(2028, 3, 12)}, errors.BadSchedule, id="too far"),
        pytest.param({"severity": Severity.URGENT}, errors.BadTask, id="urgent"),
        pytest.param({"title": ""}, errors.MissingWords, id="no title"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused(
    clinic: Any, noon: datetime, wrong: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        set_up(clinic, noon, **wrong)
