from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import errors, ladders
from alerts.channels.message import Channel
from alerts.ladders import (
    Call,
    Called,
    Climb,
    Contact,
    Ladder,
    Nobody,
    People,
    Reason,
    Recipient,
    Rung,
    Whom,
)
from alerts.measures import Severity
from alerts.on_call import Duty, Schedule, Shift

BEGAN = datetime(2026, 11, 12, 15, 42, tzinfo=UTC)
CASEY, ROBIN, DANA = uuid4(), uuid4(), uuid4()
BOTH = (Channel.CONSOLE, Channel.EMAIL)
RUNGS = tuple(
    Rung(timedelta(minutes=minutes), whom, BOTH)
    for minutes, whom in (
        (0, Whom.OWNER),
        (10, Whom.COVER),
        (20, Whom.CLINICIAN_ON_CALL),
        (30, Whom.PRACTICE_LINE),
    )
)
REACHED, LOST = Called(None, is_given_up=False), Called(Nobody.NO_OWNER, is_given_up=False)
FAILED = Called(None, is_given_up=True)


def ladder(*rungs: Rung) -> Ladder:
    return Ladder(
        severity=Severity.URGENT,
        version=1,
        rungs=rungs or RUNGS,
        set_by=uuid4(),
        set_at=BEGAN,
        reason="r",
        since=BEGAN,
    )


def shift(duty: Duty, staff_id: UUID) -> Shift:
    return Shift(
        shift_id=uuid4(),
        duty=duty,
        staff_id=staff_id,
        starts_at=BEGAN - timedelta(days=1),
        ends_at=BEGAN + timedelta(days=1),
    )


def email_of(staff_id: UUID | None) -> Contact:
    return Contact(uuid4(), staff_id, Channel.EMAIL, "somebody@example.org")


EVERYBODY = People(
    schedule=Schedule(
        ZoneInfo("Europe/Berlin"), [shift(Duty.COVER, ROBIN), shift(Duty.CLINICIAN, DANA)]
    ),
    active=frozenset({CASEY, ROBIN, DANA}),
    contacts=[email_of(one) for one in (CASEY, ROBIN, DANA, None)],
    channels=frozenset({Channel.EMAIL}),
)


def climb(called: Mapping[int, Called] | None = None, **changes: Any) -> Climb:
    plain = Climb(began_at=BEGAN, is_waiting=True, owner=CASEY, called=called or {})
    return replace(plain, **changes)


def planned(
    minutes: float, where: Climb, people: People = EVERYBODY, by: Ladder | None = None
) -> ladders.Plan:
    return ladders.plan(by or ladder(), where, people, BEGAN + timedelta(minutes=minutes))


def rungs(plan: ladders.Plan) -> list[tuple[int, Reason]]:
    return [(call.number, call.reason) for call in plan.calls]


def test_the_rungs_are_called_one_after_the_other_as_time_goes_by() -> None:
    called: dict[int, Called] = {}
    told = []
    for minutes in (0, 5, 10, 20, 29, 30, 60):
        plan = planned(minutes, climb(called))
        told += [(minutes, call.number, call.whom, call.recipients) for call in plan.calls]
        called |= {call.number: REACHED for call in plan.calls}
    assert [(minutes, number) for minutes, number, *_ in told] == [
        (0, 1),
        (10, 2),
        (20, 3),
        (30, 4),
    ]
    for (*_, recipients), person, contact in zip(
        told, (CASEY, ROBIN, DANA, None), EVERYBODY.contacts, strict=True
    ):
        assert recipients == (
            Recipient(person, Channel.CONSOLE, None),
            Recipient(person, Channel.EMAIL, contact.contact_id),
        )


def test_it_says_when_to_look_again() -> None:
    assert planned(0, climb()).look_at == BEGAN + timedelta(minutes=10)
    assert planned(11, climb({1: REACHED, 2: REACHED})).look_at == BEGAN + timedelta(minutes=20)
    assert planned(31, climb(dict.fromkeys(range(1, 5), REACHED))).look_at is None


def test_nobody_is_called_about_what_somebody_has_taken_or_without_a_ladder() -> None:
    assert planned(60, climb(is_waiting=False)) == ladders.Plan((), None)
    assert ladders.plan(None, climb(), EVERYBODY, BEGAN) == ladders.Plan((), None)
    before = climb(began_at=BEGAN - timedelta(seconds=1))
    assert planned(0, before) == ladders.Plan((), None)


@pytest.mark.parametrize(
    ("where", "people", "nobody"),
    [
        (climb(owner=None), EVERYBODY, Nobody.NO_OWNER),
        (climb(), replace(EVERYBODY, active=frozenset({ROBIN})), Nobody.NO_OWNER),
        (climb(), replace(EVERYBODY, contacts=EVERYBODY.contacts[1:]), Nobody.NO_CONTACT),
    ],
)
def test_a_rung_that_reaches_nobody_is_noted_and_the_next_one_called_at_once(
    where: Climb, people: People, nobody: Nobody
) -> None:
    plan = planned(0, where, people)
    assert rungs(plan) == [(1, Reason.TIME), (2, Reason.NOBODY_BEFORE)]
    assert [call.nobody for call in plan.calls] == [nobody, None]
    # And where that was noted before anybody could call the next one, it is called now.
    assert rungs(planned(1, replace(where, called={1: LOST}), people)) == [
        (2, Reason.NOBODY_BEFORE)
    ]


