from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from firmware_profiles.readings import Kind, Result
from ingest.measured_at import TimeMethod, TimeQuality
from ingest.rows import Origin, StoredReading

AT = datetime(2026, 11, 12, 12, 0, 5, tzinfo=UTC)

MakeReading = Callable[..., StoredReading]


def of_kind(kind: Kind = Kind.BLOOD_PRESSURE, **changed: Any) -> StoredReading:
    """Return a stored reading with the numbers that are given and no others."""
    made = StoredReading(
        practice_id=uuid.UUID(int=1),
        reading_id=uuid.UUID(int=0x4EAD),
        patient_id=uuid.UUID(int=2),
        peripheral_id=uuid.UUID(int=3),
        user_slot=None,
        kind=kind,
        result=Result.MEASURED,
        measured_at=AT,
        time_method=TimeMethod.DEVICE_CLOCK_CORRECTED,
        time_quality=TimeQuality.GOOD,
        device_time=datetime.fromisoformat("2026-11-12T07:00:01"),
        device_clock_offset_s=4.0,
        gateway_received_at=AT,
        stored_at=AT,
        systolic_mmhg=None,
        diastolic_mmhg=None,
        mean_arterial_mmhg=None,
        pulse_bpm=None,
        glucose_mg_dl=None,
        sequence_number=None,
        qualifiers=(),
        profile_id="standard-cuff",
        profile_version=1,
        characteristic="f00d",  # nothing that can be read again
        raw=b"",
        gateway_id="gw-home0001",
        outbox_epoch="0" * 32,
        outbox_seq=1,
        message_id=uuid.UUID(int=4),
    )
    return made._replace(**changed)


def imported(kind: Kind, **changed: Any) -> StoredReading:
    """Return one that no peripheral sent."""
    way = dict.fromkeys(("peripheral_id", "gateway_id", "message_id", "device_time"))
    return of_kind(
        kind, origin=Origin.IMPORT, **(way | {"profile_id": "import-omron-csv"} | changed)
    )


@pytest.fixture
def pressure() -> StoredReading:
    return of_kind(systolic_mmhg=131.0, diastolic_mmhg=83.0, pulse_bpm=71.0)
