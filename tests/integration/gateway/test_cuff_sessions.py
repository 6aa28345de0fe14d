"""Whole sessions with each cuff that follows the standard, more or less: bumble on both ends, to the reading."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles import models, wire
from firmware_profiles.readings import BloodPressureReading, Result
from gateway import errors
from gateway.errors import SessionReason
from gateway.ward import cuff_habits
from tests import pairing
from tests.integration.gateway import beside_device
from tests.integration.gateway.beside_device import beside, decoded, frames, kept
from tests.integration.gateway.test_ward_and_gateway import Place, run, settled, unsent

pytestmark = pytest.mark.ble

OMRON_NAME = "BLESmart_0000011F0123456789AB"
CUFFS = {
    "standard-cuff": "Some cuff",
    "and-ua-651ble": "A&D_UA-651BLE_000001",
    "and-ua-656ble": "A&D_UA-656BLE_000001",
    "and-ub-1100ble": "A&D_UB-1100BLE_000001",
    "omron-blesmart": OMRON_NAME,
    "omron-hem-9200t": "BLESmart_000001160123456789AB",
    "omron-hem-6233t": "BLESmart_000002330123456789AB",
    "omron-x4-smart": "X4 Smart",
    "beurer-bm54": "BM54",
    "beurer-bm85": "BM 85",
    "silvercrest-sbm69": "SBM69",
    "medisana-bu": "1872B",
    "nipro-nbp-1ble": "NBP-1BLE-0001",
    "philips-dl8765": "DL8765",
}


def pressures(place: Place) -> list[BloodPressureReading]:
    found = [decoded(record) for record in place.shelf.records]
    assert all(isinstance(one, BloodPressureReading) for one in found)
    return found  # type: ignore[return-value]


def home_time(place: Place) -> datetime:
    return datetime.now(UTC).astimezone(place.peripheral._zone).replace(tzinfo=None)


@pytest.mark.parametrize(("profile_id", "name"), CUFFS.items(), ids=CUFFS)
def test_cuff_is_paired_and_read_whole_under_its_own_profile(
    tmp_path: Path, profile_id: str, name: str
) -> None:
    profile = models.newest(profile_id)

    async def work() -> None:
        async with beside(tmp_path, profile_id, name) as (here, adapter):
            stored = frames(here)
            assert len(stored) > 3
            assert await here.visit(adapter) == len(stored)
            assert sorted(kept(here)) == sorted(stored)
            assert {record.profile_id for record in here.shelf.records} == {profile_id}
            is_coded = profile.pairing.mode.value == "passkey"
            links = {record.link for record in here.shelf.records}
            assert links == {wire.Link.AUTHENTICATED if is_coded else wire.Link.ENCRYPTED}
            readings = pressures(here)
            rows = here.peripheral._series.backlog(3.0, home_time(here))
            told = [
                (r.systolic_mmhg, r.diastolic_mmhg, r.pulse_bpm)
                for r in sorted(readings, key=lambda r: str(r.device_time))
            ]
            assert told == [
                (row.systolic_mmhg, row.diastolic_mmhg, row.pulse_bpm) for _, row in rows
            ]
            assert all(reading.result is Result.MEASURED for reading in readings)
            assert not any(reading.qualifiers for reading in readings)
            users = here.peripheral.habits.users or (None,)
            assert {reading.user_slot for reading in readings} == set(users)
            await settled(lambda: not unsent(here))
            # The second visit brings what was measured meanwhile, and what the model sends again.
            before = len(here.shelf.records)
            await here.peripheral.measure()
            await here.visit(adapter)
            new = len(stored) + 1 if here.peripheral.habits.sends_all else 1
            assert len(here.shelf.records) == before + new

    run(work())


@pytest.mark.parametrize(
    "profile_id",
    [one for one in CUFFS if models.newest(one).clock is not None and one != "medisana-bu"],
)
def test_clock_is_set_and_read_first_where_it_can_be(tmp_path: Path, profile_id: str) -> None:
    clock = models.newest(profile_id).clock
    assert clock is not None

    async def work() -> None:
        async with beside(tmp_path, profile_id, CUFFS[profile_id]) as (here, adapter):
            await here.visit(adapter)
            offset_s = here.shelf.records[0].device_clock_offset_s
            if profile_id == "philips-dl8765":
                assert offset_s is None  # this virtual one has none; the session goes on
                return
            if clock.readable:
                assert offset_s == pytest.approx(-95, abs=2)
            else:
                assert offset_s is None
            assert abs(here.peripheral.display_time - home_time(here)) < timedelta(seconds=3)

    run(work())


@pytest.mark.parametrize(
    ("profile_id", "name", "number"),
    [
        ("and-uc-352ble", "A&D_UC-352BLE_000001", "weight_kg"),
        ("and-ut-201ble", "A&D_UT-201BLE_000001", "temperature_celsius"),
    ],
)
def test_siblings_of_the_a_and_d_cuffs_are_read_through_their_gate(
    tmp_path: Path, profile_id: str, name: str, number: str
) -> None:
    async def work() -> None:
        async with beside(tmp_path, profile_id, name) as (here, adapter):
            await here.visit(adapter)
            assert kept(here) == frames(here)
            assert {record.profile_id for record in here.shelf.records} == {profile_id}
            (kind,) = models.newest(profile_id).kinds
            readings = [decoded(record) for record in here.shelf.records]
            assert {one.KIND for one in readings} == {kind}  # type: ignore[union-attr]
            assert all(getattr(one, number) is not None for one in readings)
            await settled(lambda: not unsent(here))
            difference = here.peripheral.display_time - home_time(here)
            assert abs(difference) < timedelta(seconds=3)

    run(work())


@pytest.mark.parametrize("profile_id", ["and-ua-651ble", "and-ua-656ble"])
def test_a_and_d_cuff_that_kept_nothing_keeps_what_nobody_hears_after_pairing(
    tmp_path: Path, profile_id: str
) -> None:
    async def work() -> None:
        async with beside(tmp_path, profile_id, CUFFS[profile_id]) as (here, adapter):
            here.peripheral.memory.set_buffer_size(0)
            await here.peripheral.measure()
            assert len(unsent(here)) == 1  # all before is lost
            await here.visit(adapter)
            await settled(lambda: not unsent(here))
            size = {"and-ua-651ble": 1, "and-ua-656ble": 2}[profile_id]
            assert here.peripheral.memory.contents.buffer_size == size
            # It is a setup of one time: what a technician sets later stays.
            here.peripheral.memory.set_buffer_size(3)
            for _ in range(3):
                await here.peripheral.measure()
            assert await here.visit(adapter) == 3
            assert here.peripheral.memory.contents.buffer_size == 3

    run(work())


def test_a_and_d_cuff_that_keeps_its_records_is_left_as_it_is(tmp_path: Path) -> None:
    async def work() -> None:
        name = CUFFS["and-ua-651ble"]
        async with beside(tmp_path, "and-ua-651ble", name) as (here, adapter):
            here.peripheral.memory.set_buffer_size(2)
            assert await here.visit(adapter) == len(frames(here))
            assert here.peripheral.memory.contents.buffer_size == 2

    run(work())


def test_a_and_d_cuff_without_the_vendor_service_is_used_all_the_same(tmp_path: Path) -> None:
    async def work() -> None:
        place = Place(tmp_path, "and-ua-651ble")
        habits = replace(cuff_habits.BY_MODEL["and-ua-651ble"], has_buffer=False)
        with pytest.MonkeyPatch.context() as patch:
            known = {**cuff_habits.BY_MODEL, "and-ua-651ble": habits}
            patch.setattr(cuff_habits, "BY_MODEL", known)
            name = "A&D_UA-651BLE_000001"
            async with place.open(name=name) as here, beside_device.radio(here) as adapter:
                assert await here.visit(adapter) == len(frames(here))

    run(work())


def test_a_and_d_cuff_shows_e10_to_a_second_host_until_its_batteries_were_out(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with beside(tmp_path, "and-ua-656ble", CUFFS["and-ua-656ble"]) as (here, adapter):
            await here.visit(adapter)
            await here.peripheral.measure()
        same = Place(tmp_path, "and-ua-656ble").open(name=CUFFS["and-ua-656ble"])
        async with same as here, beside_device.radio(here, state="another") as other:
            with pytest.raises(errors.SessionError) as refused:
                await here.visit(other)
            assert refused.value.reason is SessionReason.PAIRING_REFUSED
            await settled(lambda: here.peripheral.display == "E10")
            await settled(lambda: not here.peripheral.device.is_advertising)
            here.peripheral.remove_batteries()
            assert await here.visit(other) == 1

    run(work())


def test_a_and_d_cuff_after_a_change_of_batteries_sends_undated_records_once(
    tmp_path: Path,
) -> None:
    async def work() -> None:
        async with beside(tmp_path, "and-ua-651ble", CUFFS["and-ua-651ble"]) as (here, adapter):
            await here.visit(adapter)
            here.peripheral.remove_batteries()
            await here.peripheral.measure()
            before = len(here.shelf.records)
            # Its bond is gone too, and the gateway says so; the next attempt pairs.
            with pytest.raises(errors.SessionError):
                await here.visit(adapter)
            assert await here.visit(adapter) == 1
            (undated,) = pressures(here)[before:]
            assert undated.device_time is None
            await here.peripheral.measure()
            await here.visit(adapter)
            assert pressures(here)[-1].device_time is not None

    run(work())


def test_pulse_out_of_range_and_failed_measurement_are_no_numbers(tmp_path: Path) -> None:
    async def work() -> None:
        changes: dict[str, Any] = {"habits": {"highest_pulse_bpm": 40}, "backlog_days": 0.0}
        name = CUFFS["and-ua-651ble"]
        async with beside(tmp_path, "and-ua-651ble", name, **changes) as (here, adapter):
            await here.peripheral.measure()
            await here.peripheral.fail_to_measure()
            assert await here.visit(adapter) == 2
            fast, failed = pressures(here)
            assert (fast.result, fast.pulse_bpm) == (Result.MEASURED, None)
            assert fast.qualifiers == ("pulse_not_expressible",)
            assert failed.result is Result.NOT_MEASURABLE
            assert failed.systolic_mmhg is None

    run(work())


def test_omron_cuff_tells_its_state_and_changes_its_name_when_paired(tmp_path: Path) -> None:
    async def work() -> None:
        async with beside(tmp_path, "omron-blesmart", OMRON_NAME) as (here, adapter):
            sighting = await here.sight(adapter)
            assert (sighting.seen.name or "").startswith("BLEsmart_")
            state = sighting.seen.company_data[0x020E]
            assert state[0] == 1
            assert state[1] & 0b1000  # pairing
            await here.visit(adapter)
            await here.peripheral.measure()
            sighting = await here.sight(adapter)
            assert (sighting.seen.name or "").startswith("BLESmart_")
            assert not sighting.seen.company_data[0x020E][1] & 0b1000

    run(work())


def test_omron_cuff_keeps_its_clock_when_it_has_not_told_its_time(tmp_path: Path) -> None:
    async def work() -> None:
        async with beside(tmp_path, "omron-blesmart", OMRON_NAME) as (here, adapter):
            clock = here.peripheral.memory.contents.clock
            here.peripheral._adjust(home_time(here))
            assert here.peripheral.memory.contents.clock == clock
            await here.visit(adapter)
            assert here.peripheral.memory.contents.clock != clock

    run(work())


def test_x4_smart_forgets_what_was_confirmed_and_nothing_else(tmp_path: Path) -> None:
    async def work() -> None:
        async with beside(tmp_path, "omron-x4-smart", "X4 Smart") as (here, adapter):

            def refuse_the_third() -> None:
                if len(here.shelf.records) == 2:
                    raise errors.OutboxError(errors.StorageReason.FULL)

            total = len(frames(here))
            here.shelf.before_append = refuse_the_third
            with pytest.raises(errors.SessionError):
                await here.visit(adapter)
            await settled(lambda: here.peripheral.connection is None)
            assert len(frames(here)) == total - 2
            here.shelf.before_append = lambda: None
            await here.peripheral.fail_to_measure()
            await here.visit(adapter)
            await settled(lambda: frames(here) == [])
            assert len(set(kept(here))) == total + 1
            assert pressures(here)[-1].result is Result.NOT_MEASURABLE

    run(work())


def test_beurer_cuff_gives_nothing_to_who_does_not_know_its_code(tmp_path: Path) -> None:
    async def work() -> None:
        person = pairing.Person()
        async with beside(tmp_path, "beurer-bm54", "BM54", person=person) as (here, adapter):
            with pytest.raises(errors.SessionError) as refused:
                await here.visit(adapter)
            assert refused.value.reason is SessionReason.PAIRING_REFUSED
            assert here.shelf.records == []

    run(work())


def test_medisana_s_last_record_is_not_its_latest(tmp_path: Path) -> None:
    async def work() -> None:
        async with beside(tmp_path, "medisana-bu", "1872B") as (here, adapter):
            await here.visit(adapter)
            times = [reading.device_time for reading in pressures(here)]
            assert None not in times
            assert times[-1] != max(time for time in times if time is not None)

    run(work())
