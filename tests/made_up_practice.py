"""A made-up practice for tests of the console: people, homes, three months of readings, tasks that the rules opened.

Everything is written through the packages' own functions, with the roles that the services have; tasks come from the
real evaluation. Names are invented.
"""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import argon2
import psycopg

from alerts import agreements, evaluator, silence_windows
from alerts.schedule import Occasion, Per, Schedule
from alerts.settings import AlertsSettings
from alerts.silence_windows import Cause, Whom
from ccm_link.billing.facts import StaffRole
from ccm_link.care_side import CARE_SIDE
from ccm_link.minutes import credentials, time_log
from ccm_link.minutes.credentials import Credential, Employer, NewCredential
from ccm_link.program import enrolment
from ccm_link.registry import conditions
from ccm_link.work import Activity
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import FluidType, GlucoseMeasurement, Sample, SampleLocation
from firmware_profiles.readings import Kind, Result
from firmware_profiles.sfloat import Sfloat
from ingest import assignments, evaluation_queue, people, store, tenancy
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.people import Role
from ingest.rows import QuarantineRow, StoredReading
from ingest.tenancy import Scope
from tests import gateway_rows, made_up_plan, single_limits

ZONE = ZoneInfo("America/New_York")
NOW = datetime(
    2026, 11, 12, 15, 42, tzinfo=UTC
)  # a Thursday, 10:42 at home, eleven days after the clocks went back
PASSWORD = "correct horse battery staple"
# Cheap on purpose: a test signs in a hundred times.
_HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)

Connect = Callable[[str], psycopg.Connection[Any]]


@dataclass(frozen=True)
class MadeUp:
    """What was set up. ``staff`` and ``patients`` map short names to ids."""

    practice_id: uuid.UUID
    staff: dict[str, uuid.UUID]
    patients: dict[str, uuid.UUID]
    foreign_practice_id: uuid.UUID
    foreign_patient_id: uuid.UUID
    foreign_task_id: uuid.UUID


def set_up(connect: Connect, now: datetime = NOW) -> MadeUp:
    """Fill an empty, migrated database with the practice and a foreign one beside it."""
    with connect("homevitals_owner") as connection, connection.cursor() as cur:
        practice_id = people.add_practice(
            cur, slug="millbrook", name="Millbrook Family Practice", time_zone="America/New_York"
        )
        staff = {
            name: people.add_staff(
                cur,
                practice_id,
                sign_in_name=name,
                display_name=display_name,
                role=role,
                password_argon2=_HASH,
            )
            for name, display_name, role in (
                ("casey", "Casey Lindqvist", Role.CARE_MANAGER),
                ("robin", "Robin O’Hara", Role.CARE_MANAGER),
                ("dana", "Dana Achterberg", Role.CLINICIAN),
                ("ozzie", "Ozzie Fairweather", Role.OPERATOR),
                ("petra", "Petra Nowak", Role.PRACTICE_ADMINISTRATOR),
                ("augustin", "Augustin Bello", Role.AUDITOR),
            )
        }
        _say_who_they_are(cur, practice_id, staff, now - timedelta(days=120))
        single_limits.adopt(
            cur, practice_id, set_by="Dana Achterberg", at=now - timedelta(days=120)
        )
        home = _Home(cur, practice_id, now)
        patients = {
            "amalia": home.add("Amalia Thornquist", date(1951, 3, 17), "MFP-100482"),
            "bertram": home.add("Bertram Oyelaran", date(1947, 11, 2), "MFP-100517", "E11.9"),
            "noor": home.add("نور Þórdís D’Souza 🙂", date(1960, 6, 30), "MFP-100533"),
        }
        for patient_id in patients.values():
            people.add_home_person(
                cur,
                practice_id,
                patient_id,
                role=Role.CARER,
                display_name="Carer at home",
                added_by=staff["casey"],
                at=now - timedelta(days=30),
            )
        _expect(cur, practice_id, patients["amalia"], now)
        _add_gateways(cur, practice_id, now)
        foreign_id = people.add_practice(
            cur, slug="another", name="Another Practice", time_zone="Europe/Berlin"
        )
        people.add_staff(
            cur,
            foreign_id,
            sign_in_name="fremd",
            display_name="Fremde Person",
            role=Role.CARE_MANAGER,
            password_argon2=_HASH,
        )
        single_limits.adopt(cur, foreign_id, set_by="x", at=now - timedelta(days=120))
        foreign_home = _Home(cur, foreign_id, now)
        foreign_patient_id = foreign_home.add("Fremder Patient", date(1950, 1, 1), "F-1")
    made_up = _readings(practice_id, patients, now)
    _assign(connect, [one for one in made_up if one.patient_id], now)
    foreign = [_blood_pressure(foreign_id, foreign_patient_id, now - timedelta(hours=1), 201, 104)]
    _store(connect, [*made_up, *foreign, *_nobodys(practice_id, now)], now)
    _quarantine(connect, practice_id, now)
    _log_time(connect, practice_id, staff, patients, now)
    with connect("homevitals_console") as connection, connection.cursor() as cur:
        tenancy.enter(cur, Scope((practice_id,)))
        signed_at = now - timedelta(days=20)
        for patient_id in (patients["amalia"], patients["bertram"]):
            made_up_plan.sign(cur, practice_id, patient_id, staff_id=staff["dana"], at=signed_at)
    with connect("postgres") as connection:
        (foreign_task_id,) = connection.execute(
            "select task_id from ccm.task where practice_id = %s", (foreign_id,)
        ).fetchone() or (None,)
    assert foreign_task_id is not None
    return MadeUp(practice_id, staff, patients, foreign_id, foreign_patient_id, foreign_task_id)


