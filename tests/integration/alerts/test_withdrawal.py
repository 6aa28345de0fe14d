"""A corrected reading is withdrawn from what it led to, once, and is no second breach, whatever is evaluated first."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from alerts import evaluator, store
from ccm_link.care_side import CARE_SIDE
from firmware_profiles.readings import Result
from ingest import corrections, tenancy
from ingest.corrections import Cause, Correction
from ingest.rows import StoredReading

pytestmark = pytest.mark.db
MINUTE = timedelta(minutes=1)
TASKS = "select count(*)::int from ccm.task"
QUEUED = "select count(*)::int from ingest.evaluation_queue"
NOT_THEIRS = "This reading was not the patient’s: the assignment of its peripheral was corrected."
READ_ANEW = (
    "This reading was corrected: a newer device profile reads what the peripheral sent otherwise."
)


def drain(home: Any, at: datetime, **settings: Any) -> None:
    chosen = replace(home.settings, **settings)
    while evaluator.evaluate_batch(home.evaluator, chosen, CARE_SIDE, at):
        pass


def correct(
    home: Any, former: StoredReading, cause: Cause = Cause.PROFILE, **changes: Any
) -> StoredReading:
    """Put a new version in a reading's place, as ingest does, and return it."""
    new = former._replace(reading_id=uuid4(), version=former.version + 1, **changes)
    correction = Correction(
        home.practice_id, uuid4(), former.stored_at, cause, "test", "a test wants it"
    )
    with (
        home.database.connect("homevitals_ingest") as connection,
        tenancy.transaction(connection, home.practice_id) as cur,
    ):
        assert corrections.replace(cur, correction, [(former, new)]) == 1
    return new


def moved(home: Any, former: StoredReading, patient_id: UUID | None = None) -> StoredReading:
    """Find that a reading was another patient's."""
    return correct(home, former, Cause.ASSIGNMENT, patient_id=patient_id or home.other_patient)


def episodes(home: Any, patient_id: UUID) -> list[tuple[int, bool]]:
    """Return the patient's episodes: how many readings breach, and whether it is open."""
    found = home.owner.execute(
        "select breach_count, closed_at is null from alerts.episode where patient_id = %s order by opened_at",
        (patient_id,),
    ).fetchall()
    home.owner.rollback()
    return found


def history(home: Any, patient_id: UUID) -> list[tuple[str, UUID | None, str]]:
    """Return what happened to the patient's episodes."""
    found = home.owner.execute(
        "select event.event, event.reading_id, event.note from alerts.episode_event event"
        " join alerts.episode using (practice_id, episode_id) where patient_id = %s"
        " order by event.at, event.event = 'corrected', event.xmin::text::bigint",
        (patient_id,),
    ).fetchall()
    home.owner.rollback()
    return found


def one_by_one(home: Any, at: datetime, order: tuple[int, ...]) -> None:
    """Evaluate the queue's items in an order of one's own, each in its own transaction."""
    with home.owner.transaction():
        ids = [
            queue_id
            for (queue_id,) in home.owner.execute(
                "select queue_id from ingest.evaluation_queue order by queue_id"
            ).fetchall()
        ]
    assert len(ids) == len(order)
    later = at + timedelta(days=1)
    for chosen in order:
        with home.owner.transaction():
            home.owner.execute(
                "update ingest.evaluation_queue set retry_at = case when queue_id = %s then '-infinity' else %s end",
                (ids[chosen], later),
            )
        assert evaluator.evaluate_batch(home.evaluator, home.settings, CARE_SIDE, at) == 1
    assert home.count(QUEUED) == 0


def test_a_breach_of_somebody_else_is_withdrawn_and_nothing_closes_by_itself(
    home: Any, noon: datetime
) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    drain(home, noon)

    theirs = moved(home, reading)
    drain(home, noon + MINUTE)

    assert episodes(home, home.patient) == [(0, True)]
    opened, withdrawn = history(home, home.patient)
    assert opened[:2] == ("opened", reading.reading_id)
    assert withdrawn == ("reading_withdrawn", reading.reading_id, NOT_THEIRS)
    assert episodes(home, home.other_patient) == [(1, True)]
    assert history(home, home.other_patient)[0][:2] == ("opened", theirs.reading_id)
    assert (home.count(TASKS), home.count(QUEUED)) == (2, 0)
    with home.owner.cursor() as cur:
        trace = store.trace_of(cur, home.practice_id, reading.reading_id)
        cur.execute(
            "select breach_sentence from ccm.named_task where patient_id = %s", (home.patient,)
        )
        assert cur.fetchone() == (NOT_THEIRS,)
    assert trace is not None
    assert trace["outcome"] == "episode_opened"


