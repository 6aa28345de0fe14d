"""TaiDoc's protocol: a sleepy device, newest record first, and what its octets mean."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.conversation import (
    ConversationError,
    Listen,
    NoteClock,
    Notification,
    Situation,
    Write,
)
from firmware_profiles.errors import FrameError, FrameReason
from firmware_profiles.protocols import taidoc, taidoc_record
from firmware_profiles.protocols.taidoc import Command
from firmware_profiles.readings import BloodPressureReading, GlucoseReading, KetoneReading, Result
from tests.protocol_leader import HOME_TIME, Led

AT = datetime(2026, 7, 1, 8, 15)  # noqa: DTZ001
P30, D40, GD40 = 0x3128, 0x3261, 0x4255


def told(command: int, content: bytes) -> bytes:
    return taidoc.frame(command, content, taidoc.FROM_DEVICE)


def answers(
    model: int, value: bytes, *, at: datetime = AT, mark: int = 0, hour_mark: int = 0, user: int = 0
) -> bytes:
    time = bytearray(taidoc_record.packed_minute(at))
    time[2] |= mark
    time[3] |= hour_mark
    return (
        told(Command.READ_MODEL, struct.pack("<HH", model, 0))
        + told(Command.READ_RECORD_TIME, bytes(time))
        + told(Command.READ_RECORD_VALUE, value)
        + bytes([user])
    )


@dataclass
class Device:
    """The device's side. Records are newest first, by user."""

    model: int
    records: dict[int, list[bytes]] = field(default_factory=dict)
    sleeps_through: int = 1
    shown: datetime = AT

    def __call__(self, action: Write | Listen) -> list[Notification] | None:
        if isinstance(action, Listen):
            return []
        asked = action.content
        assert asked[-1] == sum(asked[:-1]) & 0xFF
        if self.sleeps_through:
            self.sleeps_through -= 1
            return [self._say(told(0x54, bytes(4)))]
        command, content = asked[1], asked[2:6]
        match command:
            case Command.SWITCH_OFF:
                return None
            case Command.READ_MODEL:
                answer = told(command, struct.pack("<HH", self.model, 0))
            case Command.READ_CLOCK:
                answer = told(command, taidoc_record.packed_minute(self.shown))
            case Command.SET_CLOCK:
                answer = told(command, content)
            case Command.COUNT_RECORDS:
                answer = told(command, struct.pack("<HH", len(self.records.get(content[0], [])), 0))
            case _:
                index, user = struct.unpack_from("<H", content)[0], content[3]
                at = 8 if command == Command.READ_RECORD_TIME else 16
                answer = self.records[user][index][at : at + 8]
        # What nobody asked for, and half a frame, come before the answer.
        return [self._say(told(0x54, bytes(4))), self._say(answer[:5]), self._say(answer)]

    @staticmethod
    def _say(answer: bytes) -> Notification:
        return Notification(taidoc.CHANNEL, answer)


def hold(device: Device, memory: dict[str, bytes] | None = None) -> Led:
    led = Led(device, memory=dict(memory or {}))
    situation = Situation("AA:BB:CC:00:00:01", memory=dict(led.memory))
    return led.lead(taidoc.conversation(situation))


def cuff_records(count: int) -> list[bytes]:
    return [
        answers(P30, bytes([140 - number, 100, 85, 66]), at=AT.replace(minute=30 - number))
        for number in range(count)
    ]


def test_records_are_kept_oldest_first_and_the_clock_is_noted_before_it_is_set() -> None:
    records = cuff_records(3)
    led = hold(Device(P30, {0: records}))
    assert led.kept == records[::-1]
    noted = led.events.index(NoteClock(AT))
    setting = taidoc.frame(Command.SET_CLOCK, taidoc_record.packed_minute(HOME_TIME.local))
    assert led.events.index(Write(taidoc.CHANNEL, setting)) > noted
    assert led.written[-1][1] == Command.SWITCH_OFF


def test_only_what_is_new_is_asked_for_in_the_next_session() -> None:
    records = cuff_records(4)
    led = hold(Device(P30, {0: records[2:]}))
    again = hold(Device(P30, {0: records}), led.memory)
    assert again.kept == [records[1], records[0]]
    assert hold(Device(P30, {0: records}), again.memory).kept == []


def test_everything_is_asked_for_when_the_device_was_cleared() -> None:
    led = hold(Device(P30, {0: cuff_records(3)}))
    others = [answers(P30, bytes([120, 90, 80, 60]))]
    assert hold(Device(P30, {0: others}), led.memory).kept == others


def test_users_of_a_device_for_several_are_kept_apart() -> None:
    records = {
        user: [answers(D40, struct.pack("<HBB", 120 + user, 80, 66), mark=0x80, user=user)]
        for user in (1, 3)
    }
    led = hold(Device(D40, records))
    readings = [taidoc.decode(raw) for raw in led.kept]
    assert [getattr(one, "user_slot", None) for one in readings] == [1, 3]
    assert [getattr(one, "systolic_mmhg", None) for one in readings] == [121.0, 123.0]


