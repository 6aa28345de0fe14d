"""Loss-proof capture: what a bonded cuff sends before anybody has asked, on a bluetoothd that confirms everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.integration.gateway.bluez_room import (
    FRAMES,
    Room,
    a_and_d,
    rested,
    settled,
    standard,
)
from tests.integration.gateway.fake_bluez import Cuff

pytestmark = [
    pytest.mark.ble,
    pytest.mark.timeout(30),
    pytest.mark.filterwarnings("ignore:unclosed <socket.*dbus:ResourceWarning"),
]


def unasked() -> Cuff:
    """A bonded cuff that sends as soon as the link is encrypted, once it may indicate."""
    cuff = standard()
    cuff.is_bonded, cuff.sends_unasked = True, True
    return cuff


async def met_once(room: Room, cuff: Cuff) -> None:
    """Wait for the first conversation, in which everything is as without capture."""
    await settled(lambda: room.stored() == FRAMES)
    assert cuff.may_indicate
    await rested()


def test_every_record_is_stored_once_when_the_cuff_sends_before_it_is_asked(room: Room) -> None:
    async def work() -> None:
        cuff = unasked()
        async with room.bluez(cuff) as bluez, room.visiting():
            await met_once(room, cuff)
            for number in range(4):
                cuff.unsent += FRAMES
                await settled(lambda number=number: len(room.stored()) == 2 * (number + 2))
                await rested()
            assert bluez.lost == []
            assert room.stored() == FRAMES * 5

    asyncio.run(work())


def test_equal_frames_are_stored_as_often_as_they_were_sent(room: Room) -> None:
    async def work() -> None:
        cuff = unasked()
        async with room.bluez(cuff), room.visiting():
            await met_once(room, cuff)
            cuff.unsent += [FRAMES[0]] * 3
            await settled(lambda: len(room.stored()) == 5)
            await rested()
            assert room.stored() == [*FRAMES, *[FRAMES[0]] * 3]

    asyncio.run(work())


def test_every_record_is_stored_once_when_the_cuff_hangs_up_as_soon_as_it_has_sent(
    room: Room,
) -> None:
    async def work() -> None:
        cuff = unasked()
        async with room.bluez(cuff) as bluez, room.visiting() as visiting:
            await met_once(room, cuff)
            cuff.hangs_up_at_once = True
            for number in range(3):
                cuff.unsent += FRAMES
                await settled(lambda number=number: len(room.stored()) == 2 * (number + 2))
                await rested()
            assert bluez.lost == []
            assert visiting.bonds.losses() == []
            assert room.stored() == FRAMES * 4

    asyncio.run(work())


def test_records_are_lost_without_capture(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all this is for: the same cuff and the same bluetoothd, with bleak alone."""
    monkeypatch.setattr("gateway.unasked.UnaskedRecords._is_wanted", lambda *_: False)

    async def work() -> None:
        cuff = unasked()
        async with room.bluez(cuff) as bluez, room.visiting():
            await met_once(room, cuff)
            cuff.unsent += FRAMES
            await settled(lambda: bluez.lost == FRAMES)
            assert room.stored() == FRAMES

    asyncio.run(work())


def test_gateway_that_starts_again_is_subscribed_before_the_next_link(room: Room) -> None:
    async def work() -> None:
        cuff = unasked()
        async with room.bluez(cuff) as bluez:
            async with room.visiting():
                await met_once(room, cuff)
            async with room.visiting() as visiting:
                await settled(lambda: visiting.radios[0].adapter is not None)
                cuff.unsent += FRAMES
                await settled(lambda: room.stored() == FRAMES * 2)
            assert bluez.lost == []

    asyncio.run(work())


def test_first_link_after_bluetoothd_was_started_loses_what_it_is_not_asked_for(
    room: Room,
) -> None:
    """Not achievable: bluetoothd shows nothing to subscribe to until it has looked through the cuff again."""

    async def work() -> None:
        cuff = unasked()
        async with room.visiting():
            async with room.bluez(cuff):
                await met_once(room, cuff)
            async with room.bluez(cuff) as restarted:
                cuff.unsent += FRAMES
                await settled(lambda: restarted.lost == FRAMES)
                await rested()
                assert room.stored() == FRAMES
                cuff.unsent += FRAMES  # from the second link on all is well
                await settled(lambda: room.stored() == FRAMES * 2)
                assert restarted.lost == FRAMES

    asyncio.run(work())


@pytest.mark.parametrize("model", [a_and_d, standard])
def test_cuff_that_waits_to_be_asked_is_not_subscribed_between_links(
    room: Room, model: Callable[[], Cuff], monkeypatch: pytest.MonkeyPatch
) -> None:
    cuff = model()
    cuff.is_bonded = True
    if model is standard:
        monkeypatch.setattr("gateway.unasked.UnaskedRecords._is_wanted", lambda *_: False)

    async def work() -> None:
        async with room.bluez(cuff) as bluez, room.visiting():
            await settled(lambda: room.stored() == FRAMES)
            await rested()
            assert bluez.count("StartNotify") == 1

    asyncio.run(work())


def test_first_conversation_after_pairing_sets_the_clock_before_it_subscribes(room: Room) -> None:
    async def work() -> None:
        cuff = standard()
        cuff.sends_unasked = True
        async with room.bluez(cuff) as bluez, room.radio() as adapter:
            assert isinstance(await room.visit(adapter), int)
            assert bluez.calls.index("WriteValue") < bluez.calls.index("StartNotify")

    asyncio.run(work())
    assert [row.record.device_clock_offset_s is None for row in room.outbox.waiting(9)] == [
        False,
        False,
    ]
