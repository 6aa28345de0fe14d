"""The conversation with a peripheral, on a scripted backend: order, clocks, and what is kept when it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from bleak import exc
from bleak.backends.device import BLEDevice

from firmware_profiles import models, racp, wire
from firmware_profiles.gatt_time import CurrentTime, DateTime
from firmware_profiles.models import and_ua_651ble, standard_cuff, standard_glucometer
from firmware_profiles.racp import OpCode, ResponseCode
from gateway import errors
from gateway.adapter import Adapter
from gateway.errors import SessionReason, StorageReason
from gateway.record import CapturedRecord
from gateway.session import Session
from gateway.sighting import Sighting

Scripted = Callable[[Any], tuple[Adapter, BLEDevice]]
ADDRESS = "C4:65:1B:00:00:01"
FRAME = bytes(19)


@dataclass
class Shelf:
    """A keeper in memory; may run out of room."""

    room: int = 1_000_000
    records: list[CapturedRecord] = field(default_factory=list)
    watermarks: dict[tuple[str, str], int] = field(default_factory=dict)

    def append(self, record: CapturedRecord) -> int:
        if len(self.records) >= self.room:
            raise errors.OutboxError(StorageReason.FULL)
        self.records.append(record)
        return len(self.records)

    def watermark(self, peripheral: str, profile_id: str) -> int | None:
        return self.watermarks.get((peripheral, profile_id))

    def set_watermark(self, peripheral: str, profile_id: str, last_sequence: int) -> None:
        self.watermarks[peripheral, profile_id] = last_sequence


@pytest.fixture
def hold(scripted: Scripted, at: datetime) -> Callable[..., int]:
    """Return a function that holds one conversation on a script and returns how many records it brought."""

    def hold(script: Any, profile: Any, shelf: Shelf) -> int:
        async def talk() -> int:
            adapter, device = scripted(script)
            session = Session(
                adapter, Sighting(device, profile), shelf, "America/New_York", lambda: at
            )
            return await session.run()

        return asyncio.run(talk())

    return hold


def send_and_hang_up(*frames: bytes, uuid: str = "2a35") -> Callable[[Any], None]:
    def act(client: Any) -> None:
        def send() -> None:
            for frame in frames:
                client.send(uuid, frame)
            client.hang_up()

        asyncio.get_running_loop().call_soon(send)

    return act


def test_clock_is_set_before_subscribing_when_the_cuff_is_an_a_and_d(
    hold: Any, script: Any, at: datetime
) -> None:
    cuff = script(("2a35", "2a08"), on_subscribe={"2a35": send_and_hang_up(FRAME, FRAME)})
    shelf = Shelf()
    assert hold(cuff, and_ua_651ble.PROFILE, shelf) == 2
    assert cuff.calls[:3] == [("connect", "pair"), ("write", "2a08"), ("subscribe", "2a35")]
    # 12:00 UTC is seven in the morning in New York.
    assert (
        cuff.written["2a08"] == DateTime.of(datetime.fromisoformat("2026-11-21T07:00")).to_bytes()
    )
    assert shelf.records[0] == CapturedRecord(
        peripheral=ADDRESS,
        profile_id="and-ua-651ble",
        profile_version=1,
        characteristic="2a35",
        raw=FRAME,
        received_at=at,
        gateway_clock=shelf.records[0].gateway_clock,
        device_clock_offset_s=None,
        time_zone="America/New_York",
        link=wire.Link.ENCRYPTED,
    )


@pytest.mark.parametrize(
    ("device_time", "offset_s"),
    [
        pytest.param(datetime.fromisoformat("2026-11-21T06:58:30"), 90.0, id="slow-clock"),
        pytest.param(datetime.fromisoformat("2026-11-21T07:10"), -600.0, id="fast-clock"),
    ],
)
def test_offset_is_noted_before_the_clock_is_set_when_it_can_be_read(
    hold: Any, script: Any, device_time: datetime, offset_s: float
) -> None:
    cuff = script(
        ("2a35", "2a2b"),
        reads={"2a2b": CurrentTime.of(device_time).to_bytes()},
        on_subscribe={"2a35": send_and_hang_up(FRAME)},
    )
    shelf = Shelf()
    hold(cuff, standard_cuff.PROFILE, shelf)
    assert shelf.records[0].device_clock_offset_s == offset_s
    names = [call for call in cuff.calls if call[1] == "2a2b"]
    assert names == [("read", "2a2b"), ("write", "2a2b")]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(bytes(10), id="unset-clock"),
        pytest.param(b"\x01", id="short"),
        pytest.param(b"\xea\x07\x02\x1e\x0c\x00\x00\x00\x00\x00", id="30-february"),
    ],
)
def test_records_are_kept_without_offset_when_the_clock_says_nonsense(
    hold: Any, script: Any, content: bytes
) -> None:
    cuff = script(
        ("2a35", "2a2b"),
        reads={"2a2b": content},
        on_subscribe={"2a35": send_and_hang_up(FRAME)},
    )
    shelf = Shelf()
    hold(cuff, standard_cuff.PROFILE, shelf)
    assert shelf.records[0].device_clock_offset_s is None


def test_records_are_kept_when_the_cuff_has_no_clock_service(hold: Any, script: Any) -> None:
    cuff = script(("2a35",), on_subscribe={"2a35": send_and_hang_up(FRAME)})
    assert hold(cuff, standard_cuff.PROFILE, Shelf()) == 1


def test_partly_accepted_clock_counts_as_set_when_the_cuff_says_so(hold: Any, script: Any) -> None:
    def ignore_a_field(client: Any, _content: bytes) -> None:
        raise client.refuse(0x80)

    cuff = script(
        ("2a35", "2a2b"),
        reads={"2a2b": CurrentTime.of(datetime.fromisoformat("2026-11-21T07:00")).to_bytes()},
        on_write={"2a2b": ignore_a_field},
        on_subscribe={"2a35": send_and_hang_up(FRAME)},
    )
    assert hold(cuff, standard_cuff.PROFILE, Shelf()) == 1


def test_malformed_and_empty_frames_are_stored_as_they_are_when_they_arrive(
    hold: Any, script: Any
) -> None:
    frames = (b"", b"\xff", bytes(40))
    cuff = script(("2a35", "2a08"), on_subscribe={"2a35": send_and_hang_up(*frames)})
    shelf = Shelf()
    hold(cuff, and_ua_651ble.PROFILE, shelf)
    assert tuple(record.raw for record in shelf.records) == frames


@pytest.mark.parametrize(
    ("characteristics", "connect_error", "reason"),
    [
        pytest.param(("2a08",), None, SessionReason.MISSING_CHARACTERISTIC, id="no-measurement"),
        pytest.param((), TimeoutError(), SessionReason.UNREACHABLE, id="does-not-answer"),
        pytest.param((), exc.BleakError("x"), SessionReason.UNREACHABLE, id="link-fails"),
        pytest.param((), EOFError(), SessionReason.UNREACHABLE, id="daemon-died"),
        pytest.param(
            (), exc.BleakGATTProtocolError(5), SessionReason.PAIRING_REFUSED, id="bond-lost"
        ),
        pytest.param(
            (),
            exc.BleakDBusError("org.bluez.Error.AuthenticationFailed", []),
            SessionReason.PAIRING_REFUSED,
            id="bond-lost-bluez",
        ),
        pytest.param(
            (),
            exc.BleakDBusError("org.bluez.Error.InProgress", []),
            SessionReason.UNREACHABLE,
            id="adapter-busy",
        ),
    ],
)
def test_failure_has_a_reason_when_the_conversation_cannot_begin(
    hold: Any,
    script: Any,
    characteristics: tuple[str, ...],
    connect_error: Exception | None,
    reason: SessionReason,
) -> None:
    with pytest.raises(errors.SessionError) as failed:
        hold(script(characteristics, connect_error=connect_error), and_ua_651ble.PROFILE, Shelf())
    assert failed.value.reason is reason


def test_session_ends_and_record_is_refused_when_the_disk_is_full(hold: Any, script: Any) -> None:
    cuff = script(("2a35", "2a08"))

    def send(client: Any) -> None:
        loop = asyncio.get_running_loop()
        for number in range(3):
            loop.call_soon(client.send, "2a35", bytes([number]))

    cuff.on_subscribe["2a35"] = send
    shelf = Shelf(room=2)
    with pytest.raises(errors.SessionError) as failed:
        hold(cuff, and_ua_651ble.PROFILE, shelf)
    assert failed.value.reason is SessionReason.STORAGE
    assert isinstance(failed.value.__cause__, errors.OutboxError)
    # The host stack got the exception: it must not confirm the third record.
    assert len(cuff.refused) == 1
    assert len(shelf.records) == 2
    assert cuff.calls[-1] == ("disconnect", "")


def test_session_gives_up_when_the_cuff_s_time_budget_passes(hold: Any, script: Any) -> None:
    profile = replace(and_ua_651ble.PROFILE, script_budget_s=0.01)
    with pytest.raises(errors.SessionError) as failed:
        hold(script(("2a35", "2a08"), write_takes_s=10.0), profile, Shelf())
    assert failed.value.reason is SessionReason.TOO_SLOW


def test_session_hangs_up_when_the_cuff_falls_silent(hold: Any, script: Any) -> None:
    steps = tuple(
        replace(step, idle_timeout_s=0.01) if hasattr(step, "idle_timeout_s") else step
        for step in and_ua_651ble.PROFILE.script
    )
    cuff = script(("2a35", "2a08"))
    assert hold(cuff, replace(and_ua_651ble.PROFILE, script=steps), Shelf()) == 0
    assert cuff.calls[-1] == ("disconnect", "")


def measurement(sequence: int) -> bytes:
    return b"\x10" + sequence.to_bytes(2, "little") + bytes(11)


@dataclass
class Meter:
    """A meter's memory behind a script: answers as the service demands, selects if it can."""

    sequences: list[int]
    can_select: bool = True
    hangs_up_after: int | None = None
    requests: list[racp.Request] = field(default_factory=list)

    def on_request(self, client: Any, content: bytes) -> None:
        request = racp.Request.from_bytes(content)
        self.requests.append(request)
        asyncio.get_running_loop().call_soon(self._carry_out, client, request)

    def _carry_out(self, client: Any, request: racp.Request) -> None:
        if request.sequence_numbers and not self.can_select:
            self._answer(client, ResponseCode.OPERATOR_NOT_SUPPORTED)
            return
        first = request.sequence_numbers[0] if request.sequence_numbers else 0
        chosen = [sequence for sequence in self.sequences if sequence >= first]
        for count, sequence in enumerate(chosen):
            if count == self.hangs_up_after:
                client.hang_up()
                return
            client.send("2a18", measurement(sequence))
            client.send("2a34", b"\x02" + sequence.to_bytes(2, "little") + b"\x01")
        self._answer(client, ResponseCode.SUCCESS if chosen else ResponseCode.NO_RECORDS_FOUND)

    @staticmethod
    def _answer(client: Any, code: ResponseCode) -> None:
        client.send("2a52", racp.Response(OpCode.REPORT_RECORDS, code).to_bytes())


