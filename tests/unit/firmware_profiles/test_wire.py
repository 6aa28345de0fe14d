from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import wire
from firmware_profiles.errors import WireError, WireReason
from firmware_profiles.wire import (
    BadRecord,
    Batch,
    GatewayClock,
    GatewayStatus,
    Link,
    Receipt,
    ReceiptItem,
    ReceiptStatus,
    Record,
)

GATEWAY = "gw-ab12cd34"
EPOCH = "0123456789abcdef" * 2
AT = datetime(2026, 1, 31, 8, 0, 0, 250_000, tzinfo=UTC)

RECORD = Record(
    seq=1,
    peripheral="AA:BB:CC:DD:EE:0F",
    profile_id="standard-cuff",
    profile_version=1,
    characteristic="2a35",
    raw=bytes.fromhex("167a0051005f00e707060f081e0048000000"),
    received_at=AT,
    gateway_clock=GatewayClock.SYNCHRONISED,
    device_clock_offset_s=-12.5,
    time_zone="America/Argentina/Buenos_Aires",
    link=Link.ENCRYPTED,
    decoded={"systolic_mmhg": 122.0, "user_slot": None, "qualifiers": ""},
)
BATCH = Batch(GATEWAY, EPOCH, AT, (RECORD,))

INSTANTS = st.datetimes(timezones=st.just(UTC))
SEQUENCE = st.integers(1, 2**63 - 2)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
ADVISORIES = st.dictionaries(
    TEXT.filter(lambda name: not name.startswith(("patient", "practice"))),
    TEXT
    | st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    max_size=5,
)
RECORDS = st.builds(
    Record,
    seq=SEQUENCE,
    peripheral=st.from_regex(r"([0-9A-F]{2}:){5}[0-9A-F]{2}", fullmatch=True),
    profile_id=st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True),
    profile_version=st.integers(1, 65535),
    characteristic=st.sampled_from(["2a35", "2a18", "233bf001-5a34-1b6d-975c-000d5690abe4"]),
    raw=st.binary(max_size=512),
    received_at=INSTANTS,
    gateway_clock=st.sampled_from(GatewayClock),
    device_clock_offset_s=st.none() | st.floats(-3.2e11, 3.2e11),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin", "Etc/GMT+5", "America/Port-au-Prince"]),
    link=st.sampled_from(Link),
    decoded=st.none() | ADVISORIES,
)
BATCHES = st.builds(
    Batch,
    gateway_id=st.from_regex(r"gw-[a-z0-9]{8}", fullmatch=True),
    epoch=st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    sent_at=INSTANTS,
    records=st.lists(RECORDS, min_size=1, max_size=3).map(tuple),
)
RECEIPT_ITEMS = st.builds(
    lambda ends, status, reason: ReceiptItem(min(ends), max(ends), status, reason),
    st.tuples(SEQUENCE, SEQUENCE),
    st.sampled_from(ReceiptStatus),
    st.none() | st.just("short_frame"),
)
RECEIPTS = st.builds(
    Receipt,
    epoch=st.just(EPOCH),
    items=st.lists(RECEIPT_ITEMS, min_size=1, max_size=4).map(tuple),
)
STATUSES = st.builds(
    GatewayStatus,
    online=st.booleans(),
    boot_id=st.uuids().map(str),
    at=INSTANTS,
    waiting_records=st.integers(0, 2**63 - 2),
)


def payload(**changes: object) -> dict[str, Any]:
    """Write the batch with top-level fields changed; `...` takes a field away."""
    return _changed(json.loads(wire.encode_batch(BATCH)), changes)


def record(**changes: object) -> dict[str, Any]:
    """Write the record with fields changed; `...` takes a field away."""
    return _changed(payload()["records"][0], changes)


def _changed(members: dict[str, Any], changes: dict[str, object]) -> dict[str, Any]:
    return {name: entry for name, entry in (members | changes).items() if entry is not ...}


def decode(text: str | bytes) -> Batch:
    raw = text.encode() if isinstance(text, str) else text
    return wire.decode_batch(raw, topic_gateway_id=GATEWAY)


def refusal(text: str | bytes) -> WireReason:
    with pytest.raises(WireError) as caught:
        decode(text)
    return caught.value.reason


