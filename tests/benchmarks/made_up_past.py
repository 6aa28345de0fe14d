"""Patients who measure their blood pressure, and their past: written past ingest, by SQL, in the order of time.

Their means differ from patient to patient, a tenth of them is above the goal, and everything else is chance.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg

from alerts import activation, rule_set
from ingest import tenancy

_LOWEST_MEAN_MMHG: Final = 106
# One day of everybody of a practice, from half past seven on.
_ADD_DAY: Final = """
with made as (
    select patient_id, gen_random_uuid() as reading_id,
           %(day)s + interval '7 hours 30 minutes' + random() * interval '1 hour'
               + time * interval '12 hours' / (%(a_day)s - 1) as at,
           round(%(lowest_mean)s + (number * 37) %% 33 + random_normal(0, 9)) as systolic
    from (select patient_id, ('x' || right(patient_id::text, 8))::bit(32)::integer as number
          from ingest.patient where practice_id = %(practice)s) patient,
         generate_series(0, %(a_day)s - 1) time
)
insert into ingest.reading_series (
    practice_id, reading_id, patient_id, peripheral_id, user_slot, kind, result, measured_at, time_method,
    time_quality, device_time, device_clock_offset_s, gateway_received_at, stored_at, systolic_mmhg, diastolic_mmhg,
    mean_arterial_mmhg, pulse_bpm, qualifiers, profile_id, profile_version, characteristic, raw, gateway_id,
    outbox_epoch, outbox_seq, message_id, measured_day)
select %(practice)s, reading_id, patient_id, patient_id, 1, 'blood_pressure', 'measured', at,
       'device_clock_corrected', 'good', at::timestamp, 0, at, at + interval '1 minute', systolic,
       least(round(systolic * 0.6 + random_normal(0, 6)), systolic - 10),
       systolic - 20, round(random_normal(72, 9)), '{}', 'standard-cuff', 1, '2a35',
       '\\x1e6d004f005f00ea070b1c03110c4600010000', 'gw-00000000', repeat('0', 32), 1, reading_id, at::date
from made order by made.at
"""


def add_practice(
    owner: psycopg.Connection[Any],
    practice_id: UUID,
    slug: str,
    rule_sets: Sequence[str],
    at: datetime,
) -> None:
    """Add a practice in which rule sets that we ship are in force.

    Args:
        owner: As the owner, with autocommit.
        practice_id: Its id.
        slug: Its short name.
        rule_sets: Their names.
        at: Since when.
    """
    owner.execute(
        "insert into ingest.practice (practice_id, name, time_zone, slug) values (%s, %s, 'UTC', %s)",
        (practice_id, slug, slug),
    )
    with tenancy.transaction(owner, practice_id) as cur:
        for name in rule_sets:
            rules = rule_set.shipped_set(name)
            activation.activate(cur, practice_id, rules, clinician="bench", reason="bench", at=at)


def add_patients(owner: psycopg.Connection[Any], practice_id: UUID, first: int, count: int) -> None:
    """Add patients with these numbers; the number is in the last digits of a patient's id."""
    owner.execute(
        "insert into ingest.patient (practice_id, patient_id, display_name, born_on, record_number, time_zone)"
        " select %s, ('30000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Pat Example', '1950-01-02',"
        " 'M-' || n, 'UTC' from generate_series(%s::integer, %s::integer) n",
        (practice_id, first, first + count - 1),
    )


def patient_id(number: int) -> UUID:
    """Return the id of a patient of `add_patients`."""
    return UUID(f"30000000-0000-4000-8000-{number:012x}")


def mean_mmhg(number: int) -> int:
    """Return the mean of a patient's systolic pressures."""
    return _LOWEST_MEAN_MMHG + number * 37 % 33


def fill(
    owner: psycopg.Connection[Any],
    practice_id: UUID,
    first_day: datetime,
    days: int,
    tell: Callable[[str], None],
    *,
    a_day: int = 2,
) -> float:
    """Let all patients of a practice have measured on so many days; return how long that took, seconds."""
    owner.execute("set synchronous_commit = off")
    owner.execute(
        "select ingest.ensure_series(%s, %s)", (first_day, first_day + timedelta(days=days))
    )
    started = time.monotonic()
    for number in range(days):
        if number % 30 == 0:
            tell(f"filling, day {number} of {days}")
        words = {
            "practice": practice_id,
            "day": first_day + timedelta(days=number),
            "a_day": a_day,
            "lowest_mean": _LOWEST_MEAN_MMHG,
        }
        owner.execute(_ADD_DAY, words)  # type: ignore[arg-type]
    filled_s = time.monotonic() - started
    owner.execute("vacuum (analyze) ingest.reading_series")
    return filled_s