def test_other_breaches_of_the_episode_go_on_counting(home: Any, noon: datetime) -> None:
    stays = home.blood_pressure(184)
    goes = home.blood_pressure(186, measured_at=noon + MINUTE)
    home.store(stays, goes)
    drain(home, noon + MINUTE)

    moved(home, goes)
    drain(home, noon + 2 * MINUTE)

    assert episodes(home, home.patient) == [(1, True)]
    assert home.owner.execute(
        "select breached_at, breach_sentence from ccm.named_task where patient_id = %s",
        (home.patient,),
    ).fetchall() == [(noon, "Systolic pressure was 184 mmHg (limit: at or above 180 mmHg).")]
    home.owner.rollback()
    # The next breach continues the episode, whose task is open.
    home.store(home.blood_pressure(190, measured_at=noon + 3 * MINUTE))
    drain(home, noon + 3 * MINUTE)
    assert episodes(home, home.patient) == [(2, True)]


def test_an_episode_without_any_breach_left_is_continued_and_not_opened_again(
    home: Any, noon: datetime
) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    drain(home, noon)
    moved(home, reading)
    drain(home, noon)
    home.store(home.blood_pressure(190, measured_at=noon + MINUTE))
    drain(home, noon + MINUTE)

    assert episodes(home, home.patient) == [(1, True)]
    assert home.count(TASKS) == 2  # one each


def test_what_was_never_evaluated_opens_nothing(home: Any, noon: datetime) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    moved(home, reading)
    drain(home, noon)

    assert episodes(home, home.patient) == []
    assert episodes(home, home.other_patient) == [(1, True)]
    assert home.count("select count(*)::int from alerts.evaluation") == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
def test_a_corrected_reading_that_breaches_again_is_one_breach_whichever_comes_first(
    home: Any, noon: datetime, order: tuple[int, ...]
) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    drain(home, noon)

    again = correct(home, reading, systolic_mmhg=188)
    one_by_one(home, noon + MINUTE, order)

    assert episodes(home, home.patient) == [(1, True)]
    assert [row[:2] for row in history(home, home.patient)] == [
        ("opened", reading.reading_id),
        ("reading_withdrawn", reading.reading_id),
        ("corrected", again.reading_id),
    ]
    assert history(home, home.patient)[1][2] == READ_ANEW
    assert home.count(TASKS) == 1
    assert home.owner.execute("select breach_sentence from ccm.named_task").fetchall() == [
        ("Systolic pressure was 188 mmHg (limit: at or above 180 mmHg).",)
    ]
    home.owner.rollback()


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
def test_there_and_back_again_ends_as_it_began_in_every_order(
    home: Any, noon: datetime, order: tuple[int, ...]
) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    drain(home, noon)

    theirs = moved(home, reading)
    back = correct(home, theirs, Cause.ASSIGNMENT, patient_id=home.patient)
    one_by_one(home, noon + MINUTE, order)

    assert episodes(home, home.patient) == [(1, True)]
    assert [row[:2] for row in history(home, home.patient)][-1] == ("corrected", back.reading_id)
    # Nobody looked at the version in between before it was replaced.
    assert episodes(home, home.other_patient) == []
    assert home.count(TASKS) == 1


def test_a_late_correction_keeps_its_place_and_calls_nobody(home: Any, noon: datetime) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    drain(home, noon)

    correct(home, reading, systolic_mmhg=188)
    drain(home, noon + timedelta(days=30))
    assert episodes(home, home.patient) == [(1, True)]

    old = home.blood_pressure(150, measured_at=noon - timedelta(days=20))
    home.store(old)
    drain(home, noon + timedelta(days=30))
    correct(home, old, systolic_mmhg=199)
    drain(home, noon + timedelta(days=30))
    # Known to whoever has the task, and neither severer nor sooner for it.
    assert episodes(home, home.patient) == [(2, True)]
    events = [row[0] for row in history(home, home.patient)]
    assert (events.count("breached_late"), events.count("corrected")) == (1, 2)
    assert home.count(TASKS) == 1


