"""Stored records come from cuff and meter through the kernel and bluetoothd into the outbox."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from firmware_profiles import uuids, wire
from firmware_profiles.glucose import GlucoseMeasurement
from gateway.ward import home
from tests.bluez.household import living, now, until

pytestmark = pytest.mark.bluez


@pytest.mark.parametrize("model", [home.UA_651BLE, home.STANDARD_CUFF])
def test_cuff_takes_the_clock_and_delivers_its_stored_records_when_paired(
    tmp_path: Path, model: str
) -> None:
    async def work() -> None:
        async with living(tmp_path, model) as here, here.gateway() as visiting:
            wanted = here.frames()
            assert len(wanted) > 5
            assert (await here.pair(visiting))["stage"] == "paired"
            await here.delivered()
            assert here.stored_frames() == wanted
            assert {record.link for record in here.stored()} == {wire.Link.ENCRYPTED}
            home_time = now().astimezone(here.peripheral._zone).replace(tzinfo=None)
            assert abs(here.peripheral.display_time - home_time) < timedelta(seconds=5)
            offsets_s = {record.device_clock_offset_s for record in here.stored()}
            if model == home.UA_651BLE:  # its clock cannot be read
                assert offsets_s == {None}
            else:
                (offset_s,) = offsets_s
                assert offset_s == pytest.approx(-95, abs=5)

    asyncio.run(work())


def test_three_hundred_records_arrive_complete_and_in_order_when_a_meter_reports(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with (
            living(tmp_path, home.STANDARD_GLUCOMETER, backlog_days=101.0) as here,
            here.gateway() as visiting,
        ):
            wanted = here.frames()
            count = len(here.unsent())
            assert count >= 300
            await here.pair(visiting)
            await here.delivered()
            assert here.stored_frames() == wanted
            sequences = [
                GlucoseMeasurement.from_bytes(record.raw).sequence_number
                for record in here.stored()
                if record.characteristic == uuids.GLUCOSE_MEASUREMENT
            ]
            assert sequences == list(range(count))
            await here.peripheral.measure()
            await here.delivered()
            new = here.frames()[len(wanted) :]
            # The last known record may come along: its absence would mean that the numbering has started over.
            assert here.stored_frames()[-len(new) :] == new
            assert set(here.stored_frames()) == set(here.frames())

    asyncio.run(work())


def test_nothing_is_lost_or_doubled_when_a_bonded_cuff_sends_before_anybody_has_subscribed(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with living(tmp_path, home.STANDARD_CUFF) as here, here.gateway() as visiting:
            await here.pair(visiting)
            await here.delivered()
            assert here.peripheral.memory.contents.is_subscribed
            for _ in range(4):  # more often than a lost bond takes to be noticed
                await here.peripheral.measure()
                await here.delivered()
                await until(lambda: here.stored_frames() == here.frames(), timeout_s=10)
            assert visiting.bonds.loss(here.address) is None

    asyncio.run(work())
