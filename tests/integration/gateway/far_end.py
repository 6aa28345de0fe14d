"""What stands at the other end of the uplink: the test, speaking for ingest through a real broker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from firmware_profiles import topics, wire
from gateway.record import CapturedRecord


@dataclass
class Ingest:
    """What stands at the other end: hears batches and statuses, gives receipts when told to."""

    client: mqtt.Client
    gives_receipts: bool = True
    batches: list[wire.Batch] = field(default_factory=list)
    statuses: list[wire.GatewayStatus] = field(default_factory=list)

    def on_message(self, client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        topic = topics.parse(message.topic)
        if topic.branch is topics.Branch.STATUS:
            self.statuses.append(wire.decode_status(message.payload))
            return
        batch = wire.decode_batch(message.payload, topic_gateway_id=topic.gateway_id)
        self.batches.append(batch)
        if self.gives_receipts:
            self.give_receipt(batch)

    def give_receipt(self, batch: wire.Batch) -> None:
        items = tuple(
            wire.ReceiptItem(record.seq, record.seq, wire.ReceiptStatus.STORED)
            for record in batch.records
            if record.seq is not None
        )
        payload = wire.encode_receipt(wire.Receipt(batch.epoch, items))
        self.client.publish(topics.receipts(batch.gateway_id), payload, qos=1)

    def seqs(self) -> list[int | None]:
        return [record.seq for batch in self.batches for record in batch.records]


@contextmanager
def listening(broker: Any, gateway_id: str) -> Iterator[Ingest]:
    """Hear one gateway as ingest does, over the services' listener."""
    certificate_file, key_file = broker.credentials("ingest-1")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="ingest-1", protocol=mqtt.MQTTv5)
    client.tls_set(str(broker.ca_file), str(certificate_file), str(key_file))
    listener = Ingest(client)
    subscribed = threading.Event()
    client.on_message = listener.on_message
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(broker.host, broker.service_port)
    client.loop_start()
    client.subscribe([(topics.readings(gateway_id), 1), (topics.status(gateway_id), 1)])
    assert subscribed.wait(30)
    listener.statuses.clear()
    try:
        yield listener
    finally:
        client.disconnect()
        client.loop_stop()


def captured(number: int) -> CapturedRecord:
    return CapturedRecord(
        peripheral="C4:65:1B:00:00:01",
        profile_id="standard-cuff",
        profile_version=1,
        characteristic="2a35",
        raw=number.to_bytes(4, "big") + bytes(15),
        received_at=datetime.now(UTC),
        gateway_clock=wire.GatewayClock.UNKNOWN,
        device_clock_offset_s=None,
        time_zone="UTC",
        link=wire.Link.ENCRYPTED,
    )


async def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - paho's thread sets no asyncio event
            await asyncio.sleep(0.01)
