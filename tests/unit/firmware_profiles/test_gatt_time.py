from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.gatt_time import AdjustReason, CurrentTime, DateTime

WALL_CLOCKS = st.datetimes(min_value=datetime(1582, 1, 1), max_value=datetime(9999, 12, 31, 23))  # noqa: DTZ001 - wall clocks have no zone


@given(st.binary(min_size=7, max_size=7))
def test_date_time_comes_back_when_decoded_and_encoded(raw: bytes) -> None:
    assert DateTime.from_bytes(raw).to_bytes() == raw


@given(st.binary(min_size=10, max_size=10))
def test_current_time_comes_back_when_decoded_and_encoded(raw: bytes) -> None:
    assert CurrentTime.from_bytes(raw).to_bytes() == raw


@given(WALL_CLOCKS)
def test_date_time_keeps_seconds_when_made_from_a_wall_clock(wall_clock: datetime) -> None:
    made = DateTime.of(wall_clock)
    assert made.wall_clock() == wall_clock.replace(microsecond=0)
    assert DateTime.from_bytes(made.to_bytes()) == made


@given(WALL_CLOCKS)
def test_current_time_keeps_256ths_when_made_from_a_wall_clock(wall_clock: datetime) -> None:
    made = CurrentTime.of(wall_clock)
    told = made.wall_clock()
    assert told is not None
    assert timedelta(0) <= wall_clock - told <= timedelta(seconds=1 / 256)
    assert CurrentTime.from_bytes(made.to_bytes()) == made


def test_current_time_layout_when_encoded() -> None:
    sunday = datetime(2026, 2, 1, 8, 30, 15, 500_000)  # noqa: DTZ001 - a wall clock
    made = CurrentTime.of(sunday, adjust_reason=AdjustReason.EXTERNAL_REFERENCE)
    # year 0x07EA, February, 1st, 08:30:15, Sunday 7, 128/256 s, external reference
    assert made.to_bytes() == bytes.fromhex("ea07 02 01 08 1e 0f 07 80 02")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("0000 06 0f 08 1e 00", id="year unknown"),
        pytest.param("e707 00 0f 08 1e 00", id="month unknown"),
        pytest.param("e707 06 00 08 1e 00", id="day unknown"),
        pytest.param("2d06 06 0f 08 1e 00", id="year 1581"),
        pytest.param("1027 06 0f 08 1e 00", id="year 10000"),
        pytest.param("e707 0d 0f 08 1e 00", id="month 13"),
        pytest.param("e707 02 1e 08 1e 00", id="30 February"),
        pytest.param("e707 06 0f 18 1e 00", id="hour 24"),
        pytest.param("e707 06 0f 08 3c 00", id="minute 60"),
        pytest.param("e707 06 0f 08 1e 3c", id="second 60"),
    ],
)
def test_no_wall_clock_when_a_part_is_unknown_or_impossible(raw: str) -> None:
    frame = bytes.fromhex(raw)
    assert DateTime.from_bytes(frame).wall_clock() is None
    assert CurrentTime.from_bytes(frame + b"\x00\x00\x00").wall_clock() is None


def test_date_counts_when_weekday_disagrees() -> None:
    monday_said_sunday = CurrentTime.from_bytes(bytes.fromhex("ea07 02 02 08 1e 0f 07 00 00"))
    assert monday_said_sunday.wall_clock() == datetime(2026, 2, 2, 8, 30, 15)  # noqa: DTZ001 - a wall clock


def test_refuses_when_wall_clock_is_aware() -> None:
    with pytest.raises(ValueError, match="zone"):
        DateTime.of(datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="zone"):
        CurrentTime.of(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("kind", [DateTime, CurrentTime])
@pytest.mark.parametrize(
    ("size", "reason"), [(6, FrameReason.SHORT_FRAME), (11, FrameReason.TRAILING_BYTES)]
)
def test_refuses_when_length_is_wrong(
    kind: type[DateTime] | type[CurrentTime], size: int, reason: FrameReason
) -> None:
    with pytest.raises(FrameError) as caught:
        kind.from_bytes(bytes(size))
    assert caught.value.reason is reason
