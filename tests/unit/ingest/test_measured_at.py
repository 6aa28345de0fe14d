from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.wire import GatewayClock
from ingest.measured_at import (
    DEVICE_AHEAD,
    DEVICE_BEHIND,
    DEVICE_UNCHECKED,
    GATEWAY_AHEAD,
    GATEWAY_BEHIND,
    Clocks,
    Estimate,
    TimeMethod,
    TimeQuality,
    estimate,
    moved,
)

# Summer time in Berlin: from 2026-03-29 01:00 UTC (02:00 becomes 03:00)
#                     until 2026-10-25 01:00 UTC (03:00 becomes 02:00)
BERLIN = "Europe/Berlin"
RECEIVED = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

CORRECTED, AS_IT_IS = TimeMethod.DEVICE_CLOCK_CORRECTED, TimeMethod.DEVICE_CLOCK
AT_GATEWAY, AT_INGEST = TimeMethod.GATEWAY_RECEIPT, TimeMethod.INGEST_RECEIPT
GOOD, UNCERTAIN, UNKNOWN = TimeQuality.GOOD, TimeQuality.UNCERTAIN, TimeQuality.UNKNOWN


def clocks(device: str | None, offset_s: float | None = 0.0, **changes: Any) -> Clocks:
    fields: dict[str, Any] = {
        "device_time": None if device is None else datetime.fromisoformat(device),
        "device_clock_offset_s": offset_s,
        "time_zone": "UTC",
        "gateway_received_at": RECEIVED,
        "gateway_clock": GatewayClock.SYNCHRONISED,
    }
    fields |= changes
    fields.setdefault("ingest_received_at", fields["gateway_received_at"] + SECOND)
    # By default the message waited for an hour: its arrival says nothing about the gateway's clock.
    fields.setdefault("gateway_sent_at", fields["gateway_received_at"] - 3600 * SECOND)
    return Clocks(**fields)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def receipt(text: str) -> dict[str, datetime]:
    return {"gateway_received_at": utc(text)}


