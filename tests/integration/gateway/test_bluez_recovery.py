"""Adapters that say "in progress", hang, or are two, on BlueZ: the gateway helps itself."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import pytest

from gateway.visiting import Visiting
from tests.integration.gateway.bluez_room import CUFF, FRAMES, Room, a_and_d, rested, settled
from tests.integration.gateway.fake_bluez import HCI, IN_PROGRESS, Cuff

pytestmark = [
    pytest.mark.ble,
    pytest.mark.timeout(40),
    pytest.mark.filterwarnings("ignore:unclosed <socket.*dbus:ResourceWarning"),
]

HCI1 = "/org/bluez/hci1"


@dataclass
class Clock:
    """A clock that runs as fast as a test wants."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def bonded() -> Cuff:
    cuff = a_and_d()
    cuff.is_bonded = True
    return cuff


def watched_by(visiting: Visiting, clock: Clock) -> None:
    """Let the adapters' health see the test's clock."""
    for one in visiting.radios:
        one.health._monotonic_s = clock


@pytest.mark.parametrize("member", ["StartDiscovery", "Connect"])
def test_records_come_when_the_adapter_was_in_progress_for_a_moment(
    room: Room, member: str
) -> None:
    async def work() -> None:
        cuff = bonded()
        async with room.bluez(cuff) as bluez:
            bluez.faults[member] += [IN_PROGRESS, IN_PROGRESS]
            async with room.visiting() as visiting:
                await settled(lambda: room.stored() == FRAMES, timeout_s=20)
                assert bluez.count("Set") == 0  # no power cycle
                assert visiting.radios[0].health.power_cycle_count == 0

    asyncio.run(work())


@pytest.mark.parametrize("member", ["StartDiscovery", "Connect"])
def test_adapter_is_switched_off_and_on_when_it_is_in_progress_without_end(
    room: Room, member: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        clock = Clock()
        async with room.bluez(bonded()) as bluez:
            bluez.is_hanging = True  # until it is switched off
            bluez.faults[member].append(IN_PROGRESS)
            async with room.visiting() as visiting:
                watched_by(visiting, clock)
                known = 0
                while bluez.count("Set") == 0:
                    await settled(lambda known=known: bluez.count(member) > known, timeout_s=20)
                    known = bluez.count(member)
                    visiting.watch.expect(CUFF)
                    clock.now_s += 20.0
                await settled(lambda: room.stored() == FRAMES, timeout_s=20)
                assert bluez.count("Set") == 2  # off, on

    with caplog.at_level(logging.INFO):
        asyncio.run(work())
    assert "radio_power_cycled" in caplog.text


def test_adapter_is_switched_off_and_on_when_it_hears_nothing_for_too_long(room: Room) -> None:
    room.change(radio_silence_s=0.5)

    async def work() -> None:
        cuff = bonded()
        cuff.unsent.clear()
        async with room.bluez(cuff) as bluez, room.visiting():
            await settled(lambda: bluez.count("Set") == 2)  # off, on
            cuff.unsent += FRAMES
            await settled(lambda: room.stored() == FRAMES)

    asyncio.run(work())


def test_silence_means_nothing_when_no_peripheral_is_expected(room: Room) -> None:
    room.change(radio_silence_s=0.1, peripherals=())

    async def work() -> None:
        cuff = bonded()
        cuff.unsent.clear()
        async with room.bluez(cuff) as bluez, room.visiting():
            await settled(lambda: bluez.count("StartDiscovery") == 1)
            await rested()
            assert bluez.count("Set") == 0

    asyncio.run(work())


def test_each_adapter_works_on_its_own_when_there_are_two(room: Room) -> None:
    room.change(platform_adapters=("hci0", "hci1"))

    async def work() -> None:
        cuff = bonded()
        async with room.bluez(cuff, adapters=(HCI, HCI1)) as bluez, room.visiting() as visiting:
            bluez.hears = {HCI}
            await settled(lambda: room.stored() == FRAMES)
            bluez.unplug(HCI1)
            await settled(lambda: visiting.radios[1].adapter is None)
            cuff.unsent.append(FRAMES[0])
            await settled(lambda: len(room.stored()) == 3)  # the other goes on
            assert visiting.radios[0].adapter is not None

    asyncio.run(work())


def test_peripheral_is_held_by_one_adapter_when_both_hear_it(room: Room) -> None:
    room.change(platform_adapters=("hci0", "hci1"))

    async def work() -> None:
        cuff = bonded()
        async with room.bluez(cuff, adapters=(HCI, HCI1)) as bluez, room.visiting():
            await settled(lambda: room.stored() == FRAMES)
            await rested()
            assert bluez.count("Connect") == 1

    asyncio.run(work())


def test_adapter_that_is_missing_does_not_keep_the_other_from_working(room: Room) -> None:
    room.change(platform_adapters=("hci7", "hci0"))

    async def work() -> None:
        async with room.bluez(bonded()), room.visiting() as visiting:
            await settled(lambda: room.stored() == FRAMES)
            (report,) = [one for one in visiting.radio_journal.report() if one.name == "hci7"]
            assert report.failure is not None
            assert report.failure.reason == "absent"

    asyncio.run(work())
