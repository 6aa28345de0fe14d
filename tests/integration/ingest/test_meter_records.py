"""Records of meters that deviate, in the store: each counts once, as what it is, and none as what it is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from firmware_profiles import uuids
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import GlucoseMeasurement, Sample
from firmware_profiles.glucose_context import GlucoseMeasurementContext
from firmware_profiles.sfloat import POSITIVE_INFINITY, Sfloat
from firmware_profiles.wire import ReceiptStatus, Record
from ingest.commit import Committer
from ingest.receipts import Fate
from tests.integration.ingest.conftest import ADDRESS

pytestmark = pytest.mark.db

STORED, DUPLICATE = Fate(ReceiptStatus.STORED), Fate(ReceiptStatus.DUPLICATE)
KETONE_MEAL, BEFORE_MEAL, AFTER_MEAL = 6, 1, 2

Owner = psycopg.Connection[Any]


@pytest.fixture
def committer(database: Any) -> Iterator[Committer]:
    connection = psycopg.connect(database.conninfo("homevitals_ingest"), autocommit=True)
    yield Committer(connection)
    connection.close()


def measurement(
    number: int, concentration: Sfloat, at: datetime, *, announced: bool = False
) -> bytes:
    return GlucoseMeasurement(
        sequence_number=number,
        base_time=DateTime.of(at.replace(tzinfo=None)),
        sample=Sample(concentration, fluid_type=1, location=1),
        context_follows=announced,
    ).to_bytes()


def context(number: int, meal: int) -> bytes:
    return GlucoseMeasurementContext(sequence_number=number, meal=meal).to_bytes()


def records(home: Any, profile_id: str, first_seq: int, raws: Sequence[bytes]) -> list[Record]:
    return [
        replace(
            home.record(first_seq + place),
            profile_id=profile_id,
            characteristic=uuids.GLUCOSE_MEASUREMENT,
            raw=raw,
            peripheral=ADDRESS,
        )
        for place, raw in enumerate(raws)
    ]


def take_in(committer: Committer, home: Any, sent: Sequence[Record]) -> list[Fate]:
    return list(committer.take_in([home.message(sent)], datetime.now(UTC)).values())


def stored(owner: Owner) -> list[tuple[str, float | None, float | None]]:
    return owner.execute(
        "select kind, glucose_mg_dl, ketone_mmol_l from ingest.reading_series order by 1, 2, 3"
    ).fetchall()


def count(owner: Owner, table: str) -> int:
    row = owner.execute(f"select count(*) from ingest.{table}").fetchone()
    assert row is not None
    return int(row[0])


def test_ketone_is_quarantined_until_its_context_is_there_and_never_glucose(
    committer: Committer, home: Any, owner: Owner
) -> None:
    at = home.now - timedelta(hours=1)
    alone = measurement(7, Sfloat(12, -5), at, announced=True)

    (fate,) = take_in(committer, home, records(home, "caresens", 1, [alone]))
    assert (fate.status, fate.reason) == (ReceiptStatus.QUARANTINED, "short_frame")
    assert stored(owner) == []

    whole = alone + context(7, KETONE_MEAL)
    assert take_in(committer, home, records(home, "caresens", 2, [whole])) == [STORED]
    assert stored(owner) == [("ketone", None, 1.2)]
    assert take_in(committer, home, records(home, "caresens", 3, [whole])) == [DUPLICATE]


def test_glucose_whose_user_tells_of_another_meal_is_the_same_reading(
    committer: Committer, home: Any, owner: Owner
) -> None:
    at = home.now - timedelta(hours=1)
    alone = measurement(7, Sfloat(112, -5), at, announced=True)
    before, after = (alone + context(7, meal) for meal in (BEFORE_MEAL, AFTER_MEAL))

    assert take_in(committer, home, records(home, "caresens", 1, [before])) == [STORED]
    assert take_in(committer, home, records(home, "caresens", 2, [after])) == [DUPLICATE]
    assert stored(owner) == [("glucose", 112.0, None)]
    assert count(owner, "quarantine") == count(owner, "security_event") == 0


def test_memory_that_is_numbered_anew_each_time_counts_once(
    committer: Committer, home: Any, owner: Owner
) -> None:
    taken = [(110, 3), (145, 2), (98, 1)]  # mg/dL, hours ago
    fates: list[Fate] = []
    for have in (2, 3):
        newest_first = list(reversed(taken[:have]))
        raws = [
            measurement(place, Sfloat(mg_dl, -5), home.now - timedelta(hours=hours))
            for place, (mg_dl, hours) in enumerate(newest_first)
        ]
        fates += take_in(committer, home, records(home, "taidoc-dm30b", 10 * have, raws))

    assert fates == [STORED, STORED, STORED, DUPLICATE, DUPLICATE]
    assert [row[1] for row in stored(owner)] == [98.0, 110.0, 145.0]
    assert count(owner, "quarantine") == count(owner, "security_event") == 0


def test_bogus_reading_of_a_full_memory_is_no_reading(
    committer: Committer, home: Any, owner: Owner
) -> None:
    bogus = measurement(450, POSITIVE_INFINITY, datetime(2037, 1, 1, tzinfo=UTC))
    (fate,) = take_in(committer, home, records(home, "fora-tng-voice", 1, [bogus]))
    assert (fate.status, fate.reason) == (ReceiptStatus.QUARANTINED, "impossible_value")
    assert stored(owner) == []
    assert count(owner, "evaluation_queue") == 0


def test_hi_as_a_number_is_above_range_and_names_its_bound(
    committer: Committer, home: Any, owner: Owner
) -> None:
    high = measurement(7, Sfloat(601, -5), home.now - timedelta(hours=1))

    assert take_in(committer, home, records(home, "tyson-ht100", 1, [high])) == [STORED]
    found = owner.execute(
        "select result, glucose_mg_dl, qualifiers from ingest.reading_series"
    ).fetchall()
    assert found == [("above_range", None, ["above_600_mg_dl"])]
