"""A practice with rules, enrolled patients, and readings that wait for evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from alerts.settings import AlertsSettings
from ccm_link.program import enrolment
from firmware_profiles.readings import Kind, Result
from ingest import evaluation_queue, people, rows
from ingest import store as ingest_store
from ingest.measured_at import TimeMethod, TimeQuality
from tests import scopes, single_limits

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Home:
    """Everything is committed; ``evaluator`` is as the service connects, with autocommit."""

    database: Any
    practice_id: UUID
    patient: UUID
    other_patient: UUID
    not_enrolled: UUID
    owner: psycopg.Connection[Any]
    evaluator: psycopg.Connection[Any]

    @property
    def settings(self) -> AlertsSettings:
        return AlertsSettings(database=self.database.conninfo("homevitals_alerts"))

    def store(self, *readings: rows.StoredReading, wake: bool = True) -> None:
        """Store readings and queue them, as an ingest worker does."""
        with self.owner.transaction(), self.owner.cursor() as cur:
            measured = [reading.measured_at for reading in readings]
            ingest_store.ensure_series(cur, min(measured), max(measured))
            cur.executemany(
                "insert into ingest.record_key values (%s, %s, 'content', %s, %s)",
                [(r.practice_id, uuid4().bytes, r.reading_id, r.measured_at) for r in readings],
            )
            ingest_store.add_readings(cur, readings)
        self.queue(*readings, wake=wake)

    def queue(self, *readings: rows.StoredReading, wake: bool = True) -> None:
        """Queue readings that are stored, or only wake the evaluators."""
        with self.owner.transaction(), self.owner.cursor() as cur:
            if wake:
                evaluation_queue.queue_evaluation(cur, readings, NOON)
                return
            cur.executemany(
                "insert into ingest.evaluation_queue"
                " (practice_id, patient_id, reading_id, measured_at, queued_at)"
                " values (%s, %s, %s, %s, %s)",
                [
                    (r.practice_id, r.patient_id, r.reading_id, r.measured_at, NOON)
                    for r in readings
                ],
            )

    def blood_pressure(self, systolic_mmhg: float = 120, **changes: Any) -> rows.StoredReading:
        reading = rows.StoredReading(
            practice_id=self.practice_id,
            reading_id=uuid4(),
            patient_id=self.patient,
            peripheral_id=uuid4(),
            user_slot=None,
            kind=Kind.BLOOD_PRESSURE,
            result=Result.MEASURED,
            measured_at=NOON,
            time_method=TimeMethod.DEVICE_CLOCK,
            time_quality=TimeQuality.GOOD,
            device_time=None,
            device_clock_offset_s=None,
            gateway_received_at=NOON,
            stored_at=NOON,
            systolic_mmhg=systolic_mmhg,
            diastolic_mmhg=70,
            mean_arterial_mmhg=None,
            pulse_bpm=70,
            glucose_mg_dl=None,
            sequence_number=None,
            qualifiers=(),
            profile_id="standard-cuff",
            profile_version=1,
            characteristic="2a35",
            raw=b"\x00",
            gateway_id="gw-00000000",
            outbox_epoch="0" * 32,
            outbox_seq=1,
            message_id=uuid4(),
        )
        return reading._replace(**changes)

    def forget(self) -> None:
        """Forget what the rules said and led to; the rules and the readings stay."""
        with self.owner.transaction():
            self.owner.execute("set local session_replication_role = replica")  # in any order
            tables = self.owner.execute(
                "select distinct format('%I.%I', table_schema, table_name) from information_schema.columns"
                " join information_schema.tables using (table_schema, table_name)"
                " where table_type = 'BASE TABLE' and (table_schema = 'alerts' and column_name in"
                " ('episode_id', 'reading_id') or table_schema = 'ccm' and column_name = 'task_id')"
            ).fetchall()
            for (table,) in tables:
                self.owner.execute(f"delete from {table}")

    def count(self, statement: str) -> int:
        """Run a count on what is committed."""
        (found,) = self.owner.execute(statement).fetchone() or (None,)  # type: ignore[arg-type]
        self.owner.rollback()
        assert isinstance(found, int)
        return found


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def home(database: Any) -> Iterator[Home]:
    with (
        database.connect("postgres") as owner,
        database.connect("homevitals_alerts") as evaluator,
    ):
        evaluator.autocommit = True
        with owner.transaction(), owner.cursor() as cur:
            practice_id = people.add_practice(
                cur, slug="clinic", name="Clinic", time_zone="Europe/Berlin"
            )
            patients = [
                people.add_patient(
                    cur,
                    practice_id,
                    display_name=name,
                    born_on=date(1950, 1, 1),
                    record_number=name,
                    time_zone="Europe/Berlin",
                )
                for name in ("Quill, Rosa", "Adler, Finn", "Not, Enrolled")
            ]
            for patient_id in patients[:2]:
                enrolment.enrol(
                    cur,
                    practice_id,
                    patient_id,
                    consent_documented_at=datetime(2026, 1, 1, tzinfo=UTC),
                    enrolled_by="test",
                )
            single_limits.adopt(cur, practice_id, set_by="test", at=NOON - timedelta(days=60))
        scopes.work_for(owner, practice_id)
        yield Home(database, practice_id, *patients, owner, evaluator)