def test_technician_is_told_when_the_device_sleeps_on() -> None:
    with pytest.raises(ConversationError, match="switch it on"):
        hold(Device(P30, sleeps_through=100))


def test_count_that_no_device_can_hold_is_not_believed() -> None:
    device = Device(P30, {0: cuff_records(1) * 2000})
    with pytest.raises(ConversationError, match="more records"):
        hold(device)


@pytest.mark.parametrize(
    ("raw", "reading"),
    [
        pytest.param(
            answers(P30, bytes([141, 105, 87, 66]), mark=0x40, hour_mark=0x80),
            BloodPressureReading(
                AT, None, Result.MEASURED, 141.0, 87.0, 105.0, 66.0,
                ("irregular_pulse", "average_of_several"),
            ),
            id="cuff",
        ),
        pytest.param(
            answers(P30, bytes([141, 0, 87, 3])),
            BloodPressureReading(
                AT, None, Result.MEASURED, 141.0, 87.0, None, None, ("pulse_implausible",)
            ),
            id="cuff without mean and pulse",
        ),
        pytest.param(
            answers(D40, struct.pack("<HBB", 260, 87, 66), mark=0x80, user=2),
            BloodPressureReading(AT, 2, Result.MEASURED, 260.0, 87.0, None, 66.0, ()),
            id="systolic above an octet",
        ),
        pytest.param(
            answers(GD40, struct.pack("<HBB", 126, 0, 0x40)),
            GlucoseReading(None, AT, AT, Result.MEASURED, 126.0, ("before_meal",), context_follows=False),
            id="glucose",
        ),
        pytest.param(
            answers(GD40, struct.pack("<HBB", 601, 0, 0)),
            GlucoseReading(None, AT, AT, Result.ABOVE_RANGE, None, (), context_follows=False),
            id="HI",
        ),
        pytest.param(
            answers(GD40, struct.pack("<HBB", 19, 0, 0x80)),
            GlucoseReading(None, AT, AT, Result.BELOW_RANGE, None, ("after_meal",), context_follows=False),
            id="LO",
        ),
        pytest.param(
            answers(GD40, struct.pack("<HBB", 45, 0, 7 << 2)),
            KetoneReading(None, AT, AT, Result.MEASURED, 1.5, (), context_follows=False),
            id="ketone",
        ),
    ],
)  # fmt: skip
def test_record_means_what_the_device_showed(raw: bytes, reading: object) -> None:
    assert taidoc.decode(raw) == reading


SOUND = answers(GD40, struct.pack("<HBB", 126, 0, 0))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (SOUND[:-1], FrameReason.SHORT_FRAME),
        (SOUND + b"\0", FrameReason.TRAILING_BYTES),
        (SOUND[:10] + b"\xff" + SOUND[11:], FrameReason.RESERVED_VALUE),
        (answers(0x2555, bytes(4)), FrameReason.RESERVED_VALUE),
        (answers(GD40, struct.pack("<HBB", 126, 0, 0xC0)), FrameReason.RESERVED_VALUE),
        (answers(GD40, struct.pack("<HBB", 126, 0, 8 << 2)), FrameReason.RESERVED_VALUE),
        (answers(GD40, bytes(4)), FrameReason.IMPOSSIBLE_VALUE),
        (answers(GD40, struct.pack("<HBB", 999, 0, 7 << 2)), FrameReason.IMPOSSIBLE_VALUE),
        (answers(P30, bytes([80, 90, 120, 66])), FrameReason.IMPOSSIBLE_VALUE),
    ],
)
def test_refuses_what_is_no_record_or_not_described(raw: bytes, reason: FrameReason) -> None:
    with pytest.raises(FrameError) as refused:
        taidoc.decode(raw)
    assert refused.value.reason is reason


def test_record_without_a_date_is_not_dated() -> None:
    raw = bytearray(SOUND)
    raw[10:12] = b"\0\0"
    raw[15] = sum(raw[8:15]) & 0xFF
    assert getattr(taidoc.decode(bytes(raw)), "device_time", ...) is None


@given(st.binary(max_size=30) | st.binary(min_size=4, max_size=4).map(lambda v: answers(GD40, v)))
def test_raises_nothing_but_our_error(raw: bytes) -> None:
    with contextlib.suppress(FrameError):
        taidoc.decode(raw)


@given(st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2127-12-31")))
def test_minute_comes_back(at: datetime) -> None:
    answer = told(Command.READ_CLOCK, taidoc_record.packed_minute(at))
    assert taidoc_record.minute_of(answer) == at.replace(second=0, microsecond=0)
