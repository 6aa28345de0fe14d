from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from ccm_link import errors, month, work
from ccm_link.minutes import time_log, timers
from ccm_link.minutes.time_entry import EndedTimer, Entered, Limits, TimeEntry, Timer

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LONGEST = timedelta(hours=2)
LIMIT = Limits(LONGEST)


class Clock:
    """One person at the desk: the calls with everything filled in that a test does not care about."""

    def __init__(self, clinic: Any, cur: Any, staff_id: UUID) -> None:
        self.clinic, self.cur, self.staff_id = clinic, cur, staff_id

    def start(self, at: datetime, **changes: Any) -> Any:
        arguments = {
            "program": "ccm",
            "activity": work.Activity.PHONE_CALL,
            "limits": LIMIT,
        } | changes
        patient_id = arguments.pop("patient_id", self.clinic.patient)
        return timers.start(
            self.cur, self.clinic.practice_id, self.staff_id, patient_id, at=at, **arguments
        )

    def stop(self, at: datetime, **changes: Any) -> Any:
        arguments = {"note": "Talked.", "limits": LIMIT} | changes
        ended = timers.stop(self.cur, self.clinic.practice_id, self.staff_id, at=at, **arguments)
        return ended.entries[0] if ended.entries else ended

    def running(self) -> Timer | None:
        return timers.running(self.cur, self.clinic.practice_id, self.staff_id)

    def by_hand(self, started_at: datetime, ended_at: datetime, **changes: Any) -> TimeEntry:
        arguments = {
            "program": "ccm",
            "activity": work.Activity.CHART_REVIEW,
            "note": "Read the chart.",
            "reason": "Forgot the timer.",
            "at": ended_at,
            "patient_id": self.clinic.patient,
        } | changes
        return time_log.add_by_hand(
            self.cur,
            self.clinic.practice_id,
            self.staff_id,
            started_at=started_at,
            ended_at=ended_at,
            **arguments,
        )

    def void(self, entry_id: UUID, at: datetime, reason: str = "Wrong patient.") -> Any:
        return time_log.void(
            self.cur,
            self.clinic.practice_id,
            entry_id,
            voided_by=self.staff_id,
            reason=reason,
            at=at,
        )


@pytest.fixture
def ada(clinic: Any) -> Any:
    with clinic.console.cursor() as cur:
        yield Clock(clinic, cur, clinic.ada)


@pytest.fixture
def ben(clinic: Any) -> Any:
    with clinic.console.cursor() as cur:
        yield Clock(clinic, cur, clinic.ben)


def test_timer_becomes_an_entry_on_whole_seconds(ada: Any, noon: datetime) -> None:
    timer, former = ada.start(noon + timedelta(milliseconds=900))
    assert former is None
    assert (timer.started_at, timer.patient_name) == (noon, "Quill, Rosa")
    assert ada.running() == timer
    entry = ada.stop(noon + 3 * MINUTE + timedelta(milliseconds=100), note=" Talked. ")
    assert (entry.started_at, entry.ended_at, entry.seconds) == (noon, noon + 3 * MINUTE, 180)
    assert (entry.staff_name, entry.staff_role, entry.note) == ("Ada", "care_manager", "Talked.")
    assert (entry.entered, entry.activity) == (Entered.TIMER, work.Activity.PHONE_CALL)
    assert ada.running() is None
    assert time_log.entry(ada.cur, ada.clinic.practice_id, entry.entry_id) == entry


def test_starting_another_timer_stores_the_running_one_at_the_same_instant(
    ada: Any, noon: datetime
) -> None:
    ada.start(noon)
    timer, former = ada.start(noon + MINUTE, patient_id=ada.clinic.other_patient)
    (stored,) = former.entries
    assert (stored.started_at, stored.ended_at) == (noon, noon + MINUTE)
    assert stored.patient_id == ada.clinic.patient
    assert (timer.started_at, timer.patient_id) == (noon + MINUTE, ada.clinic.other_patient)


