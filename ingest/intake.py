"""What should become of a message: readings, contexts, quarantine. Pure.

The gateway's own decoding and its idea of time are advice. What counts are the raw bytes, decoded
here with the profile that the record names, and the assignment valid at the moment of measurement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, assert_never
from uuid import UUID, uuid4

from firmware_profiles import decode, decoder_knobs, models, wire_record
from firmware_profiles.errors import FrameError, ProfileError, WireError
from firmware_profiles.readings import Decoded, GlucoseContext, Reading
from firmware_profiles.wire import BadRecord, Batch, GatewayStatus, Record
from firmware_profiles.wire_record import WrittenAdvisory
from ingest import measured_at, record_key, time_ordered_id
from ingest.arrivals import Opened
from ingest.decoded_fields import decoded_fields
from ingest.directory import Directory, Gateway, Standing
from ingest.quarantine import IngestReason, Reason
from ingest.rows import (
    Candidate,
    ContextRow,
    GatewaySighting,
    MessageRow,
    QuarantineRow,
    StoredReading,
)

# Quarantine has columns of its own for the position and the bytes, and the gateway's decoding is of
# no use to whoever processes the record again.
_NOT_KEPT: Final = frozenset({"seq", "raw", "decoded"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What should become of one record, or of a whole message that goes to quarantine.

    Attributes:
        record: as the gateway sent it; None for a whole message.
        outcome: the row to write; None once the store said that it has it already.
        differing: names of the fields in which the gateway's decoding differs, for people.
    """

    record: Record | BadRecord | None
    outcome: Candidate | ContextRow | QuarantineRow | None
    differing: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What should become of one message.

    Attributes:
        opened: the message.
        gateway: who sent it; None if no practice knows.
        decisions: one for each record, one for a message that goes to quarantine, none for a status.
    """

    opened: Opened
    gateway: Gateway | None
    decisions: tuple[Decision, ...]


def peripherals_heard(
    messages: Iterable[Opened], gateways: Mapping[str, Gateway]
) -> set[tuple[UUID, str, str]]:
    """Return (practice, Bluetooth address, profile id) of all readable records of known gateways."""
    heard: set[tuple[UUID, str, str]] = set()
    for opened in messages:
        gateway = gateways.get(opened.gateway_id or "")
        if isinstance(opened.content, Batch) and gateway and gateway.status is Standing.ACTIVE:
            heard |= {
                (gateway.practice_id, record.peripheral, record.profile_id)
                for record in opened.content.records
                if isinstance(record, Record)
            }
    return heard


def plan(opened: Opened, who: Directory, stored_at: datetime) -> Plan:
    """Decide about a message and each of its records.

    Args:
        opened: the message.
        who: with all peripherals that :func:`peripherals_heard` names.
        stored_at: now, aware UTC.
    """
    gateway = who.gateways.get(opened.gateway_id or "")
    content = opened.content
    if content is None:
        return refuse(opened, gateway, IngestReason.PROCESSING_FAILED, "ingest failed to read it")
    if gateway is None:
        if opened.gateway_id is None and isinstance(content, WireError):
            return refuse(opened, None, content.reason, str(content))
        return refuse(opened, None, IngestReason.UNKNOWN_GATEWAY, "no practice has this gateway")
    match gateway.status:
        case Standing.ACTIVE:
            return _plan_trusted(opened, content, gateway, who, stored_at)
        case Standing.EXPECTED:
            return refuse(
                opened, gateway, IngestReason.UNCLAIMED_GATEWAY, "the gateway was not claimed yet"
            )
        case Standing.REVOKED:
            return refuse(opened, gateway, IngestReason.REVOKED_GATEWAY, "the gateway was revoked")
        case never:
            assert_never(never)


def _plan_trusted(
    opened: Opened,
    content: Batch | GatewayStatus | WireError,
    gateway: Gateway,
    who: Directory,
    stored_at: datetime,
) -> Plan:
    match content:
        case WireError():
            return refuse(opened, gateway, content.reason, str(content))
        case GatewayStatus():
            return Plan(opened, gateway, ())
        case Batch():
            shared = _Shared(opened, content, gateway, who, stored_at)
            decisions = tuple(_decide(shared, record) for record in content.records)
            return Plan(opened, gateway, decisions)


def refuse(opened: Opened, gateway: Gateway | None, reason: Reason, detail: str) -> Plan:
    """Send a message to quarantine: each record of a batch by itself, anything else as it came."""
    records = opened.content.records if isinstance(opened.content, Batch) else (None,)
    decisions = (refuse_record(opened, gateway, record, reason, detail) for record in records)
    return Plan(opened, gateway, tuple(decisions))


def refuse_record(
    opened: Opened,
    gateway: Gateway | None,
    record: Record | BadRecord | None,
    reason: Reason,
    detail: str,
) -> Decision:
    """Send one record, or a message as a whole, to quarantine.

    Args:
        opened: the message.
        gateway: who sent it; None if no practice knows.
        record: one of its records; None for the whole.
        reason: from the closed list.
        detail: what is wrong, without repeating the content.
    """
    epoch = opened.content.epoch if isinstance(opened.content, Batch) else None
    raw = opened.arrival.payload if record is None else record.raw
    row = QuarantineRow(
        quarantine_id=uuid4(),
        practice_id=None if gateway is None else gateway.practice_id,
        topic=opened.arrival.topic,
        gateway_id=opened.gateway_id,
        outbox_epoch=epoch,
        outbox_seq=None if record is None else record.seq,
        reason=reason,
        detail=detail,
        raw=raw,
        record=_kept(record) if isinstance(record, Record) else None,
        content_sha256=record_key.content_sha256(raw),
        message_id=opened.arrival.message_id,
        received_at=opened.arrival.received_at,
    )
    return Decision(record, row)


def message_row(plan: Plan) -> MessageRow:
    """Return the row of a message, the link from its readings back to the wire."""
    arrival, content = plan.opened.arrival, plan.opened.content
    return MessageRow(
        message_id=arrival.message_id,
        practice_id=None if plan.gateway is None else plan.gateway.practice_id,
        topic=arrival.topic,
        packet_id=arrival.packet_id,
        received_at=arrival.received_at,
        sent_at=content.sent_at if isinstance(content, Batch) else None,
        payload_sha256=hashlib.sha256(arrival.payload).digest(),
        record_count=len(content.records) if isinstance(content, Batch) else 0,
    )


def sighting(plan: Plan) -> GatewaySighting | None:
    """Return what a message says about its gateway; None unless that is active.

    An offline status may be the last will, and a retained message may be old: neither means that the
    gateway was heard just now.
    """
    if plan.gateway is None or plan.gateway.status is not Standing.ACTIVE:
        return None
    arrival, content = plan.opened.arrival, plan.opened.content
    is_online = content.online if isinstance(content, GatewayStatus) else None
    was_heard = is_online is not False and not arrival.is_retained
    return GatewaySighting(
        plan.gateway.gateway_id, arrival.received_at if was_heard else None, is_online
    )


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all records of a batch have in common."""

    opened: Opened
    batch: Batch
    gateway: Gateway
    who: Directory
    stored_at: datetime


