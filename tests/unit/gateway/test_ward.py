"""The virtual ward's pure parts: clocks, replay, memory, and how its meter understands requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import racp
from firmware_profiles.racp import OpCode, Operator, ResponseCode
from gateway import errors
from gateway.ward import glucometer, series
from gateway.ward.device_clock import DeviceClock
from gateway.ward.memory import Contents, Memory, StoredRecord

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_clock_gains_when_it_drifts() -> None:
    clock = DeviceClock(datetime.fromisoformat("2026-11-21T07:00"), NOW, drift_ppm=100.0)
    # 100 ppm of a day: 86 400 s x 0.0001 = 8.64 s.
    assert clock.read(NOW + timedelta(days=1)) == datetime.fromisoformat(
        "2026-11-22T07:00:08.640000"
    )
    assert clock.read(NOW - timedelta(days=1)) == datetime.fromisoformat(
        "2026-11-20T06:59:51.360000"
    )


@given(
    elapsed=st.timedeltas(timedelta(days=-400), timedelta(days=400)),
    drift_ppm=st.floats(-1000, 1000),
)
def test_clock_shows_what_it_was_set_to_when_read_at_that_moment(
    elapsed: timedelta, drift_ppm: float
) -> None:
    shown = datetime.fromisoformat("2030-01-01")
    clock = DeviceClock(datetime.fromisoformat("2026-01-01"), NOW, drift_ppm).adjusted(
        shown, NOW + elapsed
    )
    assert clock.read(NOW + elapsed) == shown


def test_backlog_keeps_the_time_of_day_and_ends_before_now_when_moved() -> None:
    readings = series.blood_pressure(
        "home_bp_one_adult.csv", datetime.fromisoformat("2019-07-04T10:00")
    )
    home_time = datetime.fromisoformat("2026-11-21T02:00")
    backlog = readings.backlog(30, home_time)
    times = [local_time for local_time, _ in backlog]
    # The newest of the history is 2019-07-04T02:45:06; at two in the morning that hour is yesterday's.
    assert times[-1] == datetime.fromisoformat("2026-11-20T02:45:06")
    assert times[0] > times[-1] - timedelta(days=30)
    assert len(backlog) == 61
    assert all(time.time() == row.local_time.time() for time, row in backlog)


def test_live_part_brings_a_high_pressure_soon_when_home_1_starts() -> None:
    readings = series.blood_pressure(
        "home_bp_one_adult.csv", datetime.fromisoformat("2019-07-04T10:00")
    )
    assert [readings.live(number).systolic_mmhg for number in range(3)] == [137, 149, 145]


def test_replay_starts_over_when_the_series_ends() -> None:
    readings = series.blood_pressure(
        "home_bp_one_adult.csv", datetime.fromisoformat("2019-07-04T10:00")
    )
    assert readings.live(len(readings.rows)) == readings.live(0)


def test_rows_without_numbers_are_skipped_and_counted_when_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(series, "READINGS_FOLDER", tmp_path)
    (tmp_path / "mixed.csv").write_text(
        "patient,local_time,event_code,value\n"
        "20,1991-05-12T06:55:00,58,223\n"
        "20,1991-05-12T07:55:00,58,Hi\n"
        "20,1991-05-12T08:55:00,58,nan\n"
        "20,never,58,100\n"
        "20,1991-05-13T06:55:00,99,110\n"
    )
    readings = series.glucose("mixed.csv", datetime.fromisoformat("1991-01-01"))
    assert [(row.glucose_mg_dl, row.meal) for row in readings.rows] == [
        (223, series.BEFORE_MEAL),
        (110, None),
    ]
    assert {record.__dict__.get("count") for record in caplog.records} == {3}


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "local_time,systolic_mmhg\n"])
def test_file_is_refused_when_it_holds_no_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(series, "READINGS_FOLDER", tmp_path)
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(errors.ConfigurationError):
        series.blood_pressure("bad.csv", NOW.replace(tzinfo=None))


@pytest.fixture
def remembered(tmp_path: Path) -> Callable[[], Memory]:
    path = tmp_path / "memory.json"
    clock = DeviceClock(datetime.fromisoformat("2026-11-21T07:00"), NOW, drift_ppm=40.0)
    records = tuple(StoredRecord(n, (("2a35", f"{n:02x}"),)) for n in range(3))
    Memory.create(path, Contents(clock=clock, records=records, next_sequence=3))

    def load() -> Memory:
        memory = Memory.load(path)
        assert memory is not None
        return memory

    return load


def test_memory_is_what_it_was_when_power_comes_back(remembered: Callable[[], Memory]) -> None:
    first = remembered()
    first.mark_sent([0, 1])
    first.add([("2a35", b"\xff")])
    first.set_clock(first.contents.clock.adjusted(datetime.fromisoformat("2026-11-21T08:00"), NOW))
    first.set_display_offset(-10)
    first.set_subscribed(is_subscribed=True)
    second = remembered()
    assert second.contents == first.contents
    waiting = second.next_unsent()
    assert waiting is not None
    assert waiting.sequence == 2
    assert second.contents.records[-1] == StoredRecord(3, (("2a35", "ff"),))


def test_oldest_record_makes_room_when_the_memory_is_full(tmp_path: Path) -> None:
    clock = DeviceClock(datetime.fromisoformat("2026-11-21T07:00"), NOW, drift_ppm=0.0)
    records = tuple(StoredRecord(n, (("2a35", "00"),)) for n in range(499))
    contents = Contents(clock=clock, records=records, next_sequence=499)
    memory = Memory.create(tmp_path / "memory.json", contents)
    memory.add([("2a35", b"\x01")])
    memory.add([("2a35", b"\x02")])
    assert [memory.contents.records[at].sequence for at in (0, -1)] == [1, 500]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"", ResponseCode.OP_CODE_NOT_SUPPORTED, id="empty"),
        pytest.param(b"\x02\x01", ResponseCode.OP_CODE_NOT_SUPPORTED, id="delete"),
        pytest.param(b"\x63\x01", ResponseCode.OP_CODE_NOT_SUPPORTED, id="unknown-op-code"),
        pytest.param(b"\x01\x00", ResponseCode.INVALID_OPERATOR, id="null-operator"),
        pytest.param(b"\x01", ResponseCode.INVALID_OPERATOR, id="no-operator"),
        pytest.param(b"\x01\x09", ResponseCode.INVALID_OPERATOR, id="unknown-operator"),
        pytest.param(b"\x01\x06", ResponseCode.OPERATOR_NOT_SUPPORTED, id="last-record"),
        pytest.param(b"\x01\x01\x00", ResponseCode.INVALID_OPERAND, id="all-with-operand"),
        pytest.param(b"\x01\x03\x01\x05", ResponseCode.INVALID_OPERAND, id="half-a-number"),
        pytest.param(b"\x01\x03\x02\x05\x00", ResponseCode.OPERAND_NOT_SUPPORTED, id="by-time"),
        pytest.param(b"\x03\x01", ResponseCode.INVALID_OPERATOR, id="abort-with-operator"),
    ],
)
def test_meter_answers_with_the_right_code_when_it_cannot_do_what_is_asked(
    content: bytes, code: ResponseCode
) -> None:
    with pytest.raises(glucometer._RefusedError) as refused:
        glucometer._understood(content)
    assert refused.value.code is code


@pytest.mark.parametrize(
    "request_",
    [
        racp.report_all(),
        racp.report_from(0),
        racp.report_from(65535),
        racp.count(),
        racp.Request(OpCode.REPORT_COUNT, Operator.AT_LEAST, (7,)),
        racp.abort(),
    ],
)
def test_meter_understands_what_the_profile_demands_when_asked(request_: racp.Request) -> None:
    assert glucometer._understood(request_.to_bytes()) == request_
