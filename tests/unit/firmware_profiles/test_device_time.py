from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import device_time, epoch_time
from firmware_profiles.device_time import DeviceTime, Status
from firmware_profiles.errors import FrameError
from firmware_profiles.local_time import UNKNOWN_DST, UNKNOWN_ZONE, LocalTimeInformation

MORNING = datetime(2023, 6, 15, 8, 30)  # noqa: DTZ001 - a wall clock has no zone
SECONDS = 740133000  # from 2000-01-01 to that morning


@given(st.integers(0, epoch_time.HIGHEST_S), st.booleans())
def test_seconds_come_back(seconds: int, is_since_2000: bool) -> None:
    at = epoch_time.wall_clock(seconds, is_since_2000=is_since_2000)
    assert epoch_time.seconds(at, is_since_2000=is_since_2000) == seconds


def test_epochs() -> None:
    assert epoch_time.wall_clock(SECONDS, is_since_2000=True) == MORNING
    assert epoch_time.wall_clock(0, is_since_2000=False).isoformat() == "1900-01-01T00:00:00"
    # The last second that 32 bits reach from 1900.
    last = epoch_time.wall_clock(epoch_time.HIGHEST_S, is_since_2000=False)
    assert last.isoformat() == "2036-02-07T06:28:15"


@pytest.mark.parametrize("at", ["1899-12-31T23:59:59", "2136-02-07T06:28:16"])
def test_refuses_what_no_count_reaches(at: str) -> None:
    with pytest.raises(ValueError, match="does not reach"):
        epoch_time.seconds(datetime.fromisoformat(at), is_since_2000=True)


def test_refuses_an_aware_time() -> None:
    with pytest.raises(ValueError, match="no zone"):
        epoch_time.seconds(MORNING.astimezone(), is_since_2000=True)


@pytest.mark.parametrize(
    ("raw", "offset"),
    [
        pytest.param("ec 00", timedelta(hours=-5), id="New York in winter"),
        pytest.param("ec 04", timedelta(hours=-4), id="New York in summer"),
        pytest.param("17 00", timedelta(hours=5, minutes=45), id="Kathmandu"),
        pytest.param("2a 02", timedelta(hours=11), id="Lord Howe in summer"),
        pytest.param("38 00", timedelta(hours=14), id="Kiribati"),
        pytest.param("d0 08", timedelta(hours=-10), id="double summer time"),
        pytest.param("80 00", None, id="zone unknown"),
        pytest.param("00 ff", None, id="summer time unknown"),
        pytest.param("39 00", None, id="zone reserved"),
        pytest.param("cf 00", None, id="zone reserved, negative"),
        pytest.param("00 01", None, id="summer time reserved"),
    ],
)
def test_local_time_information(raw: str, offset: timedelta | None) -> None:
    found = LocalTimeInformation.from_bytes(bytes.fromhex(raw))
    assert found.offset() == offset
    assert found.to_bytes() == bytes.fromhex(raw)


@pytest.mark.parametrize("raw", [b"", b"\0", b"\0\0\0"])
def test_refuses_local_time_information_of_another_length(raw: bytes) -> None:
    with pytest.raises(FrameError):
        LocalTimeInformation.from_bytes(raw)


EPOCH = Status.EPOCH_2000


@pytest.mark.parametrize(
    ("clock", "at"),
    [
        pytest.param(DeviceTime(SECONDS, -20, 4, EPOCH), MORNING, id="local time"),
        pytest.param(
            DeviceTime(SECONDS + 4 * 3600, -20, 4, EPOCH | Status.UTC_ALIGNED),
            MORNING,
            id="UTC, in its zone",
        ),
        pytest.param(
            DeviceTime(SECONDS, UNKNOWN_ZONE, 4, EPOCH | Status.UTC_ALIGNED),
            None,
            id="UTC in no zone",
        ),
        pytest.param(
            DeviceTime(0, UNKNOWN_ZONE, UNKNOWN_DST, EPOCH, user_time_s=SECONDS),
            MORNING,
            id="the user's time",
        ),
        pytest.param(DeviceTime(SECONDS, 0, 0, EPOCH | Status.TIME_FAULT), None, id="faulty"),
        pytest.param(
            DeviceTime(SECONDS + 36524 * 86400, 0, 0, Status(0)), MORNING, id="since 1900"
        ),
    ],
)
def test_a_clock_tells_what_the_user_sees(clock: DeviceTime, at: datetime | None) -> None:
    assert clock.wall_clock() == at


@given(
    st.builds(
        DeviceTime,
        st.integers(0, epoch_time.HIGHEST_S),
        st.integers(-128, 127),
        st.integers(0, 255),
        st.integers(0, 0xFFFF).map(Status),
        st.none() | st.integers(0, epoch_time.HIGHEST_S),
        st.none() | st.integers(0, 0xFFFF),
        st.none() | st.integers(0, 0xFFFF),
        st.none() | st.integers(0, 0xFFFF),
    )
)
def test_a_clock_comes_back_when_its_fields_are_known(clock: DeviceTime) -> None:
    optional = (
        *(clock.user_time_s, clock.drift_s, clock.next_sequence_number, clock.fractions65536),
    )
    sent = device_time.NONE
    for bit, field in zip(device_time.Optional, optional, strict=True):
        sent |= bit if field is not None else device_time.NONE
    assert DeviceTime.from_bytes(clock.to_bytes(), sent) == clock
    at = clock.wall_clock()
    assert at is None or at.tzinfo is None


@pytest.mark.parametrize("raw", [b"", b"\0" * 7, b"\0" * 9])
def test_refuses_a_clock_of_another_length(raw: bytes) -> None:
    with pytest.raises(FrameError):
        DeviceTime.from_bytes(raw)
