"""Daily summaries on both engines: whatever happened to the readings, a summary is what summing them up anew gives."""

from __future__ import annotations

import random
import re
import threading
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from firmware_profiles.readings import Kind, Result
from ingest import corrections, daily_summary, named_queries, store, tenancy
from ingest.corrections import Cause, Correction
from ingest.daily_summary import DailySummary, Sums
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.rows import Origin, StoredReading

pytestmark = pytest.mark.db

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PRACTICE, PATIENT, OTHER_PATIENT = uuid4(), uuid4(), uuid4()
Q = named_queries.load("ingest", "daily_summary")
INGEST, CONSOLE = "homevitals_ingest", "homevitals_console"


def reading(measured_at: datetime = NOON, **changes: Any) -> StoredReading:
    cuff = StoredReading(
        practice_id=PRACTICE,
        reading_id=uuid4(),
        patient_id=PATIENT,
        peripheral_id=uuid4(),
        user_slot=None,
        kind=Kind.BLOOD_PRESSURE,
        result=Result.MEASURED,
        measured_at=measured_at,
        time_method=TimeMethod.DEVICE_CLOCK,
        time_quality=TimeQuality.GOOD,
        device_time=None,
        device_clock_offset_s=None,
        gateway_received_at=measured_at,
        stored_at=measured_at,
        systolic_mmhg=128.0,
        diastolic_mmhg=79.0,
        mean_arterial_mmhg=95.0,
        pulse_bpm=None,
        glucose_mg_dl=None,
        sequence_number=None,
        qualifiers=(),
        profile_id="standard-cuff",
        profile_version=1,
        characteristic="2a35",
        raw=b"",
        gateway_id="gw-aaaa1111",
        outbox_epoch="e",
        outbox_seq=1,
        message_id=uuid4(),
        measured_day=measured_at.date(),
    )
    return cuff._replace(**changes)


def without_numbers(result: Result, **changes: Any) -> StoredReading:
    return reading(result=result, systolic_mmhg=None, diastolic_mmhg=None, **changes)


@pytest.fixture
def practice(owner: psycopg.Connection[Any]) -> UUID:
    owner.execute("insert into ingest.practice values (%s, 'P', 'UTC', 'p-1')", (PRACTICE,))
    return PRACTICE


def store_all(database: Any, *readings: StoredReading) -> None:
    with database.connect(INGEST) as connection:
        with connection.transaction(), connection.cursor() as cur:
            for one in readings:
                store.ensure_series(cur, one.measured_at, one.measured_at)
        with tenancy.transaction(connection, PRACTICE) as cur:
            store.add_readings(cur, readings)


def correct(database: Any, *pairs: tuple[StoredReading, StoredReading]) -> int:
    with (
        database.connect(INGEST) as connection,
        tenancy.transaction(connection, PRACTICE) as cur,
    ):
        correction = Correction(PRACTICE, uuid4(), NOON, Cause.ASSIGNMENT, "test", "moved")
        return corrections.replace(cur, correction, pairs)


def version_of(former: StoredReading, **changes: Any) -> StoredReading:
    return former._replace(reading_id=uuid4(), version=former.version + 1, **changes)


def refresh(database: Any) -> None:
    """Do what the policy does by the clock; plain PostgreSQL needs nothing."""
    if database.engine == "timescaledb":
        with psycopg.connect(database.conninfo(), autocommit=True) as owner:
            owner.execute("call refresh_continuous_aggregate('ingest.day_sums', null, null)")


def summaries(
    database: Any,
    patient_id: UUID = PATIENT,
    kind: Kind = Kind.BLOOD_PRESSURE,
    days: tuple[date, date] = (date(2020, 1, 1), date(2030, 1, 1)),
) -> list[DailySummary]:
    with (
        database.connect(CONSOLE) as connection,
        tenancy.transaction(connection, PRACTICE) as cur,
    ):
        return daily_summary.daily_summaries(cur, PRACTICE, patient_id, kind, *days)


