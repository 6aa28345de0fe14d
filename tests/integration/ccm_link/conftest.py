"""A small practice with staff, patients and open alert episodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from alerts import store as alerts_store
from alerts.episode import OpenedEpisode
from alerts.measures import Comparison, Measure, Severity
from alerts.rule_set import RuleSpec
from alerts.rules import RuleProposal
from alerts.signals import Single
from ccm_link.program import enrolment
from ccm_link.task import task_sink
from firmware_profiles.readings import Kind
from ingest import people
from tests import scopes

NOON = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)  # 12:00 in New York


@dataclass(frozen=True)
class Clinic:
    """Everything is committed; the connections belong to the roles of the services."""

    database: Any
    practice_id: UUID
    ada: UUID  # care manager
    ben: UUID  # care manager
    olga: UUID  # operator: her time never counts
    patient: UUID
    other_patient: UUID
    owner: psycopg.Connection[Any]
    console: psycopg.Connection[Any]
    evaluator: psycopg.Connection[Any]

    def open_task(
        self,
        patient_id: UUID | None = None,
        *,
        severity: Severity = Severity.URGENT,
        due_in: timedelta = timedelta(hours=1),
    ) -> UUID | None:
        """Open an episode the way the evaluator does and hand it to the sink."""
        patient_id = patient_id or self.patient
        with self.owner.transaction(), self.owner.cursor() as cur:
            spec = RuleSpec(
                # A family of its own, so that each call may open an episode for the same patient.
                family=f"systolic-{uuid4()}",
                title="Raised systolic pressure",
                severity=severity,
                kind=Kind.BLOOD_PRESSURE,
                due_within=due_in,
                signal=Single(
                    measure=Measure.SYSTOLIC_MMHG,
                    comparison=Comparison.AT_OR_ABOVE,
                    limit_value=180,
                ),
                source="test",
            )
            rule = alerts_store.add_rule_version(
                cur,
                self.practice_id,
                RuleProposal(spec=spec),
                set_by="test",
                reason="test",
                at=NOON - timedelta(days=1),
            )
        with self.evaluator.transaction(), self.evaluator.cursor() as cur:
            cur.execute(
                "insert into alerts.episode (practice_id, patient_id, rule_id, rule_version,"
                " family, severity, opened_at, breached_at) values (%s, %s, %s, %s, %s, %s, %s, %s)"
                " returning episode_id",
                (
                    self.practice_id,
                    patient_id,
                    rule.rule_id,
                    rule.version,
                    spec.family,
                    severity,
                    NOON,
                    NOON,
                ),
            )
            (episode_id,) = cur.fetchone() or (None,)
            assert episode_id is not None
            return task_sink.open_task(
                cur,
                OpenedEpisode(
                    practice_id=self.practice_id,
                    patient_id=patient_id,
                    episode_id=episode_id,
                    rule_id=rule.rule_id,
                    rule_version=rule.version,
                    family=spec.family,
                    title=spec.title,
                    severity=severity,
                    opened_at=NOON,
                    due_at=NOON + due_in,
                    reading_id=uuid4(),
                    measured_at=NOON,
                    sentence="Systolic pressure was 184 mmHg.",
                ),
            )

    def again(
        self, task_id: UUID | None, *, severity: Severity, at: datetime, due_in: timedelta
    ) -> OpenedEpisode:
        """Tell of a task's episode as the evaluator does when it became severer or came back."""
        row = self.owner.execute(
            "select patient_id, episode_id, rule_id, rule_version, family from ccm.task"
            " join alerts.episode using (practice_id, patient_id, episode_id) where task_id = %s",
            (task_id,),
        ).fetchone()
        assert row is not None
        patient_id, episode_id, rule_id, rule_version, family = row
        return OpenedEpisode(
            practice_id=self.practice_id,
            patient_id=patient_id,
            episode_id=episode_id,
            rule_id=rule_id,
            rule_version=rule_version,
            family=family,
            title="Severely raised systolic pressure",
            severity=severity,
            opened_at=at,
            due_at=at + due_in,
            reading_id=uuid4(),
            measured_at=at,
            sentence="Systolic pressure was 191 mmHg.",
        )


@pytest.fixture
def clinic(database: Any) -> Iterator[Clinic]:
    with (
        database.connect("postgres") as owner,
        database.connect("homevitals_console") as console,
        database.connect("homevitals_alerts") as evaluator,
    ):
        with owner.transaction(), owner.cursor() as cur:
            practice_id = people.add_practice(
                cur, slug="clinic", name="Clinic", time_zone="America/New_York"
            )
            staff = [
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
                    ("Ben", people.Role.CARE_MANAGER),
                    ("Olga", people.Role.OPERATOR),
                )
            ]
            patients = [
                people.add_patient(
                    cur,
                    practice_id,
                    display_name=name,
                    born_on=date(1950, 1, 1),
                    record_number=name,
                    time_zone="America/New_York",
                )
                for name in ("Quill, Rosa", "Adler, Finn")
            ]
            for patient_id in patients:
                enrolment.enrol(
                    cur,
                    practice_id,
                    patient_id,
                    consent_documented_at=datetime(2026, 1, 1, tzinfo=UTC),
                    enrolled_by="test",
                )
        for connection in (owner, console, evaluator):
            scopes.work_for(connection, practice_id)
        yield Clinic(database, practice_id, *staff, *patients, owner, console, evaluator)


@pytest.fixture
def noon() -> datetime:
    return NOON
