"""However readings arrive, and whatever dies meanwhile, they end in the same breaches and episodes as in order."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from alerts import activation, evaluator, rule_set, verdicts
from alerts.episode import OpenedEpisode
from alerts.rules import Scope
from ccm_link.care_side import CARE_SIDE
from ccm_link.task import task_sink
from firmware_profiles.readings import Kind
from ingest.rows import StoredReading

pytestmark = pytest.mark.db

HOUR = timedelta(hours=1)
RULES = """
name = "arrival"
version = "1"
title = "Every form whose verdict hangs on other readings"
condition = "a test"
note = "a test"

[[rule]]
family = "systolic-high"
title = "Confirmed"
severity = "urgent"
due_within_minutes = 60
source = "a test"
signal = { form = "confirmed", measure = "systolic_mmhg", comparison = "at_or_above", limit_value = 180, \
within_minutes = 240, never_wait_value = 205, ask = "Measure again." }

[[rule]]
family = "systolic-high"
title = "Mean"
severity = "clinical"
due_within_minutes = 1440
source = "a test"
signal = { form = "average", measure = "systolic_mmhg", comparison = "at_or_above", limit_value = 158, days = 3, \
min_readings = 4, min_days = 2 }

[[rule]]
family = "pulse-fast"
title = "Two of three"
severity = "clinical"
due_within_minutes = 1440
source = "a test"
signal = { form = "k_of_n", measure = "pulse_bpm", comparison = "at_or_above", limit_value = 100, k = 2, n = 3, \
within_days = 2 }

[[rule]]
family = "diastolic-change"
title = "Against the own baseline"
severity = "clinical"
due_within_minutes = 1440
source = "a test"
signal = { form = "baseline_change", measure = "diastolic_mmhg", comparison = "at_or_above", change = 8, \
recent_days = 2, baseline_days = 5, min_readings = 3 }

[[rule]]
family = "diastolic-low"
title = "Low until it is back"
severity = "urgent"
due_within_minutes = 60
source = "a test"
signal = { form = "single", measure = "diastolic_mmhg", comparison = "below", limit_value = 55, clear_value = 65 }
"""
FOUND = """
    select breach.patient_id, breach.family, breach.reading_id, breach.severity, breach.rule_version
    from alerts.breach where withdrawn_at is null and silence is null order by 1, 2, 3
"""
EPISODES = """
    select patient_id, family, closed_at is null, breach_count, breached_at, in_range_at
    from alerts.episode where breach_count > 0 order by 1, 2