def decode_beside_good_ones(record_text: str) -> BadRecord:
    """Decode a batch of three whose second record is this text; the neighbours must live."""
    good = [json.dumps(record(seq=seq)) for seq in (1, 3)]
    text = json.dumps(payload(records=[])).replace(
        '"records": []', f'"records": [{good[0]} , {record_text},{good[1]}]'
    )
    first, bad, last = decode(text).records
    assert (first, last) == (replace(RECORD, seq=1), replace(RECORD, seq=3))
    assert isinstance(bad, BadRecord)
    assert bad.raw == record_text.encode()
    return bad


@given(BATCHES)
def test_batch_comes_back_when_encoded_and_decoded(batch: Batch) -> None:
    encoded = wire.encode_batch(batch)
    assert wire.decode_batch(encoded, topic_gateway_id=batch.gateway_id) == batch


@given(RECEIPTS)
def test_receipt_comes_back_when_encoded_and_decoded(receipt: Receipt) -> None:
    assert wire.decode_receipt(wire.encode_receipt(receipt)) == receipt


@given(STATUSES)
def test_status_comes_back_when_encoded_and_decoded(status: GatewayStatus) -> None:
    assert wire.decode_status(wire.encode_status(status)) == status


def test_instants_come_back_in_utc_when_given_in_another_zone() -> None:
    tehran = timezone(timedelta(hours=3, minutes=30))
    encoded = wire.encode_batch(replace(BATCH, sent_at=AT.astimezone(tehran)))
    assert json.loads(encoded)["sent_at"] == "2026-01-31T08:00:00.250000Z"
    assert decode(encoded).sent_at.tzinfo is UTC


def test_largest_batch_of_ordinary_records_fits() -> None:
    records = tuple(replace(RECORD, seq=seq) for seq in range(1, wire.MAX_RECORDS + 1))
    encoded = wire.encode_batch(replace(BATCH, records=records))
    assert len(encoded) < wire.MAX_PAYLOAD_BYTES / 2
    assert decode(encoded).records == records