def test_a_corrected_reading_that_breaches_no_more_is_only_withdrawn(
    home: Any, noon: datetime
) -> None:
    for number, changes in enumerate(
        ({"systolic_mmhg": 118}, {"result": Result.NOT_MEASURABLE, "systolic_mmhg": None})
    ):
        reading = home.blood_pressure(184, measured_at=noon + number * MINUTE)
        home.store(reading)
        drain(home, noon + number * MINUTE)
        correct(home, reading, **changes)
        drain(home, noon + number * MINUTE)
        assert episodes(home, home.patient) == [(0, True)]


def test_whoever_closed_the_episode_had_the_measurement_before_them(
    home: Any, noon: datetime
) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    drain(home, noon)
    _close(home, noon + MINUTE)

    correct(home, reading, systolic_mmhg=188)
    drain(home, noon + 2 * MINUTE)

    assert episodes(home, home.patient) == [(1, False)]
    assert home.count(TASKS) == 1


def test_a_breach_that_comes_back_after_the_episode_was_closed_without_it_is_news(
    home: Any, noon: datetime
) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    drain(home, noon)
    theirs = moved(home, reading)
    drain(home, noon + MINUTE)
    _close(home, noon + 2 * MINUTE)  # as somebody else's

    correct(home, theirs, Cause.ASSIGNMENT, patient_id=home.patient)
    drain(home, noon + 3 * MINUTE)

    assert episodes(home, home.patient) == [(1, True)]
    assert history(home, home.patient)[-1][0] == "returned"
    assert episodes(home, home.other_patient) == [(0, True)]


def test_several_evaluators_at_once_withdraw_each_reading_once(home: Any, noon: datetime) -> None:
    readings = [
        home.blood_pressure(184, measured_at=noon + number * MINUTE) for number in range(20)
    ]
    home.store(*readings)
    drain(home, noon + 20 * MINUTE)
    for number, reading in enumerate(readings):
        if number % 2:
            moved(home, reading)
        else:
            correct(home, reading, systolic_mmhg=190)
    start = threading.Barrier(4)

    def work() -> None:
        with psycopg.connect(home.settings.database, autocommit=True) as connection:
            start.wait()
            settings = replace(home.settings, batch_size=3)
            while evaluator.evaluate_batch(connection, settings, CARE_SIDE, noon + 20 * MINUTE):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert home.count(QUEUED) == 0
    assert episodes(home, home.patient) == [(10, True)]
    assert episodes(home, home.other_patient) == [(10, True)]
    events = [event for event, _, _ in history(home, home.patient)]
    assert (events.count("reading_withdrawn"), events.count("corrected")) == (20, 10)
    assert home.count(TASKS) == 2


def test_a_withdrawal_that_fails_leaves_nothing_behind_and_is_done_again(
    home: Any, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = home.blood_pressure(184)
    home.store(reading)
    drain(home, noon)
    moved(home, reading)

    def fail(*_: Any) -> None:
        raise KeyError

    with monkeypatch.context() as patched:
        patched.setattr(store, "recount_breaches", fail)
        drain(home, noon)
    assert episodes(home, home.patient) == [(1, True)]
    assert len(history(home, home.patient)) == 1

    drain(home, noon + timedelta(seconds=2))
    assert episodes(home, home.patient) == [(0, True)]
    assert home.count(QUEUED) == 0


def _close(home: Any, at: datetime) -> None:
    with (
        home.database.connect("homevitals_console", home.practice_id) as connection,
        connection.cursor() as cur,
    ):
        cur.execute("select episode_id from alerts.episode where patient_id = %s", (home.patient,))
        (episode_id,) = cur.fetchone() or (None,)
        assert episode_id is not None
        assert store.close_episode(
            cur, home.practice_id, episode_id, closed_by="Ada", at=at, note="Called."
        )
