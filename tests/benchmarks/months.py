"""``month``: how long it takes to work out a practice's month: facts from the store, rules, states and claims written.

Practices of two sizes lie in one database, behind all walls, and the console's role works each out, in a process of its
own. Every patient is in two programs with consent, practitioner, attestations and two conditions, has four time
entries in the month, and measured on seven days of ten of an episode of monitoring. It is done twice: at first every
proposal is new, then nothing has changed.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from ccm_link.claim import month_states, site_tables
from ccm_link.month import Month
from ingest import tenancy
from tests.benchmarks import made_up_past
from tests.benchmarks.stand import ROOT, Stand

SIZES: Final = (10_000, 100_000)
MONTH: Final = Month(2026, 11)
_AT: Final = datetime(2026, 12, 2, 12, tzinfo=UTC)
_FIRST_READING_ON: Final = date(2026, 10, 2)
_DAYS: Final = 62
_PATIENTS_PER_PERSON: Final = 100
_REQUIREMENTS: Final = [
    "two_conditions", "risk", "care_plan", "plan_shared", "round_the_clock_access", "certified_record", "order",
    "medical_device", "established_patient", "set_up_record",
]  # fmt: skip

# Past all triggers and references, which are not what is measured here.
_FILL: Final = """
create temporary table whom on commit drop as
select patient_id, row_number() over (order by patient_id) - 1 as n, gen_random_uuid() as ccm, gen_random_uuid() as rpm
from ingest.patient where practice_id = %(practice)s;
create temporary table program on commit drop as
select patient_id, n, ccm as enrolment_id, 'ccm' as name from whom union all select patient_id, n, rpm, 'rpm' from whom;

insert into ccm.enrolment (practice_id, enrolment_id, patient_id, program, state, opened_at, consent_documented_at)
select %(practice)s, enrolment_id, patient_id, name, 'active', '2026-01-05', '2026-01-05' from program;
insert into ccm.consent (practice_id, enrolment_id, patient_id, practitioner_id, method, elements, given_by, taken_by,
                         documented_at, recorded_at)
select %(practice)s, enrolment_id, patient_id, %(doctor)s, 'not_recorded', '{}', 'not_recorded', 'x', '2026-01-05',
       '2026-01-05' from program;
insert into ccm.enrolment_practitioner (practice_id, enrolment_id, patient_id, staff_id, from_at, set_by)
select %(practice)s, enrolment_id, patient_id, %(doctor)s, '2026-01-05', 'x' from program;
insert into ccm.attestation (practice_id, patient_id, requirement, is_met, basis, from_on, attested_by, attested_at)
select %(practice)s, patient_id, requirement, true, 'x', '2026-01-05', 'x', '2026-01-05'
from whom, unnest(%(requirements)s::text[]) requirement;
insert into ccm.practitioner_visit (practice_id, patient_id, practitioner_id, visited_on, kind, was_discussed,
                                    recorded_by, recorded_at)
select %(practice)s, patient_id, %(doctor)s, '2025-12-20', 'evaluation', true, 'x', '2026-01-05' from whom;
insert into ccm.team_member (practice_id, patient_id, role, staff_id, from_at, added_by)
select %(practice)s, patient_id, 'care_manager', %(doctor)s, '2026-01-05', 'x' from whom;
insert into ccm.condition (practice_id, patient_id, code, source, recorded_by, recorded_at)
select %(practice)s, patient_id, code, 'x', 'x', '2026-01-05' from whom, unnest(array['I10', 'E11.9']) code;
insert into ccm.monitoring (practice_id, patient_id, program, started_on, set_up_billed, started_by, recorded_at)
select %(practice)s, patient_id, 'rpm', date '2026-06-01' + (n %% 30)::integer, true, 'x', '2026-06-01' from whom;

-- Each person works for their patients one after the other, four times in the month.
insert into ccm.time_entry (practice_id, staff_id, staff_role, patient_id, activity, started_at, ended_at, note,
                            entered, entered_at, program, credential, billing_role, method, counterpart, outcome, zone)
select %(practice)s, staff_id, 'care_manager', patient_id, activity, started_at, started_at + length, '', 'timer',
       started_at + length, program, 'rn', 'clinical_staff', method, counterpart, outcome, 'UTC'
from (
    select patient_id, (%(people)s::uuid[])[1 + n / %(each)s] as staff_id, activity, program, method, counterpart,
           outcome, length, timestamptz '2026-11-01 06:00Z' + (nth - 1) * interval '7 days'
               + (n %% %(each)s / 20) * interval '1 day' + (n %% 20) * interval '30 minutes' as started_at
    from whom, (values
        (1, 'chart_review', 'ccm', interval '12 minutes', 'chart_work', 'nobody', 'not_a_contact'),
        (2, 'phone_call', 'rpm', interval '11 minutes 20 seconds', 'phone', 'patient', 'reached'),
        (3, 'reading_review', 'rpm', interval '5 minutes', 'chart_work', 'nobody', 'not_a_contact'),
        (4, 'care_coordination', 'ccm', interval '9 minutes 10 seconds', 'phone', 'provider', 'reached')
    ) work (nth, activity, program, length, method, counterpart, outcome)
) worked;
"""
_PEOPLE: Final = """
insert into ingest.staff (practice_id, staff_id, sign_in_name, display_name, role)
select %(practice)s, staff_id, 's' || substr(staff_id::text, 1, 23), 'Ada', 'care_manager'
from unnest(%(people)s::uuid[]) staff_id
"""
_ADD_DAY: Final = """
insert into ingest.reading_series (
    practice_id, reading_id, patient_id, peripheral_id, user_slot, kind, result, measured_at, time_method,
    time_quality, device_time, device_clock_offset_s, gateway_received_at, stored_at, systolic_mmhg, diastolic_mmhg,
    mean_arterial_mmhg, pulse_bpm, qualifiers, profile_id, profile_version, characteristic, raw, gateway_id,
    outbox_epoch, outbox_seq, message_id, measured_day)