def ask(hold: Any, script: Any, meter: Meter, shelf: Shelf) -> int:
    peripheral = script(
        ("2a18", "2a34", "2a52", "2a2b"),
        reads={"2a2b": CurrentTime.of(datetime.fromisoformat("2026-11-21T07:00")).to_bytes()},
        on_write={"2a52": meter.on_request},
    )
    count: int = hold(peripheral, standard_glucometer.PROFILE, shelf)
    return count


def known(last: int | None) -> Shelf:
    profile_id = standard_glucometer.PROFILE.profile_id
    return Shelf(watermarks={} if last is None else {(ADDRESS, profile_id): last})


@pytest.mark.parametrize(
    ("meter", "last", "requests", "brought", "next_last"),
    [
        pytest.param(Meter([0, 1, 2]), None, [racp.report_all()], 3, 2, id="first-time"),
        pytest.param(Meter([0, 1, 2]), 1, [racp.report_from(2)], 1, 2, id="one-new"),
        pytest.param(
            Meter([0, 1, 2], can_select=False),
            1,
            [racp.report_from(2), racp.report_all()],
            3,
            2,
            id="cannot-select",
        ),
        pytest.param(
            Meter([0, 1, 2]), 2, [racp.report_from(3), racp.report_from(2)], 1, 2, id="nothing-new"
        ),
        pytest.param(
            Meter([0, 1]),
            700,
            [racp.report_from(701), racp.report_from(700), racp.report_all()],
            2,
            1,
            id="numbering-started-over",
        ),
        pytest.param(Meter([]), None, [racp.report_all()], 0, None, id="empty-meter"),
        pytest.param(Meter([4]), 65535, [racp.report_all()], 1, 4, id="numbers-exhausted"),
    ],
)
def test_meter_is_asked_for_what_is_missing_when_it_reports(
    hold: Any,
    script: Any,
    meter: Meter,
    last: int | None,
    requests: list[racp.Request],
    brought: int,
    next_last: int | None,
) -> None:
    shelf = known(last)
    assert ask(hold, script, meter, shelf) == 2 * brought  # each measurement has its context
    assert meter.requests == requests
    assert shelf.watermark(ADDRESS, "standard-glucometer") == next_last