def add_breach(
    connect: Connect, made_up: MadeUp, patient: str, systolic: float, at: datetime
) -> None:
    """Let a patient measure once more, and the rules look at it."""
    reading = _blood_pressure(
        made_up.practice_id, made_up.patients[patient], at - timedelta(minutes=2), systolic, 84
    )
    _store(connect, [reading], at)


def add_reading(
    connect: Connect, made_up: MadeUp, patient: str, kind: Kind, at: datetime, **said: Any
) -> uuid.UUID:
    """Let a patient measure something of any kind; return the reading's id. ``said`` goes by the names of columns."""
    plain = _reading(made_up.practice_id, made_up.patients[patient], at, kind)
    reading = plain._replace(**said)
    _store(connect, [reading], at + timedelta(minutes=1))
    return reading.reading_id


class _Home:
    """Adds patients with an enrolment and a condition."""

    def __init__(self, cur: psycopg.Cursor[Any], practice_id: uuid.UUID, now: datetime) -> None:
        self.cur, self.practice_id, self.now = cur, practice_id, now

    def add(
        self, display_name: str, born_on: date, record_number: str, code: str = "I10"
    ) -> uuid.UUID:
        patient_id = people.add_patient(
            self.cur,
            self.practice_id,
            display_name=display_name,
            born_on=born_on,
            record_number=record_number,
            time_zone="America/New_York",
        )
        enrolment.enrol(
            self.cur,
            self.practice_id,
            patient_id,
            consent_documented_at=self.now - timedelta(days=110),
            enrolled_by="Casey Lindqvist",
        )
        conditions.record(
            self.cur,
            self.practice_id,
            patient_id,
            code,
            source="Problem list.",
            recorded_by="Casey Lindqvist",
            at=self.now - timedelta(days=100),
        )
        return patient_id


def _say_who_they_are(
    cur: psycopg.Cursor[Any], practice_id: uuid.UUID, staff: dict[str, uuid.UUID], at: datetime
) -> None:
    """Record what the people are for billing: nurses, and a doctor who may bill."""
    for name, credential, billing_role in (
        ("casey", Credential.RN, StaffRole.CLINICAL_STAFF),
        ("robin", Credential.LPN, StaffRole.CLINICAL_STAFF),
        ("dana", Credential.MD, StaffRole.QUALIFIED_PROFESSIONAL),
    ):
        may_bill = billing_role is StaffRole.QUALIFIED_PROFESSIONAL
        new = NewCredential(
            practice_id=practice_id,
            staff_id=staff[name],
            credential=credential,
            billing_role=billing_role,
            npi="1992999916" if may_bill else None,
            employer=Employer.OWN,
            supervisor_staff_id=None if may_bill else staff["dana"],
            may_bill=may_bill,
            exclusion_checked_on=None,
            from_at=at,
        )
        credentials.record(cur, new, recorded_by=staff["petra"], at=at)


def _expect(
    cur: psycopg.Cursor[Any], practice_id: uuid.UUID, patient_id: uuid.UUID, now: datetime
) -> None:
    """Agree on glucose three times a week, and expect silence on a journey in ten days."""
    agreements.agree(
        cur,
        practice_id,
        patient_id,
        Schedule(Kind.GLUCOSE, (Occasion(readings=3, per=Per.WEEK),), "agreed with the patient"),
        set_by="Casey Lindqvist",
        reason="She finds every day too much.",
        at=now - timedelta(days=60),
    )
    silence_windows.add(
        cur,
        practice_id,
        Whom(patient_id=patient_id),
        from_at=now + timedelta(days=10),
        until_at=now + timedelta(days=20),
        cause=Cause.TRAVEL,
        reason="With her sister at the sea.",
        set_by="Casey Lindqvist",
        at=now - timedelta(days=1),
    )