def _decide(shared: _Shared, record: Record | BadRecord) -> Decision:
    def refused(reason: Reason, detail: str) -> Decision:
        return refuse_record(shared.opened, shared.gateway, record, reason, detail)

    if isinstance(record, BadRecord):
        return refused(record.reason, record.detail)
    try:
        profile = models.by_id(record.profile_id, record.profile_version)
        decoded = decode.decode_record(profile, record.characteristic, record.raw)
    except ProfileError:
        named = f"{record.profile_id} version {record.profile_version}"
        return refused(IngestReason.UNKNOWN_PROFILE, f"this server has no profile {named}")
    except FrameError as error:
        return refused(error.reason, str(error))
    if isinstance(decoded, GlucoseContext):
        return Decision(record, _context(shared, record, decoded), _differing(record, decoded))
    return Decision(record, _candidate(shared, record, decoded), _differing(record, decoded))


def _candidate(shared: _Shared, record: Record, decoded: Reading) -> Candidate:
    return Candidate(
        reading=_reading(shared, record, decoded),
        record_key=record_key.record_key(
            record.peripheral,
            record.characteristic,
            record.raw,
            decoded,
            (shared.batch.epoch, record.seq),
        ),
        content_sha256=record_key.content_sha256(
            record_key.lasting(record.characteristic, record.raw, decoded)
        ),
    )


