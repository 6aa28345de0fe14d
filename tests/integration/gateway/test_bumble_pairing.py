"""Pairing and lost bonds on bumble: the same rules as on BlueZ, with a real host stack on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import errors, scan
from gateway.adapter import opened
from gateway.bond_book import Side
from gateway.errors import SessionReason
from gateway.outbox import Outbox
from gateway.pairing_window import Stage
from gateway.session import Session
from gateway.visiting import Visiting
from gateway.ward import home
from tests.integration.gateway.test_ward_and_gateway import CUFF, ZONE, Place, settled
from tests.pairing import Person, closed_desk, pairing

pytestmark = [pytest.mark.ble, pytest.mark.timeout(60)]


@asynccontextmanager
async def visiting(place: Place) -> AsyncIterator[Visiting]:
    """Run the gateway's own work with its radio."""
    settings = replace(place.gateway_settings(), revisit_after_s=0.0)
    outbox = Outbox(settings.state_folder, datetime.now(UTC))
    work = Visiting(settings, outbox, outbox, lambda: datetime.now(UTC))
    using = asyncio.create_task(work.run())
    try:
        yield work
    finally:
        using.cancel()
        await asyncio.gather(using, return_exceptions=True)
        outbox.close()


def test_unbonded_peripheral_is_never_connected_when_no_window_is_open(tmp_path: Path) -> None:
    async def work() -> None:
        async with (
            Place(tmp_path, home.UA_651BLE).open() as here,
            opened(here.gateway_settings(), closed_desk()) as adapter,
        ):
            unpaired: list[str] = []
            watch = scan.Watch([CUFF], lambda: 0.0)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(
                    scan.next_sighting(adapter, watch, None, unpaired.append), 1.0
                )
            assert set(unpaired) == {CUFF}
            assert here.peripheral.connection is None
            assert await here.peripheral.device.keystore.get_all() == []

    asyncio.run(work())


def test_bond_of_a_window_is_used_when_that_is_closed(tmp_path: Path) -> None:
    async def work() -> None:
        async with Place(tmp_path, home.UA_651BLE).open() as here:
            async with here.radio() as adapter:
                assert await here.visit(adapter) > 5
            await here.peripheral.measure()
            async with opened(here.gateway_settings(), closed_desk()) as adapter:
                assert await here.visit(adapter) == 1

    asyncio.run(work())


def test_peripheral_that_lost_its_key_is_paired_anew_in_a_window_and_only_there(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with Place(tmp_path, home.UA_651BLE).open() as here:
            async with here.radio() as adapter:
                await here.visit(adapter)
            await here.peripheral.device.keystore.delete_all()
            await here.peripheral.measure()
            person = Person()
            for attempt in (_refused, _refused, _refused):
                async with opened(here.gateway_settings(), closed_desk()) as adapter:
                    await attempt(here, adapter)
            with pairing(CUFF, person) as desk:
                async with opened(here.gateway_settings(), desk) as adapter:
                    await _refused(here, adapter)  # finds out that the key is of no use
                    assert not adapter.is_bonded(CUFF)
                    assert await here.visit(adapter) == 1
                    assert adapter.is_bonded(CUFF)
            assert {news.stage for news in person.news} == {Stage.FOUND}

    asyncio.run(work())


async def _refused(here: Place, adapter: Any) -> None:
    sighting = await here.sight(adapter)
    session = Session(adapter, sighting, here.shelf, ZONE, lambda: datetime.now(UTC))
    with pytest.raises(errors.SessionError) as failed:
        await session.run()
    assert failed.value.reason is SessionReason.PAIRING_REFUSED


def test_gateway_says_that_the_peripheral_lost_its_key_and_goes_on_when_they_are_paired(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with Place(tmp_path, home.UA_651BLE).open() as here, visiting(here) as gateway:
            with gateway.desk.open(CUFF, 60.0, Person()) as window:
                assert await window.wait(30.0, 30.0) is not None
            await here.peripheral.device.keystore.delete_all()
            await here.peripheral.measure()
            await settled(lambda: gateway.bonds.losses() != [])
            (loss,) = gateway.bonds.losses()
            assert (loss.side, loss.is_certain) == (Side.PERIPHERAL, True)
            assert "bluetoothctl" not in gateway.advice(loss)
            with gateway.desk.open(CUFF, 60.0, Person()) as window:
                gateway.watch.expect(CUFF)
                assert await window.wait(30.0, 30.0) is not None
            assert gateway.bonds.losses() == []

    asyncio.run(work())
