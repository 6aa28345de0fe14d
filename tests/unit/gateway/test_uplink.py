"""Delivery without a broker: what is published, how it is cut, and which receipts count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firmware_profiles import topics, wire
from gateway import errors, rotation
from gateway.following import Following
from gateway.outbox import Outbox
from gateway.record import CapturedRecord
from gateway.settings import GatewaySettings
from gateway.uplink import Uplink

Captured = Callable[[int], CapturedRecord]
GATEWAY = "gw-aaaaaaa1"


@dataclass
class Wire:
    """A link that keeps what is published."""

    messages: list[tuple[str, bytes]] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        self.messages.append((topic, payload))
        return len(self.messages)

    def batches(self) -> list[wire.Batch]:
        return [
            wire.decode_batch(payload, topic_gateway_id=GATEWAY)
            for topic, payload in self.messages
            if topic == topics.readings(GATEWAY)
        ]


@pytest.fixture
def uplink(outbox: Outbox, at: datetime) -> Uplink:
    settings = GatewaySettings(
        gateway_id=GATEWAY,
        broker_host="localhost",
        ca_file=Path("/ca"),
        certificate_file=Path("/cert"),
        key_file=Path("/key"),
        time_zone="UTC",
        resend_after_s=10.0,
    )
    identities = rotation.opened(settings)
    return Uplink(Following(settings, identities), identities, outbox, lambda: at)


def publish(uplink: Uplink, link: Any, now_s: float) -> None:
    uplink._publish_due(link, now_s)


def give_receipt(uplink: Uplink, payload: bytes, topic: str = topics.receipts(GATEWAY)) -> None:
    uplink._take(topic, payload)


def test_record_travels_whole_when_published(
    uplink: Uplink, outbox: Outbox, captured: Captured, at: datetime
) -> None:
    frame = bytes.fromhex("1e7800500060 00e3070704150000 4f00 01 0000".replace(" ", ""))
    record = replace(captured(1), raw=frame)
    outbox.append(record)
    link = Wire()
    publish(uplink, link, 0.0)
    (batch,) = link.batches()
    (sent,) = batch.records
    assert isinstance(sent, wire.Record)
    assert (batch.epoch, batch.sent_at) == (outbox.epoch, at)
    assert (sent.seq, sent.raw, sent.peripheral) == (1, frame, record.peripheral)
    assert sent.received_at == at + timedelta(seconds=1)
    assert sent.decoded is not None  # advice, from the same decoder as the server's
    assert outbox.waiting(1)[0].attempts == 1


def test_record_travels_without_advice_when_nobody_can_read_it(
    uplink: Uplink, outbox: Outbox, captured: Captured
) -> None:
    for raw in (b"", b"\xff"):
        outbox.append(replace(captured(1), raw=raw))
    outbox.append(replace(captured(1), profile_id="from-the-future"))
    link = Wire()
    publish(uplink, link, 0.0)
    (batch,) = link.batches()
    assert [record.decoded for record in batch.records if isinstance(record, wire.Record)] == [
        None,
        None,
        None,
    ]


def test_batches_are_bounded_in_count_when_much_is_waiting(
    uplink: Uplink, outbox: Outbox, captured: Captured
) -> None:
    for number in range(450):
        outbox.append(captured(number))
    link = Wire()
    publish(uplink, link, 0.0)
    assert [len(batch.records) for batch in link.batches()] == [200, 200, 50]


def test_batches_are_bounded_in_size_when_records_are_large(
    uplink: Uplink, outbox: Outbox, captured: Captured
) -> None:
    for number in range(200):
        outbox.append(replace(captured(number), raw=bytes([number]) * wire.MAX_RAW_BYTES))
    link = Wire()
    publish(uplink, link, 0.0)
    seqs = [record.seq for batch in link.batches() for record in batch.records]
    assert seqs == list(range(1, 201))
    assert len(link.messages) > 1
    assert all(len(payload) <= wire.MAX_PAYLOAD_BYTES for _, payload in link.messages)


def test_neighbours_are_sent_when_one_record_cannot_be_written(
    uplink: Uplink, outbox: Outbox, captured: Captured
) -> None:
    for number in range(5):
        outbox.append(captured(number))
    outbox.append(replace(captured(6), time_zone="Not A Zone!"))
    link = Wire()
    publish(uplink, link, 0.0)
    assert sorted(r.seq for batch in link.batches() for r in batch.records) == [1, 2, 3, 4, 5]
    assert [row.attempts for row in outbox.waiting(10)] == [1, 1, 1, 1, 1, 0]


def test_nothing_is_sent_twice_before_its_time_when_woken_again(
    uplink: Uplink, outbox: Outbox, captured: Captured
) -> None:
    outbox.append(captured(1))
    link = Wire()
    publish(uplink, link, 0.0)
    outbox.append(captured(2))
    publish(uplink, link, 1.0)
    assert [[r.seq for r in batch.records] for batch in link.batches()] == [[1], [2]]
    publish(uplink, link, 100.0)
    assert [r.seq for r in link.batches()[-1].records] == [1, 2]


def test_only_the_receipt_ends_the_duty_when_the_broker_has_acknowledged(
    uplink: Uplink, outbox: Outbox, captured: Captured
) -> None:
    outbox.append(captured(1))
    publish(uplink, Wire(), 0.0)
    uplink._unacknowledged.clear()  # what a PUBACK does
    assert outbox.waiting_count == 1
    item = wire.ReceiptItem(1, 1, wire.ReceiptStatus.DUPLICATE)
    give_receipt(uplink, wire.encode_receipt(wire.Receipt(outbox.epoch, (item,))))
    assert outbox.waiting_count == 0


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="not-text"),
        pytest.param(b"[]", id="not-an-object"),
        pytest.param(b'{"version":1,"epoch":"%s","items":[]}', id="no-items"),
        pytest.param(
            b'{"version":1,"epoch":"%s","items":[{"first_seq":2,"last_seq":1,"status":"stored"}]}',
            id="backward-range",
        ),
        pytest.param(
            b'{"version":1,"epoch":"%s","items":[{"first_seq":1,"last_seq":1,"status":"eaten"}]}',
            id="unknown-status",
        ),
        pytest.param(
            b'{"version":1,"epoch":"%s","items":[{"first_seq":1,"last_seq":9,"status":"stored","reason":null}]}',
            id="numbers-never-given",
        ),
    ],
)
def test_bad_receipt_changes_nothing_when_it_arrives(
    uplink: Uplink, outbox: Outbox, captured: Captured, payload: bytes
) -> None:
    outbox.append(captured(1))
    publish(uplink, Wire(), 0.0)
    give_receipt(uplink, payload.replace(b"%s", outbox.epoch.encode()))
    assert outbox.waiting_count == 1


def test_receipt_is_ignored_when_its_topic_is_another_gateway_s(
    uplink: Uplink, outbox: Outbox, captured: Captured
) -> None:
    outbox.append(captured(1))
    publish(uplink, Wire(), 0.0)
    item = wire.ReceiptItem(1, 1, wire.ReceiptStatus.STORED)
    payload = wire.encode_receipt(wire.Receipt(outbox.epoch, (item,)))
    give_receipt(uplink, payload, topic=topics.receipts("gw-bbbbbbb2"))
    assert outbox.waiting_count == 1


def test_connection_counts_as_dead_when_nothing_is_acknowledged(uplink: Uplink) -> None:
    uplink._unacknowledged[1] = 0.0
    uplink._require_acknowledgements(20.0)
    with pytest.raises(errors.UplinkError) as failed:
        uplink._require_acknowledgements(31.0)
    assert failed.value.reason is errors.UplinkReason.SILENT
