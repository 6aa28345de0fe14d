from __future__ import annotations

import logging
import random
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from alerts import evaluator, store
from alerts.breaches import Outcome
from alerts.care_side import CareSide, TaskMaker
from alerts.episode import OpenedEpisode
from ccm_link.care_side import CARE_SIDE
from ccm_link.task import task_sink
from firmware_profiles.readings import Kind, Result

pytestmark = pytest.mark.db
MINUTE = timedelta(minutes=1)
TASKS = "select count(*)::int from ccm.task"
QUEUED = "select count(*)::int from ingest.evaluation_queue"
EVALUATED = "select count(*)::int from alerts.evaluation"
EPISODES = (
    "select patient_id, rule_id, breach_count, breached_at from alerts.episode"
    " order by patient_id, rule_id"
)
OPEN_EPISODES = "select count(*)::int from alerts.episode where closed_at is null"


def drain(home: Any, at: datetime, care_side: CareSide = CARE_SIDE, **settings: Any) -> None:
    while evaluator.evaluate_batch(
        home.evaluator, replace(home.settings, **settings), care_side, at
    ):
        pass


def with_sink(open_task: TaskMaker) -> CareSide:
    return replace(CARE_SIDE, open_task=open_task)


def outcomes(home: Any) -> dict[str, int]:
    rows = home.owner.execute("select outcome, silence from alerts.evaluation").fetchall()
    home.owner.rollback()
    return dict(Counter(silence or outcome for outcome, silence in rows))


def test_breach_opens_episode_and_task_and_says_why(home: Any, noon: datetime) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    drain(home, noon + MINUTE)

    with home.owner.cursor() as cur:
        trace = store.trace_of(cur, home.practice_id, reading.reading_id)
        assert trace is not None
        assert (trace["outcome"], trace["silence"]) == (Outcome.EPISODE_OPENED, None)
        (followed,) = trace["episodes"]
        episode = store.episode(cur, home.practice_id, UUID(followed["episode_id"]))
        assert episode is not None
        assert (episode.patient_id, episode.severity) == (home.patient, "urgent")
        assert (episode.opened_at, episode.breached_at) == (noon + MINUTE, noon)
        (event,) = store.episode_events(cur, home.practice_id, episode.episode_id)
        assert (event.event, event.reading_id) == ("opened", reading.reading_id)
        assert event.note in trace["sentence"]
        cur.execute("select task_id, title, due_at from ccm.task")
        assert cur.fetchall() == [
            (
                UUID(followed["task_id"]),
                "Severely raised systolic pressure",
                noon + timedelta(minutes=61),
            )
        ]
    assert home.count(QUEUED) == 0


def test_second_breach_continues_the_episode(home: Any, noon: datetime) -> None:
    later = home.blood_pressure(186, measured_at=noon + MINUTE)
    home.store(home.blood_pressure(184), later)
    drain(home, noon + 2 * MINUTE)
    assert outcomes(home) == {"episode_opened": 1, "episode_continued": 1}
    assert (home.count(OPEN_EPISODES), home.count(TASKS)) == (1, 1)
    assert home.owner.execute(
        "select breach_count, breached_at from alerts.episode"
    ).fetchall() == [(2, later.measured_at)]


def test_breach_soon_after_closing_brings_the_episode_back_and_a_later_one_is_new(
    home: Any, noon: datetime
) -> None:
    home.store(home.blood_pressure(184))
    drain(home, noon)
    with (
        home.database.connect("homevitals_console", home.practice_id) as connection,
        connection.cursor() as cur,
    ):
        cur.execute("select episode_id from alerts.episode")
        (episode_id,) = cur.fetchone()
        close = {"closed_by": "Ada", "at": noon, "note": "Called."}
        assert store.close_episode(cur, home.practice_id, episode_id, **close)
        assert not store.close_episode(cur, home.practice_id, episode_id, **close)
    soon = noon + timedelta(hours=72)
    home.store(home.blood_pressure(184, measured_at=soon))
    drain(home, soon)
    assert (home.count(OPEN_EPISODES), home.count(TASKS)) == (1, 1)
    assert home.owner.execute(
        "select return_count, returned_at, breach_count from alerts.episode"
    ).fetchall() == [(1, soon, 2)]
    home.owner.rollback()
    with home.database.connect("homevitals_console", home.practice_id) as connection:
        assert store.close_episode(
            connection.cursor(), home.practice_id, episode_id, closed_by="Ada", at=soon, note="x"
        )
    later = soon + timedelta(hours=72, seconds=1)
    home.store(home.blood_pressure(184, measured_at=later))
    drain(home, later)
    assert (home.count(OPEN_EPISODES), home.count(TASKS)) == (1, 2)