def test_a_gap_in_the_schedule_falls_to_the_practice_line() -> None:
    gap = replace(EVERYBODY, schedule=Schedule(ZoneInfo("Europe/Berlin")))
    plan = planned(10, climb({1: REACHED}), gap)
    assert [(call.whom, call.nobody) for call in plan.calls] == [
        (Whom.COVER, Nobody.NOBODY_ON_DUTY),
        (Whom.CLINICIAN_ON_CALL, Nobody.NOBODY_ON_DUTY),
        (Whom.PRACTICE_LINE, None),
    ]


def test_a_rung_whose_messages_were_given_up_has_the_next_one_called_at_once() -> None:
    assert rungs(planned(4, climb({1: FAILED}))) == [(2, Reason.FAILED_BEFORE)]
    assert rungs(planned(4, climb({1: FAILED, 2: REACHED}))) == []


def test_after_a_standstill_all_rungs_are_called_whose_time_has_come() -> None:
    assert rungs(planned(25, climb())) == [(1, Reason.TIME), (2, Reason.TIME), (3, Reason.TIME)]


def test_a_person_who_is_to_be_reached_outside_is_not_reached_by_the_console_alone() -> None:
    switched_off = replace(EVERYBODY, channels=frozenset())
    (first, *_) = planned(0, climb(), switched_off).calls
    assert (first.recipients, first.nobody) == (
        (Recipient(CASEY, Channel.CONSOLE, None),),
        Nobody.NO_CONTACT,
    )
    console_only = ladder(
        Rung(timedelta(0), Whom.OWNER, (Channel.CONSOLE,)),
        Rung(timedelta(minutes=5), Whom.PRACTICE_LINE, (Channel.CONSOLE,)),
    )
    (first,) = planned(0, climb(), switched_off, console_only).calls
    assert first.nobody is None


@pytest.mark.parametrize(
    "wrong",
    [
        RUNGS[:3],  # nobody at its end who can always be called
        (RUNGS[3], RUNGS[3]),  # two at one time
        (replace(RUNGS[3], channels=()),),
        (replace(RUNGS[3], after=timedelta(minutes=-1)),),
        (replace(RUNGS[3], after=timedelta(days=8)),),
        tuple(replace(RUNGS[3], after=timedelta(minutes=n)) for n in range(6)),
    ],
)
def test_a_ladder_that_leads_nowhere_is_refused(wrong: tuple[Rung, ...]) -> None:
    with pytest.raises(errors.BadLadder):
        ladders.check(wrong)


def test_a_ladder_is_stored_and_read_as_it_is() -> None:
    assert ladders.check(RUNGS) == ladders.from_json(ladders.to_json(RUNGS)) == RUNGS
    assert ladders.check(()) == ()


people = st.builds(
    lambda active, contacts, on: People(
        schedule=Schedule(
            ZoneInfo("UTC"), [shift(duty, who) for duty, who in zip(Duty, on, strict=True) if who]
        ),
        active=frozenset(active),
        contacts=[one for one in EVERYBODY.contacts if one.staff_id in contacts],
        channels=frozenset({Channel.EMAIL}),
    ),
    st.sets(st.sampled_from([CASEY, ROBIN, DANA])),
    st.sets(st.sampled_from([CASEY, ROBIN, DANA, None])),
    st.tuples(*[st.sampled_from([None, ROBIN, DANA])] * 2),
)
looks = st.lists(st.integers(0, 90), min_size=1, max_size=6).map(sorted)


@given(people, looks, st.sets(st.integers(1, 4)), st.sampled_from([None, CASEY]))
def test_whenever_somebody_looks_each_rung_is_called_once_in_its_order_and_never_late(
    who: People, minutes: list[int], given_up: set[int], owner: UUID | None
) -> None:
    called: dict[int, Called] = {}
    calls: list[tuple[int, Call]] = []
    for minute in minutes:
        plan = planned(minute, climb(called, owner=owner), who)
        calls += [(minute, call) for call in plan.calls]
        called |= {
            call.number: Called(call.nobody, is_given_up=call.number in given_up)
            for call in plan.calls
        }
        # Whatever somebody was told to come back for is in the future.
        assert plan.look_at is None or plan.look_at > BEGAN + timedelta(minutes=minute)

    numbers = [call.number for _, call in calls]
    assert numbers == sorted(set(numbers)) == list(range(1, len(numbers) + 1))
    due = [
        n for n, rung in enumerate(RUNGS, start=1) if rung.after <= timedelta(minutes=minutes[-1])
    ]
    assert set(due) <= set(numbers)
    for minute, call in calls:
        is_early = RUNGS[call.number - 1].after > timedelta(minutes=minute)
        before = called.get(call.number - 1)
        was_lost = before is not None and (before.nobody is not None or before.is_given_up)
        assert not is_early or was_lost
        assert is_early == (call.reason is not Reason.TIME)
