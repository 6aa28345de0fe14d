"""Tasks that no alert made: opened once, worked on like all others, followed by the next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from alerts.measures import Severity
from ccm_link import errors, work
from ccm_link.minutes.time_entry import Limits
from ccm_link.task import planned_tasks, snoozing, tasks, worklist
from ccm_link.task.planned_tasks import NextTask
from ccm_link.task.worklist import Tab, Viewer
from ccm_link.work import Disposition, Origin, TaskEventKind
from ingest.people import Role

pytestmark = pytest.mark.db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS = Limits(HOUR)


def opened(clinic: Any, cur: Any, at: Any, **given: Any) -> UUID:
    asked: dict[str, Any] = {
        "origin": Origin.BY_HAND,
        "title": "Call about the new tablets",
        "severity": Severity.CLINICAL,
        "due_at": at + DAY,
        "made_by": clinic.ada,
        "reason": "She felt dizzy.",
        "at": at,
    }
    return planned_tasks.open_task(cur, clinic.practice_id, clinic.patient, **(asked | given))


def complete(
    clinic: Any, cur: Any, task: work.Task, disposition: Disposition, at: Any, **more: Any
) -> work.Task:
    after, _ = tasks.complete(
        cur,
        clinic.practice_id,
        task.task_id,
        clinic.ada,
        task.row_version,
        disposition,
        "Said so.",
        at,
        limits=LIMITS,
        **more,
    )
    return after


def told(clinic: Any, cur: Any, task_id: UUID) -> list[TaskEventKind]:
    return [event.event for event in tasks.events(cur, clinic.practice_id, task_id)]


def test_of_one_subject_there_is_one_task_however_often_it_is_asked_for(
    clinic: Any, noon: Any
) -> None:
    with clinic.console.cursor() as cur:
        first = opened(clinic, cur, noon, origin=Origin.TRANSITION, subject="stay-1")
        again = opened(clinic, cur, noon + HOUR, origin=Origin.TRANSITION, subject="stay-1")
        other = opened(clinic, cur, noon, origin=Origin.FOLLOW_UP, subject="stay-1")
        assert first == again
        assert other != first
        task = tasks.known(cur, clinic.practice_id, first)
        complete(clinic, cur, task, Disposition.DONE, noon)
        assert opened(clinic, cur, noon, origin=Origin.TRANSITION, subject="stay-1") == first
        assert told(clinic, cur, first) == [TaskEventKind.OPENED, TaskEventKind.COMPLETED]
        # Two people mean two tasks where nothing repeats one.
        assert opened(clinic, cur, noon) != opened(clinic, cur, noon)


def test_a_task_without_an_alert_is_worked_on_like_all_others(clinic: Any, noon: Any) -> None:
    with clinic.console.cursor() as cur:
        task_id = opened(clinic, cur, noon, candidate_role=Role.CARE_MANAGER)
        task = tasks.known(cur, clinic.practice_id, task_id)
        assert (task.episode_id, task.breached_at, task.breach_count) == (None, None, 0)
        assert (task.breach_sentence, task.candidate_role) == ("She felt dizzy.", Role.CARE_MANAGER)
        task = tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, noon)
        assert (task.owner_staff_id, task.acknowledged_at) == (clinic.ada, noon)
        task = tasks.assign(
            cur,
            clinic.practice_id,
            task_id,
            clinic.ada,
            task.row_version,
            owner_staff_id=clinic.ben,
            note="",
            at=noon,
        )
        assert (task.owner_name, task.acknowledged_at) == ("Ben", None)
        task = tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, task.row_version, noon)
        until_at = noon + HOUR
        task = snoozing.snooze(
            cur,
            clinic.practice_id,
            task_id,
            clinic.ben,
            task.row_version,
            until_at=until_at,
            reason="At noon.",
            at=noon,
        )
        assert (task.is_snoozed(noon), task.acknowledged_at) == (True, noon)
        looking = Viewer(clinic.practice_id, clinic.ada, noon, ZoneInfo("America/New_York"))
        assert worklist.counts(cur, looking)[Tab.SNOOZED] == 1
        assert worklist.counts(cur, looking)[Tab.NEEDS_ACTION] == 0
        assert [one.task_id for one in worklist.tasks_of(cur, looking, Tab.SNOOZED)] == [task_id]
        assert worklist.tasks_of(cur, looking, Tab.NEEDS_ACTION) == []
        task = snoozing.end(
            cur,
            clinic.practice_id,
            task_id,
            clinic.ben,
            task.row_version,
            noon + timedelta(minutes=1),
        )
        assert (task.snoozed_until, task.acknowledged_at) == (None, noon)
        task = tasks.release(
            cur, clinic.practice_id, task_id, clinic.ben, task.row_version, "Holiday.", noon
        )
        assert (task.owner_staff_id, task.acknowledged_at) == (None, None)
        with pytest.raises(errors.StaleTask):
            tasks.claim(cur, clinic.practice_id, task_id, clinic.ben, 1, noon)


def test_it_ends_as_such_a_task_can_and_an_alert_as_an_alert(clinic: Any, noon: Any) -> None:
    with clinic.console.cursor() as cur:
        planned = tasks.known(cur, clinic.practice_id, opened(clinic, cur, noon))
        alert = tasks.known(cur, clinic.practice_id, clinic.open_task())
        for task, disposition in (
            (planned, Disposition.REACHED_ADVISED),
            (alert, Disposition.DONE),
        ):
            with pytest.raises(errors.BadTask, match="cannot end like this"):
                complete(clinic, cur, task, disposition, noon)
        for disposition in work.OF_PLANNED_TASKS:
            task = tasks.known(cur, clinic.practice_id, opened(clinic, cur, noon))
            after = complete(clinic, cur, task, disposition, noon)
            assert (after.disposition, after.owner_staff_id) == (disposition, clinic.ada)


def test_what_follows_is_opened_with_the_completion_or_nothing_is_done(
    clinic: Any, noon: Any
) -> None:
    follow_up = NextTask(
        title="Call again",
        severity=Severity.OUTREACH,
        due_at=noon + 7 * DAY,
        reason="To hear how she is.",
        owner_staff_id=clinic.ben,
    )
    with clinic.console.cursor() as cur:
        alert = tasks.known(cur, clinic.practice_id, clinic.open_task())
        with pytest.raises(errors.UnknownColleague):
            complete(
                clinic,
                cur,
                alert,
                Disposition.REACHED_ADVISED,
                noon,
                follow_up=NextTask(
                    title="x", severity=Severity.OUTREACH, due_at=None, owner_staff_id=uuid4()
                ),
            )
        assert tasks.known(cur, clinic.practice_id, alert.task_id) == alert
        complete(clinic, cur, alert, Disposition.REACHED_ADVISED, noon, follow_up=follow_up)
        (following,) = planned_tasks.follow_ups(cur, clinic.practice_id, alert.task_id)
        task = tasks.known(cur, clinic.practice_id, following.task_id)
        assert (task.origin, task.follows_task_id) == (Origin.FOLLOW_UP, alert.task_id)
        assert (task.owner_staff_id, task.acknowledged_at) == (clinic.ben, None)
        assert told(clinic, cur, alert.task_id)[-2:] == [
            TaskEventKind.COMPLETED,
            TaskEventKind.FOLLOWED_UP,
        ]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        pytest.param({"severity": Severity.URGENT}, errors.BadTask, id="urgent"),
        pytest.param({"origin": Origin.ALERT}, errors.BadTask, id="as if by an alert"),
        pytest.param({"candidate_role": Role.AUDITOR}, errors.BadTask, id="a group without tasks"),
        pytest.param({"title": " \n"}, errors.MissingWords, id="no words"),
        pytest.param({"owner_staff_id": uuid4()}, errors.UnknownColleague, id="nobody"),
        pytest.param({"follows_task_id": uuid4()}, errors.UnknownSubject, id="no former task"),
    ],
)
def test_what_cannot_be_a_task_is_refused(
    clinic: Any, noon: Any, wrong: dict[str, Any], error: type[Exception]
) -> None:
    with clinic.console.cursor() as cur:
        with pytest.raises(error):
            opened(clinic, cur, noon, **wrong)
        assert tasks.tasks_of_patient(cur, clinic.practice_id, clinic.patient) == []


def test_one_opens_a_task_for_oneself_and_has_it(clinic: Any, noon: Any) -> None:
    with clinic.console.cursor() as cur:
        task = tasks.known(
            cur, clinic.practice_id, opened(clinic, cur, noon, owner_staff_id=clinic.ada)
        )
        assert task.acknowledged_at == noon


def test_the_worklist_has_overdue_behind_urgent_and_undated_last(clinic: Any, noon: Any) -> None:
    with clinic.console.cursor() as cur:
        found = {
            opened(clinic, cur, noon, due_at=None): "undated",
            opened(clinic, cur, noon): "clinical",
            opened(clinic, cur, noon, severity=Severity.OUTREACH, due_at=noon - DAY): "overdue",
            opened(clinic, cur, noon, severity=Severity.OUTREACH): "outreach",
            clinic.open_task(): "urgent",
        }
        clinic.console.commit()
        clinic.owner.execute("update ccm.task set overdue_at = now() where due_at < %s", (noon,))
        clinic.owner.commit()
        looking = Viewer(clinic.practice_id, clinic.ada, noon, ZoneInfo("America/New_York"))
        shown = [found[one.task_id] for one in worklist.tasks_of(cur, looking, Tab.NEEDS_ACTION)]
        assert shown == ["urgent", "overdue", "clinical", "outreach", "undated"]
        shown = [found[one.task_id] for one in worklist.tasks_of(cur, looking, Tab.OUTREACH)]
        assert shown == ["overdue", "outreach"]
