"""Whole sessions with each glucometer that follows the standard, more or less: bumble on both ends, to the reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from firmware_profiles import models, sfloat, wire
from firmware_profiles.errors import FrameError
from firmware_profiles.glucose import SampleLocation
from firmware_profiles.readings import (
    Decoded,
    GlucoseContext,
    GlucoseReading,
    KetoneReading,
    Result,
)
from firmware_profiles.sfloat import Sfloat
from gateway import record_access
from gateway.record import CapturedRecord
from gateway.ward.meter_habits import Clock
from ingest import record_key
from tests.integration.gateway.beside_device import beside, decoded, frames, kept
from tests.integration.gateway.test_ward_and_gateway import Place, run, settled, unsent

pytestmark = pytest.mark.ble

METERS = {
    "standard-glucometer": "Some meter",
    "accu-chek": "meter+00012345",
    "contour-next": "Contour7830H5012345",
    "caresens": "CareSens 0AB1",
    "taidoc-dm30b": "Mini",
    "fora-gd40": "FORA GD40",
    "fora-tng-voice": "TNG VOICE",
    "true-metrix-air": "NiproBGM",
    "tyson-ht100": "TBMT12",
}
SET = {"standard-glucometer", "accu-chek", "contour-next", "caresens"}
READABLE = SET - {"contour-next"}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat what was overheard sooner."""
    monkeypatch.setattr(record_access, "_COUNT_SILENCE_S", 0.2)


def measured(records: Sequence[CapturedRecord]) -> list[Decoded]:
    found = [decoded(record) for record in records]
    return [one for one in found if not isinstance(one, GlucoseContext)]


def mg_dl(figure: int) -> Sfloat:
    return Sfloat.of(Decimal(figure).scaleb(-5))


def home_time(place: Place) -> datetime:
    return datetime.now(UTC).astimezone(place.peripheral._zone).replace(tzinfo=None)