@pytest.mark.parametrize(
    ("given_clocks", "expected"),
    [
        pytest.param(
            clocks("2026-03-10 11:58:00"),
            Estimate(utc("2026-03-10 11:58"), CORRECTED, GOOD),
            id="the clocks agree",
        ),
        pytest.param(
            # 11:50 + 480 s
            clocks("2026-03-10 11:50:00", 480.0),
            Estimate(utc("2026-03-10 11:58"), CORRECTED, GOOD),
            id="the device is eight minutes behind",
        ),
        pytest.param(
            # from 2020-01-01 00:10 it is 2260 days, 11 h 48 min to 11:58 on 2026-03-10
            clocks("2020-01-01 00:10:00", (2260 * 24 + 11.8) * 3600),
            Estimate(utc("2026-03-10 11:58"), CORRECTED, GOOD),
            id="the device was never set",
        ),
        pytest.param(
            clocks("2026-03-10 12:58:00", time_zone=BERLIN),
            Estimate(utc("2026-03-10 11:58"), CORRECTED, GOOD),
            id="a zone ahead of UTC",
        ),
        pytest.param(
            clocks("2026-03-10 11:58:00", gateway_clock=GatewayClock.UNSYNCHRONISED),
            Estimate(utc("2026-03-10 11:58"), CORRECTED, UNCERTAIN),
            id="corrected by a gateway without network time",
        ),
        pytest.param(
            clocks("2026-03-10 11:58:00", gateway_clock=GatewayClock.UNKNOWN),
            Estimate(utc("2026-03-10 11:58"), CORRECTED, UNCERTAIN),
            id="corrected by a gateway that does not know its clock",
        ),
        pytest.param(
            # On Saturday 20:00 CET is 19:00 UTC. On Sunday the device still runs on CET: + 3600 s.
            clocks("2026-03-28 20:00:00", 3600.0, time_zone=BERLIN, **receipt("2026-03-29 06:00")),
            Estimate(utc("2026-03-28 19:00"), CORRECTED, UNCERTAIN),
            id="summer time began before the device was read",
        ),
        pytest.param(
            # On Saturday 20:00 CEST is 18:00 UTC. On Sunday the device still runs on CEST: - 3600 s.
            clocks("2026-10-24 20:00:00", -3600.0, time_zone=BERLIN, **receipt("2026-10-25 07:00")),
            Estimate(utc("2026-10-24 18:00"), CORRECTED, UNCERTAIN),
            id="summer time ended before the device was read",
        ),
        pytest.param(
            clocks("2026-10-25 02:30:00", time_zone=BERLIN, **receipt("2026-10-25 00:31")),
            Estimate(utc("2026-10-25 00:30"), CORRECTED, GOOD),
            id="in the repeated hour, read the first time round",
        ),
        pytest.param(
            clocks("2026-10-25 02:30:00", time_zone=BERLIN, **receipt("2026-10-25 01:31")),
            Estimate(utc("2026-10-25 01:30"), CORRECTED, GOOD),
            id="in the repeated hour, read the second time round",
        ),
        pytest.param(
            clocks("2026-03-10 11:58:00", None),
            Estimate(utc("2026-03-10 11:58"), AS_IT_IS, GOOD),
            id="not readable, plausible",
        ),
        pytest.param(
            clocks("2026-03-10 11:58:00", None, gateway_clock=GatewayClock.UNSYNCHRONISED),
            Estimate(utc("2026-03-10 11:58"), AS_IT_IS, UNCERTAIN),
            id="not readable, and nothing good to compare it with",
        ),
        pytest.param(
            clocks("2026-02-06 12:00:00", None),
            Estimate(utc("2026-02-06 12:00"), AS_IT_IS, UNCERTAIN),
            id="not readable, and more than a month back",
        ),
        pytest.param(
            clocks("2026-03-29 02:30:00", None, time_zone=BERLIN, **receipt("2026-03-29 06:00")),
            # 02:30 does not exist: 01:30 UTC as CET, 00:30 UTC as CEST
            Estimate(utc("2026-03-29 01:30"), AS_IT_IS, UNCERTAIN),
            id="not readable, in the skipped hour",
        ),
        pytest.param(
            clocks("2026-10-25 02:30:00", None, time_zone=BERLIN, **receipt("2026-10-25 08:00")),
            Estimate(utc("2026-10-25 01:30"), AS_IT_IS, UNCERTAIN),
            id="not readable, in the repeated hour",
        ),
        pytest.param(
            clocks("2026-10-25 02:30:00", None, time_zone=BERLIN, **receipt("2026-10-25 00:31")),
            Estimate(utc("2026-10-25 00:30"), AS_IT_IS, UNCERTAIN),
            id="not readable, in the repeated hour, whose second round is still to come",
        ),
        pytest.param(
            clocks("2026-03-10 11:58:00", is_mended=True),
            Estimate(utc("2026-03-10 11:58"), CORRECTED, UNCERTAIN),
            id="a month that was mended",
        ),
        pytest.param(
            clocks("2000-01-01 00:00:00", None),
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN),
            id="an unset clock that nobody can read",
        ),
        pytest.param(
            clocks("2000-01-01 00:10:00", 9565 * 86_400.0),  # 9565 days from there to 2026-03-10
            Estimate(utc("2026-03-10 00:10"), CORRECTED, GOOD),
            id="an unset clock that was read",
        ),
        pytest.param(
            clocks("2026-03-09 08:00:00", 9565 * 86_400.0),
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN),
            id="a record from before the clock lost its time",
        ),
        pytest.param(
            clocks("2037-01-01 00:00:00"), Estimate(RECEIVED, AT_GATEWAY, UNKNOWN), id="year 2037"
        ),
        pytest.param(clocks(None), Estimate(RECEIVED, AT_GATEWAY, UNKNOWN), id="no device time"),
        pytest.param(
            clocks("2026-03-10 11:58:00", time_zone="Mars/Olympus_Mons"),
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN),
            id="a zone that does not exist",
        ),
        pytest.param(
            clocks("2026-03-10 11:58:00", time_zone="America"),
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN),
            id="a folder of zones",
        ),
        pytest.param(
            clocks("9999-12-31 23:59:00", 3600.0),
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN),
            id="corrected beyond the calendar",
        ),
        pytest.param(
            clocks("2026-03-10 11:58:00", 3.2e11),
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN),
            id="an offset of ten thousand years",
        ),
        pytest.param(
            clocks("2033-01-01 08:00:00", None),
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN),
            id="a clock in the future",
        ),
        pytest.param(
            clocks("2015-01-01 00:00:00", None),
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN),
            id="a clock that started again in the year of its production",
        ),
    ],
)
def test_estimate_names_method_and_quality_when_clocks_say(
    given_clocks: Clocks, expected: Estimate
) -> None:
    assert estimate(given_clocks) == expected


