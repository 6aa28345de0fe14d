"""Which link is missing, from what was heard of each and when; what nobody knows is unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from alerts import missing_link
from alerts.homes import Gateway, Home, Peripheral
from alerts.missing_link import Diagnosis, Link, OwnService
from firmware_profiles.readings import Kind
from firmware_profiles.wire_record import GatewayClock
from ingest.hearing import Hearing

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
EVENING = (NOW - timedelta(hours=19), NOW - timedelta(hours=13))
DAY = timedelta(days=1)
HEARS = Hearing(NOW - 30 * DAY, NOW)
WELL = OwnService(HEARS, None)
BOX = Gateway("gw-aaaa1111", "Kitchen", NOW, GatewayClock.SYNCHRONISED, 0.0, 0, None)
CUFF = Peripheral(
    uuid4(), (Kind.BLOOD_PRESSURE,), NOW - 90 * DAY, NOW - 5 * DAY, NOW - 5 * DAY, None, None, 0, None, BOX
)  # fmt: skip
HOME = Home(uuid4(), ZoneInfo("Europe/Berlin"), (CUFF,))


def diagnose(home: Home = HOME, service: OwnService = WELL) -> Diagnosis:
    return missing_link.diagnose(home, Kind.BLOOD_PRESSURE, EVENING, service, NOW)


def with_cuff(*others: Peripheral, gateway: Gateway | None = BOX, **changes: object) -> Home:
    changed = replace(CUFF, gateway=gateway, **changes)  # type: ignore[arg-type]
    return replace(HOME, peripherals=(changed, *others))


@pytest.mark.parametrize(
    ("home", "link", "told"),
    [
        (HOME, Link.PERIPHERAL, "not since 2026-03-05 13:00"),
        (with_cuff(heard_at=None, talked_at=None), Link.PERIPHERAL, "has heard the cuff never"),
        (with_cuff(heard_at=EVENING[0]), Link.PATIENT, "did not measure"),
        (with_cuff(talked_at=NOW, battery_percent=9), Link.PATIENT, "battery was at 9 %"),
        (
            with_cuff(heard_at=NOW, failures=4, failed_at=NOW),
            Link.CONVERSATION,
            "4 failed in a row",
        ),
        (with_cuff(failures=4, failed_at=NOW - 3 * DAY), Link.PERIPHERAL, "out of reach"),
        (
            with_cuff(gateway=replace(BOX, heard_at=EVENING[1] - timedelta(minutes=1))),
            Link.GATEWAY,
            "“Kitchen” has said nothing since 2026-03-09 23:59",
        ),
        # It spoke after the evening was over: whatever is wrong with it now, it is not why.
        (with_cuff(gateway=replace(BOX, heard_at=EVENING[1])), Link.PERIPHERAL, "not since"),
        (
            with_cuff(gateway=replace(BOX, waiting_records=3, waits_s=3600.0)),
            Link.SERVICE,
            "holds 3 records",
        ),
        (with_cuff(gateway=replace(BOX, waiting_records=3, waits_s=60.0)), Link.PERIPHERAL, "not"),
        (with_cuff(gateway=None), Link.UNKNOWN, "No gateway that is trusted"),
        (with_cuff(gateway=replace(BOX, heard_at=None)), Link.UNKNOWN, "No gateway"),
        (replace(HOME, peripherals=()), Link.NO_PERIPHERAL, "No cuff"),
        (with_cuff(kinds=(Kind.GLUCOSE,)), Link.NO_PERIPHERAL, "No cuff"),
        # Of two cuffs the one that was last in contact is asked about.
        (with_cuff(replace(CUFF, talked_at=NOW)), Link.PATIENT, "did not measure"),
    ],
)
def test_the_missing_link_is_told_from_what_was_heard(home: Home, link: Link, told: str) -> None:
    found = diagnose(home)
    assert found.link is link
    assert told in found.sentence
    assert found.next_step.endswith(".")


@pytest.mark.parametrize(
    ("service", "link", "told"),
    [
        (OwnService(replace(HEARS, until_at=NOW - timedelta(minutes=6)), None), Link.SERVICE, "not heard its broker"),
        (OwnService(replace(HEARS, until_at=NOW - timedelta(minutes=4)), None), Link.PERIPHERAL, ""),
        (OwnService(replace(HEARS, since_at=NOW - timedelta(minutes=14)), None), Link.SERVICE, "still arriving"),
        (OwnService(replace(HEARS, since_at=NOW - timedelta(minutes=16)), None), Link.PERIPHERAL, ""),
        (OwnService(HEARS, NOW - timedelta(minutes=11)), Link.SERVICE, "wait for evaluation"),
        (OwnService(HEARS, NOW - timedelta(minutes=9)), Link.PERIPHERAL, ""),
        (OwnService(None, None), Link.UNKNOWN, "Nobody knows"),
    ],
)  # fmt: skip
def test_nothing_is_said_of_a_home_while_we_are_behind(
    service: OwnService, link: Link, told: str
) -> None:
    found = diagnose(service=service)
    assert found.link is link
    assert told in found.sentence
