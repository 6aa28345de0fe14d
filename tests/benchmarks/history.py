"""``history``: what questions to a year of readings cost, as the number of patients grows tenfold and tenfold again.

The store is filled past ingest, by SQL: 730 readings a patient in one year, 500 patients a practice, all in the order
of time as life would do it. Every question is asked through the walls in the role that asks it in the product.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import pq

from firmware_profiles.readings import Kind
from ingest import arrivals, corrections, daily_summary, store, tenancy, time_ordered_id
from ingest.arrivals import Arrival
from ingest.commit import Committer
from ingest.corrections import Cause, Correction
from tests.benchmarks import load
from tests.benchmarks.stand import Stand

READINGS_A_PATIENT = 730
PATIENTS_A_PRACTICE = 500
_TURNS = 15
_ADD_PATIENTS = """
insert into ingest.practice (practice_id, name, time_zone, slug)
select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Practice', 'UTC', 'bench-' || n
from generate_series(%(first)s / 500, (%(last)s - 1) / 500) n on conflict do nothing;
"""
_PATIENTS = """
insert into ingest.patient (practice_id, patient_id, display_name, born_on, record_number, time_zone)
select ('00000000-0000-4000-8000-' || lpad(to_hex(n / 500), 12, '0'))::uuid,
       ('10000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Pat Example', '1950-01-02', 'R-' || n, 'UTC'
from generate_series(%(first)s, %(last)s - 1) n
"""
# One day of all patients from first to before last: twice, at half past seven and in the evening, some minutes apart.
_DAY = """
with made as (
    select ('00000000-0000-4000-8000-' || lpad(to_hex(n / 500), 12, '0'))::uuid as practice_id,
           {id} as reading_id,
           ('10000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as patient_id,
           ('20000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as peripheral_id,
           %(day)s + half * interval '12 hours' + interval '7 hours 30 minutes' + (n %% 1800) * interval '1 s' as at,
           100 + (n * 7 + half * 13 + %(number)s) %% 60 as systolic
    from generate_series(%(first)s, %(last)s - 1) n, generate_series(0, 1) half
), keyed as (
    insert into ingest.record_key (practice_id, record_key, content_sha256, reading_id, measured_at)
    select practice_id, sha256(reading_id::text::bytea), sha256(patient_id::text::bytea), reading_id, at from made
    where %(keys)s
)
insert into ingest.reading_series (
    practice_id, reading_id, patient_id, peripheral_id, user_slot, kind, result, measured_at, time_method,
    time_quality, device_time, device_clock_offset_s, gateway_received_at, stored_at, systolic_mmhg, diastolic_mmhg,
    mean_arterial_mmhg, pulse_bpm, qualifiers, profile_id, profile_version, characteristic, raw, gateway_id,
    outbox_epoch, outbox_seq, message_id, measured_day)
select practice_id, reading_id, patient_id, peripheral_id, 1, 'blood_pressure', 'measured', at,
       'device_clock_corrected', 'good', at::timestamp, 0, at, at + interval '1 minute', systolic, systolic - 40,
       systolic - 27, 70, '{{}}', 'standard-cuff', 1, '2a35', '\\x1e6d004f005f00ea070b1c03110c4600010000',
       'gw-00000000', repeat('0', 32), 1,
       reading_id, at::date
from made order by made.at
"""


def run(stand: Stand, sizes: list[int], tell: Callable[[str], None]) -> dict[str, Any]:
    """Fill up to each size, ask all questions there, and return medians in milliseconds by size and question."""
    found: dict[str, Any] = {}
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first_patient = 0
    with psycopg.connect(stand.conninfo(), autocommit=True) as owner:
        engine = owner.execute("select engine from ingest.series_engine").fetchone()
        is_timescaledb = engine == ("timescaledb",)
        for size in sizes:
            last_patient = size // READINGS_A_PATIENT
            tell(f"filling up to {size:,} readings")
            started = time.monotonic()
            _fill(owner, first_patient, last_patient, now, tell)
            filled_s = time.monotonic() - started
            if is_timescaledb:
                tell("packing what is old into the columnstore")
                pack(owner)
            owner.execute("vacuum (analyze) ingest.reading_series")
            owner.execute("analyze ingest.record_key")
            rows = (last_patient - first_patient) * READINGS_A_PATIENT
            first_patient = last_patient
            tell("asking")
            found[f"{size:,}"] = {
                "filled_readings_per_s": round(rows / filled_s),
                **_ask(stand, now, last_patient),
                **_sizes(owner, is_timescaledb=is_timescaledb),
            }
    return found


def _fill(
    owner: psycopg.Connection[Any],
    first: int,
    last: int,
    now: datetime,
    tell: Callable[[str], None],
) -> None:
    span = {"first": first, "last": last}
    owner.execute("set synchronous_commit = off")
    owner.execute(_ADD_PATIENTS, span)
    owner.execute(_PATIENTS, span)
    owner.execute("select ingest.ensure_series(%s, %s)", (now - timedelta(days=366), now))
    version = owner.execute("show server_version_num").fetchone()
    assert version is not None
    drawn = "uuidv7()" if int(version[0]) >= 180_000 else "gen_random_uuid()"
    statement = _DAY.format(id=drawn)
    for number in range(365):
        if number % 50 == 0:
            tell(f"day {number} of 365")
        day = now - timedelta(days=365 - number)
        owner.execute(statement, span | {"day": day, "number": number, "keys": True})  # type: ignore[arg-type]


def pack(owner: psycopg.Connection[Any]) -> None:
    """Put what is old into the columnstore, as TimescaleDB's job does in time."""
    chunks = owner.execute(
        "select format('%I.%I', chunk_schema, chunk_name) from timescaledb_information.chunks"
        " where hypertable_name = 'reading_series' and range_end < now() - interval '60 days'"
    ).fetchall()
    for (chunk,) in chunks:
        owner.execute(f"call convert_to_columnstore('{chunk}', if_not_columnstore => true)")  # type: ignore[arg-type]
    owner.execute(
        "call refresh_continuous_aggregate('ingest.day_sums', null, now() - interval '8 days')"
    )


def _ask(stand: Stand, now: datetime, patients: int) -> dict[str, float]:
    year_ago = now - timedelta(days=365)
    practices = patients // PATIENTS_A_PRACTICE
    asked: dict[str, float] = {}

    def patient(turn: int) -> tuple[UUID, UUID]:
        number = (turn * 7919 + 13) % patients
        return (
            UUID(f"00000000-0000-4000-8000-{number // PATIENTS_A_PRACTICE:012x}"),
            UUID(f"10000000-0000-4000-8000-{number:012x}"),
        )

    with psycopg.connect(stand.conninfo("homevitals_console"), autocommit=True) as console:

        def ask(name: str, question: Callable[[Any, int], int]) -> None:
            took = []
            for turn in range(_TURNS):
                practice_id, _ = patient(turn)
                with tenancy.transaction(console, practice_id) as cur:
                    started = time.monotonic()
                    rows = question(cur, turn)
                    took.append((time.monotonic() - started) * 1000)
                if rows == 0:
                    raise SystemExit(f"{name}: nothing was found")
            asked[f"{name}, ms"] = round(statistics.median(took), 2)

        ask(
            "one patient's year",
            lambda cur, turn: len(
                store.readings_of_patient(cur, *patient(turn), Kind.BLOOD_PRESSURE, year_ago, now)
            ),
        )
        ask(
            "one patient's year by days",
            lambda cur, turn: len(
                daily_summary.daily_summaries(
                    cur, *patient(turn), Kind.BLOOD_PRESSURE, year_ago.date(), now.date()
                )
            ),
        )
        ask(
            "a practice's day, 300 days ago",
            lambda cur, turn: _day(cur, patient(turn)[0], now, 300),
        )
        ask("a practice's yesterday", lambda cur, turn: _day(cur, patient(turn)[0], now, 1))
        at = year_ago + timedelta(days=40)
        known = []
        for turn in range(_TURNS):
            with tenancy.transaction(console, patient(turn)[0]) as cur:
                known.append(
                    store.readings_of_patient(
                        cur, *patient(turn), Kind.BLOOD_PRESSURE, at, at + timedelta(days=2)
                    )[0].reading_id
                )
        ask(
            "one reading by its id",
            lambda cur, turn: int(store.reading(cur, patient(turn)[0], known[turn]) is not None),
        )
        ask(
            "when the last one came",
            lambda cur, turn: int(store.last_stored_at(cur, patient(turn)[0]) is not None),
        )
    with psycopg.connect(stand.conninfo("homevitals_ingest"), autocommit=True) as connection:
        asked["a late correction, ms"] = round(
            statistics.median(
                _correct(connection, *patient(turn), year_ago + timedelta(days=30))
                for turn in range(min(_TURNS, max(practices, 5)))
            ),
            2,
        )
        for name, run in (("1000 readings of today", 1), ("1000 readings of ten months ago", 2)):
            asked[f"{name} taken in, ms"] = round(
                statistics.median(_take_in(connection, patients, run, turn) for turn in range(5)), 1
            )
    return asked


def _day(cur: Any, practice_id: UUID, now: datetime, days_ago: int) -> int:
    day = now - timedelta(days=days_ago)
    cur.execute(
        "select reading_id, patient_id, measured_at, systolic_mmhg, diastolic_mmhg from ingest.reading"
        " where practice_id = %s and measured_at >= %s and measured_at < %s order by measured_at",
        (practice_id, day, day + timedelta(days=1)),
    )
    return len(cur.fetchall())


def _correct(
    connection: psycopg.Connection[Any], practice_id: UUID, patient_id: UUID, at: datetime
) -> float:
    """Give a patient's readings of two days of long ago a new version; return milliseconds."""
    with tenancy.transaction(connection, practice_id) as cur:
        former = store.readings_of_patient(
            cur, practice_id, patient_id, Kind.BLOOD_PRESSURE, at, at + timedelta(days=2)
        )
        started = time.monotonic()
        pairs = [
            (one, one._replace(reading_id=time_ordered_id.new(), version=one.version + 1))
            for one in former
        ]
        correction = Correction(
            practice_id, uuid4(), datetime.now(UTC), Cause.PROFILE, "bench", "bench"
        )
        if corrections.replace(cur, correction, pairs) != len(former) or not former:
            raise SystemExit("a correction did not take")
    return (time.monotonic() - started) * 1000


def _take_in(connection: psycopg.Connection[Any], patients: int, run: int, turn: int) -> float:
    """Take in a batch as a worker does, from the homes of the load; return milliseconds."""
    days_ago = {1: 0, 2: 300}[run]
    number = days_ago * 60 + turn + 60 * (patients % 97)
    opened = [
        arrivals.open_message(
            Arrival(
                time_ordered_id.new(),
                one.topic,
                one.payload,
                packet_id=1,
                received_at=datetime.now(UTC),
                is_retained=False,
            )
        )
        for one in load.messages(number, 1000, 1)
    ]
    assert connection.info.transaction_status == pq.TransactionStatus.IDLE
    committer = Committer(connection)
    started = time.monotonic()
    fates = committer.take_in(opened, datetime.now(UTC))
    took = (time.monotonic() - started) * 1000
    if {fate.status.value for fate in fates.values()} != {"stored"}:
        raise SystemExit("a batch was not stored")
    return took


def _sizes(owner: psycopg.Connection[Any], *, is_timescaledb: bool) -> dict[str, float]:
    series = (
        "select hypertable_size('ingest.reading_series')"
        if is_timescaledb
        else "select sum(pg_total_relation_size(inhrelid)) from pg_inherits"
        " where inhparent = 'ingest.reading_series'::regclass"
    )
    series_bytes = owner.execute(series).fetchone()  # type: ignore[arg-type]
    key_bytes = owner.execute("select pg_total_relation_size('ingest.record_key')").fetchone()
    assert series_bytes is not None
    assert key_bytes is not None
    return {
        "series, MiB": round(float(series_bytes[0]) / 2**20),
        "record keys, MiB": round(float(key_bytes[0]) / 2**20),
    }
