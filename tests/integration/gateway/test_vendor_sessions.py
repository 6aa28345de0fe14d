"""Whole sessions with peripherals that speak a vendor's protocol: bumble on both ends, the gateway's own session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles import decode, models
from firmware_profiles.readings import BloodPressureReading, GlucoseReading, Result
from gateway import errors
from gateway.record import CapturedRecord
from gateway.ward import home
from tests.integration.gateway.test_ward_and_gateway import Place

pytestmark = pytest.mark.ble


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str], Place]:
    return lambda model: Place(tmp_path, model)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def decoded(record: CapturedRecord) -> object:
    profile = models.by_id(record.profile_id, record.profile_version)
    return decode.decode_record(profile, record.characteristic, record.raw)


def sent(peripheral: Any) -> list[str]:
    return [
        content for record in peripheral.memory.contents.records for _, content in record.frames
    ]


def test_transtek_cuff_hands_over_each_record_once(place: Callable[[str], Place]) -> None:
    async def work() -> None:
        async with place(home.WELCH_ALLYN_BP100).open() as here, here.radio() as adapter:
            count = await here.visit(adapter)
            assert count > 10
            assert [record.raw.hex() for record in here.shelf.records] == sent(here.peripheral)
            assert {record.profile_id for record in here.shelf.records} == {"welch-allyn-bp100"}
            readings = [decoded(record) for record in here.shelf.records]
            assert all(isinstance(one, BloodPressureReading) for one in readings)
            await here.peripheral.measure()
            assert await here.visit(adapter) == 1
            assert here.shelf.records[-1].raw.hex() == sent(here.peripheral)[-1]

    run(work())


def test_transtek_cuff_of_the_other_revision_is_read_at_the_second_visit(
    place: Callable[[str], Place],
) -> None:
    async def work() -> None:
        async with place(home.WELCH_ALLYN_BP100).open() as here, here.radio() as adapter:
            here.peripheral.guess = 1
            with pytest.raises(errors.SessionError):
                await here.visit(adapter)
            assert here.shelf.records == []
            assert await here.visit(adapter) > 10

    run(work())


def test_transtek_cuff_forgets_nothing_that_is_not_on_disk(place: Callable[[str], Place]) -> None:
    async def work() -> None:
        async with place(home.WELCH_ALLYN_BP100).open() as here, here.radio() as adapter:

            def unsent() -> int:
                return sum(not one.is_sent for one in here.peripheral.memory.contents.records)

            before = unsent()
            seen: list[int] = []
            here.shelf.before_append = lambda: seen.append(unsent())
            assert await here.visit(adapter) == before
            # When a record is being stored the cuff still has it.
            assert seen == list(range(before, 0, -1))

    run(work())


@pytest.mark.parametrize(
    ("model", "name", "kind"),
    [
        (home.FORA_P30_PLUS, "FORA P30 PLUS", BloodPressureReading),
        (home.TAIDOC_METER, "FORA GD40", GlucoseReading),
    ],
)
def test_taidoc_device_is_read_whole_and_then_only_what_is_new(
    place: Callable[[str], Place], model: str, name: str, kind: type
) -> None:
    async def work() -> None:
        where = place(model)
        readings = {"readings": "home_glucose_adult_20.csv", "live_from": "1991-05-20T00:00:00"}
        changes = readings if model == home.TAIDOC_METER else {}
        async with where.open(name=name, **changes) as here, here.radio() as adapter:
            held = len(here.peripheral.memory.contents.records)
            assert await here.visit(adapter) == held > 10
            found = [decoded(record) for record in here.shelf.records]
            assert {type(one) for one in found} == {kind}
            assert {getattr(one, "result", None) for one in found} <= set(Result)
            # It was read before it was set.
            offsets = {record.device_clock_offset_s for record in here.shelf.records}
            assert len(offsets) == 1
            assert -180.0 < (offsets.pop() or 0.0) < 60.0
            await here.peripheral.measure()
            assert await here.visit(adapter) == 1

    run(work())
