"""Timers that wait, are cut where nothing was seen, outlive crashes, and give back what was dropped for a reason."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from ccm_link import errors, work
from ccm_link.minutes import contact, time_errors, time_log, timers
from ccm_link.minutes.contact import Contact, Counterpart, Method, Outcome
from ccm_link.minutes.time_entry import Entered, Limits

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
LIMITS = Limits(timedelta(hours=2), idle=10 * MINUTE)


class Person:
    """Ada at her desk, in one transaction after the other."""

    def __init__(self, clinic: Any, cur: Any) -> None:
        self.clinic, self.cur = clinic, cur
        self.who = (cur, clinic.practice_id, clinic.ada)

    def start(self, at: datetime) -> Any:
        return timers.start(
            *self.who,
            self.clinic.patient,
            program="ccm",
            activity=work.Activity.PHONE_CALL,
            at=at,
            limits=LIMITS,
        )

    def see(self, at: datetime) -> Any:
        return timers.see(*self.who, at=at, limits=LIMITS)

    def pause(self, at: datetime) -> Any:
        return timers.pause(*self.who, at=at, limits=LIMITS)

    def resume(self, at: datetime) -> Any:
        return timers.resume(*self.who, at=at)

    def stop(self, at: datetime, **changes: Any) -> Any:
        arguments: dict[str, Any] = {"note": "Talked.", "limits": LIMITS} | changes
        return timers.stop(*self.who, at=at, **arguments)

    def work_until(self, from_at: datetime, until_at: datetime) -> None:
        at = from_at
        while at < until_at:
            at = min(at + 5 * MINUTE, until_at)
            self.see(at)


@pytest.fixture
def ada(clinic: Any) -> Any:
    with clinic.console.cursor() as cur:
        yield Person(clinic, cur)


def spans(ended: Any) -> list[tuple[datetime, datetime]]:
    return [(one.started_at, one.ended_at) for one in ended.entries]


def test_pauses_part_a_timer_into_entries_that_know_each_other(ada: Any, noon: datetime) -> None:
    ada.start(noon)
    waiting = ada.pause(noon + 3 * MINUTE)
    assert waiting.seconds(noon + 8 * MINUTE) == 180
    with pytest.raises(time_errors.TimerState):
        ada.pause(noon + 4 * MINUTE)
    ada.resume(noon + 20 * MINUTE)
    with pytest.raises(time_errors.TimerState):
        ada.resume(noon + 20 * MINUTE)
    call = Contact(Method.PHONE, Counterpart.PATIENT, Outcome.REACHED)
    ended = ada.stop(noon + 25 * MINUTE, made=call)
    assert spans(ended) == [
        (noon, noon + 3 * MINUTE),
        (noon + 20 * MINUTE, noon + 25 * MINUTE),
    ]
    assert {one.timer_id for one in ended.entries} == {ended.timer.timer_id}
    assert {one.contact for one in ended.entries} == {call}
    assert {(one.dropped_s, one.note) for one in ended.entries} == {(0, "Talked.")}


def test_the_end_of_a_forgotten_timer_is_told_from_where_it_last_went_on(
    ada: Any, noon: datetime
) -> None:
    ada.start(noon)
    ada.pause(noon + 3 * MINUTE)
    ada.resume(noon + 1200 * MINUTE)
    never_cut = {"limits": Limits(timedelta(hours=2))}
    with pytest.raises(errors.TimerTooLong):
        ada.stop(noon + 1400 * MINUTE, **never_cut)
    for wrong in (noon, noon + 1401 * MINUTE):
        with pytest.raises(errors.BadInterval):
            ada.stop(noon + 1400 * MINUTE, ended_at=wrong, **never_cut)
    ended = ada.stop(noon + 1400 * MINUTE, ended_at=noon + 1210 * MINUTE, **never_cut)
    assert [one.seconds for one in ended.entries] == [180, 600]


def test_waiting_timer_can_be_stopped_and_leaves_room_for_other_work(
    ada: Any, noon: datetime
) -> None:
    ada.start(noon)
    ada.pause(noon + 3 * MINUTE)
    other = {
        "program": None,
        "activity": work.Activity.REFERRAL,
        "note": "n",
        "reason": "r",
        "at": noon + 9 * MINUTE,
    }
    with pytest.raises(errors.OverlappingTime, match="your running timer"):
        time_log.add_by_hand(
            *ada.who,
            ada.clinic.patient,
            started_at=noon + 2 * MINUTE,
            ended_at=noon + 4 * MINUTE,
            **other,
        )
    time_log.add_by_hand(
        *ada.who,
        ada.clinic.patient,
        started_at=noon + 3 * MINUTE,
        ended_at=noon + 4 * MINUTE,
        **other,
    )
    assert spans(ada.stop(noon + 9 * MINUTE)) == [(noon, noon + 3 * MINUTE)]


def test_signs_of_work_keep_a_timer_running(ada: Any, noon: datetime) -> None:
    ada.start(noon)
    ada.work_until(noon, noon + 45 * MINUTE)
    assert ada.see(noon + 55 * MINUTE) is None  # exactly the limit
    ended = ada.stop(noon + 60 * MINUTE)
    assert spans(ended) == [(noon, noon + 60 * MINUTE)]
    assert ended.timer.dropped_s == 0


def test_timer_is_cut_at_the_last_sign_and_waits(ada: Any, noon: datetime) -> None:
    ada.start(noon)
    ada.work_until(noon, noon + 5 * MINUTE)
    back = noon + 15 * MINUTE + SECOND
    halted = ada.see(back)
    assert (halted.is_idle, halted.paused_at, halted.dropped_s) == (True, back, 601)
    assert ada.see(back + 40 * MINUTE) is None  # it waits; nothing more is dropped
    ada.resume(back + MINUTE)
    ended = ada.stop(back + 3 * MINUTE)
    assert spans(ended) == [
        (noon, noon + 5 * MINUTE),
        (back + MINUTE, back + 3 * MINUTE),
    ]
    assert {one.dropped_s for one in ended.entries} == {601}


def test_whoever_stops_after_too_long_gets_what_was_seen(ada: Any, noon: datetime) -> None:
    ada.start(noon)
    ada.work_until(noon, noon + 4 * MINUTE)
    ended = ada.stop(noon + timedelta(hours=20))
    assert spans(ended) == [(noon, noon + 4 * MINUTE)]
    assert ended.timer.dropped_s == 20 * 3600 - 240


def test_timer_of_which_nothing_was_seen_is_kept_as_discarded(ada: Any, noon: datetime) -> None:
    ada.start(noon)
    ended = ada.stop(noon + 30 * MINUTE)
    assert (ended.entries, ended.discarded_because) == (
        (),
        "No sign of work was seen while it ran.",
    )
    ada.cur.execute("select worked_s, reason from ccm.discarded_timer")
    assert ada.cur.fetchall() == [(0, ended.discarded_because)]
    (dropped,) = timers.dropped(*ada.who, noon + 31 * MINUTE)
    assert (dropped.from_at, dropped.until_at) == (noon, noon + 30 * MINUTE)


def test_dropped_seconds_are_claimed_back_once_by_hand_and_with_a_reason(
    ada: Any, noon: datetime
) -> None:
    ada.start(noon)
    ended = ada.stop(noon + 30 * MINUTE)
    (dropped,) = timers.dropped(*ada.who, noon + 31 * MINUTE)
    claim = {
        "program": "ccm",
        "activity": work.Activity.PHONE_CALL,
        "note": "Long call.",
        "at": noon + 31 * MINUTE,
        "made": contact.CHART_WORK,
    }
    with pytest.raises(errors.MissingWords):
        time_log.claim_dropped(ada.cur, dropped, reason=" ", **claim)
    entry = time_log.claim_dropped(ada.cur, dropped, reason="The call took long.", **claim)
    assert (entry.entered, entry.seconds, entry.reason) == (
        Entered.BY_HAND,
        1800,
        "The call took long.",
    )
    assert (entry.timer_id, entry.claims_dropped_id) == (
        ended.timer.timer_id,
        dropped.dropped_id,
    )
    with pytest.raises((time_errors.UnknownDroppedTime, errors.OverlappingTime)):
        time_log.claim_dropped(ada.cur, dropped, reason="Again.", **claim)
    (shown,) = timers.dropped(*ada.who, noon + 31 * MINUTE)
    assert shown.claimed_by == entry.entry_id


def test_end_that_is_said_leaves_out_what_lies_behind_it(ada: Any, noon: datetime) -> None:
    ada.start(noon)
    ada.pause(noon + 3 * MINUTE)
    ada.resume(noon + 5 * MINUTE)
    ended = ada.stop(noon + 12 * MINUTE, ended_at=noon + 6 * MINUTE)
    assert spans(ended) == [(noon, noon + 3 * MINUTE), (noon + 5 * MINUTE, noon + 6 * MINUTE)]


def test_timer_outlives_everything_that_served_it(clinic: Any, noon: datetime) -> None:
    first = clinic.database.connect("homevitals_console", clinic.practice_id)
    person = Person(clinic, first.cursor())
    person.start(noon)
    first.commit()
    person.pause(noon + 2 * MINUTE)
    with clinic.database.connect("postgres") as admin:
        admin.execute("select pg_terminate_backend(%s)", (first.info.backend_pid,))
    first.close()  # what was not committed is gone, the timer is not
    with (
        clinic.database.connect("homevitals_console", clinic.practice_id) as second,
        second.cursor() as cur,
    ):
        person = Person(clinic, cur)
        timer = timers.running(*person.who)
        assert timer is not None
        assert (timer.started_at, timer.paused_at) == (noon, None)
        assert spans(person.stop(noon + 9 * MINUTE)) == [(noon, noon + 9 * MINUTE)]


def test_two_requests_that_come_back_at_once_drop_the_seconds_once(
    clinic: Any, noon: datetime
) -> None:
    with clinic.console.cursor() as cur:
        Person(clinic, cur).start(noon)
    clinic.console.commit()
    together = threading.Barrier(2)

    def come_back() -> None:
        with clinic.database.connect("homevitals_console", clinic.practice_id) as connection:
            together.wait()
            with connection.cursor() as cur:
                Person(clinic, cur).see(noon + 30 * MINUTE)
            connection.commit()

    threads = [threading.Thread(target=come_back) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with clinic.console.cursor() as cur:
        cur.execute("select extract(epoch from until_at - from_at)::integer from ccm.dropped_time")
        assert cur.fetchall() == [(1800,)]


@pytest.mark.parametrize(
    ("started_at", "seconds"),
    [
        pytest.param("2026-03-08T06:50:00+00:00", 1200, id="spring: 1:50 to 3:10 by the clocks"),
        pytest.param("2026-11-01T05:50:00+00:00", 1200, id="autumn: 1:50 to 1:10 by the clocks"),
        pytest.param("2026-04-01T03:50:00+00:00", 1200, id="over the midnight of a month's end"),
    ],
)
def test_elapsed_seconds_count_whatever_clocks_show(
    ada: Any, started_at: str, seconds: int
) -> None:
    at = datetime.fromisoformat(started_at)
    ada.start(at)
    ada.work_until(at, at + 20 * MINUTE)
    (entry,) = ada.stop(at + 20 * MINUTE).entries
    assert (entry.seconds, entry.zone) == (seconds, "America/New_York")