@pytest.mark.parametrize("offset_s", [0.0, None], ids=["corrected", "as it is"])
@pytest.mark.parametrize(
    ("age", "is_believed"),
    [
        (-DEVICE_AHEAD, True),
        (-DEVICE_AHEAD - SECOND, False),
        (DEVICE_BEHIND, True),
        (DEVICE_BEHIND + SECOND, False),
    ],
    ids=["ten minutes ahead", "more ahead", "five years behind", "more behind"],
)
def test_device_clock_is_believed_up_to_its_limits_when_compared_with_receipt(
    age: timedelta, is_believed: bool, offset_s: float | None
) -> None:
    device_time = (RECEIVED - age).replace(tzinfo=None)

    found = estimate(clocks(device_time.isoformat(), offset_s))

    assert (found.method is not AT_GATEWAY) == is_believed
    assert found.measured_at == (RECEIVED - age if is_believed else RECEIVED)


@pytest.mark.parametrize(
    ("age", "quality"),
    [(DEVICE_UNCHECKED, GOOD), (DEVICE_UNCHECKED + SECOND, UNCERTAIN)],
    ids=["a month", "more"],
)
def test_unchecked_clock_is_good_for_a_month_when_it_is_plausible(
    age: timedelta, quality: TimeQuality
) -> None:
    device_time = (RECEIVED - age).replace(tzinfo=None)

    assert estimate(clocks(device_time.isoformat(), None)).quality is quality


@pytest.mark.parametrize(
    ("ahead", "is_believed"),
    [
        (GATEWAY_AHEAD, True),
        (GATEWAY_AHEAD + SECOND, False),
        (-GATEWAY_BEHIND, True),
        (-GATEWAY_BEHIND - SECOND, False),
    ],
    ids=["five minutes ahead", "more ahead", "400 days behind", "more behind"],
)
def test_gateway_clock_is_believed_up_to_its_limits_when_compared_with_ours(
    ahead: timedelta, is_believed: bool
) -> None:
    ours = RECEIVED - ahead

    found = estimate(clocks("2026-03-10 11:58:00", ingest_received_at=ours))

    expected = Estimate(utc("2026-03-10 11:58"), CORRECTED, GOOD)
    assert found == (expected if is_believed else Estimate(ours, AT_INGEST, UNKNOWN))


