"""What follows for alerts, tasks and counts when a patient is not active any more, and when they are again."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from alerts import notifications
from alerts import store as alerts_store
from ccm_link import alert_burden, departure
from ccm_link.claim import monitoring, programs
from ccm_link.month import Month
from ccm_link.program import enrolment
from ccm_link.program.enrolment_states import CloseReason, Event, State
from ccm_link.program.program_errors import NotCaredForHere
from ccm_link.registry import patient_standing
from ccm_link.task import tasks, worklist
from ccm_link.task.worklist import Tab, Viewer
from ingest.standing import NewStanding, Standing
from tests import scopes
from tests.integration.ccm_link.test_task_schedules import opened, run, set_up

pytestmark = [pytest.mark.db, pytest.mark.parametrize("database", ["partitions"], indirect=True)]
HOUR = timedelta(hours=1)


def leave(clinic: Any, at: datetime, standing: Standing = Standing.DECEASED) -> UUID:
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        return patient_standing.record(
            cur,
            clinic.practice_id,
            clinic.patient,
            NewStanding(standing=standing, since_at=at),
            seen=Standing.ACTIVE,
            reason="r",
            recorded_by="Ada",
            at=at,
        )


def open_of(clinic: Any, at: datetime) -> tuple[set[UUID], dict[Tab, int]]:
    viewer = Viewer(clinic.practice_id, clinic.ada, at, ZoneInfo("America/New_York"))
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        listed = worklist.tasks_of(cur, viewer, Tab.NEEDS_ACTION)
        return {one.patient_id for one in listed}, worklist.counts(cur, viewer)


def is_called(clinic: Any, at: datetime) -> list[bool]:
    """Say of each open episode of the patient whether somebody is called about it."""
    with clinic.database.connect("homevitals_notifier") as notifier:
        scopes.work_for(notifier, clinic.practice_id)
        with clinic.owner.transaction():
            rows = clinic.owner.execute(
                "select episode_id from alerts.episode where patient_id = %s and closed_at is null",
                (clinic.patient,),
            ).fetchall()
        with notifier.cursor() as cur:
            episodes = [episode_id for (episode_id,) in rows]
            found = notifications.standings(cur, clinic.practice_id, episodes, at)
    return [one.is_waiting for one in found]


def test_what_is_open_is_set_aside_and_taken_up_again(clinic: Any, noon: datetime) -> None:
    task_id = clinic.open_task()
    clinic.open_task(clinic.other_patient)
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        tasks.claim(cur, clinic.practice_id, task_id, clinic.ada, 1, noon)
        tasks.release(cur, clinic.practice_id, task_id, clinic.ada, 2, note="n", at=noon)
    standing_id = leave(clinic, noon + HOUR)

    listed, counts = open_of(clinic, noon + HOUR)
    assert listed == {clinic.other_patient}
    assert (counts[Tab.NEEDS_ACTION], counts[Tab.URGENT]) == (1, 1)
    assert is_called(clinic, noon + HOUR) == [False]
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        (waiting,) = patient_standing.open_tasks(cur, clinic.practice_id)
    assert waiting.task_id == task_id
    # Nothing is opened for whoever is gone, also by what looked before and writes now.
    assert clinic.open_task() is None

    with clinic.console.transaction(), clinic.console.cursor() as cur:
        held = patient_standing.withdraw(
            cur,
            clinic.practice_id,
            clinic.patient,
            standing_id,
            why="Another patient.",
            withdrawn_by="Ada",
            at=noon + 2 * HOUR,
        )
    assert held is Standing.ACTIVE
    assert clinic.patient in open_of(clinic, noon + 2 * HOUR)[0]
    assert is_called(clinic, noon + 2 * HOUR)[0]


def test_days_of_who_is_gone_are_in_no_denominator_and_those_before_are(
    clinic: Any, noon: datetime
) -> None:
    since, until = noon - timedelta(days=10), noon + timedelta(days=10)

    def days() -> tuple[int, float]:
        with clinic.console.transaction(), clinic.console.cursor() as cur:
            row = cur.execute(
                alert_burden._Q.patient_days,
                {"practice_id": clinic.practice_id, "since": since, "until": until},
            ).fetchone()
        assert row is not None
        return row[0], round(row[1], 3)

    assert days() == (2, 40.0)
    standing_id = leave(clinic, noon, Standing.INACTIVE)
    assert days() == (2, 30.0)
    with clinic.database.connect("homevitals_scheduler") as scheduler:
        (found,) = alert_burden.of_practices(scheduler.cursor(), since, until)
        assert round(found.patient_days, 3) == 30.0
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        patient_standing.withdraw(
            cur,
            clinic.practice_id,
            clinic.patient,
            standing_id,
            why="w",
            withdrawn_by="Ada",
            at=noon,
        )
    assert days() == (2, 40.0)


def test_an_episode_that_opens_at_the_same_moment_is_set_aside_as_well(
    clinic: Any, noon: datetime
) -> None:
    """The evaluator holds the patient's lock and has asked before; whoever records the standing waits for it."""
    clinic.open_task()  # committed rules and an episode
    done: list[UUID] = []
    with clinic.evaluator.transaction(), clinic.evaluator.cursor() as cur:
        alerts_store.lock_patients(cur, [clinic.patient])
        recording = threading.Thread(target=lambda: done.append(leave(clinic, noon)))
        recording.start()
        recording.join(0.3)
        assert not done
        cur.execute(
            "insert into alerts.episode (practice_id, patient_id, rule_id, rule_version, family, severity,"
            " opened_at, breached_at) select practice_id, patient_id, rule_id, rule_version, 'other', severity,"
            " opened_at, breached_at from alerts.episode where patient_id = %s",
            (clinic.patient,),
        )
    recording.join(10)
    assert len(done) == 1
    aside = clinic.owner.execute(
        "select set_aside_at is not null from alerts.episode where patient_id = %s",
        (clinic.patient,),
    ).fetchall()
    assert aside == [(True,), (True,)]