def _reading(shared: _Shared, record: Record, decoded: Reading) -> StoredReading:
    peripheral = shared.who.peripherals[shared.gateway.practice_id, record.peripheral]
    when = measured_at.estimate(
        measured_at.Clocks(
            device_time=decoded.device_time,
            device_clock_offset_s=record.device_clock_offset_s,
            time_zone=record.time_zone,
            gateway_received_at=record.received_at,
            gateway_clock=record.gateway_clock,
            gateway_sent_at=shared.batch.sent_at,
            ingest_received_at=shared.opened.arrival.received_at,
            is_mended=decoder_knobs.MENDED_MONTH in decoded.qualifiers,
        )
    )
    assignment = peripheral.assignment_of(decoded.user_slot, when.measured_at, when.quality)
    return StoredReading(
        practice_id=shared.gateway.practice_id,
        reading_id=time_ordered_id.new(),
        patient_id=assignment.patient_id if assignment else None,
        peripheral_id=peripheral.peripheral_id,
        measured_at=when.measured_at,
        time_method=when.method,
        time_quality=when.quality,
        device_clock_offset_s=record.device_clock_offset_s,
        gateway_received_at=record.received_at,
        stored_at=shared.stored_at,
        profile_id=record.profile_id,
        profile_version=record.profile_version,
        characteristic=record.characteristic,
        raw=record.raw,
        gateway_id=shared.batch.gateway_id,
        outbox_epoch=shared.batch.epoch,
        outbox_seq=record.seq,
        message_id=shared.opened.arrival.message_id,
        measured_day=assignment.day_of(when.measured_at) if assignment else None,
        **decoded_fields(decoded),
    )


def _context(shared: _Shared, record: Record, decoded: GlucoseContext) -> ContextRow:
    practice_id = shared.gateway.practice_id
    return ContextRow(
        practice_id=practice_id,
        peripheral_id=shared.who.peripherals[practice_id, record.peripheral].peripheral_id,
        sequence_number=decoded.sequence_number,
        content_sha256=record_key.content_sha256(record.raw),
        context=decoded.fields,
        raw=record.raw,
        gateway_id=shared.batch.gateway_id,
        outbox_epoch=shared.batch.epoch,
        outbox_seq=record.seq,
        message_id=shared.opened.arrival.message_id,
        stored_at=shared.stored_at,
    )


def _differing(record: Record, decoded: Decoded) -> str:
    """Name the fields in which the gateway read the bytes in another way than we do.

    Only our own names are repeated; what else a sender writes into its advice may be anything.
    """
    theirs = record.decoded
    if theirs is None or (
        isinstance(theirs, WrittenAdvisory)
        and not isinstance(decoded, GlucoseContext)
        and theirs.text == decode.advisory_text(decoded)
    ):
        return ""
    ours = decode.advisory(decoded)
    if ours == theirs:
        return ""
    names = sorted(name for name in ours if name not in theirs or theirs[name] != ours[name])
    if theirs.keys() - ours.keys():
        names.append("fields that the record does not have")
    return ", ".join(names)


def _kept(record: Record) -> dict[str, Any]:
    members = wire_record.members(record)
    return {name: member for name, member in members.items() if name not in _NOT_KEPT}
