"""Stored readings for tests of the statistics."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from firmware_profiles.readings import Kind, Result
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.rows import StoredReading

ZONE = ZoneInfo("America/New_York")


def reading(
    at: datetime,
    *,
    kind: Kind = Kind.BLOOD_PRESSURE,
    result: Result = Result.MEASURED,
    **changed: Any,
) -> StoredReading:
    """Return a reading of 130/80 mmHg or 100 mg/dL."""
    is_pressure = kind is Kind.BLOOD_PRESSURE and result is Result.MEASURED
    is_glucose = kind is Kind.GLUCOSE and result is Result.MEASURED
    made = StoredReading(
        practice_id=uuid.UUID(int=1),
        reading_id=uuid.uuid4(),
        patient_id=uuid.UUID(int=2),
        peripheral_id=uuid.UUID(int=3),
        user_slot=None,
        kind=kind,
        result=result,
        measured_at=at,
        time_method=TimeMethod.DEVICE_CLOCK_CORRECTED,
        time_quality=TimeQuality.GOOD,
        device_time=None,
        device_clock_offset_s=None,
        gateway_received_at=at,
        stored_at=at,
        systolic_mmhg=130.0 if is_pressure else None,
        diastolic_mmhg=80.0 if is_pressure else None,
        mean_arterial_mmhg=None,
        pulse_bpm=None,
        glucose_mg_dl=100.0 if is_glucose else None,
        sequence_number=None,
        qualifiers=(),
        profile_id="x",
        profile_version=1,
        characteristic="2a35",
        raw=b"",
        gateway_id="gw-home0001",
        outbox_epoch="0" * 32,
        outbox_seq=1,
        message_id=uuid.UUID(int=4),
    )
    return made._replace(**changed)
