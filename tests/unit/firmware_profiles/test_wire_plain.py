from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import decode, models, wire, wire_plain
from firmware_profiles.errors import WireError
from firmware_profiles.wire import (
    BadRecord,
    Batch,
    GatewayClock,
    Link,
    Receipt,
    ReceiptItem,
    ReceiptStatus,
    Record,
)
from firmware_profiles.wire_record import WrittenAdvisory

GATEWAY = "gw-aaaa1111"
INSTANTS = st.datetimes(timezones=st.just(UTC))
NAMES = st.text(st.characters(max_codepoint=126, exclude_categories=["Cc"]), min_size=1, max_size=9)
ENTRIES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES
RECORDS = st.builds(
    Record,
    seq=st.integers(1, 2**63 - 2),
    peripheral=st.just("AA:BB:CC:DD:EE:0F"),
    profile_id=st.sampled_from(["standard-cuff", "x"]),
    profile_version=st.integers(1, 65535),
    characteristic=st.sampled_from(["2a35", "233bf001-5a34-1b6d-975c-000d5690abe4"]),
    raw=st.binary(max_size=20),
    received_at=INSTANTS,
    gateway_clock=st.sampled_from(GatewayClock),
    device_clock_offset_s=st.none() | st.floats(-3.2e11, 3.2e11),
    time_zone=st.sampled_from(["UTC", "America/Port-au-Prince"]),
    link=st.sampled_from(Link),
    decoded=st.none() | st.dictionaries(NAMES, ENTRIES, max_size=4),
)
ORDINARY = Record(
    seq=7,
    peripheral="AA:BB:CC:DD:EE:0F",
    profile_id="standard-cuff",
    profile_version=1,
    characteristic="2a35",
    raw=bytes.fromhex("1e6d004f005f00ea070b1c03110c4600010000"),
    received_at=datetime(2026, 11, 28, 3, 18, 12, 924958, tzinfo=UTC),
    gateway_clock=GatewayClock.SYNCHRONISED,
    device_clock_offset_s=-0.25,
    time_zone="America/New_York",
    link=Link.ENCRYPTED,
    decoded={"device_time": "2026-11-28T03:17:12", "user_slot": 1, "systolic_mmhg": 109.5},
)

ADVISED = replace(
    ORDINARY,
    decoded=decode.advisory(
        decode.decode_record(models.by_id("standard-cuff", 1), "2a35", ORDINARY.raw)
    ),
)


def written(*records: Record) -> bytes:
    at = datetime(2026, 11, 28, tzinfo=UTC)
    return wire.encode_batch(Batch(GATEWAY, "0" * 32, at, records))


def strictly(payload: bytes) -> Batch | None:
    """Read the strict way; None where anything at all is wrong."""
    try:
        batch = wire._decode_strictly(payload, GATEWAY)
    except WireError:
        return None
    return None if any(isinstance(record, BadRecord) for record in batch.records) else batch


def test_ordinary_batch_is_read_at_once() -> None:
    payload = written(ORDINARY, ORDINARY)

    found = wire_plain.read(payload)

    assert found is not None
    assert found[3] == (ORDINARY, ORDINARY)
    assert Batch(*found) == strictly(payload)


@given(st.lists(RECORDS, min_size=1, max_size=3))
def test_both_ways_read_the_same_from_what_the_encoder_wrote(records: list[Record]) -> None:
    try:
        payload = written(*records)
    except WireError:
        return
    found = wire_plain.read(payload)
    assert found is None or Batch(*found) == strictly(payload)


def test_advisory_of_a_reading_is_only_taken_apart_when_somebody_looks() -> None:
    found = wire_plain.read(written(ADVISED))

    assert found is not None
    advised = found[3][0].decoded
    assert isinstance(advised, WrittenAdvisory)
    assert advised._members is None
    assert advised == ADVISED.decoded
    assert written(*found[3]) == written(ADVISED)


@given(st.data())
def test_what_is_read_at_once_is_what_the_strict_way_reads(data: Any) -> None:
    text = bytearray(written(ORDINARY, ADVISED))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.integers(0, 3))
        text[position : position + length] = data.draw(
            st.sampled_from([b"0", b"9", b"e", b'"', b",", b"}", b"{", b"\\", b" ", b"-", b"a", b"", b"null"])
        )  # fmt: skip

    found = wire_plain.read(bytes(text))

    assert found is None or found[0] != GATEWAY or Batch(*found) == strictly(bytes(text))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"version":1', '"version":2'),
        ('"seq":7', '"seq":0'),
        ('"seq":7', '"seq":7,"seq":8'),
        ('"systolic_mmhg":109.5', '"systolic_mmhg":1e999'),
        ('"systolic_mmhg":109.5', '"systolic_mmhg":NaN'),
        ('"systolic_mmhg":109.5', '"user_slot":2'),
        ('"systolic_mmhg":109.5', '"patient_id":2'),
        ('"systolic_mmhg":109.5', '"a":{}'),
        ('"systolic_mmhg":109.5', '"a":"' + "x" * 201 + '"'),
        ("2026-11-28T03:18:12", "2026-02-30T03:18:12"),
        ('"1e6d', '"1e6'),
        ("]}", "]} "),
        ("]}", "],}"),
        ("New_York", "New\\u0000York"),
    ],
)
def test_anything_unusual_is_left_to_the_strict_way(before: str, after: str) -> None:
    text = written(ORDINARY).decode()
    assert before in text
    assert wire_plain.read(text.replace(before, after).encode()) is None


@given(
    st.integers(1, 10**19),
    st.integers(0, 10**19),
    st.sampled_from(ReceiptStatus),
    st.none() | st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=70),
)
def test_a_receipt_that_is_believed_at_once_can_be_read(
    first: int, more: int, status: ReceiptStatus, reason: str | None
) -> None:
    receipt = Receipt("0" * 32, (ReceiptItem(first, first + more - 5, status, reason),))
    try:
        payload = wire.encode_receipt(receipt)
    except WireError:
        return
    assert wire.decode_receipt(payload) == receipt


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (ReceiptStatus.STORED, None),
        (ReceiptStatus.DUPLICATE, None),
        (ReceiptStatus.QUARANTINED, "record_conflict"),
    ],
)
def test_receipt_in_one_piece_is_the_same_json(status: ReceiptStatus, reason: str | None) -> None:
    items = (ReceiptItem(7, 9, status, reason),)

    plain = wire_plain.receipt("0" * 32, 7, 9, status, reason)

    assert plain is not None
    # Of two items the receipt is written the long way; the first of them has to look like the only one.
    both = wire.encode_receipt(Receipt("0" * 32, (*items, ReceiptItem(11, 11, status, reason))))
    assert both.startswith(plain.removesuffix(b"]}"))
    assert wire.decode_receipt(plain) == Receipt("0" * 32, items)