@pytest.mark.parametrize(
    ("sequences", "hangs_up_after", "next_last"),
    [
        # The context of the last measurement may be missing: it is asked for again.
        pytest.param([5, 6, 7, 9], 3, 6, id="ascending"),
        pytest.param([9, 7, 6, 5], 3, None, id="newest-first"),
        pytest.param([5, 6], 1, None, id="one-only"),
    ],
)
def test_meter_resumes_by_number_when_the_link_was_lost_in_its_report(
    hold: Any, script: Any, sequences: list[int], hangs_up_after: int, next_last: int | None
) -> None:
    shelf = known(None)
    with pytest.raises(errors.SessionError):
        ask(hold, script, Meter(sequences, hangs_up_after=hangs_up_after), shelf)
    assert shelf.watermark(ADDRESS, "standard-glucometer") == next_last
    assert len(shelf.records) == 2 * hangs_up_after


def test_every_profile_has_steps_that_the_session_knows() -> None:
    # A profile whose script the session could not follow would fail in a patient's home only.
    known_steps = {"ReadClock", "WriteClock", "Subscribe", "ReportRecords", "AwaitDisconnect"}
    used = {type(step).__name__ for profile in models.PROFILES for step in profile.script}
    assert used <= known_steps | {"Disconnect"}


def test_time_zone_of_the_record_is_the_home_s_when_summer_time_ends(
    scripted: Scripted, script: Any
) -> None:
    # Half past one happens twice; the device clock knows nothing of it, the offset is wall clock minus wall clock.
    moment = datetime.fromisoformat("2026-11-01T06:30:00+00:00")  # 01:30 EST, the second one
    cuff = script(
        ("2a35", "2a2b"),
        reads={"2a2b": CurrentTime.of(datetime.fromisoformat("2026-11-01T02:30")).to_bytes()},
        on_subscribe={"2a35": send_and_hang_up(FRAME)},
    )
    shelf = Shelf()

    async def talk() -> None:
        adapter, device = scripted(cuff)
        sighting = Sighting(device, standard_cuff.PROFILE)
        await Session(adapter, sighting, shelf, "America/New_York", lambda: moment).run()

    asyncio.run(talk())
    assert shelf.records[0].device_clock_offset_s == -timedelta(hours=1).total_seconds()
