"""The gateway on bleak's own BlueZ backend: real D-Bus, and a bluetoothd that does as it is told."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles import wire
from firmware_profiles.gatt_time import CurrentTime, DateTime
from gateway import errors, scan
from gateway.errors import AdapterReason, SessionReason, StorageReason
from gateway.session import Session
from tests.integration.gateway.bluez_room import (
    CUFF,
    FRAMES,
    Room,
    a_and_d,
    rested,
    running_bus,
    settled,
    standard,
)
from tests.integration.gateway.fake_bluez import IN_PROGRESS, Cuff, FakeBluez

pytestmark = [
    pytest.mark.ble,
    pytest.mark.timeout(30),
    # The end of a bus that a test breaks on purpose is collected whenever Python gets to it.
    pytest.mark.filterwarnings("ignore:unclosed <socket.*dbus:ResourceWarning"),
]


@pytest.mark.parametrize("model", [a_and_d, standard])
def test_cuff_bonds_takes_the_clock_and_delivers_into_the_outbox_when_visited(
    room: Room, model: Callable[[], Cuff]
) -> None:
    cuff = model()

    async def work() -> None:
        async with room.bluez(cuff) as bluez, room.radio() as adapter:
            assert await room.visit(adapter) == 2
            assert cuff.is_bonded
            assert room.stored() == FRAMES

            cuff.unsent.append(FRAMES[0])
            assert await room.visit(adapter) == 1
            assert bluez.count("Pair") == 1  # the bond is used again

    asyncio.run(work())
    records = [row.record for row in room.outbox.waiting(10)]
    assert {record.peripheral for record in records} == {CUFF}
    assert {record.link for record in records} == {wire.Link.ENCRYPTED}
    codec = CurrentTime if cuff.clock == "2a2b" else DateTime
    assert len(cuff.clock_writes) == 2
    written = codec.from_bytes(cuff.clock_writes[0]).wall_clock()
    assert written is not None
    assert abs(written.replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(seconds=20)
    has_offset = {record.device_clock_offset_s is not None for record in records}
    assert has_offset == {cuff.clock == "2a2b"}


def test_unbonded_peripheral_is_never_connected_when_no_window_is_open(room: Room) -> None:
    async def work() -> None:
        async with room.bluez(a_and_d()) as bluez, room.radio(pairs=False) as adapter:
            watch = scan.Watch([CUFF], lambda: 0.0)
            unpaired: list[str] = []
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(
                    scan.next_sighting(adapter, watch, None, unpaired.append), 0.5
                )
            assert set(unpaired) == {CUFF}
            assert (bluez.count("Connect"), bluez.count("Pair")) == (0, 0)

    asyncio.run(work())


def test_next_visit_works_when_bluetoothd_was_killed_in_the_middle_of_one(room: Room) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.is_bonded, cuff.patience = True, 1
        async with room.visiting():
            async with room.bluez(cuff):
                await settled(lambda: room.stored() == FRAMES[:1])
            cuff.patience = 100
            async with room.bluez(cuff) as restarted:
                await settled(lambda: room.stored() == FRAMES)
                assert restarted.count("Pair") == 0
                assert restarted.default_agent in restarted.agents
                await settled(lambda: restarted.count("StartDiscovery") > 1)  # the visit is over

    asyncio.run(work())


@pytest.mark.parametrize("member", ["StartDiscovery", "StopDiscovery", "Connect", "WriteValue"])
def test_next_visit_works_when_bluetoothd_was_killed_while_it_did(room: Room, member: str) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.is_bonded = True
        async with room.visiting():
            async with room.bluez(cuff) as killed:
                killed.before_answer[member] = killed.vanish
                await settled(lambda: killed.count(member) == 1)
            async with room.bluez(cuff):
                await settled(lambda: room.stored() == FRAMES)

    asyncio.run(work())


def test_next_visit_works_when_bluetoothd_was_killed_during_a_scan(room: Room) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.is_bonded = True
        cuff.unsent.clear()
        async with room.visiting():
            async with room.bluez(cuff) as killed:
                await settled(lambda: killed.count("StartDiscovery") == 1)
            cuff.unsent += FRAMES
            async with room.bluez(cuff):
                await settled(lambda: room.stored() == FRAMES)

    asyncio.run(work())


@pytest.mark.parametrize("loss", ["vanish", "switch_off", "unplug"])
def test_adapter_is_lost_when(room: Room, loss: str) -> None:
    async def work() -> None:
        bluez = FakeBluez(a_and_d())
        await bluez.start()
        async with room.radio() as adapter, asyncio.timeout(5):
            waiting = asyncio.create_task(adapter.wait_lost())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            if loss == "vanish":
                await bluez.vanish()
            else:
                getattr(bluez, loss)()
            await waiting
        if loss != "vanish":
            await bluez.vanish()

    asyncio.run(work())


def test_adapter_is_lost_when_bluetoothd_releases_the_agent(room: Room) -> None:
    async def work() -> None:
        async with room.bluez(a_and_d()) as bluez, room.radio() as adapter:
            await bluez.release_agent()
            async with asyncio.timeout(5):
                await adapter.wait_lost()

    asyncio.run(work())


def test_adapter_is_lost_when_the_system_bus_ends(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(bus: subprocess.Popen[str]) -> None:
        await FakeBluez(a_and_d()).start()
        async with room.radio() as adapter, asyncio.timeout(5):
            bus.kill()
            await adapter.wait_lost()

    with running_bus(tmp_path) as (address, bus):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        asyncio.run(work(bus))


async def open_and_close(room: Room) -> None:
    async with room.radio():
        pass


def test_there_is_no_adapter_when_bluetoothd_does_not_run(room: Room) -> None:
    with pytest.raises(errors.AdapterError, match="ServiceUnknown"):
        asyncio.run(open_and_close(room))


@pytest.mark.parametrize("address", ["unix:path=/nowhere", "nonsense"])
def test_there_is_no_adapter_when_there_is_no_system_bus(
    room: Room, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    with pytest.raises(errors.AdapterError, match="no D-Bus system bus"):
        asyncio.run(open_and_close(room))


@pytest.mark.parametrize(
    ("member", "fault", "reason"),
    [
        pytest.param(
            "RegisterAgent",
            "org.freedesktop.DBus.Error.AccessDenied",
            AdapterReason.REFUSED,
            id="agent",
        ),
        pytest.param("Set", "org.bluez.Error.Blocked", AdapterReason.BLOCKED, id="rfkill"),
        pytest.param(
            "GetManagedObjects",
            "org.freedesktop.DBus.Error.AccessDenied",
            AdapterReason.REFUSED,
            id="objects",
        ),
    ],
)
def test_there_is_no_adapter_when_bluetoothd_refuses(
    room: Room, member: str, fault: str, reason: AdapterReason
) -> None:
    async def work() -> None:
        async with room.bluez(a_and_d()) as bluez:
            bluez.switch_off()
            bluez.faults[member].append(fault)
            with pytest.raises(errors.AdapterError) as refused:
                await open_and_close(room)
            assert refused.value.reason is reason

    asyncio.run(work())


def test_adapter_is_switched_on_when_it_is_off(room: Room) -> None:
    async def work() -> None:
        async with room.bluez(a_and_d()) as bluez:
            bluez.switch_off()
            async with room.radio() as adapter:
                assert await room.visit(adapter) == 2

    asyncio.run(work())


def test_session_ends_when_the_record_cannot_be_stored(room: Room) -> None:
    class FullDisk:
        watermark = room.outbox.watermark
        set_watermark = room.outbox.set_watermark
        recall = room.outbox.recall
        remember = room.outbox.remember

        def append(self, _record: Any) -> int:
            raise errors.OutboxError(StorageReason.FULL)

    async def work() -> None:
        async with room.bluez(a_and_d()), room.radio() as adapter:
            with pytest.raises(errors.SessionError) as failed:
                await room.visit(adapter, FullDisk())
            assert failed.value.reason is SessionReason.STORAGE

    asyncio.run(work())
    assert room.stored() == []


@pytest.mark.parametrize(
    ("member", "count"),
    [("WriteValue", 3), ("StartNotify", 1), ("StopDiscovery", 1), ("Disconnect", 1)],
)
def test_records_come_when_bluetoothd_is_in_progress_for_a_moment_when_it_shall(
    room: Room, member: str, count: int
) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.is_bonded = True
        async with room.bluez(cuff) as bluez, room.visiting():
            bluez.faults[member] += [IN_PROGRESS] * count
            await settled(lambda: room.stored() == FRAMES)

    asyncio.run(work())


def test_records_come_when_properties_come_in_another_order(room: Room) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.is_bonded = True
        async with room.bluez(cuff) as bluez, room.visiting():
            bluez.resolves_first = True
            await settled(lambda: room.stored() == FRAMES)

    asyncio.run(work())


def test_fault_of_a_conversation_costs_that_one_only(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole, failures = Session.run, iter([ZeroDivisionError("a fault of ours")])

    async def run(session: Session) -> int:
        for failure in failures:
            raise failure
        return await whole(session)

    monkeypatch.setattr(Session, "run", run)

    async def work() -> None:
        cuff = a_and_d()
        cuff.is_bonded = True
        async with room.bluez(cuff), room.visiting():
            await settled(lambda: room.stored() == FRAMES)

    asyncio.run(work())
    assert "visit_failed" in caplog.text


def test_next_burst_is_noticed_when_the_cuff_is_as_loud_as_before(room: Room) -> None:
    room.change(revisit_after_s=0.1)

    async def work() -> None:
        cuff = a_and_d()
        cuff.is_bonded = True
        async with room.bluez(cuff) as bluez, room.visiting():
            await settled(lambda: room.stored() == FRAMES)
            await settled(lambda: bluez.count("StartDiscovery") == 2)
            cuff.unsent.append(FRAMES[0])  # heard, and left alone for now
            await settled(lambda: len(room.stored()) == 3)
            await rested()  # this scan lasts
            cuff.unsent.append(FRAMES[1])
            await settled(lambda: len(room.stored()) == 4)

    asyncio.run(work())


def test_peripheral_is_left_alone_when_its_burst_was_served(room: Room) -> None:
    room.change(revisit_after_s=60.0)

    async def work() -> None:
        cuff = a_and_d()
        cuff.is_bonded = True
        async with room.bluez(cuff) as bluez, room.visiting():
            await settled(lambda: room.stored() == FRAMES)
            cuff.unsent.append(FRAMES[0])  # and goes on advertising
            await rested()
            assert bluez.count("Connect") == 1

    asyncio.run(work())
