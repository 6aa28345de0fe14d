"""Every kind of reading, from the bytes of a record to the rows, the sums of the day and a line of an export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from firmware_profiles import kinds, uuids
from firmware_profiles.body_temperature import TemperatureMeasurement
from firmware_profiles.body_weight import WeightMeasurement, WeightUnit
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.medfloat32 import Medfloat32
from firmware_profiles.pulse_oximetry import SaturationAndPulse, SpotCheck
from firmware_profiles.readings import Kind, Result
from firmware_profiles.sfloat import Sfloat
from firmware_profiles.wire import ReceiptStatus, Record
from ingest import daily_summary, exports, reading_pages, store, tenancy
from ingest.commit import Committer
from ingest.exporting.columns import COLUMNS
from ingest.receipts import Fate
from tests.integration.ingest.conftest import ADDRESS

pytestmark = pytest.mark.db

NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Sent:
    """One record of a kind, and what it comes to."""

    profile_id: str
    characteristic: str
    raw: bytes
    numbers: dict[str, float]


def sent(kind: Kind, at: datetime) -> Sent:
    time_stamp = DateTime.of(at.replace(tzinfo=None))
    match kind:
        case Kind.BODY_WEIGHT:  # 173 lb * 0.45359237
            raw = WeightMeasurement(17300, WeightUnit.LB, time_stamp).to_bytes()
            numbers = {"weight_kg": 78.47148001}
            return Sent("standard-scale", uuids.WEIGHT_MEASUREMENT, raw, numbers)
        case Kind.PULSE_OXIMETRY:
            measured = SaturationAndPulse(Sfloat.of(93), Sfloat.of(88))
            raw = SpotCheck(measured, time_stamp).to_bytes()
            numbers = {"spo2_percent": 93.0, "pulse_bpm": 88.0}
            return Sent("standard-oximeter", uuids.PLX_SPOT_CHECK_MEASUREMENT, raw, numbers)
        case Kind.BODY_TEMPERATURE:
            raw = TemperatureMeasurement(Medfloat32.of("38.4"), time_stamp=time_stamp).to_bytes()
            numbers = {"temperature_celsius": 38.4}
            return Sent("standard-thermometer", uuids.TEMPERATURE_MEASUREMENT, raw, numbers)
        case _:
            raise NotImplementedError


KINDS = (Kind.BODY_WEIGHT, Kind.PULSE_OXIMETRY, Kind.BODY_TEMPERATURE)


@pytest.fixture
def committer(database: Any) -> Iterator[Committer]:
    connection = psycopg.connect(database.conninfo("homevitals_ingest"), autocommit=True)
    yield Committer(connection)
    connection.close()


def record(home: Any, seq: int, one: Sent) -> Record:
    of_cuff: Record = home.record(seq)
    return replace(
        of_cuff,
        profile_id=one.profile_id,
        characteristic=one.characteristic,
        raw=one.raw,
        peripheral=ADDRESS,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_reading_of_every_kind_is_found_as_it_was_sent(
    committer: Committer, home: Any, database: Any, kind: Kind
) -> None:
    at = home.now - timedelta(minutes=5)
    one = sent(kind, at)
    message = home.message([record(home, 1, one)])

    (fate,) = committer.take_in([message], datetime.now(UTC)).values()
    (again,) = committer.take_in([message], datetime.now(UTC)).values()

    assert (fate, again) == (Fate(ReceiptStatus.STORED), Fate(ReceiptStatus.DUPLICATE))
    day = at.astimezone(NEW_YORK).date()
    scope = home.practice_id, home.patient_id
    with (
        database.connect("homevitals_console") as console,
        tenancy.transaction(console, home.practice_id) as cur,
    ):
        (stored,) = store.readings_of_patient(
            cur, *scope, kind, at - timedelta(hours=1), at + timedelta(hours=1)
        )
        latest = reading_pages.latest(cur, *scope, list(Kind), home.now)
        (summary,) = daily_summary.daily_summaries(cur, *scope, kind, day, day)
        wanted = exports.Wanted(home.practice_id, kind=kind)
        (exported,) = exports.readings(console, wanted, [home.patient_id])

    assert (stored.kind, stored.result, stored.measured_at) == (kind, Result.MEASURED, at)
    assert stored.raw == one.raw
    found = {name: getattr(stored, name) for name in kinds.NUMBERS}
    assert found == dict.fromkeys(kinds.NUMBERS) | one.numbers
    assert latest[kind].with_number == stored
    for name in daily_summary.SUMMED:
        sums = getattr(summary, name)
        assert (None if sums is None else sums.total) == one.numbers.get(name)
    line = dict(zip((column.name for column in COLUMNS), exported, strict=True))
    assert {name: line[name] for name in kinds.NUMBERS} == found


def test_a_user_of_a_scale_is_kept_apart_from_the_others(
    committer: Committer, home: Any, database: Any
) -> None:
    at = DateTime.of((home.now - timedelta(minutes=5)).replace(tzinfo=None))
    raw = WeightMeasurement(15694, time_stamp=at, user_id=2).to_bytes()
    one = Sent("standard-scale", uuids.WEIGHT_MEASUREMENT, raw, {})

    committer.take_in([home.message([record(home, 1, one)])], datetime.now(UTC))

    with database.connect("postgres") as owner:
        found = owner.execute("select user_slot, weight_kg from ingest.reading_series").fetchall()
    assert found == [(2, 78.47)]


def test_the_columns_of_the_database_are_the_numbers_of_the_kinds(owner: Any) -> None:
    limits = dict(
        owner.execute(
            "select attname, pg_get_constraintdef(c.oid) from pg_constraint c"
            " join pg_attribute on attrelid = conrelid and attnum = any (conkey)"
            " where conrelid = 'ingest.reading_series'::regclass and contype = 'c'"
        ).fetchall()
    )
    for declaration in kinds.OF.values():
        for number in declaration.numbers:
            assert f"<= ({number.highest:g})::double precision" in limits[number.name]
    assert all(f"'{kind}'" in limits["kind"] for kind in Kind)
    (summed,) = owner.execute("select ingest.summed_numbers()").fetchone()
    assert sorted(summed) == sorted(daily_summary.SUMMED)