def test_a_day_is_counted_and_summed(database: Any, practice: UUID) -> None:
    store_all(
        database,
        reading(systolic_mmhg=120.0, diastolic_mmhg=70.0),
        reading(
            NOON + timedelta(hours=1), systolic_mmhg=140.0, diastolic_mmhg=None, pulse_bpm=61.0
        ),
        reading(
            NOON - timedelta(hours=1),
            systolic_mmhg=160.0,
            diastolic_mmhg=100.0,
            origin=Origin.IMPORT,
        ),
        without_numbers(Result.NOT_MEASURABLE),
    )

    # (120 + 140 + 160) / 3 = 140; the import has numbers, and is no device's.
    (day,) = summaries(database)
    assert day == DailySummary(
        measured_day=DAY,
        reading_count=3,
        device_count=2,
        above_range_count=0,
        below_range_count=0,
        not_measurable_count=1,
        undated_count=0,
        first_measured_at=NOON - timedelta(hours=1),
        last_measured_at=NOON + timedelta(hours=1),
        systolic_mmhg=Sums(3, 420.0, 120.0, 160.0),
        diastolic_mmhg=Sums(2, 170.0, 70.0, 100.0),
        pulse_bpm=Sums(1, 61.0, 61.0, 61.0),
        glucose_mg_dl=None,
    )
    assert day.systolic_mmhg is not None
    assert day.systolic_mmhg.mean == 140.0


def test_what_lies_beyond_the_meters_range_is_a_device_day_without_numbers(
    database: Any, practice: UUID
) -> None:
    glucose = {"kind": Kind.GLUCOSE}
    store_all(
        database,
        without_numbers(Result.ABOVE_RANGE, **glucose),
        without_numbers(Result.BELOW_RANGE, **glucose),
        without_numbers(Result.CONTROL_SOLUTION, **glucose),
    )

    (day,) = summaries(database, kind=Kind.GLUCOSE)
    assert (day.reading_count, day.device_count) == (0, 2)
    assert (day.above_range_count, day.below_range_count) == (1, 1)
    assert day.glucose_mg_dl is None


def test_an_import_and_a_failed_attempt_make_no_device_day(database: Any, practice: UUID) -> None:
    store_all(database, reading(origin=Origin.IMPORT), without_numbers(Result.NOT_MEASURABLE))

    (day,) = summaries(database)
    assert day.device_count == 0


def test_what_cannot_be_dated_is_only_counted_as_that(database: Any, practice: UUID) -> None:
    store_all(database, reading(time_quality=TimeQuality.UNKNOWN))

    (day,) = summaries(database)
    assert (day.undated_count, day.reading_count, day.device_count) == (1, 0, 0)
    assert day.first_measured_at is None
    assert day.systolic_mmhg is None


def test_nobodys_readings_are_in_no_summary(database: Any, practice: UUID, owner: Any) -> None:
    store_all(database, reading(patient_id=None, measured_day=None))

    assert owner.execute("select count(*) from ingest.daily_summary").fetchone() == (0,)


def test_a_local_day_is_one_when_it_lies_in_two_days_of_utc(database: Any, practice: UUID) -> None:
    # In Auckland (UTC+13) the 10th begins at 11:00 UTC of the 9th.
    early, late = datetime(2026, 3, 9, 20, tzinfo=UTC), datetime(2026, 3, 10, 10, tzinfo=UTC)
    store_all(database, reading(early, measured_day=DAY), reading(late, measured_day=DAY))
    refresh(database)

    (day,) = summaries(database)
    assert (day.measured_day, day.reading_count) == (DAY, 2)
    assert (day.first_measured_at, day.last_measured_at) == (early, late)


def test_only_the_days_asked_for_come_oldest_first(database: Any, practice: UUID) -> None:
    days = [NOON + timedelta(days=n) for n in (40, 1, 0, -1, -40)]
    store_all(database, *map(reading, days))

    found = summaries(database, days=(DAY, DAY + timedelta(days=40)))
    assert [one.measured_day - DAY for one in found] == [timedelta(n) for n in (0, 1, 40)]


