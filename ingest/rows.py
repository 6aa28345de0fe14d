"""The rows of the store, as ingest writes them and the packages above read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from firmware_profiles.readings import Kind, Result
from ingest.measured_at import TimeMethod, TimeQuality


class Origin(StrEnum):
    """Whether a peripheral sent a reading. What did not come from one never counts as a device day."""

    DEVICE = "device"
    IMPORT = "import"


class StoredReading(NamedTuple):
    """One version of one measurement, immutable. Fields stand in the order of the columns of ``ingest.reading``.

    A tuple, because readings are made and written by the million, and tuples cost a third of what data classes do.

    Attributes:
        patient_id: None while no assignment was valid at the measurement.
        peripheral_id: None for what was imported, as are the gateway, its outbox position and the message.
        measured_at: best estimate, aware UTC; ``time_method`` and ``time_quality`` say how good.
        device_time: the peripheral's wall clock as sent, naive.
        device_clock_offset_s: gateway clock minus device clock in that session, seconds.
        raw: the characteristic's value as the peripheral sent it; of an import, the row or resource.
        message_id: the MQTT message that brought it.
        origin: whether a peripheral sent it.
        measured_day: the patient's local day; None while nobody is assigned.
        version: 1 for what was stored first; each correction adds one and gets an id of its own.
        superseded_at: when a later version took its place, aware UTC; None for the version that counts.
    """

    practice_id: UUID
    reading_id: UUID
    patient_id: UUID | None
    peripheral_id: UUID | None
    user_slot: int | None
    kind: Kind
    result: Result
    measured_at: datetime
    time_method: TimeMethod
    time_quality: TimeQuality
    device_time: datetime | None
    device_clock_offset_s: float | None
    gateway_received_at: datetime
    stored_at: datetime
    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    mean_arterial_mmhg: float | None
    pulse_bpm: float | None
    glucose_mg_dl: float | None
    sequence_number: int | None
    qualifiers: tuple[str, ...]
    profile_id: str
    profile_version: int
    characteristic: str
    raw: bytes
    gateway_id: str | None
    outbox_epoch: str | None
    outbox_seq: int | None
    message_id: UUID | None
    origin: Origin = Origin.DEVICE
    measured_day: date | None = None
    version: int = 1
    superseded_at: datetime | None = None
    weight_kg: float | None = None
    spo2_percent: float | None = None
    temperature_celsius: float | None = None
    ketone_mmol_l: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reading that is stored if nobody stored the same record before."""

    reading: StoredReading
    record_key: bytes
    content_sha256: bytes


@dataclass(frozen=True, slots=True)
class ContextRow:
    """What a glucose meter said beside a measurement."""

    practice_id: UUID
    peripheral_id: UUID
    sequence_number: int
    content_sha256: bytes
    context: dict[str, str | float | int]
    raw: bytes
    gateway_id: str
    outbox_epoch: str
    outbox_seq: int
    message_id: UUID
    stored_at: datetime


class MessageRow(NamedTuple):
    """One MQTT message of which something was taken in; a tuple like a reading."""

    message_id: UUID
    practice_id: UUID | None
    topic: str
    packet_id: int
    received_at: datetime
    sent_at: datetime | None
    payload_sha256: bytes
    record_count: int


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """Bytes that could not become data.

    Attributes:
        reason: from the closed list in :mod:`ingest.quarantine`.
        detail: what is wrong; never repeats the content.
        raw: a peripheral's frame if ``record`` is there, else the text of one record or a whole
            payload.
        record: what the gateway said about the frame, enough to process it again; None if it was
            not readable.
    """

    quarantine_id: UUID
    practice_id: UUID | None
    topic: str
    gateway_id: str | None
    outbox_epoch: str | None
    outbox_seq: int | None
    reason: str
    detail: str
    raw: bytes
    record: dict[str, Any] | None
    content_sha256: bytes
    message_id: UUID
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """Something that an operator should look into."""

    practice_id: UUID | None
    at: datetime
    event: str
    gateway_id: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class GatewaySighting:
    """What a message says about its gateway.

    Attributes:
        seen_at: when the gateway itself was heard, aware UTC; None if only the broker spoke for it.
        is_online: what a status message said; None for other messages.
    """

    gateway_id: str
    seen_at: datetime | None
    is_online: bool | None


@dataclass(frozen=True, slots=True)
class OutboxPositions:
    """Numbers of one gateway's outbox that have arrived, as runs of (first, last), both included."""

    practice_id: UUID
    gateway_id: str
    epoch: str
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class EvaluationWork:
    """One reading that waits for the rules.

    Attributes:
        attempts: evaluations of it that failed.
    """

    queue_id: int
    practice_id: UUID
    patient_id: UUID
    reading_id: UUID
    measured_at: datetime
    queued_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class UnassignedReadings:
    """How many readings of one user of one peripheral wait for a patient."""

    peripheral_id: UUID
    bluetooth_address: str
    profile_id: str
    user_slot: int | None
    reading_count: int
    first_measured_at: datetime
    last_measured_at: datetime


@dataclass(frozen=True, slots=True)
class Provenance:
    """The way of one reading before it was one."""

    reading_id: UUID
    bluetooth_address: str
    gateway_id: str
    outbox_epoch: str
    outbox_seq: int
    message_id: UUID
    topic: str
    packet_id: int
    received_at: datetime
    sent_at: datetime | None
    payload_sha256: bytes
    record_count: int
    record_key: bytes
    content_sha256: bytes
    stored_at: datetime
