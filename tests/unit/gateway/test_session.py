"""The conversation with a peripheral, on a scripted backend: order, clocks, and what is kept when it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from bleak import exc
from bleak.backends.device import BLEDevice

from firmware_profiles import models, wire
from firmware_profiles.gatt_time import CurrentTime, DateTime
from firmware_profiles.matching import Match
from firmware_profiles.protocols import and_buffer
from firmware_profiles.session_steps import (
    AwaitDisconnect,
    AwaitNotification,
    ReadBattery,
    Subscribe,
    WriteBytes,
)
from gateway import errors
from gateway.adapter import Adapter
from gateway.errors import SessionReason
from gateway.record import CapturedRecord
from gateway.session import Session
from tests.gateway_sessions import ADDRESS, Shelf, sighting_of

AND = models.by_id("and-ua-651ble", 1)
CUFF = models.by_id("standard-cuff", 1)
METER = models.by_id("standard-glucometer", 1)

Scripted = Callable[[Any], tuple[Adapter, BLEDevice]]
FRAME = bytes(19)


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
    assert hold(cuff, AND, shelf) == 2
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
    hold(cuff, CUFF, shelf)
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
    hold(cuff, CUFF, shelf)
    assert shelf.records[0].device_clock_offset_s is None


def test_records_are_kept_when_the_cuff_has_no_clock_service(hold: Any, script: Any) -> None:
    cuff = script(("2a35",), on_subscribe={"2a35": send_and_hang_up(FRAME)})
    assert hold(cuff, CUFF, Shelf()) == 1


def test_partly_accepted_clock_counts_as_set_when_the_cuff_says_so(hold: Any, script: Any) -> None:
    def ignore_a_field(client: Any, _content: bytes) -> None:
        raise client.refuse(0x80)

    cuff = script(
        ("2a35", "2a2b"),
        reads={"2a2b": CurrentTime.of(datetime.fromisoformat("2026-11-21T07:00")).to_bytes()},
        on_write={"2a2b": ignore_a_field},
        on_subscribe={"2a35": send_and_hang_up(FRAME)},
    )
    assert hold(cuff, CUFF, Shelf()) == 1


def test_malformed_and_empty_frames_are_stored_as_they_are_when_they_arrive(
    hold: Any, script: Any
) -> None:
    frames = (b"", b"\xff", bytes(40))
    cuff = script(("2a35", "2a08"), on_subscribe={"2a35": send_and_hang_up(*frames)})
    shelf = Shelf()
    hold(cuff, AND, shelf)
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
            SessionReason.ADAPTER_BUSY,
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
        hold(script(characteristics, connect_error=connect_error), AND, Shelf())
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
        hold(cuff, AND, shelf)
    assert failed.value.reason is SessionReason.STORAGE
    assert isinstance(failed.value.__cause__, errors.OutboxError)
    # The host stack got the exception: it must not confirm the third record.
    assert len(cuff.refused) == 1
    assert len(shelf.records) == 2
    assert cuff.calls[-1] == ("disconnect", "")


def test_session_gives_up_when_the_cuff_s_time_budget_passes(hold: Any, script: Any) -> None:
    profile = replace(AND, script_budget_s=0.01)
    with pytest.raises(errors.SessionError) as failed:
        hold(script(("2a35", "2a08"), write_takes_s=10.0), profile, Shelf())
    assert failed.value.reason is SessionReason.TOO_SLOW


def test_session_hangs_up_when_the_cuff_falls_silent(hold: Any, script: Any) -> None:
    steps = tuple(
        replace(step, idle_timeout_s=0.01) if hasattr(step, "idle_timeout_s") else step
        for step in AND.script
    )
    cuff = script(("2a35", "2a08"))
    assert hold(cuff, replace(AND, script=steps), Shelf()) == 0
    assert cuff.calls[-1] == ("disconnect", "")


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
        sighting = sighting_of(device, CUFF)
        await Session(adapter, sighting, shelf, "America/New_York", lambda: moment).run()

    asyncio.run(talk())
    assert shelf.records[0].device_clock_offset_s == -timedelta(hours=1).total_seconds()


def test_profile_that_fits_the_connected_peripheral_leads_the_session(
    hold: Any, script: Any
) -> None:
    old = replace(
        CUFF,
        profile_id="old-firmware",
        match=(Match(services=("1810",), firmware=r"1\..*"),),
        clock=None,
        script=(Subscribe(characteristic="2a35"), AwaitDisconnect(idle_timeout_s=1.0)),
    )
    models.add([old])
    try:
        for firmware, profile_id in ((b"1.7\0", "old-firmware"), (b"2.0", "standard-cuff")):
            cuff = script(
                ("2a35", "2a26"),
                reads={"2a26": firmware},
                on_subscribe={"2a35": send_and_hang_up(FRAME)},
            )
            shelf = Shelf()
            assert hold(cuff, old, shelf) == 1
            assert shelf.records[0].profile_id == profile_id
    finally:
        models.add(())


def test_one_time_setup_is_done_once_after_pairing(hold: Any, script: Any) -> None:
    setup = (WriteBytes(characteristic="2a08", content="0301a601"),)
    profile = replace(AND, setup=setup, script=(Subscribe(characteristic="2a35"), AND.script[-1]))
    shelf = Shelf()
    written = []
    for _ in range(2):
        cuff = script(("2a35", "2a08"), on_subscribe={"2a35": send_and_hang_up(FRAME)})
        hold(cuff, profile, shelf)
        written.append(cuff.written.get("2a08"))
    assert written == [bytes.fromhex("0301a601"), None]
    shelf.memories.clear()  # paired anew
    cuff = script(("2a35", "2a08"), on_subscribe={"2a35": send_and_hang_up(FRAME)})
    hold(cuff, profile, shelf)
    assert cuff.written["2a08"] == bytes.fromhex("0301a601")


@pytest.mark.parametrize("is_there", [True, False])
def test_setting_that_is_refused_or_unknown_stops_nothing_when_it_is_optional(
    hold: Any, script: Any, is_there: bool
) -> None:
    def refuse(client: Any, _content: bytes) -> None:
        raise client.refuse(0x80)

    cuff = script(
        ("2a35", "2a08") if is_there else ("2a35",),
        on_write={"2a08": refuse},
        on_subscribe={"2a35": send_and_hang_up(FRAME)},
    )
    setting = WriteBytes(characteristic="2a08", content="01", optional=True)
    steps = (Subscribe(characteristic="2a35"), AND.script[-1])
    profile = replace(AND, clock=None, setup=(setting,), script=steps)
    assert hold(cuff, profile, Shelf()) == 1
    with pytest.raises(errors.SessionError):
        hold(cuff, replace(profile, setup=(replace(setting, optional=False),)), Shelf())


def test_setting_that_is_asked_for_first_stops_nothing_when_it_is_refused(
    hold: Any, script: Any
) -> None:
    def refuse(client: Any, _content: bytes) -> None:
        raise client.refuse(0x80)

    cuff = script(
        ("2a35", "2a08", and_buffer.COMMANDS),
        on_write={and_buffer.COMMANDS: refuse},
        on_subscribe={"2a35": send_and_hang_up(FRAME)},
    )
    assert hold(cuff, AND, Shelf()) == 1
    (setup,) = AND.setup
    with pytest.raises(errors.SessionError):
        hold(cuff, replace(AND, setup=(replace(setup, optional=False),)), Shelf())


@pytest.mark.parametrize(("told", "noted"), [(b"\x42", 66), (b"\x65", None), (b"", None)])
def test_battery_is_noted_if_it_can_be_one(
    hold: Any, script: Any, told: bytes, noted: int | None
) -> None:
    cuff = script(
        ("2a35", "2a19"), reads={"2a19": told}, on_subscribe={"2a35": send_and_hang_up(FRAME)}
    )
    steps = (ReadBattery(), Subscribe(characteristic="2a35"), AND.script[-1])
    shelf = Shelf()
    assert hold(cuff, replace(CUFF, script=steps), shelf) == 1
    assert shelf.batteries == [noted]


def test_session_goes_on_when_a_signal_does_not_come(hold: Any, script: Any) -> None:
    cuff = script(("2a35", "2a2b"), on_subscribe={"2a35": send_and_hang_up(FRAME)})
    steps = (
        Subscribe(characteristic="2a2b"),
        AwaitNotification(characteristic="2a2b", timeout_s=0.01),
        Subscribe(characteristic="2a35"),
        AND.script[-1],
    )
    assert hold(cuff, replace(CUFF, script=steps), Shelf()) == 1
