"""MQTT messages as they arrive, and what they say as far as the message itself can tell. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from firmware_profiles import topics, wire
from firmware_profiles.errors import WireError, WireReason
from firmware_profiles.wire import Batch, GatewayStatus


@dataclass(frozen=True, slots=True)
class Arrival:
    """One MQTT message.

    Attributes:
        message_id: ours, new with every delivery.
        topic: where it was published.
        payload: its bytes.
        packet_id: the broker's number for the delivery; 0 for QoS 0.
        received_at: ingest's clock, aware UTC.
        is_retained: the broker had kept it; its gateway may be gone for long.
    """

    message_id: UUID
    topic: str
    payload: bytes
    packet_id: int
    received_at: datetime
    is_retained: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A message taken apart.

    Attributes:
        arrival: the message.
        gateway_id: from the topic, for which the broker vouches; None if the topic is malformed.
        content: what it says, or why it says nothing; None if reading it failed by our own fault.
    """

    arrival: Arrival
    gateway_id: str | None
    content: Batch | GatewayStatus | WireError | None


def open_message(arrival: Arrival) -> Opened:
    """Read topic and payload; what is wrong with them becomes the content."""
    gateway_id = None
    try:
        topic = topics.parse(arrival.topic)
        gateway_id = topic.gateway_id
        match topic.branch:
            case topics.Branch.READINGS:
                batch = wire.decode_batch(arrival.payload, topic_gateway_id=gateway_id)
                return Opened(arrival, gateway_id, batch)
            case topics.Branch.STATUS:
                return Opened(arrival, gateway_id, wire.decode_status(arrival.payload))
            case topics.Branch.RECEIPTS | topics.Branch.CONFIGURATION:
                not_ours = "what goes down to gateways is written by ingest alone"
                return Opened(arrival, None, WireError(WireReason.BAD_TOPIC, not_ours))
            case topics.Branch.CONFIGURED:
                not_here = "what gateways say of their configuration is heard elsewhere"
                return Opened(arrival, None, WireError(WireReason.BAD_TOPIC, not_here))
    except WireError as error:
        return Opened(arrival, gateway_id, error)


def one_by_one(opened: Opened) -> list[Opened]:
    """Split a batch into batches of one record each; any other message stays whole."""
    if not isinstance(opened.content, Batch):
        return [opened]
    return [
        replace(opened, content=replace(opened.content, records=(record,)))
        for record in opened.content.records
    ]