# The numbers are those of the catalogue of bad input that every release is held against.
BROKEN_ENVELOPES: dict[str, tuple[str | bytes, WireReason]] = {
    "29 empty": (b"", WireReason.EMPTY),
    "30 too large": (b" " * (wire.MAX_PAYLOAD_BYTES + 1), WireReason.TOO_LARGE),
    "31 not UTF-8": (b'{"version":1,"x":"\xff"}', WireReason.NOT_UTF8),
    "31 UTF-16": (json.dumps(payload()).encode("utf-16"), WireReason.NOT_UTF8),
    "31 UTF-16 without mark": (json.dumps(payload()).encode("utf-16-le"), WireReason.NOT_JSON),
    "31 byte order mark": (b"\xef\xbb\xbf" + json.dumps(payload()).encode(), WireReason.NOT_UTF8),
    "31 encoded surrogate": (b'{"x":"\xed\xa0\x80"}', WireReason.NOT_UTF8),
    "32 blank": (b" \n", WireReason.NOT_JSON),
    "32 truncated": (json.dumps(payload())[:-1], WireReason.NOT_JSON),
    "32 truncated in a record": (json.dumps(payload())[:300], WireReason.NOT_JSON),
    "32 trailing garbage": (json.dumps(payload()) + "x", WireReason.NOT_JSON),
    "32 two values": (json.dumps(payload()) * 2, WireReason.NOT_JSON),
    "32 trailing comma": ('{"version":1,}', WireReason.NOT_JSON),
    "32 trailing comma in records": ('{"records":[1,]}', WireReason.NOT_JSON),
    "32 leading comma": ('{,"version":1}', WireReason.NOT_JSON),
    "32 no comma": ('{"version":1 "epoch":2}', WireReason.NOT_JSON),
    "32 no colon": ('{"version" 1}', WireReason.NOT_JSON),
    "32 key without quotes": ("{version:1}", WireReason.NOT_JSON),
    "32 line end in a string": ('{"version":"\n"}', WireReason.NOT_JSON),
    "33 array": ("[]", WireReason.NOT_OBJECT),
    "33 string": ('"x"', WireReason.NOT_OBJECT),
    "33 number": ("1", WireReason.NOT_OBJECT),
    "33 null": ("null", WireReason.NOT_OBJECT),
    "34 arrays 100 000 deep": ("[" * 100_000, WireReason.TOO_DEEP),
    "34 objects 50 000 deep": ('{"a":' * 50_000, WireReason.TOO_DEEP),
    "34 a member 9 deep": (
        json.dumps(payload(x=[[[[[[[[]]]]]]]])),
        WireReason.TOO_DEEP,
    ),
    "35 integer of 5 000 digits": ('{"version":' + "9" * 5000 + "}", WireReason.OUT_OF_RANGE),
    "36 NaN": ('{"version":NaN}', WireReason.NOT_FINITE),
    "36 Infinity": ('{"version":-Infinity}', WireReason.NOT_FINITE),
    "36 1e400": ('{"version":1e400}', WireReason.NOT_FINITE),
    "37 version twice": ('{"version":1,"version":1}', WireReason.DUPLICATE_KEY),
    "37 records twice": ('{"records":[],"records":[]}', WireReason.DUPLICATE_KEY),
    "37 escaped to look different": ('{"a":1,"\\u0061":1}', WireReason.DUPLICATE_KEY),
    "38 version as text": (json.dumps(payload(version="1")), WireReason.WRONG_TYPE),
    "38 version true": (json.dumps(payload(version=True)), WireReason.WRONG_TYPE),
    "38 version 1.0": (json.dumps(payload(version=1.0)), WireReason.WRONG_TYPE),
    "39 half a surrogate pair": ('{"x":"\\ud800"}', WireReason.NOT_UTF8),
    "39 half a pair in a key": ('{"\\udfff":1}', WireReason.NOT_UTF8),
    "39 NUL": ('{"x":["\\u0000"]}', WireReason.OUT_OF_RANGE),
    "40 patient": (json.dumps(payload(patient="x")), WireReason.FORBIDDEN_FIELD),
    "40 practice": (json.dumps(payload(practice_id=None)), WireReason.FORBIDDEN_FIELD),
    "41 no version": (json.dumps(payload(version=...)), WireReason.MISSING_FIELD),
    "41 no epoch": (json.dumps(payload(epoch=...)), WireReason.MISSING_FIELD),
    "41 no records": (json.dumps(payload(records=...)), WireReason.MISSING_FIELD),
    "27 another gateway": (
        json.dumps(payload(gateway_id="gw-zzzzzzzz")),
        WireReason.GATEWAY_MISMATCH,
    ),
    "version 2": (json.dumps(payload(version=2)), WireReason.WRONG_VERSION),
    "gateway id": (json.dumps(payload(gateway_id="gw-1")), WireReason.OUT_OF_RANGE),
    "epoch upper case": (json.dumps(payload(epoch=EPOCH.upper())), WireReason.OUT_OF_RANGE),
    "epoch and a line end": (json.dumps(payload(epoch=EPOCH + "\n")), WireReason.OUT_OF_RANGE),
    "records null": (json.dumps(payload(records=None)), WireReason.WRONG_TYPE),
    "records an object": (json.dumps(payload(records={})), WireReason.WRONG_TYPE),
    "no records at all": (json.dumps(payload(records=[])), WireReason.OUT_OF_RANGE),
    "201 records": (json.dumps(payload(records=[0] * 201)), WireReason.OUT_OF_RANGE),
    "48 sent_at": (json.dumps(payload(sent_at="2026-01-31")), WireReason.BAD_TIME),
}


@pytest.mark.parametrize(("text", "reason"), BROKEN_ENVELOPES.values(), ids=BROKEN_ENVELOPES.keys())
def test_envelope_is_refused_with_its_reason(text: str | bytes, reason: WireReason) -> None:
    assert refusal(text) is reason


