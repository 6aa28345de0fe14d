"""The rules that the clock asks, on real homes: who is called once, who is not and why, and what watches do at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from alerts import (
    activation,
    agreements,
    clock_breaches,
    clock_watch,
    evaluator,
    quiet_hours,
    rule_set,
    silence_windows,
    store,
)
from alerts.clock_breaches import Told
from alerts.home_verdicts import ClockSilence
from alerts.missing_link import Link
from alerts.quiet_hours import QuietHours
from alerts.schedule import Schedule
from alerts.silence_windows import Cause, Whom
from ccm_link.care_side import CARE_SIDE
from ccm_link.registry import patient_standing
from firmware_profiles.readings import Kind
from firmware_profiles.wire_health import Bond, PeripheralHealth
from ingest import assignments, gateway_health, hearing, people, tenancy
from ingest.gateway_health import Heartbeat
from ingest.standing import NewStanding, Standing
from tests import gateway_heartbeat

pytestmark = [
    pytest.mark.db,
    pytest.mark.parametrize("database", ["partitions"], indirect=True),
]
GATEWAY, CUFF = "gw-aaaa1111", "AA:BB:CC:DD:EE:01"
MISSING, SILENT = "blood-pressure-missing", "gateway-silent"
STEP = clock_watch.ASK_EVERY


@dataclass
class House:
    """A home with one gateway and one cuff of two users, and the rules about silence in force for a month."""

    home: Any
    now: datetime
    is_heard: bool = True  # whether ingest hears its broker

    def speak(self, gateway_at: datetime | None = None, **changes: Any) -> None:
        """Let the gateway say how it and the cuff are."""
        at = gateway_at or self.now
        cuff = PeripheralHealth(
            CUFF, "standard-cuff", None, None, None, 80, None, Bond.BONDED, None, 0
        )
        health = replace(gateway_heartbeat.HEALTH, peripherals=(replace(cuff, **changes),))
        with self.home.owner.transaction(), self.home.owner.cursor() as cur:
            word = Heartbeat(self.home.practice_id, GATEWAY, at, at, "b" * 32, 0, health)
            cur.execute("delete from ingest.gateway_health")
            gateway_health.note(cur, [word])

    def measure(self, patient_id: UUID, *measured_ats: datetime) -> None:
        readings = [
            self.home.blood_pressure(patient_id=patient_id, measured_at=at) for at in measured_ats
        ]
        self.home.store(*readings)
        with (
            self.home.owner.transaction()
        ):  # as evaluators do; work that waits means that we are behind
            self.home.owner.execute("delete from ingest.evaluation_queue")

    def ask(self, later: timedelta = STEP) -> bool:
        """Let time pass and ask."""
        self.now += later
        if self.is_heard:
            with self.home.owner.transaction():
                self.home.owner.execute(
                    "update ingest.hearing set since_at = %s, until_at = %s",
                    (self.now - timedelta(days=20), self.now),
                )
        with tenancy.transaction(self.home.evaluator, self.home.practice_id) as cur:
            return clock_watch.ask(cur, self.home.practice_id, CARE_SIDE, self.now)

    def runs(self, patient_id: UUID | None = None) -> dict[str, Told]:
        """Return the newest run of each family of the patient."""
        with self.home.owner.transaction(), self.home.owner.cursor() as cur:
            found = clock_breaches.of_patient(
                cur,
                self.home.practice_id,
                patient_id or self.home.patient,
                self.now - timedelta(days=90),
            )
        return {one.family: one for one in reversed(found)}

    def events(self, patient_id: UUID | None = None) -> list[tuple[str, str]]:
        rows = self.home.owner.execute(
            "select family, event from alerts.episode_event join alerts.episode using (practice_id, episode_id)"
            " where patient_id = %s order by at, family",
            (patient_id or self.home.patient,),
        ).fetchall()
        self.home.owner.rollback()
        return list(rows)

    def tasks(self) -> int:
        found: int = self.home.count("select count(*) from ccm.task where status = 'open'")
        return found


@pytest.fixture
def house(home: Any, noon: datetime) -> House:
    begin = noon - timedelta(days=30)
    with home.owner.transaction(), home.owner.cursor() as cur:
        activation.activate(
            cur,
            home.practice_id,
            rule_set.shipped_set("silence"),
            clinician="Dr. Okafor",
            reason="test",
            at=begin,
        )
        cur.execute(
            "insert into ingest.gateway (gateway_id, practice_id, label, status, enrolled_at)"
            " values (%s, %s, 'Kitchen', 'active', %s)",
            (GATEWAY, home.practice_id, begin),
        )
        cuff = people.add_peripheral(
            cur, home.practice_id, bluetooth_address=CUFF, profile_id="standard-cuff"
        )
        for slot, patient_id in enumerate((home.patient, home.other_patient), start=1):
            assignments.assign(
                cur,
                home.practice_id,
                peripheral_id=cuff,
                user_slot=slot,
                patient_id=patient_id,
                valid_from=begin,
                assigned_by="test",
                at=begin,
            )
        # Only the first patient is expected to measure: the other one's own schedule says so.
        nothing = Schedule(Kind.BLOOD_PRESSURE, (), "test")
        agreements.agree(
            cur, home.practice_id, home.other_patient, nothing, set_by="x", reason="x", at=begin
        )
    house = House(home, noon)
    house.speak(heard_at=noon - timedelta(days=9))
    return house


def test_a_silent_cuff_is_told_once_and_marked_when_measurements_come_again(house: House) -> None:
    assert house.ask()
    told = house.runs()[MISSING]
    assert (told.link, told.silence, told.episode_id is not None) == (Link.PERIPHERAL, None, True)
    assert "28 of 28 agreed measurements of 7 days are missing" in told.sentence
    assert "not since 2026-03-01 13:00" in told.sentence
    assert house.tasks() == 1

    assert not house.ask(STEP / 2)  # it is not time yet
    for _ in range(3):
        assert house.ask()
    assert house.events() == [(MISSING, "opened")]

    # Yesterday evening's session was measured after all, and comes late.
    evening = house.now.replace(hour=19) - timedelta(days=1)
    house.measure(house.home.patient, evening, evening + timedelta(minutes=2))
    house.speak()
    house.ask()
    assert house.events() == [(MISSING, "opened"), (MISSING, "in_range")]
    assert house.runs()[MISSING].ended_at == house.now
    assert house.tasks() == 1  # who has it decides

    # This morning and evening are missing again: the same episode goes on.
    house.now += timedelta(days=1)
    house.speak(heard_at=house.now - timedelta(hours=1))
    house.ask()
    assert house.events()[2:] == [(MISSING, "breached_again")]
    assert (house.runs()[MISSING].link, house.tasks()) == (Link.PATIENT, 1)


def test_a_silent_gateway_speaks_for_the_home_and_once_for_all_who_live_there(house: House) -> None:
    house.speak(house.now - timedelta(days=3))
    house.ask()

    first, second = house.home.patient, house.home.other_patient
    missing = house.runs()[MISSING]
    assert (missing.link, missing.silence) == (Link.GATEWAY, ClockSilence.GATEWAY_SILENT)
    silences = {who: house.runs(who)[SILENT].silence for who in (first, second)}
    assert sorted(silences.values(), key=str) == [None, ClockSilence.TOLD_FOR_ANOTHER]
    assert house.tasks() == 1
    house.ask()
    assert house.events(first) + house.events(second) == [(SILENT, "opened")]

    # Whoever has the task completes it, and knows: nobody else of the home is told instead.
    with house.home.owner.transaction(), house.home.owner.cursor() as cur:
        cur.execute(
            "update alerts.episode set closed_at = %s where closed_at is null", (house.now,)
        )
    house.ask()
    assert house.events(first) + house.events(second) == [(SILENT, "opened")]
    with house.home.owner.transaction(), house.home.owner.cursor() as cur:
        cur.execute("update alerts.episode set closed_at = null")

    # The box is back and has heard nothing: now the missing readings are a matter of their own.
    house.speak()
    house.ask()
    assert house.runs()[MISSING].silence is None
    assert house.tasks() == 2
    assert [kind for _, kind in house.events(first) + house.events(second)].count("in_range") == 1


def test_nobody_is_called_in_a_window_or_in_quiet_hours_and_it_is_said_why(house: House) -> None:
    practice_id, patient = house.home.practice_id, house.home.patient
    with house.home.owner.transaction(), house.home.owner.cursor() as cur:
        window_id = silence_windows.add(
            cur,
            practice_id,
            Whom(patient_id=patient),
            from_at=house.now - timedelta(hours=1),
            until_at=house.now + timedelta(days=2),
            cause=Cause.TRAVEL,
            reason="At the sea.",
            set_by="Casey",
            at=house.now,
        )
        hours = QuietHours(time(18), time(8))
        quiet_hours.keep(cur, practice_id, hours, set_by="Casey", reason="Closed.", at=house.now)
    house.ask()
    assert house.runs()[MISSING].silence is ClockSilence.SILENCE_WINDOW
    assert house.tasks() == 0
    # Readings are judged as ever: neither the journey nor the hours know of them.
    urgent = house.home.blood_pressure(systolic_mmhg=195, measured_at=house.now)
    house.home.store(urgent)
    evaluator.evaluate_batch(
        house.home.evaluator, house.home.settings, CARE_SIDE, house.now.replace(hour=20)
    )
    assert house.home.count("select count(*) from ccm.task where severity = 'urgent'") == 1
    with house.home.owner.transaction(), house.home.owner.cursor() as cur:
        cur.execute("delete from ccm.task_event")
        cur.execute("delete from ccm.task")
        cur.execute("delete from ingest.reading_series")
    with house.home.owner.transaction(), house.home.owner.cursor() as cur:
        assert silence_windows.end(cur, practice_id, window_id, ended_by="Casey", at=house.now)

    house.now = house.now.replace(hour=19)  # 20:00 at the practice
    house.ask()
    assert house.runs()[MISSING].silence is ClockSilence.QUIET_HOURS
    house.ask(timedelta(hours=11, minutes=40))
    assert house.tasks() == 0
    house.ask(timedelta(minutes=20))  # 08:10
    assert (house.runs()[MISSING].silence, house.tasks()) == (None, 1)


def test_nobody_is_missed_who_is_not_active_and_what_was_missed_before_goes_on_no_more(
    house: House,
) -> None:
    practice_id, patient = house.home.practice_id, house.home.patient
    house.ask()
    assert (house.runs()[MISSING].ended_at, house.tasks()) == (None, 1)
    with house.home.owner.transaction(), house.home.owner.cursor() as cur:
        left = NewStanding(standing=Standing.INACTIVE, since_at=house.now)
        patient_standing.record(
            cur,
            practice_id,
            patient,
            left,
            seen=Standing.ACTIVE,
            reason="r",
            recorded_by="Casey",
            at=house.now,
        )
    assert house.runs()[MISSING].ended_at == house.now
    house.ask()
    assert (house.runs()[MISSING].ended_at is None, house.tasks()) == (False, 1)
    assert house.events() == [(MISSING, "opened"), (MISSING, "set_aside")]
    # Whoever lives there as well is looked after as ever, and the one who left is judged and calls nobody.
    urgent = house.home.blood_pressure(systolic_mmhg=195, measured_at=house.now)
    house.home.store(urgent)
    evaluator.evaluate_batch(house.home.evaluator, house.home.settings, CARE_SIDE, house.now)
    assert house.tasks() == 1
    assert house.home.count("select count(*) from alerts.breach where silence = 'not_active'") == 1


def test_our_own_silence_is_no_home_s(house: House) -> None:
    house.ask(timedelta())
    with house.home.owner.transaction():
        house.home.owner.execute("delete from alerts.clock_breach")
        house.home.owner.execute("update alerts.episode set closed_at = opened_at")
    house.is_heard = False
    house.ask(timedelta(days=3))
    deaf = house.runs()[MISSING]
    assert (deaf.link, deaf.silence) == (Link.SERVICE, ClockSilence.SERVICE_BEHIND)

    # It hears again, and the box has not spoken for longer than the limit: nobody knows whether it would have.
    conninfo = house.home.database.conninfo("homevitals_ingest")
    with psycopg.connect(conninfo, autocommit=True) as worker:
        for _ in range(10):
            house.now += timedelta(minutes=2)
            hearing.note(worker, house.now, is_connected=True)
    house.ask(timedelta(minutes=1))
    assert house.runs()[MISSING].link is Link.GATEWAY
    assert SILENT not in house.runs()


def test_what_goes_on_after_its_task_was_completed_calls_again_only_after_a_week(
    house: House,
) -> None:
    house.ask()
    (first,) = house.runs().values()
    assert first.episode_id is not None
    with house.home.owner.transaction(), house.home.owner.cursor() as cur:
        closed_at = house.now
        assert store.close_episode(
            cur, house.home.practice_id, first.episode_id, closed_by="Casey", at=closed_at, note="x"
        )
    for days in (1, 3):
        house.now = closed_at + timedelta(days=days)
        house.speak()
        house.ask()
    assert house.events() == [(MISSING, "opened"), (MISSING, "closed")]

    house.now = closed_at + clock_breaches.AGAIN_AFTER
    house.speak()
    house.ask()
    assert house.events()[2:] == [(MISSING, "opened")]
    assert house.runs()[MISSING].episode_id != first.episode_id


def test_watches_at_once_call_once_and_a_practice_that_fails_stops_no_other(house: House) -> None:
    with house.home.owner.transaction(), house.home.owner.cursor() as cur:
        broken = people.add_practice(cur, slug="broken", name="Broken", time_zone="Nowhere/None")
        tenancy.enter(cur, tenancy.Scope((broken, house.home.practice_id)))
        activation.activate(
            cur, broken, rule_set.shipped_set("silence"), clinician="x", reason="x", at=house.now
        )
        hours = QuietHours(time(18), time(8))
        quiet_hours.keep(cur, broken, hours, set_by="x", reason="x", at=house.now)
    start, counts = threading.Barrier(4), []
    at = house.now + STEP

    def watch() -> None:
        conninfo = house.home.database.conninfo("homevitals_alerts")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            start.wait()
            counts.append(clock_watch.ask_all(connection, CARE_SIDE, at))

    watches = [threading.Thread(target=watch) for _ in range(4)]
    for one in watches:
        one.start()
    for one in watches:
        one.join()
    assert sum(counts) == 1
    assert (house.events(), house.tasks()) == ([(MISSING, "opened")], 1)
    failed = "select count(*) from alerts.watch where failed_at is not null"
    assert house.home.count(failed) == 1
