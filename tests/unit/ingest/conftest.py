"""Records, messages and a directory with everything filled in that a test does not care about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from firmware_profiles import topics, uuids, wire
from firmware_profiles.blood_pressure import BloodPressureMeasurement, PressureUnit
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.glucose import GlucoseMeasurement, Sample
from firmware_profiles.glucose_context import GlucoseMeasurementContext
from firmware_profiles.sfloat import Sfloat
from firmware_profiles.wire import Batch, GatewayClock, Link, Record
from ingest.arrivals import Arrival, Opened, open_message
from ingest.directory import Assignment, Directory, Gateway, Peripheral, Standing

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
WALL_NOON = NOON.replace(tzinfo=None)
PRACTICE, PATIENT, CUFF = UUID(int=1), UUID(int=2), UUID(int=3)
GATEWAY, ADDRESS, EPOCH = "gw-aaaa1111", "AA:BB:CC:DD:EE:01", "e" * 32


@pytest.fixture(scope="session")
def noon() -> datetime:
    return NOON


@pytest.fixture(scope="session")
def cuff_frame() -> Callable[..., bytes]:
    def frame(
        systolic: int = 128,
        diastolic: int = 79,
        at: datetime | None = WALL_NOON,
        user: int | None = None,
    ) -> bytes:
        return BloodPressureMeasurement(
            unit=PressureUnit.MMHG,
            systolic=Sfloat(systolic, 0),
            diastolic=Sfloat(diastolic, 0),
            mean_arterial=Sfloat(95, 0),
            time_stamp=None if at is None else DateTime.of(at),
            user_id=user,
        ).to_bytes()

    return frame


@pytest.fixture(scope="session")
def glucose_frame() -> Callable[..., bytes]:
    def frame(
        sequence_number: int = 7,
        mg_dl: int = 110,
        base_time: datetime = WALL_NOON,
        time_offset_min: int | None = None,
    ) -> bytes:
        # kg/L on the wire: 110 mg/dL is 110e-5 kg/L
        sample = Sample(concentration=Sfloat(mg_dl, -5), fluid_type=1, location=1)
        return GlucoseMeasurement(
            sequence_number=sequence_number,
            base_time=DateTime.of(base_time),
            sample=sample,
            time_offset_min=time_offset_min,
        ).to_bytes()

    return frame


@pytest.fixture(scope="session")
def context_frame() -> Callable[..., bytes]:
    def frame(sequence_number: int = 7, meal: int = 1) -> bytes:
        return GlucoseMeasurementContext(sequence_number=sequence_number, meal=meal).to_bytes()

    return frame


@pytest.fixture(scope="session")
def make_record(cuff_frame: Callable[..., bytes]) -> Callable[..., Record]:
    def make(**changes: Any) -> Record:
        fields: dict[str, Any] = {
            "seq": 1,
            "peripheral": ADDRESS,
            "profile_id": "standard-cuff",
            "profile_version": 1,
            "characteristic": uuids.BLOOD_PRESSURE_MEASUREMENT,
            "raw": cuff_frame(),
            "received_at": NOON + timedelta(minutes=1),
            "gateway_clock": GatewayClock.SYNCHRONISED,
            "device_clock_offset_s": 0.0,
            "time_zone": "UTC",
            "link": Link.ENCRYPTED,
            "decoded": None,
        }
        return Record(**fields | changes)

    return make


@pytest.fixture(scope="session")
def make_arrival() -> Callable[..., Arrival]:
    def make(payload: bytes, **changes: Any) -> Arrival:
        fields: dict[str, Any] = {
            "message_id": uuid4(),
            "topic": topics.readings(GATEWAY),
            "payload": payload,
            "packet_id": 1,
            "received_at": NOON + timedelta(minutes=2),
            "is_retained": False,
        }
        return Arrival(**fields | changes)

    return make


@pytest.fixture(scope="session")
def open_batch(make_arrival: Callable[..., Arrival]) -> Callable[..., Opened]:
    """Send records over the wire format and open the message."""

    def opened(records: Iterable[Record], **changes: Any) -> Opened:
        batch = Batch(GATEWAY, EPOCH, NOON + timedelta(minutes=2), tuple(records))
        return open_message(make_arrival(wire.encode_batch(batch), **changes))

    return opened


@pytest.fixture(scope="session")
def make_directory() -> Callable[..., Directory]:
    """One practice with one gateway and one cuff, assigned to one patient for two days."""

    def make(
        status: Standing = Standing.ACTIVE,
        user_slot: int | None = None,
        valid_until: datetime | None = NOON + timedelta(days=1),
    ) -> Directory:
        gateway = Gateway(GATEWAY, PRACTICE, "Home", status, NOON, None, is_online=False)
        assignment = Assignment(user_slot, PATIENT, NOON - timedelta(days=1), valid_until, "UTC")
        return Directory({GATEWAY: gateway}, {(PRACTICE, ADDRESS): Peripheral(CUFF, (assignment,))})

    return make