def _add_gateways(cur: psycopg.Cursor[Any], practice_id: uuid.UUID, now: datetime) -> None:
    for gateway_id, label in (
        ("gw-home0001", "Thornquist home"),
        ("gw-home0002", "Oyelaran home"),
        ("gw-home0003", "Spare box"),
    ):
        gateway_rows.add_gateway(cur, practice_id, gateway_id=gateway_id, label=label)
    cur.execute(
        "update ingest.gateway set last_seen_at = %s, is_online = true where gateway_id = 'gw-home0001'",
        (now - timedelta(seconds=40),),
    )
    cur.execute(
        "update ingest.gateway set last_seen_at = %s where gateway_id = 'gw-home0002'",
        (now - timedelta(hours=9),),
    )


def _readings(
    practice_id: uuid.UUID, patients: dict[str, uuid.UUID], now: datetime
) -> list[StoredReading]:
    chance = random.Random(7)
    found = []
    for days_ago in range(89, -1, -1):
        if days_ago in (11, 12, 13):  # a silent stretch: the line of means has to break here
            continue
        for hour, minute in ((7, 14), (20, 31)):
            local = datetime.combine(
                (now - timedelta(days=days_ago)).astimezone(ZONE).date(), datetime.min.time()
            )
            at = (local.replace(tzinfo=ZONE) + timedelta(hours=hour, minutes=minute)).astimezone(
                UTC
            )
            at += timedelta(minutes=chance.randint(-25, 25))
            if at > now - timedelta(hours=1) or chance.random() < 0.12:
                continue
            drift = 6 * math.sin(days_ago / 14) - days_ago / 20
            systolic = round(131 + drift + chance.gauss(0, 5) - (2 if hour == 20 else 0))
            found.append(
                _blood_pressure(
                    practice_id,
                    patients["amalia"],
                    at,
                    systolic,
                    round(systolic * 0.6 + chance.gauss(0, 3)),
                )
            )
            if hour == 7:
                found.append(
                    _glucose(practice_id, patients["bertram"], at, round(chance.gauss(128, 22)))
                )
    bertram, noor = patients["bertram"], patients["noor"]
    return [
        *found,
        _blood_pressure(practice_id, patients["amalia"], now - timedelta(minutes=35), 186, 108),
        _blood_pressure(practice_id, noor, now - timedelta(hours=30), 148, 86),
        _blood_pressure(
            practice_id, noor, now - timedelta(hours=5), 144, 92, quality=TimeQuality.UNCERTAIN
        ),
        _blood_pressure(
            practice_id,
            noor,
            now - timedelta(hours=3),
            136,
            84,
            method=TimeMethod.GATEWAY_RECEIPT,
            quality=TimeQuality.UNKNOWN,
        ),
        _without_number(
            practice_id, noor, now - timedelta(hours=2), Kind.BLOOD_PRESSURE, Result.NOT_MEASURABLE
        ),
        _without_number(
            practice_id, bertram, now - timedelta(days=2), Kind.GLUCOSE, Result.BELOW_RANGE
        ),
        _without_number(
            practice_id, bertram, now - timedelta(days=4), Kind.GLUCOSE, Result.CONTROL_SOLUTION
        ),
    ]


def _nobodys(practice_id: uuid.UUID, now: datetime) -> list[StoredReading]:
    return [
        _blood_pressure(practice_id, None, now - timedelta(hours=hours), 177, 99)
        for hours in (4, 28)
    ]


def _blood_pressure(
    practice_id: uuid.UUID,
    patient_id: uuid.UUID | None,
    at: datetime,
    systolic: float,
    diastolic: float,
    *,
    method: TimeMethod = TimeMethod.DEVICE_CLOCK_CORRECTED,
    quality: TimeQuality = TimeQuality.GOOD,
) -> StoredReading:
    return _reading(
        practice_id,
        patient_id,
        at,
        Kind.BLOOD_PRESSURE,
        systolic=systolic,
        diastolic=diastolic,
        pulse=68,
        method=method,
        quality=quality,
        qualifiers=("irregular_pulse",) if systolic > 180 else (),
    )


def _glucose(
    practice_id: uuid.UUID, patient_id: uuid.UUID, at: datetime, glucose: float
) -> StoredReading:
    return _reading(practice_id, patient_id, at, Kind.GLUCOSE, glucose=glucose)