BAD_RECORDS: dict[str, tuple[str, WireReason]] = {
    "33 no object": ("[]", WireReason.WRONG_TYPE),
    "33 null": ("null", WireReason.WRONG_TYPE),
    "34 too deep": (json.dumps(record(x=[[[[[[]]]]]])), WireReason.TOO_DEEP),
    "35 5 000 digits": (
        json.dumps(record()).replace('"seq": 1', '"seq": ' + "9" * 5000),
        WireReason.OUT_OF_RANGE,
    ),
    "36 NaN": (json.dumps(record(device_clock_offset_s=float("nan"))), WireReason.NOT_FINITE),
    "36 NaN in an unknown field": (json.dumps(record(x=float("nan"))), WireReason.NOT_FINITE),
    "36 1e400": (
        json.dumps(record()).replace("-12.5", "1e400"),
        WireReason.NOT_FINITE,
    ),
    "37 key twice": (
        json.dumps(record()).replace('"seq": 1', '"seq": 1, "seq": 2'),
        WireReason.DUPLICATE_KEY,
    ),
    "37 key twice further in": (
        json.dumps(record()).replace("{", '{"x": {"a": 1, "a": 1}, ', 1),
        WireReason.DUPLICATE_KEY,
    ),
    "38 seq as text": (json.dumps(record(seq="2")), WireReason.WRONG_TYPE),
    "38 seq true": (json.dumps(record(seq=True)), WireReason.WRONG_TYPE),
    "38 offset as text": (json.dumps(record(device_clock_offset_s="1")), WireReason.WRONG_TYPE),
    "38 offset true": (json.dumps(record(device_clock_offset_s=True)), WireReason.WRONG_TYPE),
    "38 raw a number": (json.dumps(record(raw=16)), WireReason.WRONG_TYPE),
    "38 link a number": (json.dumps(record(link=1)), WireReason.WRONG_TYPE),
    "39 half a surrogate pair": (json.dumps(record(x="\ud800")), WireReason.NOT_UTF8),
    "39 NUL": (json.dumps(record(decoded={"a": "\0"})), WireReason.OUT_OF_RANGE),
    "40 patient": (json.dumps(record(patient_id="x")), WireReason.FORBIDDEN_FIELD),
    "40 patient inside": (json.dumps(record(decoded={"patient": 1})), WireReason.FORBIDDEN_FIELD),
    "42 unknown link": (json.dumps(record(link="telepathy")), WireReason.OUT_OF_RANGE),
    "42 unknown clock": (json.dumps(record(gateway_clock="sundial")), WireReason.OUT_OF_RANGE),
    "43 seq 0": (json.dumps(record(seq=0)), WireReason.OUT_OF_RANGE),
    "43 seq negative": (json.dumps(record(seq=-1)), WireReason.OUT_OF_RANGE),
    "43 seq 2^63 - 1": (json.dumps(record(seq=2**63 - 1)), WireReason.OUT_OF_RANGE),
    "43 seq 2^63": (json.dumps(record(seq=2**63)), WireReason.OUT_OF_RANGE),
    "43 seq a float": (json.dumps(record(seq=1.5)), WireReason.WRONG_TYPE),
    "offset beyond any clock": (
        json.dumps(record(device_clock_offset_s=1e300)),
        WireReason.OUT_OF_RANGE,
    ),
    "address lower case": (
        json.dumps(record(peripheral="aa:bb:cc:dd:ee:ff")),
        WireReason.OUT_OF_RANGE,
    ),
    "raw upper case": (json.dumps(record(raw="AA")), WireReason.OUT_OF_RANGE),
    "raw with half a byte": (json.dumps(record(raw="aaa")), WireReason.OUT_OF_RANGE),
    "raw of 513 bytes": (json.dumps(record(raw="00" * 513)), WireReason.OUT_OF_RANGE),
    "zone that climbs": (json.dumps(record(time_zone="../etc/passwd")), WireReason.OUT_OF_RANGE),
    "characteristic": (json.dumps(record(characteristic="2A35")), WireReason.OUT_OF_RANGE),
    "profile version 0": (json.dumps(record(profile_version=0)), WireReason.OUT_OF_RANGE),
    "decoded an array": (json.dumps(record(decoded=[])), WireReason.WRONG_TYPE),
    "decoded not flat": (json.dumps(record(decoded={"a": {}})), WireReason.WRONG_TYPE),
    "decoded with long text": (json.dumps(record(decoded={"a": "x" * 201})), WireReason.OUT_OF_RANGE),
    "decoded with many fields": (
        json.dumps(record(decoded={str(n): n for n in range(33)})),
        WireReason.OUT_OF_RANGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), BAD_RECORDS.values(), ids=BAD_RECORDS.keys())
def test_bad_record_is_kept_and_its_neighbours_live(text: str, reason: WireReason) -> None:
    assert decode_beside_good_ones(text).reason is reason


