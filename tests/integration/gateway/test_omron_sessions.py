"""Whole sessions with Omron cuffs of the EEPROM generation: bumble on both ends, from the key to the reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles.protocols import omron_frames
from firmware_profiles.readings import BloodPressureReading
from gateway import errors
from gateway.adapter import Adapter
from gateway.errors import SessionReason
from gateway.outbox import Outbox
from gateway.record import CapturedRecord
from gateway.session import Session
from gateway.ward import home
from tests.integration.gateway import beside_device
from tests.integration.gateway.test_ward_and_gateway import CUFF, ZONE, Place

pytestmark = pytest.mark.ble

NAME = "BLEsmart_0000010AC4651B000001"


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "outbox", datetime.now(UTC))
    yield opened
    opened.close()


@asynccontextmanager
async def beside_cuff(
    folder: Path, model: str = home.OMRON_HEM_7322T, name: str = NAME, **changes: Any
) -> AsyncIterator[tuple[Place, Adapter]]:
    place = Place(folder, model)
    async with place.open(name=name, **changes) as here, beside_device.radio(here) as adapter:
        yield here, adapter


async def visit(here: Place, adapter: Adapter, outbox: Outbox) -> list[CapturedRecord]:
    before = outbox.highest_seq
    session = Session(adapter, await here.sight(adapter), outbox, ZONE, lambda: datetime.now(UTC))
    async with asyncio.timeout(60):
        count = await session.run()
    rows = [row.record for row in outbox.waiting(1000) if row.seq > before]
    assert count == len(rows)
    return rows


def readings(records: list[CapturedRecord]) -> list[BloodPressureReading]:
    found = [beside_device.decoded(record) for record in records]
    assert all(isinstance(one, BloodPressureReading) for one in found)
    return found  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("model", "name"), [(home.OMRON_HEM_7322T, NAME), (home.OMRON_HEM_7155T, "X4 Smart")]
)
def test_cuff_is_given_a_key_read_whole_and_then_only_for_what_is_new(
    tmp_path: Path, outbox: Outbox, model: str, name: str
) -> None:
    async def work() -> None:
        async with beside_cuff(tmp_path, model, name) as (here, adapter):
            cuff = here.peripheral
            records = await visit(here, adapter, outbox)
            assert len(records) > 10
            assert [(one.characteristic, one.raw.hex()) for one in records] == beside_device.frames(
                here
            )
            assert {one.profile_id for one in records} == {model}
            assert {one.user_slot for one in readings(records)} == {1}
            # Read, and never set: 95 s ahead, and still so at the next visit.
            assert records[0].device_clock_offset_s == pytest.approx(-95.0, abs=2.0)
            assert len(outbox.recall(CUFF)["key"]) == 16
            cuff.user = 2
            await cuff.measure()
            (newest,) = await visit(here, adapter, outbox)
            assert newest.raw.hex() == beside_device.frames(here)[-1][1]
            assert [one.user_slot for one in readings([newest])] == [2]
            assert newest.device_clock_offset_s == pytest.approx(-95.0, abs=2.0)
            assert cuff.writes == []

    asyncio.run(work())


def test_cuff_that_another_host_was_paired_with_says_so(tmp_path: Path, outbox: Outbox) -> None:
    async def work() -> None:
        async with beside_cuff(tmp_path, backlog_days=1.0) as (here, adapter):
            await visit(here, adapter, outbox)
            here.peripheral.program(b"a phone's own key")
            await here.peripheral.measure()
            with pytest.raises(errors.SessionError, match="another host") as failed:
                await visit(here, adapter, outbox)
            assert failed.value.reason is SessionReason.REFUSED
            # Paired anew, the gateway has forgotten; only what the server does not have is new to it there.
            outbox.forget(CUFF)
            here.peripheral.is_pairing = True
            again = await visit(here, adapter, outbox)
            assert [one.raw.hex() for one in again] == [
                raw for _, raw in beside_device.frames(here)
            ]

    asyncio.run(work())


def test_cuff_with_the_same_name_and_another_protocol_is_not_touched(
    tmp_path: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(omron_frames, "SERVICE", "0000fe4a-0000-1000-8000-00805f9b34fb")

    async def work() -> None:
        async with beside_cuff(tmp_path, home.OMRON_HEM_7155T, "X4 Smart") as (here, adapter):
            with pytest.raises(errors.SessionError) as failed:
                await visit(here, adapter, outbox)
            assert failed.value.reason is SessionReason.MISSING_CHARACTERISTIC
            assert outbox.recall(CUFF) == {}
            assert here.peripheral.is_pairing

    asyncio.run(work())