def test_silence_has_its_reason(home: Any, noon: datetime) -> None:
    home.store(
        home.blood_pressure(184, measured_at=noon - timedelta(hours=80)),
        home.blood_pressure(184, patient_id=home.not_enrolled),
        home.blood_pressure(result=Result.NOT_MEASURABLE, systolic_mmhg=None),
        home.blood_pressure(120),
        home.blood_pressure(120, patient_id=home.not_enrolled),
        wake=False,  # ingest queues no failed measurement; whatever is queued is answered
    )
    drain(home, noon)
    assert outcomes(home) == {"too_late": 1, "not_enrolled": 1, "not_measured": 1, "no_breach": 2}
    assert (home.count(OPEN_EPISODES), home.count(TASKS), home.count(QUEUED)) == (0, 0, 0)
    assert home.count("select count(*)::int from alerts.episode_event") == 0


def test_glucose_beyond_the_meters_range_opens_a_task(home: Any, noon: datetime) -> None:
    low = home.blood_pressure(
        kind=Kind.GLUCOSE,
        result=Result.BELOW_RANGE,
        systolic_mmhg=None,
        diastolic_mmhg=None,
        pulse_bpm=None,
    )
    home.store(low)
    drain(home, noon)
    assert home.owner.execute("select title from ccm.task").fetchall() == [
        ("Severely low glucose",)
    ]


def test_reading_that_is_queued_twice_counts_once(home: Any, noon: datetime) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    home.queue(reading)
    drain(home, noon)
    assert (home.count(EVALUATED), home.count(QUEUED)) == (1, 0)
    assert home.count("select breach_count from alerts.episode") == 1


@pytest.mark.parametrize("seed", range(3))
def test_final_state_is_that_of_the_run_in_order_when_shuffled_and_repeated(
    home: Any, noon: datetime, seed: int
) -> None:
    chance = random.Random(seed)
    readings = [
        home.blood_pressure(
            chance.choice([85, 120, 150, 185]),
            measured_at=noon - minute * MINUTE,
            patient_id=chance.choice([home.patient, home.other_patient]),
        )
        for minute in range(30)
    ]
    finals = []
    home.store(*sorted(readings, key=lambda reading: reading.measured_at))
    for repeated in ([], chance.sample(readings * 3, 90)):
        if repeated:
            home.forget()
            home.queue(*repeated)
        drain(home, noon, batch_size=7)
        finals.append(home.owner.execute(EPISODES).fetchall())
        home.owner.rollback()
    assert finals[0] == finals[1]
    assert finals[0]


def test_two_evaluators_at_once_open_one_episode_and_one_task(home: Any, noon: datetime) -> None:
    readings = [
        home.blood_pressure(
            184,
            diastolic_mmhg=95 if minute % 2 else 70,
            measured_at=noon + minute * MINUTE,
            patient_id=(home.patient, home.other_patient)[minute % 3 == 0],
        )
        for minute in range(60)
    ]
    home.store(*readings)
    start = threading.Barrier(4)

    def work() -> None:
        with psycopg.connect(home.settings.database, autocommit=True) as connection:
            start.wait()
            settings = replace(home.settings, batch_size=3)
            while evaluator.evaluate_batch(connection, settings, CARE_SIDE, noon):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (home.count(EVALUATED), home.count(QUEUED)) == (60, 0)
    # Two patients, a systolic and a diastolic rule.
    assert (home.count(OPEN_EPISODES), home.count(TASKS)) == (4, 4)
    assert home.count("select sum(breach_count)::int from alerts.episode") == 90


