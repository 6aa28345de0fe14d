"""Whole sessions with a OneTouch meter: bumble on both ends, from the passkey to the decoded reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles import models, wire
from firmware_profiles.device_profile import Pairing, PairingMode
from firmware_profiles.matching import Match
from firmware_profiles.readings import GlucoseReading
from gateway import errors
from gateway.adapter import Adapter
from gateway.errors import SessionReason
from gateway.outbox import Outbox
from gateway.record import CapturedRecord
from gateway.session import Session
from gateway.ward import home
from tests import pairing
from tests.integration.gateway import beside_device
from tests.integration.gateway.test_ward_and_gateway import CUFF, ZONE, Place

pytestmark = pytest.mark.ble

NAME = "OneTouch J7RG"


@asynccontextmanager
async def beside_meter(
    folder: Path, person: pairing.Person | None = None, **changes: Any
) -> AsyncIterator[tuple[Place, Adapter]]:
    place = Place(folder, home.ONETOUCH_VERIO)
    settings = {
        "name": NAME,
        "readings": "home_glucose_adult_20.csv",
        "live_from": "1991-05-20T00:00:00",
    }
    opened = place.open(**settings, **changes)
    async with opened as here, beside_device.radio(here, person) as adapter:
        yield here, adapter


def decoded(record: CapturedRecord) -> GlucoseReading:
    reading = beside_device.decoded(record)
    assert isinstance(reading, GlucoseReading)
    return reading


def held(place: Place) -> list[str]:
    return [raw for _, raw in beside_device.frames(place)]


@pytest.mark.parametrize("content_size", [19, 6])
def test_meter_is_paired_read_whole_and_then_only_asked_for_what_is_new(
    tmp_path: Path, content_size: int
) -> None:
    outbox = Outbox(tmp_path / "outbox", datetime.now(UTC))

    async def visit(here: Place, adapter: Adapter) -> list[CapturedRecord]:
        before = outbox.highest_seq
        session = Session(
            adapter, await here.sight(adapter), outbox, ZONE, lambda: datetime.now(UTC)
        )
        async with asyncio.timeout(30):
            count = await session.run()
        rows = [row for row in outbox.waiting(1000) if row.seq > before]
        assert count == len(rows)
        return [row.record for row in rows]

    async def work() -> None:
        async with beside_meter(tmp_path) as (here, adapter):
            here.peripheral.content_size = content_size
            records = await visit(here, adapter)
            assert len(records) > 10
            assert [record.raw.hex() for record in records] == held(here)[::-1]
            assert {record.profile_id for record in records} == {"onetouch-verio"}
            assert {record.link for record in records} == {wire.Link.AUTHENTICATED}
            times = [decoded(record).device_time for record in records]
            assert times == sorted((one for one in times if one), reverse=True)
            # Read before it was set: it was 95 s ahead then.
            assert records[0].device_clock_offset_s == pytest.approx(-95.0, abs=2.0)
            assert outbox.watermark(CUFF, "onetouch-verio") == len(records)
            await here.peripheral.measure()
            (newest,) = await visit(here, adapter)
            assert newest.raw.hex() == held(here)[-1]
            assert newest.device_clock_offset_s == pytest.approx(0.0, abs=2.0)

    try:
        asyncio.run(work())
    finally:
        outbox.close()


def test_wrong_pin_pairs_nobody(tmp_path: Path) -> None:
    async def work() -> None:
        async with beside_meter(tmp_path, pairing.Person("111111")) as (here, adapter):
            with pytest.raises(errors.SessionError) as failed:
                await here.visit(adapter)
            assert failed.value.reason is SessionReason.PAIRING_REFUSED
            assert here.shelf.records == []
            assert not adapter.is_bonded(CUFF)

    asyncio.run(work())


def test_host_without_a_bond_is_told_what_to_do(tmp_path: Path) -> None:
    # As a site's profile would that leaves the pairing out and leads by asking for nothing but the name.
    careless = replace(
        models.newest("onetouch-verio"),
        profile_id="careless",
        match=(Match(name=NAME),),
        pairing=Pairing(mode=PairingMode.NONE),
    )

    async def work() -> None:
        async with beside_meter(tmp_path) as (here, adapter):
            with pytest.raises(errors.SessionError, match="lost its bond") as failed:
                await here.visit(adapter)
            assert failed.value.reason is SessionReason.REFUSED

    models.add([careless])
    try:
        asyncio.run(work())
    finally:
        models.add([])
