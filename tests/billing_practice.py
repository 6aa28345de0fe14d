"""A practice in which one patient's month can be billed: rows as the services write them, put in short.

What other subjects' tests hold (who may enrol, log, sign) is not tried again: their rows are written as the superuser.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg

from ccm_link.claim import monitoring
from ingest import people
from tests import scopes
from tests.made_up_month import ATTESTED

NEW_YORK = ZoneInfo("America/New_York")
LONG_AGO = datetime(2026, 1, 5, 15, tzinfo=UTC)


@dataclass(frozen=True)
class BillingPractice:
    """Everything is committed; ``console`` has the role of the console, ``owner`` is the superuser."""

    practice_id: UUID
    nurse: UUID
    doctor: UUID
    patient_id: UUID
    owner: psycopg.Connection[Any]
    console: psycopg.Connection[Any]

    def insert(self, table: str, **columns: Any) -> None:
        """Add a row of the practice."""
        names = ", ".join(("practice_id", *columns))
        places = ", ".join(["%s"] * (len(columns) + 1))
        self.owner.execute(
            f"insert into {table} ({names}) values ({places})",
            (self.practice_id, *columns.values()),
        )

    def enrol(
        self, program: str, *, patient_id: UUID | None = None, at: datetime = LONG_AGO
    ) -> UUID:
        """Let a patient be in care in a program, billed by the doctor, with everything attested."""
        patient_id, enrolment_id = patient_id or self.patient_id, uuid4()
        self.insert(
            "ccm.enrolment",
            enrolment_id=enrolment_id,
            patient_id=patient_id,
            program=program,
            state="active",
            opened_at=at,
            consent_documented_at=at,
        )
        self.insert(
            "ccm.consent",
            enrolment_id=enrolment_id,
            patient_id=patient_id,
            practitioner_id=self.doctor,
            method="not_recorded",
            elements=[],
            given_by="not_recorded",
            taken_by="x",
            documented_at=at,
            recorded_at=at,
        )
        self.insert(
            "ccm.enrolment_practitioner",
            enrolment_id=enrolment_id,
            patient_id=patient_id,
            staff_id=self.doctor,
            from_at=at,
            set_by="x",
        )
        self.owner.commit()
        return enrolment_id

    def vouch(self, patient_id: UUID | None = None, *without: str) -> None:
        """Attest everything, and have a visit and a care manager."""
        patient_id = patient_id or self.patient_id
        for name in set(ATTESTED) - set(without):
            self.insert(
                "ccm.attestation",
                patient_id=patient_id,
                requirement=name,
                is_met=True,
                basis="x",
                from_on=LONG_AGO.date(),
                attested_by="x",
                attested_at=LONG_AGO,
            )
        self.insert(
            "ccm.practitioner_visit",
            patient_id=patient_id,
            practitioner_id=self.doctor,
            visited_on=date(2025, 12, 20),
            kind="evaluation",
            was_discussed=True,
            recorded_by="x",
            recorded_at=LONG_AGO,
        )
        self.insert(
            "ccm.team_member",
            patient_id=patient_id,
            role="care_manager",
            staff_id=self.nurse,
            from_at=LONG_AGO,
            added_by="x",
        )
        self.owner.commit()

    def work(
        self,
        program: str | None,
        started_at: datetime,
        seconds: int,
        *,
        patient_id: UUID | None = None,
        staff_id: UUID | None = None,
        activity: str = "chart_review",
        billing_role: str = "clinical_staff",
        method: str = "chart_work",
        counterpart: str = "nobody",
        outcome: str = "not_a_contact",
        **changed: Any,
    ) -> UUID:
        """Log some seconds of the nurse, and return the entry's id."""
        entry_id, ended_at = uuid4(), started_at + timedelta(seconds=seconds)
        columns = {
            "entry_id": entry_id,
            "staff_id": staff_id or self.nurse,
            "staff_role": "care_manager",
            "patient_id": patient_id or self.patient_id,
            "activity": activity,
            "started_at": started_at,
            "ended_at": ended_at,
            "note": "x",
            "entered": "timer",
            "entered_at": ended_at,
            "program": program,
            "credential": "rn",
            "billing_role": billing_role,
            "method": method,
            "counterpart": counterpart,
            "outcome": outcome,
            "zone": "America/New_York",
        }
        self.insert("ccm.time_entry", **columns | changed)
        self.owner.commit()
        return entry_id

    def call(self, program: str, started_at: datetime, seconds: int, **changed: Any) -> UUID:
        """Log a call in which the patient was reached."""
        reached = {
            "activity": "phone_call",
            "method": "phone",
            "counterpart": "patient",
            "outcome": "reached",
        }
        return self.work(program, started_at, seconds, **reached | changed)

    def void(self, entry_id: UUID) -> None:
        """Void an entry."""
        self.owner.execute(
            "update ccm.time_entry set voided_at = now(), voided_by = %s, void_reason = 'x' where entry_id = %s",
            (self.nurse, entry_id),
        )
        self.owner.commit()

    def monitor(
        self, started_on: date, *, patient_id: UUID | None = None, billed: bool | None = True
    ) -> UUID:
        """Begin an episode of monitoring."""
        with self.console.transaction():
            return monitoring.start(
                self.console.cursor(),
                self.practice_id,
                patient_id or self.patient_id,
                started_on=started_on,
                set_up_billed=billed,
                started_by="Dana",
                at=LONG_AGO,
            )

    def measure(
        self,
        first_on: date,
        *,
        days: int = 1,
        patient_id: UUID | None = None,
        hour: int = 12,
        **changed: Any,
    ) -> None:
        """Measure once on each of some days in a row, at a full hour at home."""
        for nth in range(days):
            day = first_on + timedelta(days=nth)
            at = datetime(day.year, day.month, day.day, hour, tzinfo=NEW_YORK)
            columns = {
                "reading_id": uuid4(),
                "patient_id": patient_id or self.patient_id,
                "kind": "blood_pressure",
                "result": "measured",
                "measured_at": at,
                "measured_day": day,
                "time_method": "device_clock",
                "time_quality": "good",
                "gateway_received_at": at,
                "stored_at": at,
                "systolic_mmhg": 130,
                "diastolic_mmhg": 80,
                "profile_id": "x",
                "profile_version": 1,
                "characteristic": "x",
                "raw": b"",
                "peripheral_id": uuid4(),
                "gateway_id": "gw-made0000",
                "outbox_epoch": "x",
                "outbox_seq": 1,
                "message_id": uuid4(),
            }
            self.owner.execute("select ingest.ensure_series(%s, %s)", (at, at))
            self.insert("ingest.reading_series", **columns | changed)
        self.owner.commit()

    def diagnose(self, *codes: str) -> None:
        """Record conditions."""
        for code in codes:
            self.insert(
                "ccm.condition",
                patient_id=self.patient_id,
                code=code,
                source="x",
                recorded_by="x",
                recorded_at=LONG_AGO,
            )
        self.owner.commit()


