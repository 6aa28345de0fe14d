"""bluetoothd is killed, and the gateway goes on by itself with the next one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.ward import home
from tests.bluez.household import bluetoothd, kill_bluetoothd, living, until

pytestmark = pytest.mark.bluez


def test_gateway_goes_on_when_bluetoothd_was_killed_during_a_scan(tmp_path: Path) -> None:
    async def work() -> None:
        async with living(tmp_path, home.UA_651BLE) as here, here.gateway() as visiting:
            await here.pair(visiting)
            await here.delivered()
            await asyncio.sleep(3)  # scanning again: there is nobody to find
            killed = bluetoothd()
            kill_bluetoothd()
            await here.peripheral.measure()
            await here.delivered()
            assert here.stored_frames() == here.frames()
            assert bluetoothd() not in (None, killed)

    asyncio.run(work())


def test_nothing_committed_is_lost_when_bluetoothd_was_killed_during_a_session(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with living(tmp_path, home.UA_651BLE) as here, here.gateway() as visiting:
            await here.pair(visiting)
            await here.delivered()
            before = len(here.frames())
            for _ in range(20):
                await here.peripheral.measure()
            await until(lambda: len(here.stored()) >= before + 5)
            committed = here.stored_frames()
            kill_bluetoothd()
            await here.delivered()
            stored = here.stored_frames()
            assert stored[: len(committed)] == committed
            # bluetoothd confirms before it tells anybody: one frame may have been on its way when it died.
            missing = [frame for frame in here.frames() if frame not in stored]
            assert len(missing) <= 1
            assert len(stored) == len(here.frames()) - len(missing)

    asyncio.run(work())