@pytest.mark.parametrize("name", sorted(record()))
def test_missing_field_of_a_record_is_named(name: str) -> None:  # 41
    bad = decode_beside_good_ones(json.dumps(record(**{name: ...})))
    assert (bad.reason, bad.detail) == (WireReason.MISSING_FIELD, f"{name} is missing")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-01-31T08:00:00", id="no zone"),
        pytest.param("2026-01-31T08:00:00+00:00", id="offset for Z"),
        pytest.param("2026-01-31T08:00:00+99:00", id="absurd offset"),
        pytest.param("2026-01-31T08:00:60Z", id="leap second"),
        pytest.param("2026-W05-6T08:00:00Z", id="week date"),
        pytest.param("20260131T080000Z", id="basic format"),
        pytest.param("2026-01-31 08:00:00Z", id="blank for T"),
        pytest.param("2026-01-31t08:00:00z", id="lower case"),
        pytest.param("2026-02-30T08:00:00Z", id="30 February"),
        pytest.param("2026-01-31T24:00:00Z", id="hour 24"),
        pytest.param("2026-01-31T08:00:00.1234567Z", id="seven digits"),
        pytest.param("0000-01-31T08:00:00Z", id="year 0"),
        pytest.param("2026-01-31T08:00:0\u0660Z", id="digit that is not ASCII"),
        pytest.param("2026-01-31T08:00:00Z\n", id="line end"),
        pytest.param("", id="empty"),
    ],
)
def test_time_is_refused_when_not_rfc_3339_in_utc(text: str) -> None:  # 48
    assert (
        decode_beside_good_ones(json.dumps(record(received_at=text))).reason is WireReason.BAD_TIME
    )
    assert refusal(json.dumps(payload(sent_at=text))) is WireReason.BAD_TIME


def test_unknown_fields_are_ignored_and_counted() -> None:  # 40
    grown = payload(records=[record(colour="red")], mood={"a": [1, "\U0001f600"]})
    assert decode(json.dumps(grown)) == replace(BATCH, unknown_fields=2)
    assert decode(json.dumps(grown, ensure_ascii=False)) == replace(BATCH, unknown_fields=2)
    bad = payload(records=[record(colour="red"), {"seq": 2, "colour": "red"}])
    assert decode(json.dumps(bad)).unknown_fields == 1  # of what was understood


def test_new_epoch_starts_at_one() -> None:  # 46
    fresh = payload(epoch="f" * 32)
    assert decode(json.dumps(fresh)).records == (RECORD,)


def test_one_bad_record_of_two_hundred_costs_only_itself() -> None:  # 47
    records = [record(seq=seq) for seq in range(1, 201)]
    records[99]["raw"] = "not hex"
    got = decode(json.dumps(payload(records=records))).records
    assert [r.seq for r in got] == list(range(1, 201))
    assert [r.seq for r in got if isinstance(r, BadRecord)] == [100]


@pytest.mark.parametrize(
    ("text", "seq"),
    [
        pytest.param(json.dumps(record(seq=7, raw="x")), 7, id="readable"),
        pytest.param(json.dumps(record(seq=0)), None, id="out of range"),
        pytest.param(json.dumps(record(seq=...)), None, id="missing"),
        pytest.param("7", None, id="no object"),
        pytest.param(json.dumps(record()).replace("{", '{"seq": 9, ', 1), None, id="two of them"),
    ],
)
def test_bad_record_has_its_position_when_that_could_be_read(text: str, seq: int | None) -> None:
    assert decode_beside_good_ones(text).seq == seq


def test_no_detail_repeats_content() -> None:
    secret = "Ada Lovelace"
    for name in record():
        bad = decode_beside_good_ones(json.dumps(record(**{name: secret})))
        assert secret not in bad.detail
    with pytest.raises(WireError) as caught:
        decode(json.dumps(payload(epoch=secret)))
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        pytest.param(replace(BATCH, gateway_id="gw-1"), WireReason.OUT_OF_RANGE, id="gateway"),
        pytest.param(replace(BATCH, records=()), WireReason.OUT_OF_RANGE, id="no records"),
        pytest.param(
            replace(BATCH, sent_at=AT.replace(tzinfo=None)), WireReason.BAD_TIME, id="naive time"
        ),
        pytest.param(
            replace(BATCH, records=(replace(RECORD, seq=0),)), WireReason.OUT_OF_RANGE, id="seq"
        ),
        pytest.param(
            replace(BATCH, records=(replace(RECORD, raw=bytes(513)),)),
            WireReason.OUT_OF_RANGE,
            id="raw",
        ),
        pytest.param(
            replace(BATCH, records=(replace(RECORD, device_clock_offset_s=float("inf")),)),
            WireReason.NOT_FINITE,
            id="infinite offset",
        ),
        pytest.param(
            replace(BATCH, records=(replace(RECORD, decoded={"a": b""}),)),  # type: ignore[dict-item]
            WireReason.WRONG_TYPE,
            id="bytes in advisory",
        ),
        pytest.param(
            replace(BATCH, records=(BadRecord(1, b"{}", WireReason.MISSING_FIELD, "x"),)),
            WireReason.MISSING_FIELD,
            id="bad record",
        ),
        pytest.param(
            replace(
                BATCH,
                records=tuple(
                    replace(RECORD, seq=n, raw=bytes(512), decoded={"a": "x" * 200})
                    for n in range(1, 201)
                ),
            ),
            WireReason.TOO_LARGE,
            id="too large",
        ),
    ],
)
def test_encoder_refuses_what_the_decoder_would(batch: Batch, reason: WireReason) -> None:
    with pytest.raises(WireError) as caught:
        wire.encode_batch(batch)
    assert caught.value.reason is reason


