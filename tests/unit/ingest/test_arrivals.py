from __future__ import annotations

from collections.abc import Callable

import pytest

from firmware_profiles import topics, wire
from firmware_profiles.errors import WireError, WireReason
from firmware_profiles.wire import Batch, GatewayStatus, Record
from ingest.arrivals import Arrival, Opened, one_by_one, open_message

GATEWAY = "gw-aaaa1111"


def test_batch_is_read_when_it_comes_on_its_gateways_topic(
    open_batch: Callable[..., Opened], make_record: Callable[..., Record]
) -> None:
    opened = open_batch([make_record(seq=4)])

    assert opened.gateway_id == GATEWAY
    assert isinstance(opened.content, Batch)
    assert opened.content.records == (make_record(seq=4),)


def test_status_is_read_when_it_comes_on_its_topic(
    make_arrival: Callable[..., Arrival], noon: object
) -> None:
    status = GatewayStatus(online=True, boot_id="0" * 8, at=noon, waiting_records=3)  # type: ignore[arg-type]

    opened = open_message(make_arrival(wire.encode_status(status), topic=topics.status(GATEWAY)))

    assert (opened.gateway_id, opened.content) == (GATEWAY, status)


@pytest.mark.parametrize(
    ("topic", "payload", "gateway_id", "reason"),
    [
        ("hv/2/up/gw-aaaa1111/readings", b"{}", None, WireReason.BAD_TOPIC),
        ("hv/1/up/gw-aaaa1111/x/readings", b"{}", None, WireReason.BAD_TOPIC),
        ("hv/1/up/GW-AAAA1111/readings", b"{}", None, WireReason.BAD_TOPIC),
        ("hv/1/down/gw-aaaa1111/receipts", b"{}", None, WireReason.BAD_TOPIC),
        ("\N{REPLACEMENT CHARACTER}", b"{}", None, WireReason.BAD_TOPIC),
        (topics.readings(GATEWAY), b"", GATEWAY, WireReason.EMPTY),
        (topics.readings(GATEWAY), b"\xff\xfe{\0}\0", GATEWAY, WireReason.NOT_UTF8),
        (topics.readings(GATEWAY), b'{"version": 1', GATEWAY, WireReason.NOT_JSON),
        (topics.readings(GATEWAY), b"[]", GATEWAY, WireReason.NOT_OBJECT),
        (topics.readings(GATEWAY), b" " * (wire.MAX_PAYLOAD_BYTES + 1), GATEWAY, WireReason.TOO_LARGE),
        (topics.status(GATEWAY), b"{}", GATEWAY, WireReason.MISSING_FIELD),
    ],
    ids=[
        "version", "extra level", "upper case", "a receipt", "not UTF-8 topic", "empty", "UTF-16",
        "truncated", "array", "too large", "status without fields",
    ],
)  # fmt: skip
def test_content_is_the_reason_when_a_message_cannot_be_read(
    make_arrival: Callable[..., Arrival],
    topic: str,
    payload: bytes,
    gateway_id: str | None,
    reason: WireReason,
) -> None:
    opened = open_message(make_arrival(payload, topic=topic))

    assert opened.gateway_id == gateway_id
    assert isinstance(opened.content, WireError)
    assert opened.content.reason is reason


def test_batch_is_split_into_records_when_taken_one_by_one(
    open_batch: Callable[..., Opened], make_record: Callable[..., Record]
) -> None:
    opened = open_batch([make_record(seq=seq) for seq in (1, 2, 3)])

    parts = one_by_one(opened)

    assert [part.content.records[0].seq for part in parts if isinstance(part.content, Batch)] == [
        1, 2, 3,
    ]  # fmt: skip
    assert {part.arrival.message_id for part in parts} == {opened.arrival.message_id}


def test_message_stays_whole_when_it_is_no_batch(make_arrival: Callable[..., Arrival]) -> None:
    opened = open_message(make_arrival(b"?"))

    assert one_by_one(opened) == [opened]