def test_timer_of_less_than_a_second_is_kept_as_discarded(ada: Any, noon: datetime) -> None:
    timer, _ = ada.start(noon)
    discarded = ada.stop(noon + timedelta(milliseconds=400))
    assert discarded == EndedTimer(timer=timer, discarded_because=discarded.discarded_because)
    ada.start(noon)
    _, former = ada.start(noon)
    assert former.entries == ()
    ada.cur.execute("select count(*) from ccm.discarded_timer")
    assert ada.cur.fetchone() == (2,)
    assert time_log.entries_of_month(ada.cur, ada.clinic.practice_id, month.Month(2026, 3)) == []


def test_discarded_timer_is_kept_with_its_reason(ada: Any, noon: datetime) -> None:
    timer, _ = ada.start(noon)
    discarded = timers.discard(
        ada.cur, ada.clinic.practice_id, ada.staff_id, reason="Lunch.", at=noon + MINUTE
    )
    assert (discarded.timer, discarded.discarded_because) == (timer, "Lunch.")
    assert ada.running() is None
    ada.cur.execute("select started_at, discarded_at, reason from ccm.discarded_timer")
    assert ada.cur.fetchall() == [(noon, noon + MINUTE, "Lunch.")]


def test_timer_beyond_the_limit_is_stored_with_the_end_that_was_said(
    ada: Any, noon: datetime
) -> None:
    ada.start(noon)
    morning = noon + timedelta(hours=20)
    for forgotten in (ada.stop, ada.start):
        with pytest.raises(errors.TimerTooLong):
            forgotten(morning)
    entry = ada.stop(morning, ended_at=noon + 30 * MINUTE)
    assert entry.seconds == 1800


def test_timer_at_the_limit_needs_no_end(ada: Any, noon: datetime) -> None:
    ada.start(noon)
    assert ada.stop(noon + LONGEST).seconds == 7200


@pytest.mark.parametrize(
    ("offset", "reason"),
    [
        pytest.param(-MINUTE, errors.IntervalReason.ENDS_BEFORE_START, id="before the start"),
        pytest.param(0 * MINUTE, errors.IntervalReason.ENDS_BEFORE_START, id="at the start"),
        pytest.param(601 * MINUTE, errors.IntervalReason.IN_THE_FUTURE, id="after now"),
        pytest.param(481 * MINUTE, errors.IntervalReason.TOO_LONG, id="more than 8 hours"),
    ],
)
def test_timer_runs_on_when_the_end_said_is_impossible(
    ada: Any, noon: datetime, offset: timedelta, reason: errors.IntervalReason
) -> None:
    timer, _ = ada.start(noon)
    with pytest.raises(errors.BadInterval) as raised:
        ada.stop(noon + 600 * MINUTE, ended_at=noon + offset)
    assert raised.value.reason is reason
    ada.cur.connection.commit()
    assert ada.running() == timer


def test_second_press_of_stop_finds_no_timer(ada: Any, noon: datetime) -> None:
    ada.start(noon)
    ada.stop(noon + MINUTE)
    with pytest.raises(errors.NoTimer):
        ada.stop(noon + MINUTE)
    with pytest.raises(errors.NoTimer):
        timers.discard(ada.cur, ada.clinic.practice_id, ada.staff_id, reason="Lunch.", at=noon)