@pytest.mark.parametrize(("profile_id", "name"), METERS.items(), ids=METERS)
def test_meter_is_paired_and_read_whole_under_its_own_profile(
    tmp_path: Path, profile_id: str, name: str
) -> None:
    profile = models.newest(profile_id)
    is_coded = profile.pairing.mode.value == "passkey"

    async def work() -> None:
        habits = {"bogus_high": False}
        async with beside(tmp_path, profile_id, name, habits=habits) as (here, adapter):
            rows = here.peripheral._series.backlog(3.0, home_time(here))
            stored = len(here.peripheral.memory.contents.records)
            assert stored == len(rows) > 5
            await here.visit(adapter)
            records = here.shelf.records
            assert {record.profile_id for record in records} == {profile_id}
            link = wire.Link.AUTHENTICATED if is_coded else wire.Link.ENCRYPTED
            assert {record.link for record in records} == {link}
            readings = measured(records)
            assert len(readings) == stored
            told = {
                reading.base_time: reading.glucose_mg_dl
                for reading in readings
                if isinstance(reading, GlucoseReading)
            }
            every = here.peripheral.habits.ketone_every
            assert len(told) == stored - (stored // every if every else 0)
            assert set(told.values()) <= {float(row.glucose_mg_dl) for _, row in rows}
            offset_s = records[0].device_clock_offset_s
            if profile_id in READABLE:
                assert offset_s == pytest.approx(-95, abs=2)
            else:
                assert offset_s is None
            if profile_id in SET:
                difference = here.peripheral.display_time - home_time(here)
                assert abs(difference) < timedelta(seconds=60)
            await settled(lambda: not unsent(here))
            # The second visit brings the new one, and besides it only what is known already.
            before = {key(record) for record in records if decodes(record)}
            await here.peripheral.measure()
            await here.visit(adapter)
            after = {key(record) for record in here.shelf.records if decodes(record)}
            assert len(after - before) == 1
            assert before <= after

    run(work())


def decodes(record: CapturedRecord) -> bool:
    return record.characteristic == "2a18"


def key(record: CapturedRecord) -> bytes:
    """Return what the server will know a measurement by."""
    reading = decoded(record)
    assert not isinstance(reading, GlucoseContext)
    return record_key.record_key(
        record.peripheral, record.characteristic, record.raw, reading, ("epoch", 0)
    )


def test_300_records_come_complete_and_in_order(tmp_path: Path) -> None:
    async def work() -> None:
        changes = {"backlog_days": 0.0}
        async with beside(tmp_path, "standard-glucometer", "Meter", **changes) as (here, adapter):
            for _ in range(300):
                await here.peripheral.measure()
            await here.visit(adapter)
            assert kept(here) == frames(here)
            numbers = [one.sequence_number for one in measured(here.shelf.records)]
            assert numbers == list(range(300))

    run(work())


@pytest.mark.parametrize("clock", [Clock.CARESENS, Clock.CARESENS_1_5])
@pytest.mark.parametrize("contexts_last", [False, True])
def test_caresens_ketone_is_never_glucose(
    tmp_path: Path, clock: Clock, contexts_last: bool
) -> None:
    async def work() -> None:
        habits = {"clock": clock, "contexts_last": contexts_last}
        name = METERS["caresens"]
        async with beside(tmp_path, "caresens", name, habits=habits) as (here, adapter):
            await here.visit(adapter)
            readings = measured(here.shelf.records)
            for reading in readings:
                number = reading.sequence_number or 0
                is_ketone = number % 3 == 2
                assert isinstance(reading, KetoneReading if is_ketone else GlucoseReading)
            ketones = [r.ketone_mmol_l for r in readings if isinstance(r, KetoneReading)]
            assert ketones
            assert all(one is not None and 0 <= one < 3 for one in ketones)

    run(work())


def test_caresens_month_thirteen_is_january(tmp_path: Path) -> None:
    async def work() -> None:
        changes = {"backlog_days": 0.0, "clock_error_s": 0.0}
        name = METERS["caresens"]
        async with beside(tmp_path, "caresens", name, **changes) as (here, adapter):
            january = datetime.fromisoformat("2026-01-15T08:00")
            here.peripheral._set_clock(january)
            await here.peripheral.measure()
            await here.visit(adapter)
            (reading,) = measured(here.shelf.records)
            assert isinstance(reading, GlucoseReading)
            assert reading.base_time is not None
            assert (reading.base_time.year, reading.base_time.month) == (2026, 1)
            assert reading.qualifiers == ("month_thirteen",)

    run(work())


def test_accu_chek_control_solution_is_told_by_its_place(tmp_path: Path) -> None:
    async def work() -> None:
        changes = {"backlog_days": 0.0}
        async with beside(tmp_path, "accu-chek", METERS["accu-chek"], **changes) as (here, adapter):
            await here.peripheral.measure_with(mg_dl(120), SampleLocation.CONTROL_SOLUTION)
            await here.peripheral.measure_with(mg_dl(15), SampleLocation.FINGER)
            await here.peripheral.measure_with(mg_dl(9), SampleLocation.FINGER)
            await here.peripheral.measure_with(mg_dl(601), SampleLocation.FINGER)
            await here.visit(adapter)
            control, low, lower, high = measured(here.shelf.records)
            assert control.result is Result.CONTROL_SOLUTION  # type: ignore[union-attr]
            assert isinstance(low, GlucoseReading)
            assert low.glucose_mg_dl == 15
            assert isinstance(lower, GlucoseReading)
            assert (lower.result, lower.glucose_mg_dl) == (Result.BELOW_RANGE, None)
            assert lower.qualifiers == ("below_10_mg_dl",)
            assert isinstance(high, GlucoseReading)
            assert (high.result, high.qualifiers) == (Result.ABOVE_RANGE, ("above_600_mg_dl",))

    run(work())


def test_tng_voice_s_bogus_reading_means_nothing_and_its_real_ones_count(tmp_path: Path) -> None:
    async def work() -> None:
        name = METERS["fora-tng-voice"]
        async with beside(tmp_path, "fora-tng-voice", name) as (here, adapter):
            await here.peripheral.measure_with(sfloat.POSITIVE_INFINITY, SampleLocation.FINGER)
            await here.visit(adapter)
            *real, bogus = here.shelf.records
            with pytest.raises(FrameError):
                decoded(bogus)
            *_, high = measured(real)
            assert isinstance(high, GlucoseReading)
            assert high.result is Result.ABOVE_RANGE
            await settled(lambda: here.peripheral.is_off)

    run(work())


def test_dm30b_s_records_stay_the_same_when_their_numbers_change(tmp_path: Path) -> None:
    async def work() -> None:
        async with beside(tmp_path, "taidoc-dm30b", "Mini") as (here, adapter):
            await here.visit(adapter)
            first = list(here.shelf.records)
            await here.peripheral.measure()
            await here.visit(adapter)
            second = here.shelf.records[len(first) :]
            assert len(second) == len(first) + 1
            assert {record.raw for record in first}.isdisjoint(record.raw for record in second)
            assert {key(record) for record in first} < {key(record) for record in second}
            lasting = [
                {
                    record_key.lasting(record.characteristic, record.raw, decoded(record))  # type: ignore[arg-type]
                    for record in records
                }
                for records in (first, second)
            ]
            assert lasting[0] < lasting[1]
            assert all(one.sequence_number is None for one in measured(second))

    run(work())


def test_true_metrix_frame_of_a_real_meter_is_read() -> None:
    # Captured from a meter and published: 167 mg/dL on 2022-09-09 at 17:51.
    profile = models.newest("true-metrix-air")
    from firmware_profiles.decode import decode_record

    found = decode_record(profile, "2a18", bytes.fromhex("12 e400 e6070909113300 a7b0 18"))
    assert isinstance(found, GlucoseReading)
    assert (found.sequence_number, found.glucose_mg_dl) == (228, 167)
    assert found.base_time == datetime.fromisoformat("2022-09-09T17:51")
    context = decode_record(profile, "2a34", bytes.fromhex("04 e400 ff"))
    assert isinstance(context, GlucoseContext)
    assert context.fields == {"tester": "not_available", "health": "not_available"}


def test_meter_that_was_reset_and_counted_on_is_read_anew(tmp_path: Path) -> None:
    async def work() -> None:
        async with beside(tmp_path, "standard-glucometer", "Meter") as (here, adapter):
            await here.visit(adapter)
            total = len(measured(here.shelf.records))
            # Another meter of the same kind under the same address, or this one after a reset: other times.
            contents = here.peripheral.memory.contents
            here.peripheral.memory._save(type(contents)(clock=contents.clock))
            for _ in range(total + 3):
                await here.peripheral.measure()
            before = len(here.shelf.records)
            await here.visit(adapter)
            numbers = {one.sequence_number for one in measured(here.shelf.records[before:])}
            assert numbers == set(range(total + 3))

    run(work())