def test_a_reading_that_comes_late_is_added_to_its_day(database: Any, practice: UUID) -> None:
    store_all(database, reading(systolic_mmhg=120.0))
    refresh(database)
    store_all(database, reading(systolic_mmhg=130.0))
    refresh(database)

    (day,) = summaries(database)
    assert day.systolic_mmhg == Sums(2, 250.0, 120.0, 130.0)


def test_late_readings_of_the_last_week_show_at_once(database: Any, practice: UUID) -> None:
    now = datetime.now(UTC)
    store_all(database, reading(now - timedelta(days=30)), reading(now - timedelta(days=6)))
    if database.engine == "timescaledb":
        with psycopg.connect(database.conninfo(), autocommit=True) as owner:
            (job_id,) = owner.execute(
                "select job_id from timescaledb_information.jobs"
                " where proc_name = 'policy_refresh_continuous_aggregate'"
            ).fetchone() or (None,)
            owner.execute("call run_job(%s)", (job_id,))
    store_all(database, reading(now - timedelta(days=6)))

    assert [one.reading_count for one in summaries(database)] == [1, 2]


def test_a_corrected_reading_leaves_its_day_and_enters_the_other_patients(
    database: Any, practice: UUID
) -> None:
    highest, lowest = reading(systolic_mmhg=190.0), reading(systolic_mmhg=110.0)
    store_all(database, highest, lowest, reading(systolic_mmhg=130.0))
    refresh(database)

    assert correct(database, (highest, version_of(highest, patient_id=OTHER_PATIENT))) == 1
    refresh(database)

    (day,) = summaries(database)
    assert day.systolic_mmhg == Sums(2, 240.0, 110.0, 130.0)
    (others,) = summaries(database, OTHER_PATIENT)
    assert others.systolic_mmhg == Sums(1, 190.0, 190.0, 190.0)


def test_old_readings_in_columns_take_late_ones_and_corrections(
    database: Any, practice: UUID, owner: Any
) -> None:
    old = [reading(NOON - timedelta(days=n % 90), systolic_mmhg=120.0) for n in range(400)]
    unassigned = reading(patient_id=None, measured_day=None)
    store_all(database, *old, unassigned)
    if database.engine == "timescaledb":
        for (chunk,) in owner.execute(
            "select c::text from show_chunks('ingest.reading_series') c"
        ).fetchall():
            owner.execute(f"call convert_to_columnstore('{chunk}')")

    store_all(database, reading(systolic_mmhg=200.0))
    corrected = correct(
        database,
        (old[0], version_of(old[0], systolic_mmhg=100.0)),
        (old[89], version_of(old[89], patient_id=OTHER_PATIENT)),
        (unassigned, version_of(unassigned, patient_id=OTHER_PATIENT, measured_day=DAY)),
    )
    refresh(database)

    assert corrected == 3
    # Day 0 has the readings 0, 90, 180, 270 and 360, one of them now 100, and the late one.
    assert summaries(database)[-1].systolic_mmhg == Sums(6, 780.0, 100.0, 200.0)
    assert summaries(database)[0].reading_count == 3  # 89, 179, 269, 359 less one
    assert [one.reading_count for one in summaries(database, OTHER_PATIENT)] == [1, 1]


def test_a_day_whose_last_reading_is_corrected_away_is_gone(database: Any, practice: UUID) -> None:
    only = reading()
    store_all(database, only)
    refresh(database)

    correct(database, (only, version_of(only, patient_id=None, measured_day=None)))
    refresh(database)

    assert summaries(database) == []


