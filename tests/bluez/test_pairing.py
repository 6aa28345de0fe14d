"""Bonds are made through our agent in a person's window, used again, and missed when one side has lost them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles import wire
from gateway.bond_book import Side
from gateway.ward import home
from tests.bluez.household import living, until

pytestmark = pytest.mark.bluez


def test_peripheral_is_seen_and_not_connected_when_nobody_has_opened_a_window(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with living(tmp_path, home.UA_651BLE) as here, here.gateway() as visiting:
            connections: list[Any] = []
            here.peripheral.device.on("connection", connections.append)
            await until(lambda: visiting.watch.surroundings.last(here.address) is not None)
            await asyncio.sleep(5)
            assert connections == []
            heard = visiting.watch.surroundings.last(here.address)
            assert heard is not None
            assert heard.seen.name == "A&D_UA-651BLE_000001"
            assert here.stored() == []

    asyncio.run(work())


def test_records_are_authenticated_when_a_person_has_typed_the_code_of_the_display(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with living(tmp_path, "beurer-bm54") as here, here.gateway() as visiting:
            assert (await here.pair(visiting))["stage"] == "paired"
            await until(lambda: here.stored_frames()[: len(here.frames())] == here.frames())
            assert {record.link for record in here.stored()} == {wire.Link.AUTHENTICATED}

    asyncio.run(work())


def test_there_is_no_bond_when_a_person_has_typed_another_code(tmp_path: Path) -> None:
    async def work() -> None:
        async with living(tmp_path, "beurer-bm54") as here, here.gateway() as visiting:
            is_typed = asyncio.Event()

            async def misread() -> int:
                shown: int = await here.peripheral.shown_passkey()
                is_typed.set()
                return (shown + 1) % 1_000_000

            pairing = asyncio.create_task(here.pair(visiting, misread))
            async with asyncio.timeout(90):
                await is_typed.wait()
            await until(lambda: here.peripheral.connection is None)
            pairing.cancel()
            await asyncio.gather(pairing, return_exceptions=True)
            assert not visiting.is_bonded(here.address)
            assert await here.peripheral.device.keystore.get_all() == []
            assert here.stored() == []

    asyncio.run(work())


def test_bond_is_used_again_when_the_gateway_has_been_restarted(tmp_path: Path) -> None:
    async def work() -> None:
        async with living(tmp_path, home.UA_651BLE) as here:
            async with here.gateway() as visiting:
                await here.pair(visiting)
                await here.delivered()
            keys = str(await here.peripheral.device.keystore.get_all())
            await here.peripheral.measure()
            async with here.gateway():
                await here.delivered()
            assert here.stored_frames() == here.frames()
            assert str(await here.peripheral.device.keystore.get_all()) == keys

    asyncio.run(work())


def test_bond_counts_as_lost_when_the_cuff_has_forgotten_it(tmp_path: Path) -> None:
    # A cuff by the book: A&D's may show E10 at the first attempt and be off until somebody takes its batteries out.
    async def work() -> None:
        async with living(tmp_path, home.STANDARD_CUFF) as here, here.gateway() as visiting:
            await here.pair(visiting)
            await here.delivered()
            assert visiting.bonds.loss(here.address) is None
            await here.peripheral.device.keystore.delete_all()
            await here.peripheral.measure()
            await until(lambda: visiting.bonds.loss(here.address) is not None)
            loss = visiting.bonds.loss(here.address)
            assert loss is not None
            assert loss.side is Side.PERIPHERAL
            assert len(here.unsent()) == 1  # it keeps what nobody could take
            assert here.stored_frames() == here.frames()[:-1]

    asyncio.run(work())