@given(
    truth=st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - naive UTC
    wait=st.timedeltas(timedelta(0), timedelta(days=200)),
    error_s=st.integers(-(10**9), 10**9),
    zone=st.sampled_from(
        ["UTC", BERLIN, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
    ),
)
def test_correction_finds_the_instant_when_a_wrong_clock_ran_on_undisturbed(
    truth: datetime, wait: timedelta, error_s: int, zone: str
) -> None:
    measured = truth.replace(tzinfo=UTC, microsecond=0)
    received = measured + wait
    # The clock shows what it was set to, plus the time that passed: it knows no summer time.
    wall_at_receipt = received.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    device_at_receipt = wall_at_receipt + timedelta(seconds=error_s)
    device_at_measurement = device_at_receipt - wait

    found = estimate(
        clocks(
            device_at_measurement.isoformat(),
            -float(error_s),
            time_zone=zone,
            gateway_received_at=received,
        )
    )

    assert (found.measured_at, found.method) == (measured, CORRECTED)
    assert found.measured_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("sent_after_s", "arrived_after_s", "quality"),
    [
        pytest.param(0, 0, GOOD, id="sent and arrived at once"),
        pytest.param(5, 35, GOOD, id="arrived at the edge of agreement"),
        pytest.param(5, 36, UNCERTAIN, id="arrived too late to agree"),
        pytest.param(5, -25, GOOD, id="ahead at the edge of agreement"),
        pytest.param(5, -26, UNCERTAIN, id="too far ahead to agree"),
        pytest.param(600, 601, GOOD, id="waited as long as it may"),
        pytest.param(
            601, 602, UNCERTAIN, id="waited too long: the clock may have been put right meanwhile"
        ),
        pytest.param(-1, 0, UNCERTAIN, id="sent before it came: the clock was put back meanwhile"),
    ],
)
@pytest.mark.parametrize("clock", [GatewayClock.UNKNOWN, GatewayClock.UNSYNCHRONISED])
def test_clock_of_the_gateway_is_believed_when_the_arrival_agrees_with_it(
    clock: GatewayClock, sent_after_s: int, arrived_after_s: int, quality: TimeQuality
) -> None:
    found = estimate(
        clocks(
            "2026-03-10T11:00:00",
            gateway_clock=clock,
            gateway_sent_at=RECEIVED + sent_after_s * SECOND,
            ingest_received_at=RECEIVED + arrived_after_s * SECOND,
        )
    )
    assert found.quality is quality


READ = datetime(2026, 3, 10, 11, 0)  # noqa: DTZ001 - a peripheral's wall clock
FOUR_DAYS = timedelta(days=4)


@pytest.mark.parametrize(
    ("former", "former_time", "device_time", "found"),
    [
        pytest.param(
            Estimate(RECEIVED, CORRECTED, GOOD), READ, READ, Estimate(RECEIVED, CORRECTED, GOOD),
            id="the same time",
        ),
        pytest.param(
            Estimate(RECEIVED, CORRECTED, GOOD), READ, READ - FOUR_DAYS,
            Estimate(RECEIVED - FOUR_DAYS, CORRECTED, UNCERTAIN), id="earlier",
        ),
        pytest.param(
            Estimate(RECEIVED, AS_IT_IS, UNCERTAIN), READ, READ + FOUR_DAYS,
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN), id="behind its reception",
        ),
        pytest.param(
            Estimate(RECEIVED, CORRECTED, GOOD), READ, READ - timedelta(days=6 * 366),
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN), id="years before",
        ),
        pytest.param(
            Estimate(RECEIVED - FOUR_DAYS, CORRECTED, GOOD), READ, None,
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN), id="no time after all",
        ),
        pytest.param(
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN), READ, READ - FOUR_DAYS,
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN), id="clock that was not believed",
        ),
        pytest.param(
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN), None, READ,
            Estimate(RECEIVED, AT_GATEWAY, UNKNOWN), id="a time after all, in nobody knows which zone",
        ),
        pytest.param(
            Estimate(RECEIVED, AT_INGEST, UNKNOWN), READ, READ - FOUR_DAYS,
            Estimate(RECEIVED, AT_INGEST, UNKNOWN), id="gateway's clock was wrong too",
        ),
    ],
)  # fmt: skip
def test_estimate_moves_with_a_device_time_that_is_read_otherwise(
    former: Estimate, former_time: datetime, device_time: datetime | None, found: Estimate
) -> None:
    assert moved(former, former_time, device_time, RECEIVED) == found