select %(practice)s, reading_id, patient_id, patient_id, 1, 'blood_pressure', 'measured', at, 'device_clock_corrected',
       'good', at::timestamp, 0, at, at + interval '1 minute', 130, 80, 97, 70, '{}', 'standard-cuff', 1, '2a35',
       '\\x1e6d004f005f00ea070b1c03110c4600010000', 'gw-00000000', repeat('0', 32), 1, reading_id, at::date
from (select patient_id, gen_random_uuid() as reading_id,
             %(day)s::date + interval '7 hours 30 minutes' + random() * interval '1 hour' as at
      from ingest.patient where practice_id = %(practice)s and random() < 0.7) made
order by made.at
"""


def run(
    stand: Stand, sizes: tuple[int, ...], tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Fill practices and work their months out; return figures by size, and how the time for a patient grows.

    Returns:
        By size: seconds, CPU seconds of our process and of the database's, peak memory (MiB), patients with something
        to bill, and new claims; of the first time and of the second.
    """
    found: dict[str, dict[str, Any]] = {}
    with psycopg.connect(stand.conninfo(), autocommit=True) as owner:
        for number, size in enumerate(sizes):
            practice_id = uuid4()
            _fill(owner, practice_id, size, (number + 1) * 10_000_000, tell)
            for when in ("first time", "nothing new"):
                tell(f"working out {size:,} months, {when}")
                found.setdefault(when, {})[f"{size:,}"] = _worked_out(stand, practice_id)
    first, last = (f"{size:,}" for size in (sizes[0], sizes[-1]))
    for figures in found.values():
        grown = figures[last]["seconds"] / figures[first]["seconds"]
        figures["growth"] = round(grown / (sizes[-1] / sizes[0]), 2)
    return found


def _worked_out(stand: Stand, practice_id: UUID) -> dict[str, Any]:
    before_s = stand.database_cpu_s()
    words = [sys.executable, "-m", "tests.benchmarks.months"]
    words += [stand.conninfo("homevitals_console"), str(practice_id)]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told | {"database_cpu_s": round(stand.database_cpu_s() - before_s, 1)}


def _fill(
    owner: psycopg.Connection[Any],
    practice_id: UUID,
    size: int,
    first: int,
    tell: Callable[[str], None],
) -> None:
    tell(f"filling a practice with {size:,} patients")
    made_up_past.add_practice(owner, practice_id, f"size-{size}", [], _AT)
    made_up_past.add_patients(owner, practice_id, first, size)
    people = [uuid4() for _ in range(-(-size // _PATIENTS_PER_PERSON))]
    parameters = {
        "practice": practice_id,
        "doctor": people[0],
        "people": people,
        "each": _PATIENTS_PER_PERSON,
        "requirements": _REQUIREMENTS,
    }
    with owner.transaction(), psycopg.ClientCursor(owner) as cur:
        cur.execute("set local session_replication_role = replica")
        cur.execute(_PEOPLE, parameters)
        cur.execute(_FILL, parameters)
    owner.execute("set synchronous_commit = off")
    owner.execute("select ingest.ensure_series('2026-10-01Z', '2026-12-31Z')")
    for day in range(_DAYS):
        if day % 20 == 0:
            tell(f"filling, day {day} of {_DAYS}")
        on = _FIRST_READING_ON + timedelta(days=day)
        owner.execute(_ADD_DAY, {"practice": practice_id, "day": on})
    owner.execute("vacuum analyze")


def main() -> None:
    """Work one practice's month out, and print what it took."""
    conninfo, practice = sys.argv[1:]
    tables = site_tables.load("")
    with (
        psycopg.connect(conninfo) as connection,
        tenancy.transaction(connection, UUID(practice)) as cur,
    ):
        started, cpu = time.monotonic(), time.process_time()
        kept = month_states.work_out_all(cur, UUID(practice), MONTH, tables, _AT)
        took = time.monotonic() - started
        own = time.process_time() - cpu
    print(
        json.dumps(
            {
                "seconds": round(took, 1),
                "own_cpu_s": round(own, 1),
                "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "patients": kept.patients,
                "ready": kept.ready,
                "held": kept.held,
                "new_claims": kept.new_claims,
            }
        )
    )


if __name__ == "__main__":
    main()