def depart(clinic: Any, at: datetime, since: datetime, standing: Standing, seen: Standing) -> UUID:
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        new = NewStanding(standing=standing, since_at=since)
        told = {"seen": seen, "reason": "r", "recorded_by": "Ada", "at": at}
        return departure.record(cur, clinic.practice_id, clinic.patient, new, **told)[0]


def test_who_died_leaves_every_program_and_nothing_is_opened_again(
    clinic: Any, noon: datetime
) -> None:
    """Two programs, of which one began only after the death; a schedule with an open task; monitoring at home."""
    died, late = noon - 2 * HOUR, noon - HOUR
    set_up(clinic, noon - 3 * HOUR)
    assert run(clinic, noon - 3 * HOUR) == 1
    whose = clinic.practice_id, clinic.patient
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        enrolment.identify(cur, *whose, "rpm", reason="", made_by="Ada", at=late)
        began = {"started_on": noon.date() - timedelta(days=9), "set_up_billed": False}
        monitoring.start(cur, *whose, **began, started_by="Ada", at=noon)
    standing_id = depart(clinic, noon, died, Standing.DECEASED, Standing.ACTIVE)
    with (
        pytest.raises(NotCaredForHere),
        clinic.console.transaction(),
        clinic.console.cursor() as cur,
    ):
        enrolment.identify(cur, *whose, "pcm", reason="", made_by="Ada", at=noon)

    with clinic.console.transaction(), clinic.console.cursor() as cur:
        held = {one.program: one for one in enrolment.of_patient(cur, *whose)}
        assert {one.state for one in held.values()} == {State.CLOSED}
        assert {one.close_reason for one in held.values()} == {CloseReason.DECEASED}
        assert (held["ccm"].ended_at, held["rpm"].ended_at) == (died, noon)
        last = enrolment.events_of_patient(cur, *whose)[-1]
        assert (last.event, last.at, last.made_by, last.reason) == (
            Event.CLOSED,
            noon,
            "Ada",
            "The patient died.",
        )
        # Minutes and days until the death count as before: the month has the enrolment, with that end.
        (of_month,) = programs.in_programs(
            cur, clinic.practice_id, [clinic.patient], Month(2026, 3)
        )[clinic.patient]
        assert (of_month.program, of_month.ended_at) == ("ccm", died)
        (episode,) = monitoring.of_patient(cur, *whose)
        assert episode.ended_on == noon.date()
        closed = departure.closed(cur, *whose)
        assert [(one.kind, one.title) for one in closed] == [
            ("enrolment", "ccm"),
            ("enrolment", "rpm"),
            ("monitoring", "rpm"),
            ("schedule", "Monthly call"),
        ]
    # The task that the schedule opened is set aside as those of alerts are, and no other comes.
    (task,) = opened(clinic)
    assert clinic.patient not in open_of(clinic, noon)[0]
    with clinic.console.transaction(), clinic.console.cursor() as cur:
        (waiting,) = patient_standing.open_tasks(cur, clinic.practice_id)
        assert waiting.task_id == task.task_id
        took_back = {"why": "Another patient.", "withdrawn_by": "Ada", "at": noon + HOUR}
        held_now = departure.withdraw(cur, *whose, standing_id, **took_back)
        assert held_now == (Standing.ACTIVE, [])
        assert {one.state for one in enrolment.of_patient(cur, *whose)} == {State.CLOSED}
        assert departure.closed(cur, *whose) == closed
    assert run(clinic, noon + timedelta(days=40)) == 0


def test_who_is_only_inactive_is_still_enrolled_and_who_goes_elsewhere_is_not(
    clinic: Any, noon: datetime
) -> None:
    def states() -> set[tuple[State, CloseReason | None]]:
        with clinic.console.transaction(), clinic.console.cursor() as cur:
            held = enrolment.of_patient(cur, clinic.practice_id, clinic.patient)
        return {(one.state, one.close_reason) for one in held}

    depart(clinic, noon, noon, Standing.INACTIVE, Standing.ACTIVE)
    assert states() == {(State.ACTIVE, None)}
    depart(clinic, noon + HOUR, noon + HOUR, Standing.TRANSFERRED, Standing.INACTIVE)
    assert states() == {(State.CLOSED, CloseReason.TRANSFERRED)}