def test_one_entry_comes_of_it_when_stop_is_pressed_twice_at_once(ada: Any, noon: datetime) -> None:
    ada.start(noon)
    ada.cur.connection.commit()
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def stop() -> None:
        with ada.clinic.database.connect(
            "homevitals_console", ada.clinic.practice_id
        ) as connection:
            start.wait()
            try:
                with connection.cursor() as cur:
                    Clock(ada.clinic, cur, ada.staff_id).stop(noon + MINUTE)
                outcomes.append("stored")
            except errors.NoTimer:
                outcomes.append("none")

    threads = [threading.Thread(target=stop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["none", "stored"]
    ada.cur.execute("select count(*) from ccm.time_entry")
    assert ada.cur.fetchone() == (1,)


def test_timers_of_two_people_run_at_once(ada: Any, ben: Any, noon: datetime) -> None:
    ada.start(noon)
    ben.start(noon)
    assert ada.stop(noon + MINUTE).seconds == ben.stop(noon + MINUTE).seconds == 60


@pytest.mark.parametrize(
    ("from_minute", "until_minute"),
    [
        pytest.param(0, 10, id="the same span, as a double click sends it"),
        pytest.param(-5, 1, id="over the beginning"),
        pytest.param(9, 15, id="over the end"),
        pytest.param(4, 5, id="inside"),
        pytest.param(-5, 15, id="around"),
    ],
)
def test_overlap_is_refused_in_words(
    ada: Any, noon: datetime, from_minute: int, until_minute: int
) -> None:
    ada.by_hand(noon, noon + 10 * MINUTE)
    with pytest.raises(errors.OverlappingTime) as raised:
        ada.by_hand(noon + from_minute * MINUTE, noon + until_minute * MINUTE)
    # 16:00 UTC is noon in New York, the practice's zone.
    assert "your chart review from 2026-03-10 12:00:00 to 12:10:00" in str(raised.value)
    assert "Quill" not in str(raised.value)
    ada.cur.execute("select count(*) from ccm.time_entry")
    assert ada.cur.fetchone() == (1,)


def test_neighbouring_spans_and_other_people_do_not_overlap(
    ada: Any, ben: Any, noon: datetime
) -> None:
    ada.by_hand(noon, noon + MINUTE)
    ada.by_hand(noon + MINUTE, noon + 2 * MINUTE)
    ada.by_hand(noon - MINUTE, noon)
    ben.by_hand(noon, noon + MINUTE)


def test_work_by_hand_may_not_overlap_the_running_timer(ada: Any, noon: datetime) -> None:
    ada.start(noon)
    with pytest.raises(errors.OverlappingTime, match="your running timer"):
        ada.by_hand(noon - MINUTE, noon + SECOND)
    ada.by_hand(noon - MINUTE, noon)


def test_timer_runs_on_when_its_span_overlaps_logged_work(ada: Any, noon: datetime) -> None:
    timer, _ = ada.start(noon)
    # No form leads here; an import or an administrator's statement can.
    ada.clinic.console.commit()
    ada.clinic.owner.execute(
        "insert into ccm.time_entry (practice_id, staff_id, staff_role, patient_id, activity,"
        " started_at, ended_at, note, entered, entered_at, zone)"
        " values (%s, %s, 'care_manager', %s, 'phone_call', %s, %s, '', 'timer', %s, 'UTC')",
        (ada.clinic.practice_id, ada.staff_id, ada.clinic.patient, noon, noon + MINUTE, noon),
    )
    ada.clinic.owner.commit()
    with pytest.raises(errors.OverlappingTime):
        ada.stop(noon + 5 * MINUTE)
    ada.clinic.console.commit()
    assert ada.running() == timer


def test_voided_entry_stays_with_who_and_why_and_frees_its_span(ada: Any, noon: datetime) -> None:
    wrong = ada.by_hand(noon, noon + 10 * MINUTE)
    voided = ada.void(wrong.entry_id, noon + 20 * MINUTE)
    assert (voided.voided_by_name, voided.void_reason) == ("Ada", "Wrong patient.")
    assert voided.voided_at == noon + 20 * MINUTE
    right = ada.by_hand(
        noon,
        noon + 10 * MINUTE,
        at=noon + 21 * MINUTE,
        patient_id=ada.clinic.other_patient,
        replaces=wrong.entry_id,
    )
    assert right.replaces == wrong.entry_id
    march = time_log.entries_of_month(ada.cur, ada.clinic.practice_id, month.Month(2026, 3))
    assert {entry.entry_id for entry in march} == {wrong.entry_id, right.entry_id}
    with pytest.raises(errors.EntryVoided):
        ada.void(wrong.entry_id, noon + 30 * MINUTE)
    with pytest.raises(errors.UnknownEntry):
        ada.void(uuid4(), noon)


def test_only_ones_own_voided_entry_can_be_replaced(ada: Any, ben: Any, noon: datetime) -> None:
    entry = ada.by_hand(noon, noon + MINUTE)
    with pytest.raises(errors.EntryNotVoided):
        ada.by_hand(noon + MINUTE, noon + 2 * MINUTE, replaces=entry.entry_id)
    ada.void(entry.entry_id, noon + MINUTE)
    with pytest.raises(errors.EntryNotVoided):
        ben.by_hand(noon, noon + MINUTE, replaces=entry.entry_id)


@pytest.mark.parametrize("missing", ["note", "reason"])
def test_entry_by_hand_needs_words(ada: Any, noon: datetime, missing: str) -> None:
    with pytest.raises(errors.MissingWords):
        ada.by_hand(noon, noon + MINUTE, **{missing: " \n"})


def test_unknown_patient_task_or_person_is_said(ada: Any, noon: datetime) -> None:
    task_id = ada.clinic.open_task(ada.clinic.other_patient)
    for wrong in ({"patient_id": uuid4()}, {"task_id": uuid4()}, {"task_id": task_id}):
        with pytest.raises(errors.UnknownSubject):
            ada.start(noon, **wrong)
        with pytest.raises(errors.UnknownSubject):
            ada.by_hand(noon, noon + MINUTE, **wrong)
    ada.staff_id = uuid4()
    with pytest.raises(errors.UnknownSubject):
        ada.by_hand(noon, noon + MINUTE)
    assert ada.running() is None


def test_task_may_be_named_with_its_own_patient(ada: Any, noon: datetime) -> None:
    task_id = ada.clinic.open_task()
    timer, _ = ada.start(noon, task_id=task_id)
    assert timer.task_id == task_id
    assert ada.stop(noon + MINUTE).task_id == task_id


INSERT = (
    "insert into ccm.time_entry (practice_id, staff_id, staff_role, patient_id, activity,"
    " started_at, ended_at, note, entered, reason, entered_at, zone)"
    " select practice_id, staff_id, staff_role, patient_id, activity, {started_at}, {ended_at},"
    " note, entered, reason, {entered_at}, zone from ccm.time_entry limit 1"
)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        pytest.param(
            INSERT.format(started_at="started_at", ended_at="ended_at", entered_at="entered_at"),
            psycopg.errors.ExclusionViolation,
            id="overlap",
        ),
        pytest.param(
            INSERT.format(started_at="ended_at", ended_at="ended_at", entered_at="entered_at"),
            psycopg.errors.CheckViolation,
            id="no length",
        ),
        pytest.param(
            INSERT.format(
                started_at="ended_at",
                ended_at="ended_at + interval '481 minutes'",
                entered_at="ended_at + interval '1 day'",
            ),
            psycopg.errors.CheckViolation,
            id="longer than 8 hours",
        ),
        pytest.param(
            INSERT.format(
                started_at="ended_at",
                ended_at="ended_at + interval '10 minutes'",
                entered_at="ended_at",
            ),
            psycopg.errors.CheckViolation,
            id="in the future",
        ),
        pytest.param("delete from ccm.time_entry", psycopg.errors.RaiseException, id="delete"),
        pytest.param(
            "truncate ccm.time_entry cascade", psycopg.errors.RaiseException, id="truncate"
        ),
        pytest.param(
            "update ccm.time_entry set ended_at = ended_at - interval '1 second'",
            psycopg.errors.RaiseException,
            id="change of the span",
        ),
        pytest.param(
            "update ccm.time_entry set note = 'better'", psycopg.errors.RaiseException, id="note"
        ),
        pytest.param(
            "update ccm.time_entry set voided_at = null, voided_by = null, void_reason = null",
            psycopg.errors.RaiseException,
            id="taking a voiding back",
        ),
    ],
)
def test_database_itself_refuses(
    ada: Any, noon: datetime, statement: str, error: type[psycopg.Error]
) -> None:
    voided = ada.by_hand(noon - 10 * MINUTE, noon)
    ada.void(voided.entry_id, noon)
    ada.by_hand(noon - 10 * MINUTE, noon)
    ada.clinic.console.commit()
    with pytest.raises(error):  # the owner of the tables: no grant stands in the way
        ada.clinic.owner.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "delete from ccm.time_entry",
        "update ccm.time_entry set note = 'better'",
        "delete from ccm.discarded_timer",
        "delete from ccm.task",
        "delete from ccm.task_event",
        "delete from ccm.enrolment",
        "update ccm.enrolment set opened_at = now()",
        "delete from ccm.enrolment_event",
        "update ccm.enrolment_event set reason = 'better'",
        "delete from ccm.consent",
        "update ccm.consent set documented_at = now()",
        "update ccm.attestation set is_met = true",
        "update ccm.outreach set outcome = 'reached'",
    ],
)
def test_console_has_no_right_to(clinic: Any, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        clinic.console.execute(statement)