def _without_number(
    practice_id: uuid.UUID, patient_id: uuid.UUID, at: datetime, kind: Kind, result: Result
) -> StoredReading:
    return _reading(practice_id, patient_id, at, kind, result=result)


def _reading(
    practice_id: uuid.UUID,
    patient_id: uuid.UUID | None,
    at: datetime,
    kind: Kind,
    *,
    result: Result = Result.MEASURED,
    systolic: float | None = None,
    diastolic: float | None = None,
    pulse: float | None = None,
    glucose: float | None = None,
    method: TimeMethod = TimeMethod.DEVICE_CLOCK_CORRECTED,
    quality: TimeQuality = TimeQuality.GOOD,
    qualifiers: tuple[str, ...] = (),
) -> StoredReading:
    return StoredReading(
        practice_id=practice_id,
        reading_id=uuid.uuid4(),
        patient_id=patient_id,
        peripheral_id=uuid.uuid5(uuid.NAMESPACE_OID, f"{practice_id} {patient_id} {kind}"),
        user_slot=None,
        kind=kind,
        result=result,
        measured_at=at,
        time_method=method,
        time_quality=quality,
        device_time=at.astimezone(ZONE).replace(tzinfo=None),
        device_clock_offset_s=190.0 if glucose else 4.0,
        gateway_received_at=at + timedelta(seconds=20),
        stored_at=at + timedelta(seconds=22),
        systolic_mmhg=systolic,
        diastolic_mmhg=diastolic,
        mean_arterial_mmhg=None,
        pulse_bpm=pulse,
        glucose_mg_dl=glucose,
        sequence_number=1 if kind is Kind.GLUCOSE else None,
        qualifiers=qualifiers,
        profile_id="standard-cuff" if kind is Kind.BLOOD_PRESSURE else "standard-glucometer",
        profile_version=1,
        characteristic="2a35" if kind is Kind.BLOOD_PRESSURE else "2a18",
        raw=_frame(at, glucose),
        gateway_id="gw-home0001",
        outbox_epoch="0" * 32,
        outbox_seq=1,
        message_id=uuid.uuid4(),
        measured_day=at.astimezone(ZONE).date() if patient_id else None,
    )


def _frame(at: datetime, glucose_mg_dl: float | None) -> bytes:
    """Return what a meter sent for a finger's drop; of anything else some bytes that nobody reads again."""
    if glucose_mg_dl is None:
        return bytes.fromhex("1ebc006c0086000ea070b0c070e004400000")
    shown = at.astimezone(ZONE)
    concentration = Sfloat.of(Decimal(round(glucose_mg_dl)).scaleb(-5))
    return GlucoseMeasurement(
        sequence_number=1,
        base_time=DateTime(
            shown.year, shown.month, shown.day, shown.hour, shown.minute, shown.second
        ),
        sample=Sample(concentration, FluidType.CAPILLARY_WHOLE_BLOOD, SampleLocation.FINGER),
    ).to_bytes()


def _store(connect: Connect, readings: list[StoredReading], now: datetime) -> None:
    with connect("homevitals_ingest") as connection, connection.cursor() as cur:
        times = [reading.measured_at for reading in readings]
        tenancy.enter(cur, Scope(tuple({reading.practice_id for reading in readings})))
        store.ensure_series(cur, min(times), max(times))
        for practice_id in {reading.practice_id for reading in readings}:
            _register(cur, practice_id, [one for one in readings if one.practice_id == practice_id])
        store.add_readings(cur, readings)
        cur.executemany(
            "insert into ingest.record_key values (%s, %s, %s, %s, %s)",
            [
                (one.practice_id, one.reading_id.bytes, b"", one.reading_id, one.measured_at)
                for one in readings
            ],
        )
        # What is older opens no task anyway, and three months of it would cost each test half a second.
        evaluation_queue.queue_evaluation(
            cur,
            [
                one
                for one in readings
                if one.patient_id and now - one.measured_at < timedelta(days=3)
            ],
            now,
        )
    with connect("homevitals_alerts") as connection:
        while evaluator.evaluate_batch(connection, AlertsSettings(), CARE_SIDE, now):
            pass


