"""What is known of each peripheral, what a restart remembers, and what stays unknown."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from firmware_profiles.wire_health import Bond, PeripheralHealth, Trouble
from gateway.outbox import Outbox
from gateway.roll_call import RollCall

CUFF = "C4:65:1B:00:00:01"
METER = "C4:65:1B:00:00:02"
UNKNOWN = PeripheralHealth(
    CUFF, None, None, None, None, None, None, bond=Bond.UNKNOWN, failure=None, failures=0
)


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock(at: datetime) -> Clock:
    return Clock(at)


@pytest.fixture
def roll_call(outbox: Outbox, clock: Clock) -> RollCall:
    return RollCall(outbox, lambda _: Bond.UNKNOWN, clock)


def test_everything_is_unknown_when_nothing_was_heard(roll_call: RollCall) -> None:
    assert roll_call.report([CUFF]) == (UNKNOWN,)


def test_report_says_what_was_heard_and_read_when_a_conversation_went_well(
    roll_call: RollCall, clock: Clock, at: datetime
) -> None:
    roll_call.heard(CUFF, -71)
    clock.at = at + timedelta(seconds=5)
    roll_call.battery(CUFF, 80)
    roll_call.talked(CUFF, "standard-cuff")
    (one,) = roll_call.report([CUFF])
    assert (one.heard_at, one.rssi_dbm) == (at, -71)
    assert (one.profile_id, one.talked_at) == ("standard-cuff", clock.at)
    assert (one.battery_percent, one.battery_at) == (80, clock.at)


@pytest.mark.parametrize("rssi_dbm", [127, -128, None])
def test_loudness_stays_unknown_when_the_adapter_does_not_know_it(
    roll_call: RollCall, rssi_dbm: int | None
) -> None:
    roll_call.heard(CUFF, rssi_dbm)
    assert roll_call.report([CUFF])[0].rssi_dbm is None


def test_battery_stays_unknown_when_the_level_is_none(roll_call: RollCall) -> None:
    roll_call.battery(CUFF, 255)
    roll_call.talked(CUFF, "standard-cuff")
    assert roll_call.report([CUFF])[0].battery_percent is None


def test_failures_are_counted_until_a_conversation_goes_well(
    roll_call: RollCall, clock: Clock, at: datetime
) -> None:
    roll_call.failed(CUFF, "link_lost")
    clock.at = at + timedelta(minutes=1)
    roll_call.failed(CUFF, "too_slow")
    (one,) = roll_call.report([CUFF])
    assert (one.failure, one.failures) == (Trouble("too_slow", clock.at), 2)
    roll_call.talked(CUFF, "standard-cuff")
    (one,) = roll_call.report([CUFF])
    assert (one.failure, one.failures) == (None, 0)


def test_conversations_are_remembered_when_the_process_starts_again(
    tmp_path: Path, clock: Clock, at: datetime
) -> None:
    outbox = Outbox(tmp_path, at)
    first = RollCall(outbox, lambda _: Bond.BONDED, clock)
    first.heard(CUFF, -60)
    first.battery(CUFF, 55)
    first.talked(CUFF, "standard-cuff")
    second = RollCall(outbox, lambda _: Bond.BONDED, clock)
    (one,) = second.report([CUFF])
    assert (one.heard_at, one.rssi_dbm, one.battery_percent, one.talked_at) == (None, -60, 55, at)
    assert one.bond is Bond.BONDED
    outbox.close()


def test_only_those_of_this_home_are_reported_when_others_were_here_before(
    roll_call: RollCall,
) -> None:
    roll_call.heard(METER, -50)
    roll_call.talked(METER, "standard-glucometer")
    assert [one.peripheral for one in roll_call.report([CUFF])] == [CUFF]
