"""Bonds that one side has lost, on BlueZ: told apart from links that fail, said, and never made worse."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from gateway import errors
from gateway.bond_book import Side
from gateway.pairing_requests import PairingRequests
from tests.integration.gateway.bluez_room import CUFF, FRAMES, Room, a_and_d, rested, settled
from tests.integration.gateway.fake_bluez import Cuff

pytestmark = [
    pytest.mark.ble,
    pytest.mark.timeout(30),
    pytest.mark.filterwarnings("ignore:unclosed <socket.*dbus:ResourceWarning"),
]


def forgetful() -> Cuff:
    """A cuff that has lost the key of the bond, as by a change of batteries."""
    cuff = a_and_d()
    cuff.is_bonded, cuff.knows_host = True, False
    return cuff


def test_loss_is_certain_when_bluez_says_why_the_link_ended(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with room.bluez(forgetful()) as bluez, room.visiting() as visiting:
            bluez.tells_reasons = True
            await settled(lambda: visiting.bonds.losses() != [])
            (loss,) = visiting.bonds.losses()
            assert (loss.address, loss.side, loss.is_certain) == (CUFF, Side.PERIPHERAL, True)
            assert f"bluetoothctl remove {CUFF}" in visiting.advice(loss)
            assert visiting.bond_of(CUFF) == "lost"
            assert bluez.count("RemoveDevice") == 0

    with caplog.at_level(logging.INFO):
        asyncio.run(work())
    (line,) = [record for record in caplog.records if record.message == "bond_lost"]
    assert (line.__dict__["peripheral_id"], line.__dict__["side"]) == ("00:01", Side.PERIPHERAL)


def test_loss_is_likely_when_the_link_ends_early_again_and_again(room: Room) -> None:
    async def work() -> None:
        async with room.bluez(forgetful()) as bluez, room.visiting() as visiting:
            await settled(lambda: bluez.count("Connect") == 1)
            await rested()
            assert visiting.bonds.losses() == []
            await settled(lambda: visiting.bonds.losses() != [], timeout_s=15)
            (loss,) = visiting.bonds.losses()
            assert (loss.side, loss.is_certain) == (Side.PERIPHERAL, False)
            assert bluez.count("Pair") == 0

    asyncio.run(work())


def test_few_links_are_tried_when_each_is_given_up_at_once(room: Room) -> None:
    # bleak alone would try again and again until the session's deadline, and tell nobody why.
    async def work() -> None:
        async with room.bluez(forgetful()) as bluez, room.visiting() as visiting:
            bluez.aborts_links = True
            await settled(lambda: visiting.bonds.losses() != [], timeout_s=15)
            (loss,) = visiting.bonds.losses()
            assert (loss.side, loss.is_certain) == (Side.PERIPHERAL, False)
            assert bluez.count("Connect") <= 9  # three in each of three sessions

    asyncio.run(work())


def test_no_loss_is_suspected_when_links_fail_for_another_reason(room: Room) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.is_bonded = True
        async with room.bluez(cuff) as bluez, room.visiting() as visiting:
            bluez.faults["Connect"] += ["org.bluez.Error.Failed"] * 3
            await settled(lambda: room.stored() == FRAMES, timeout_s=20)
            assert visiting.bonds.losses() == []

    asyncio.run(work())


def test_loss_is_on_our_side_when_somebody_removed_the_bond_from_bluez(room: Room) -> None:
    async def work() -> None:
        cuff = a_and_d()
        cuff.is_bonded = True
        async with room.visiting() as visiting:
            async with room.bluez(cuff):
                await settled(lambda: room.stored() == FRAMES)
            cuff.is_bonded = False  # “bluetoothctl remove”
            cuff.unsent += FRAMES
            async with room.bluez(cuff) as bluez:
                await settled(lambda: visiting.bonds.losses() != [])
                (loss,) = visiting.bonds.losses()
                assert (loss.side, loss.is_certain) == (Side.GATEWAY, True)
                assert (bluez.count("Connect"), bluez.count("Pair")) == (0, 0)

    asyncio.run(work())


def test_peripheral_that_was_never_paired_counts_as_that(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with room.bluez(a_and_d()), room.visiting() as visiting:
            await settled(lambda: "peripheral_not_paired" in caplog.text)
            await rested()
            assert visiting.bonds.losses() == []
            assert visiting.bond_of(CUFF) == "none"

    asyncio.run(work())
    assert caplog.text.count("peripheral_not_paired") == 1


def test_person_beside_the_gateway_is_told_what_to_do(room: Room) -> None:
    async def work() -> None:
        async with room.bluez(forgetful()) as bluez, room.visiting() as visiting:
            bluez.tells_reasons = True
            await settled(lambda: visiting.bonds.losses() != [])
            (note,) = (await PairingRequests(visiting).bond_notes({}, None))["notes"]  # type: ignore[arg-type, misc]
            assert note.startswith("A&D UA-651BLE upper-arm cuff has lost the key")

    asyncio.run(work())


def test_person_beside_the_gateway_is_told_who_was_never_paired(room: Room) -> None:
    async def work() -> None:
        async with room.bluez(a_and_d()), room.visiting() as visiting:
            await settled(lambda: visiting.unpaired() == [CUFF])
            answer = await PairingRequests(visiting).bond_notes({}, None)  # type: ignore[arg-type]
            assert answer["notes"] == [
                f"{CUFF} is not paired yet: run “homevitals-gateway pair {CUFF}”"
            ]

    asyncio.run(work())


def test_person_who_pairs_hears_first_what_the_lost_bond_needs(room: Room) -> None:
    class Line:
        def __init__(self) -> None:
            self.told: list[Any] = []

        async def tell(self, news: Any) -> None:
            self.told.append(news)

    async def work() -> None:
        line = Line()
        async with room.bluez(forgetful()) as bluez, room.visiting() as visiting:
            bluez.tells_reasons = True
            await settled(lambda: visiting.bonds.losses() != [])
            request = {"address": CUFF, "seconds": 0.2}
            with pytest.raises(errors.ControlError):
                await PairingRequests(visiting).pair(request, line)  # type: ignore[arg-type]
            assert f"bluetoothctl remove {CUFF}" in line.told[0]["words"]

    asyncio.run(work())