ITEM = {"first_seq": 1, "last_seq": 2, "status": "stored", "reason": None}


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        pytest.param({"epoch": EPOCH, "items": [ITEM]}, WireReason.MISSING_FIELD, id="version"),
        pytest.param({"version": 1, "epoch": EPOCH}, WireReason.MISSING_FIELD, id="items"),
        pytest.param(
            {"version": 1, "epoch": EPOCH, "items": {}}, WireReason.WRONG_TYPE, id="no array"
        ),
        pytest.param(
            {"version": 1, "epoch": EPOCH, "items": []}, WireReason.OUT_OF_RANGE, id="empty"
        ),
        pytest.param(
            {"version": 1, "epoch": EPOCH, "items": [1]}, WireReason.WRONG_TYPE, id="no object"
        ),
        pytest.param(
            {"version": 1, "epoch": EPOCH, "items": [ITEM | {"last_seq": 0}]},
            WireReason.OUT_OF_RANGE,
            id="backwards",
        ),
        pytest.param(
            {"version": 1, "epoch": EPOCH, "items": [ITEM | {"status": "lost"}]},
            WireReason.OUT_OF_RANGE,
            id="status",
        ),
        pytest.param(
            {"version": 1, "epoch": EPOCH, "items": [ITEM | {"reason": "Two words"}]},
            WireReason.OUT_OF_RANGE,
            id="reason",
        ),
    ],
)
def test_receipt_is_refused_with_its_reason(members: object, reason: WireReason) -> None:
    with pytest.raises(WireError) as caught:
        wire.decode_receipt(json.dumps(members).encode())
    assert caught.value.reason is reason


STATUS = {"version": 1, "online": True, "boot_id": EPOCH, "at": "2026-01-31T08:00:00Z"}


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        pytest.param(STATUS, WireReason.MISSING_FIELD, id="waiting_records"),
        pytest.param(STATUS | {"waiting_records": -1}, WireReason.OUT_OF_RANGE, id="negative"),
        pytest.param(STATUS | {"online": 1}, WireReason.WRONG_TYPE, id="online 1"),
        pytest.param(STATUS | {"at": 5}, WireReason.WRONG_TYPE, id="time a number"),
    ],
)
def test_status_is_refused_with_its_reason(members: object, reason: WireReason) -> None:
    with pytest.raises(WireError) as caught:
        wire.decode_status(json.dumps(members).encode())
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "read", [decode, wire.decode_receipt, wire.decode_status], ids=["batch", "receipt", "status"]
)
@given(noise=st.binary(max_size=200) | TEXT.map(str.encode))
def test_nothing_but_wire_error_escapes_whatever_the_bytes(
    read: Callable[[bytes], object], noise: bytes
) -> None:
    with pytest.raises(WireError):
        read(noise)


@given(position=st.integers(0, 10_000), change=st.binary(max_size=3), length=st.integers(0, 3))
def test_nothing_but_wire_error_escapes_when_a_good_batch_is_damaged(
    position: int, change: bytes, length: int
) -> None:
    whole = wire.encode_batch(BATCH)
    position %= len(whole)
    damaged = whole[:position] + change + whole[position + length :]
    try:
        batch = decode(damaged)
    except WireError:
        return
    assert len(batch.records) == 1