def add_patient(cur: Any, practice_id: UUID, name: str) -> UUID:
    """Add a patient who lives in New York."""
    return people.add_patient(
        cur,
        practice_id,
        display_name=name,
        born_on=date(1951, 3, 17),
        record_number=name,
        time_zone="America/New_York",
    )


@contextmanager
def opened(database: Any) -> Iterator[BillingPractice]:
    """Yield a practice in New York with a nurse, a doctor and a patient in no program yet, of whom all is attested."""
    with (
        database.connect("postgres") as owner,
        database.connect("homevitals_console") as console,
    ):
        with owner.transaction(), owner.cursor() as cur:
            practice_id = people.add_practice(
                cur, slug="clinic", name="Clinic", time_zone="America/New_York"
            )
            nurse, doctor = (
                people.add_staff(
                    cur,
                    practice_id,
                    sign_in_name=name.lower(),
                    display_name=name,
                    role=role,
                    password_argon2="-",
                )
                for name, role in (
                    ("Ada", people.Role.CARE_MANAGER),
                    ("Dana", people.Role.CLINICIAN),
                )
            )
            patient_id = add_patient(cur, practice_id, "Quill, Rosa")
        for connection in (owner, console):
            scopes.work_for(connection, practice_id)
        practice = BillingPractice(practice_id, nurse, doctor, patient_id, owner, console)
        practice.vouch()
        yield practice