"""


@pytest.fixture
def begun_at(noon: datetime) -> datetime:
    return noon - timedelta(days=9)


@pytest.fixture
def asked(home: Any, noon: datetime) -> Iterator[Any]:
    """The home with the rules of this file in force instead."""
    with home.owner.transaction(), home.owner.cursor() as cur:
        cur.execute("delete from alerts.rule")
        activation.activate(
            cur,
            home.practice_id,
            rule_set.parse("arrival", RULES),
            clinician="test",
            reason="test",
            at=noon - timedelta(days=60),
        )
    return home


def readings_of(home: Any, begun_at: datetime, seed: int) -> list[StoredReading]:
    chance = random.Random(seed)
    found = []
    for patient_id in (home.patient, home.other_patient):
        at = begun_at
        for _ in range(30):
            at += timedelta(minutes=chance.choice([10, 90, 600, 900]))
            found.append(
                home.blood_pressure(
                    float(chance.choice([120, 150, 165, 182, 185, 210])),
                    diastolic_mmhg=float(chance.choice([50, 62, 70, 85, 95])),
                    pulse_bpm=float(chance.choice([60, 70, 104, 110])),
                    measured_at=at,
                    measured_day=date(at.year, at.month, at.day),
                    patient_id=patient_id,
                )
            )
    return sorted(found, key=lambda one: one.measured_at)


def state(home: Any) -> tuple[list[Any], list[Any]]:
    found = (
        home.owner.execute(FOUND).fetchall(),
        home.owner.execute(EPISODES).fetchall(),
    )
    home.owner.rollback()
    return found


def drain(home: Any, at: datetime, care_side: Any = CARE_SIDE, batch_size: int = 7) -> None:
    settings = replace(home.settings, batch_size=batch_size, late_after_hours=24 * 365)
    with psycopg.connect(home.settings.database, autocommit=True) as connection:
        while evaluator.evaluate_batch(connection, settings, care_side, at):
            pass


def forget(home: Any) -> None:
    home.forget()
    with home.owner.transaction():
        home.owner.execute("delete from ingest.record_key")
        home.owner.execute("delete from ingest.reading_series")


def arrive(home: Any, portions: Sequence[Sequence[StoredReading]], at: datetime) -> None:
    for portion in portions:
        home.store(*portion)
        drain(home, at)


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_late_and_repeated_readings_end_as_those_in_order(
    asked: Any, noon: datetime, begun_at: datetime, seed: int
) -> None:
    readings = readings_of(asked, begun_at, seed)
    arrive(asked, [[one] for one in readings], noon)
    in_order = state(asked)
    assert {family for _, family, *_ in in_order[1]} >= {"systolic-high", "pulse-fast"}

    chance = random.Random(seed)
    forget(asked)
    shuffled = chance.sample(readings, len(readings))
    arrive(asked, [shuffled[place : place + 9] for place in range(0, len(shuffled), 9)], noon)
    asked.queue(*chance.sample(readings, 20))
    drain(asked, noon)
    assert state(asked) == in_order


def test_evaluators_that_fail_at_random_and_work_at_once_end_as_one_in_order(
    asked: Any, noon: datetime, begun_at: datetime
) -> None:
    readings = readings_of(asked, begun_at, 7)
    arrive(asked, [readings], noon)
    in_order = state(asked)
    forget(asked)
    chance = random.Random(7)
    asked.store(*chance.sample(readings, len(readings)))

    def open_or_fail(cur: Any, opened: OpenedEpisode) -> UUID | None:
        task_id = task_sink.open_task(cur, opened)
        if chance.random() < 0.5:
            raise KeyError
        return task_id

    failing = replace(CARE_SIDE, open_task=open_or_fail)
    threads = [threading.Thread(target=drain, args=(asked, noon, failing, size)) for size in (3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain(asked, noon + timedelta(days=1))  # what failed is due again
    assert state(asked) == in_order
    tasks, open_episodes = asked.owner.execute(
        "select (select count(*) from ccm.task),"
        " (select count(*) from alerts.episode where closed_at is null)"
    ).fetchone()
    assert tasks == open_episodes


def test_a_confirmation_is_waited_for_answered_or_missed(asked: Any, noon: datetime) -> None:
    high = asked.blood_pressure(184)
    other_kind = asked.blood_pressure(
        kind=Kind.GLUCOSE, systolic_mmhg=None, diastolic_mmhg=None, pulse_bpm=None, glucose_mg_dl=99
    )
    asked.store(high, other_kind)  # what is asked again is the reading that waits
    drain(asked, noon)
    with asked.owner.cursor() as cur:
        cur.execute("select outcome, silence from alerts.evaluation order by outcome desc")
        assert cur.fetchall() == [("waiting", None), ("no_breach", None)]
        cur.execute("select ask, until_at from alerts.confirmation_request")
        assert cur.fetchall() == [("Measure again.", noon + 4 * HOUR)]
    asked.owner.rollback()
    assert asked.count("select count(*)::int from ccm.task") == 0

    asked.store(other_kind._replace(reading_id=uuid4(), measured_at=noon + HOUR))  # no answer
    drain(asked, noon + HOUR)
    assert asked.count("select count(*)::int from alerts.confirmation_request") == 1

    drain(asked, noon + 4 * HOUR + timedelta(seconds=1))  # nobody answered
    assert asked.count("select count(*)::int from ccm.task") == 1
    assert asked.count("select count(*)::int from alerts.confirmation_request") == 0
    assert asked.count("select count(*)::int from ingest.evaluation_queue") == 0

    other = asked.blood_pressure(184, patient_id=asked.other_patient)
    asked.store(other)
    drain(asked, noon + HOUR)
    asked.store(asked.blood_pressure(120, patient_id=asked.other_patient, measured_at=noon + HOUR))
    drain(asked, noon + 5 * HOUR)
    assert asked.count("select count(*)::int from ccm.task") == 1  # it was reassuring
    assert asked.owner.execute(
        "select outcome from alerts.evaluation where reading_id = %s order by revision",
        (other.reading_id,),
    ).fetchall() == [("waiting",), ("no_breach",)]


def test_a_rule_that_raises_is_reported_and_stops_no_other(
    asked: Any, noon: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("systolic 211")

    monkeypatch.setattr(verdicts, "_k_of_n", fail)
    with asked.owner.transaction():
        asked.owner.execute(
            "update alerts.rule set definition = '{\"signal\": 3}' where family = 'diastolic-low'"
        )
    asked.store(asked.blood_pressure(211))
    drain(asked, noon)
    assert asked.owner.execute(
        "select rule.family, failure.error, failure.failure_count from alerts.rule_failure failure"
        " join alerts.rule rule on rule.practice_id = failure.practice_id"
        " and rule.rule_id = failure.rule_id and rule.version = failure.rule_version order by 1"
    ).fetchall() == [("diastolic-low", "RuleSetError", 1), ("pulse-fast", "ZeroDivisionError", 1)]
    asked.owner.rollback()
    assert asked.count("select count(*)::int from ccm.task") == 1
    assert "211" not in str([vars(record) for record in caplog.records])


def test_the_most_specific_rule_is_asked_and_says_why(asked: Any, noon: datetime) -> None:
    loose = RULES.replace("limit_value = 158", "limit_value = 100").replace(
        "min_readings = 4, min_days = 2", "min_readings = 1, min_days = 1"
    )
    with asked.owner.transaction(), asked.owner.cursor() as cur:
        activation.activate(
            cur,
            asked.practice_id,
            rule_set.parse("arrival", loose),
            clinician="Dr. Okafor",
            reason="frail",
            at=noon - HOUR,
            scope=Scope.PATIENT,
            scope_key=str(asked.patient),
        )
    asked.store(
        asked.blood_pressure(120), asked.blood_pressure(120, patient_id=asked.other_patient)
    )
    drain(asked, noon)
    ((patient_id, why),) = asked.owner.execute(
        "select patient_id, rule ->> 'why' from alerts.evaluation,"
        " jsonb_array_elements(trace -> 'rules') rule where (rule ->> 'breached')::boolean"
    ).fetchall()
    assert patient_id == asked.patient
    assert why.startswith("Set for this patient by Dr. Okafor: ")
