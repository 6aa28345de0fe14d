"""Rules and readings with everything filled in that a test does not care about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from alerts import rule_set
from alerts.measures import Comparison, Measure, Severity
from alerts.rule_set import RuleSpec
from alerts.rules import Rule, Scope
from alerts.signals import Single
from firmware_profiles.readings import Kind, Result
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.rows import StoredReading

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PRACTICE, PATIENT = uuid4(), uuid4()


@pytest.fixture(scope="session")
def noon() -> datetime:
    return NOON


@pytest.fixture(scope="session")
def patient_id() -> UUID:
    return PATIENT


@pytest.fixture(scope="session")
def make_rule() -> Callable[..., Rule]:
    def make(
        measure: Measure = Measure.SYSTOLIC_MMHG,
        comparison: Comparison = Comparison.AT_OR_ABOVE,
        limit_value: float = 140,
        severity: Severity = Severity.CLINICAL,
        **changes: Any,
    ) -> Rule:
        spec = RuleSpec(
            family=f"{measure.split('_')[0]}-{'high' if comparison == 'at_or_above' else 'low'}",
            title="A rule",
            severity=severity,
            kind=rule_set.kind_of(measure),
            due_within=timedelta(hours=1),
            signal=Single(measure=measure, comparison=comparison, limit_value=limit_value),
            source="test",
        )
        rule = Rule(
            practice_id=PRACTICE,
            rule_id=uuid4(),
            version=1,
            scope=Scope.PRACTICE,
            scope_key="",
            spec=spec,
            in_force_from=NOON - timedelta(days=30),
            in_force_until=None,
            set_by="Ada",
            reason="test",
        )
        return replace(rule, **changes)

    return make


@pytest.fixture(scope="session")
def make_reading() -> Callable[..., StoredReading]:
    def make(kind: Kind = Kind.BLOOD_PRESSURE, **changes: Any) -> StoredReading:
        reading = StoredReading(
            practice_id=PRACTICE,
            reading_id=uuid4(),
            patient_id=PATIENT,
            peripheral_id=uuid4(),
            user_slot=None,
            kind=kind,
            result=Result.MEASURED,
            measured_at=NOON,
            time_method=TimeMethod.DEVICE_CLOCK,
            time_quality=TimeQuality.GOOD,
            device_time=None,
            device_clock_offset_s=None,
            gateway_received_at=NOON,
            stored_at=NOON,
            systolic_mmhg=None,
            diastolic_mmhg=None,
            mean_arterial_mmhg=None,
            pulse_bpm=None,
            glucose_mg_dl=None,
            sequence_number=None,
            qualifiers=(),
            profile_id="standard-cuff",
            profile_version=1,
            characteristic="2a35",
            raw=b"",
            gateway_id="gw-00000000",
            outbox_epoch="0" * 32,
            outbox_seq=1,
            message_id=uuid4(),
        )
        return reading._replace(**changes)

    return make