def _register(
    cur: psycopg.Cursor[Any], practice_id: uuid.UUID, readings: list[StoredReading]
) -> None:
    for number, (peripheral_id, profile_id) in enumerate(
        sorted({(one.peripheral_id, one.profile_id) for one in readings})
    ):
        address = f"A4:C1:38:0{number}:{peripheral_id.hex[:2]}:{peripheral_id.hex[2:4]}".upper()
        cur.execute(
            "insert into ingest.peripheral (practice_id, peripheral_id, bluetooth_address, profile_id)"
            " values (%s, %s, %s, %s) on conflict do nothing",
            (practice_id, peripheral_id, address, profile_id),
        )


def _assign(connect: Connect, readings: list[StoredReading], now: datetime) -> None:
    """Say whose the peripherals are with which these readings were measured; nothing is left to follow."""
    with connect("homevitals_ingest") as connection, connection.cursor() as cur:
        tenancy.enter(cur, Scope((readings[0].practice_id,)))
        _register(cur, readings[0].practice_id, readings)
    with connect("homevitals_owner") as connection, connection.cursor() as cur:
        for practice_id, patient_id, peripheral_id in sorted(
            {(one.practice_id, one.patient_id, one.peripheral_id) for one in readings}
        ):
            tenancy.enter(cur, Scope((practice_id,)))
            assignments.assign(
                cur,
                practice_id,
                peripheral_id=peripheral_id,
                user_slot=None,
                patient_id=patient_id,
                valid_from=now - timedelta(days=110),
                assigned_by="Casey Lindqvist",
                at=now - timedelta(days=110),
            )
        cur.execute("delete from ingest.attribution_work")


def _quarantine(connect: Connect, practice_id: uuid.UUID, now: datetime) -> None:
    with connect("homevitals_ingest") as connection, connection.cursor() as cur:
        tenancy.enter(cur, Scope((practice_id,)))
        store.add_quarantine(
            cur,
            [
                QuarantineRow(
                    quarantine_id=uuid.uuid4(),
                    practice_id=practice_id,
                    topic="hv/1/up/gw-home0001/readings",
                    gateway_id="gw-home0001",
                    outbox_epoch="0" * 32,
                    outbox_seq=seq,
                    reason=reason,
                    detail=detail,
                    raw=raw,
                    record=None,
                    content_sha256=bytes([seq]) * 32,
                    message_id=uuid.uuid4(),
                    received_at=now - timedelta(hours=seq),
                )
                for seq, reason, detail, raw in (
                    (
                        1,
                        "short_frame",
                        "the pulse rate is announced but missing",
                        bytes.fromhex("04820050006800"),
                    ),
                    (2, "not_json", "cut off at byte 200", b'{"v":1,"records":[' * 20),
                    (
                        3,
                        "gateway_mismatch",
                        "the message names another gateway",
                        b'{"gateway":"<b>x</b>"}',
                    ),
                )
            ],
        )


def _log_time(
    connect: Connect,
    practice_id: uuid.UUID,
    staff: dict[str, uuid.UUID],
    patients: dict[str, uuid.UUID],
    now: datetime,
) -> None:
    with connect("homevitals_console") as connection, connection.cursor() as cur:
        tenancy.enter(cur, Scope((practice_id,)))
        for patient, person, days_ago, minutes, activity, note in (
            (
                "amalia",
                "casey",
                8,
                7.5,
                Activity.PHONE_CALL,
                "Called about the evening dose; she takes it again.",
            ),
            (
                "amalia",
                "robin",
                3,
                5,
                Activity.CHART_REVIEW,
                "Looked through two weeks of readings.",
            ),
            (
                "bertram",
                "casey",
                6,
                21,
                Activity.PATIENT_EDUCATION,
                "Went through the use of the meter.",
            ),
            ("bertram", "dana", 2, 4, Activity.MEDICATION_REVIEW, "Metformin stays as it is."),
        ):
            ended_at = now - timedelta(days=days_ago)
            time_log.add_by_hand(
                cur,
                practice_id,
                staff[person],
                patients[patient],
                started_at=ended_at - timedelta(minutes=minutes),
                ended_at=ended_at,
                program="ccm",
                activity=activity,
                note=note,
                reason="Was on the phone away from the desk.",
                at=now,
            )
        slip = time_log.add_by_hand(
            cur,
            practice_id,
            staff["casey"],
            patients["noor"],
            started_at=now - timedelta(days=4, minutes=30),
            ended_at=now - timedelta(days=4),
            program="ccm",
            activity=Activity.CARE_COORDINATION,
            note="Wrote to the cardiologist.",
            reason="Forgot to start the timer.",
            at=now,
        )
        time_log.void(
            cur,
            practice_id,
            slip.entry_id,
            voided_by=staff["casey"],
            reason="Wrong patient.",
            at=now,
        )


class Clock:
    """A clock that a test moves by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)