def test_evaluators_do_not_wait_for_each_other_crosswise(home: Any, noon: datetime) -> None:
    systolic, diastolic = {"systolic_mmhg": 184}, {"diastolic_mmhg": 125}
    home.store(
        *(
            home.blood_pressure(**numbers, measured_at=noon + minute * MINUTE)
            for minute, numbers in enumerate((systolic, diastolic, diastolic, systolic))
        )
    )
    opened = {"first": threading.Event(), "second": threading.Event()}

    def work(name: str, other: str) -> None:
        def sink(cur: Any, episode: OpenedEpisode) -> UUID | None:
            opened[name].set()
            opened[other].wait(0.5)  # in vain, where the other waits for this transaction's end
            return task_sink.open_task(cur, episode)

        with psycopg.connect(home.settings.database, autocommit=True) as connection:
            evaluator.evaluate_batch(
                connection, replace(home.settings, batch_size=2), with_sink(sink), noon
            )

    first = threading.Thread(target=work, args=("first", "second"))
    second = threading.Thread(target=work, args=("second", "first"))
    first.start()
    assert opened["first"].wait(30)
    second.start()
    first.join()
    second.join()
    assert (home.count(QUEUED), home.count(TASKS), home.count(EVALUATED)) == (0, 2, 4)


KILLED = """
import os, signal, sys, threading
from alerts import evaluator
from alerts.settings import AlertsSettings
from ccm_link.task import task_sink
from ccm_link.care_side import CARE_SIDE
from dataclasses import replace

countdown = int(sys.argv[2])

def open_task_or_die(cur, opened):
    global countdown
    task_id = task_sink.open_task(cur, opened)
    countdown -= 1
    if countdown == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return task_id

settings = AlertsSettings(database=sys.argv[1], batch_size=2, late_after_hours=24 * 365 * 100)
evaluator.run(settings, replace(CARE_SIDE, open_task=open_task_or_die), threading.Event())
"""


def test_nothing_is_lost_or_doubled_when_the_evaluator_is_killed_again_and_again(
    home: Any, noon: datetime
) -> None:
    # Every reading breaches a rule of its own patient: as many tasks as readings.
    with home.owner.transaction(), home.owner.cursor() as cur:
        cur.execute(
            "insert into ingest.patient (practice_id, display_name, born_on, record_number,"
            " time_zone) select %s, 'p', '1950-01-01', n::text, 'UTC'"
            " from generate_series(1, 12) n returning patient_id",
            (home.practice_id,),
        )
        patients = [patient_id for (patient_id,) in cur]
        cur.execute(
            "insert into ccm.enrolment (practice_id, patient_id, program, state, opened_at,"
            " consent_documented_at) select practice_id, patient_id, 'ccm', 'active', %s, %s"
            " from ingest.patient where display_name = 'p'",
            (noon, noon),
        )
    home.store(*(home.blood_pressure(184, patient_id=patient_id) for patient_id in patients))
    kills = 0
    while home.count(QUEUED) > 3:
        before = home.count(QUEUED)
        killed = subprocess.run(
            # dies while it opens its fourth task: one batch of two is committed, one is not
            [sys.executable, "-c", KILLED, home.settings.database, "4"],
            check=False,
            timeout=30,
        )
        assert killed.returncode == -9
        assert home.count(QUEUED) == before - 2
        assert home.count(TASKS) == home.count(EVALUATED) == 12 - before + 2
        kills += 1
    assert kills == 5
    drain(home, noon)
    assert (home.count(TASKS), home.count(OPEN_EPISODES), home.count(QUEUED)) == (12, 12, 0)
    assert home.count("select sum(breach_count)::int from alerts.episode") == 12