def test_restricted_patients_days_are_hidden_from_the_rest_of_the_staff(
    database: Any, practice: UUID, owner: Any
) -> None:
    staff_id = uuid4()
    owner.execute(
        "insert into ingest.patient values (%s, %s, 'd', '1950-01-02', '1', 'UTC')",
        (PRACTICE, PATIENT),
    )
    owner.execute(
        "insert into ingest.staff values (%s, %s, 'casey', 'd', 'auditor', 'x')",
        (PRACTICE, staff_id),
    )
    owner.execute(
        "insert into ingest.restriction (practice_id, patient_id, restricted_at, reason, restricted_by)"
        " values (%s, %s, %s, 'staff member', %s)",
        (PRACTICE, PATIENT, NOON, staff_id),
    )
    store_all(database, reading(), reading(patient_id=OTHER_PATIENT))

    def seen(scope: tenancy.Scope) -> set[UUID]:
        with database.connect(CONSOLE) as connection, connection.transaction():
            tenancy.enter(connection.cursor(), scope)
            found = connection.execute("select patient_id from ingest.daily_summary").fetchall()
            return {patient_id for (patient_id,) in found}

    assert seen(tenancy.Scope((PRACTICE,))) == {PATIENT, OTHER_PATIENT}
    assert seen(tenancy.Scope((PRACTICE,), staff_id=staff_id)) == {OTHER_PATIENT}
    assert seen(tenancy.Scope((PRACTICE,), patient_id=PATIENT)) == {PATIENT}
    assert seen(tenancy.Scope((uuid4(),))) == set()


def test_summaries_equal_the_readings_after_anything(
    database: Any, practice: UUID, owner: Any
) -> None:
    """Insert, repeat and correct at random from several connections at once, without one deadlock."""
    patients, drawn = [uuid4() for _ in range(4)], random.Random(5)
    failures: list[BaseException] = []

    def any_reading(random_numbers: random.Random) -> StoredReading:
        at = NOON + timedelta(hours=random_numbers.randrange(24 * 4))
        return reading(
            at,
            patient_id=random_numbers.choice(patients),
            systolic_mmhg=float(random_numbers.randrange(90, 200)),
            origin=random_numbers.choice(list(Origin)),
            time_quality=random_numbers.choice(list(TimeQuality)),
        )

    def work(seed: int) -> None:
        random_numbers = random.Random(seed)
        try:
            for _ in range(6):
                mine = [any_reading(random_numbers) for _ in range(20)]
                store_all(database, *mine)
                correct(
                    database,
                    *(
                        (one, version_of(one, patient_id=random_numbers.choice(patients)))
                        for one in random_numbers.sample(mine, 5)
                    ),
                )
        except BaseException as failure:
            failures.append(failure)

    workers = [threading.Thread(target=work, args=(drawn.random(),)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    refresh(database)

    assert failures == []
    expected = owner.execute(
        "select patient_id, measured_day, count(*) filter (where time_quality <> 'unknown'),"
        " count(*) filter (where time_quality <> 'unknown' and origin = 'device'),"
        " count(*) filter (where time_quality = 'unknown'),"
        " sum(systolic_mmhg) filter (where time_quality <> 'unknown'),"
        " min(measured_at) filter (where time_quality <> 'unknown')"
        " from ingest.reading_series where superseded_at is null group by 1, 2 order by 1, 2"
    ).fetchall()
    owner.execute("select set_config('homevitals.practice', %s, false)", (f"{{{PRACTICE}}}",))
    assert (
        owner.execute(
            "select patient_id, measured_day, reading_count, device_count, undated_count, systolic_sum_mmhg,"
            " first_measured_at from ingest.daily_summary order by 1, 2"
        ).fetchall()
        == expected
    )


def test_days_add_up_to_a_week() -> None:
    week = Sums(2, 250.0, 120.0, 130.0) + Sums(1, 200.0, 200.0, 200.0)

    assert week == Sums(3, 450.0, 120.0, 200.0)
    assert week.mean == 150.0


@pytest.mark.parametrize("role", [CONSOLE, "homevitals_alerts"])
def test_statement_runs_with_the_rights_of_the_roles_that_ask(database: Any, role: str) -> None:
    text = (resources.files("ingest") / "daily_summary.py").read_text(encoding="utf-8")
    assert set(re.findall(r"_Q\.(\w+)", text)) == set(Q) == {"daily_summaries"}

    asked = {"practice_id": PRACTICE, "patient_id": PATIENT, "kind": "glucose", "from_day": DAY}
    with database.connect(role, PRACTICE) as connection:
        connection.execute(Q.daily_summaries, asked | {"until_day": DAY})