def test_poisoned_item_stays_and_stops_no_other(
    home: Any, noon: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    poison = home.blood_pressure(184)
    home.store(poison, home.blood_pressure(184, patient_id=home.other_patient))

    def sink(cur: Any, opened: OpenedEpisode) -> UUID | None:
        task_id = task_sink.open_task(cur, opened)
        if opened.patient_id == home.patient:
            cur.execute("select 'systolic 184'::integer")
        return task_id

    for attempt, wait_s in enumerate((2, 4, 8), start=1):
        drain(home, noon, with_sink(sink))
        assert home.owner.execute(
            "select reading_id, attempts, retry_at, last_error from ingest.evaluation_queue"
        ).fetchall() == [
            (
                poison.reading_id,
                attempt,
                noon + timedelta(seconds=wait_s),
                "InvalidTextRepresentation 22P02",
            )
        ]
        home.owner.rollback()
        assert (home.count(TASKS), home.count(EVALUATED)) == (1, 1)
        noon += timedelta(seconds=wait_s)
    assert "systolic 184" not in str([vars(record) for record in caplog.records])

    drain(home, noon)  # the fault is mended, and the work does itself
    assert (home.count(TASKS), home.count(QUEUED)) == (2, 0)


def test_one_quiet_reading_that_cannot_be_stored_stops_no_other(
    home: Any, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = store.insert_evaluations

    def refuse(cur: Any, evaluations: list[store.Evaluation]) -> None:
        if any(one.patient_id == home.other_patient for one in evaluations):
            raise KeyError
        insert(cur, evaluations)

    monkeypatch.setattr(store, "insert_evaluations", refuse)
    home.store(home.blood_pressure(120), home.blood_pressure(121, patient_id=home.other_patient))
    drain(home, noon + MINUTE)
    assert (home.count(EVALUATED), home.count(QUEUED)) == (1, 1)
    monkeypatch.undo()
    drain(home, noon + 10 * MINUTE)
    assert (home.count(EVALUATED), home.count(QUEUED)) == (2, 0)


def test_pause_after_failures_stops_growing_at_an_hour(home: Any, noon: datetime) -> None:
    home.store(home.blood_pressure(184))
    home.owner.execute("update ingest.evaluation_queue set attempts = 1000000")
    home.owner.commit()

    def sink(cur: Any, opened: OpenedEpisode) -> UUID | None:
        raise KeyError

    drain(home, noon, with_sink(sink))
    assert home.owner.execute(
        "select retry_at, last_error from ingest.evaluation_queue"
    ).fetchall() == [(noon + timedelta(hours=1), "KeyError")]


def test_work_without_a_reading_is_postponed(home: Any, noon: datetime) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    home.owner.execute("update ingest.evaluation_queue set patient_id = %s", (home.other_patient,))
    home.owner.commit()
    drain(home, noon)
    assert home.owner.execute("select last_error from ingest.evaluation_queue").fetchall() == [
        ("WorkWithoutReading",)
    ]


class Service:
    """A running evaluator, and a permit for each task that it opens."""

    def __init__(self, home: Any) -> None:
        self.home, self.stop, self.opened = home, threading.Event(), threading.Semaphore(0)
        settings = replace(home.settings, late_after_hours=24 * 365 * 100)
        self.thread = threading.Thread(
            target=evaluator.run, args=(settings, with_sink(self._sink), self.stop)
        )

    def _sink(self, cur: Any, opened: OpenedEpisode) -> UUID | None:
        self.opened.release()
        return task_sink.open_task(cur, opened)

    def __enter__(self) -> Service:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.home.queue()  # wakes it
        self.thread.join(10)
        assert not self.thread.is_alive()


def test_service_is_woken_by_work(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "POLL_S", 60.0)
    with Service(home) as service:
        home.store(home.blood_pressure(184))
        assert service.opened.acquire(timeout=20)
        home.store(home.blood_pressure(184, patient_id=home.other_patient))
        assert service.opened.acquire(timeout=20)


def test_service_finds_work_that_nobody_told_it_of(home: Any) -> None:
    with Service(home) as service:
        home.store(home.blood_pressure(184))
        assert service.opened.acquire(timeout=20)
        home.store(home.blood_pressure(184, patient_id=home.other_patient), wake=False)
        assert service.opened.acquire(timeout=20)


def test_service_survives_the_loss_of_its_connection(home: Any) -> None:
    with Service(home) as service:
        home.store(home.blood_pressure(184))
        assert service.opened.acquire(timeout=20)
        with psycopg.connect(home.database.conninfo("postgres"), autocommit=True) as admin:
            ended = admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'homevitals_alerts' and datname = %s and pid <> %s",
                (home.database.name, home.evaluator.info.backend_pid),
            ).fetchall()
        assert ended == [(True,)]
        home.store(home.blood_pressure(184, patient_id=home.other_patient))
        assert service.opened.acquire(timeout=20)
    assert (home.count(QUEUED), home.count(TASKS)) == (0, 2)


def test_service_waits_for_a_database_that_is_not_there_and_stops_when_told(home: Any) -> None:
    refused = threading.Semaphore(0)

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.msg == "database_unreachable":
                refused.release()

    stop, listener = threading.Event(), Listener()
    settings = replace(home.settings, database="host=/nowhere dbname=none user=none")
    service = threading.Thread(target=evaluator.run, args=(settings, CARE_SIDE, stop))
    evaluator.log.addHandler(listener)
    try:
        service.start()
        assert refused.acquire(timeout=30)
        assert refused.acquire(timeout=30)
        stop.set()
        service.join(10)
        assert not service.is_alive()
    finally:
        evaluator.log.removeHandler(listener)
