"""MQTT topics and payloads that are wrong: rows 26 to 54 of the catalogue of bad input.

==== =============================================== ===================================================================
Row  Input                                           State
==== =============================================== ===================================================================
26   topic outside of the grammar                    quarantine “bad_topic” without a practice, security event
27   another gateway's id in the payload             quarantine “gateway_mismatch”, security event
28   unknown or revoked gateway                      quarantine by record, security event, no link to a patient
29   empty payload                                   quarantine “empty”
30   2 MB, or just over the limit                    the broker breaks the connection; “too_large”; no encoder writes it
31   not UTF-8, UTF-16, byte order mark              quarantine “not_utf8”
32   cut off, or more behind the end                 quarantine “not_json”
33   array, text or number at the top                quarantine “not_object”
34   100 000 levels deep                             quarantine “too_deep”
35   a number of 5 000 digits                        quarantine “out_of_range”, of its record alone
36   NaN, Infinity, 1e400                            quarantine “not_finite”, of its record alone
37   a key twice                                     quarantine “duplicate_key”, without a receipt: which number counts?
38   text or true for a number                       quarantine “wrong_type”, of its record alone
39   half a surrogate pair, NUL                      quarantine; neither reaches a text column
40   unknown field; patient or practice              ignored and counted; quarantine “forbidden_field”, security event
41   missing field                                   quarantine “missing_field” with its name
42   unknown code                                    quarantine “out_of_range” or “unknown_characteristic”
43   number 0, -1, 2^63, 1.0                         quarantine “out_of_range” or “wrong_type”; no receipt is possible
44   same place, same content                        receipt “duplicate”
45   same place, other content                       undated: “record_conflict”, the first stands; dated: both kept
46   new epoch that begins with 1                    stored, and its numbers are an account of their own
47   one bad record in a full batch                  the others stored, receipts by record
48   time without zone, +99:00, second 60, week      quarantine “bad_time”
49   measured ten years ago or in the future         stored undated; a repetition wakes no rule again
50   compressed bomb                                 nothing is ever unpacked: quarantine as bytes
51   retained or expired message                     not asked for; one that comes is let go with a line in the log
52   HTML and SQL in free text                       no free text is kept; in quarantine it is bytes
53   signature missing or wrong                      there are none: the certificate speaks
54   receipt from anyone but ingest                  the broker refuses it; at ingest “bad_topic”, security event
==== =============================================== ===================================================================
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy import broker_rules, ports
from firmware_profiles import topics, wire
from firmware_profiles.errors import WireError
from firmware_profiles.wire import Receipt, ReceiptItem, ReceiptStatus
from ingest import service
from ingest.settings import IngestSettings
from tests.bad_input.ingest_door import DUPLICATE, MARKER, STORED, Door, quarantined, seqs
from tests.mqtt_peer import Peer, peers

pytestmark = pytest.mark.db
A, B = "gw-aaaaaaaa", "gw-bbbbbbbb"


def element(home: Any, seq: object = 2, **changed: Any) -> str:
    """Return a record of a batch as text, with some fields otherwise."""
    found = json.loads(home.payload([home.record(2)]))["records"][0]
    return json.dumps(found | {"seq": seq} | changed, separators=(",", ":"))


def without(home: Any, name: str) -> str:
    found = json.loads(element(home))
    del found[name]
    return json.dumps(found, separators=(",", ":"))


@pytest.mark.parametrize(
    "topic",
    [
        "hv/2/up/gw-aaaa1111/readings",
        "hv/1/up/gw-aaaa1111/readings/more",
        "hv/1/up/gw-AAAA1111/readings",
        "hv/1/up/patient-7/readings",
        "hv/1/down/gw-aaaa1111/readings",
        "readings",
    ],
)
def test_row_26_a_topic_that_is_none_is_nobodys(door: Door, topic: str) -> None:
    payload = door.home.payload([door.home.record(1)])
    door.refuses_whole(payload, "bad_topic", topic, is_ours=False, is_event=True)


def test_row_27_the_topic_says_who_sent_it(door: Door, other_home: Any) -> None:
    forged = other_home.payload([door.home.record(1)])
    topic = topics.readings(door.home.gateway_id)
    door.refuses_whole(forged, "gateway_mismatch", topic, is_event=True)
    assert seqs(door.readings()) == [9]


@pytest.mark.parametrize(
    ("standing", "reason", "is_known"),
    [
        ("revoked", "revoked_gateway", True),
        ("expected", "unclaimed_gateway", True),
        (None, "unknown_gateway", False),
    ],
)
def test_row_28_a_gateway_without_standing_reaches_no_patient(
    door: Door, owner: Any, standing: str | None, reason: str, is_known: bool
) -> None:
    home = door.home
    if standing:
        owner.execute(
            "update ingest.gateway set status = %s, revoked_at = case when %s = 'revoked' then now() end,"
            " enrolled_at = case when %s = 'expected' then null else enrolled_at end",
            (standing, standing, standing),
        )
    else:
        home = replace(home, gateway_id="gw-zzzz9999")
    told = door.take(home.message([home.record(1), home.record(2)]))
    assert told == {1: quarantined(reason), 2: quarantined(reason)}
    assert door.readings() == []
    assert {row["practice_id"] for row in door.rows("quarantine")} == {
        home.practice_id if is_known else None
    }
    assert door.events() == [reason, reason]


def test_row_29_an_empty_payload_is_kept_as_that(door: Door) -> None:
    door.refuses_whole(b"", "empty")


def test_row_30_a_payload_just_over_the_limit_is_kept_whole(door: Door) -> None:
    payload = door.home.payload([door.home.record(1)])
    door.refuses_whole(payload.ljust(wire.MAX_PAYLOAD_BYTES + 1), "too_large")


def test_row_30_no_encoder_writes_more(door: Door) -> None:
    home = door.home
    advice = {f"n{number}": "x" * 200 for number in range(32)}
    batch = [home.record(seq, decoded=advice) for seq in range(1, 101)]
    with pytest.raises(WireError) as refused:
        home.payload(batch)
    assert refused.value.reason == "too_large"
    assert door.send(*batch[:10]) == dict.fromkeys(range(1, 11), STORED)


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
@pytest.mark.broker
def test_row_30_the_broker_hangs_up_on_two_megabytes(broker: Any, door: Door) -> None:
    with peers(broker, "ingest-1") as [listener]:
        listener.subscribe(topics.UP_FILTER)
        sender = Peer(broker, A)
        size = 2_000_000
        assert size > broker_rules.LIMITS.max_packet_bytes > wire.MAX_PAYLOAD_BYTES
        sender.client.publish(topics.readings(A), bytes(size), qos=1)
        sender.next("disconnect")
        assert listener.heard() == []


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(lambda text: text.encode("utf-16"), id="UTF-16 with its mark"),
        pytest.param(lambda text: text.encode("utf-8-sig"), id="byte order mark"),
        pytest.param(lambda text: text.encode().replace(b"UTC", b"\xff\xfe"), id="no UTF-8"),
        pytest.param(lambda text: text.encode().replace(b"UTC", b"\xed\xa0\x80"), id="surrogate"),
    ],
)
def test_row_31_text_in_another_encoding_is_not_guessed(
    door: Door, encode: Callable[[str], bytes]
) -> None:
    door.refuses_whole(encode(door.home.payload([door.home.record(1)]).decode()), "not_utf8")


def test_row_31_utf_16_without_its_mark_is_no_json(door: Door) -> None:
    text = door.home.payload([door.home.record(1)]).decode()
    door.refuses_whole(text.encode("utf-16-le"), "not_json")


@pytest.mark.parametrize("end", [-1, -40, 1])
def test_row_32_a_message_that_is_cut_off_is_no_message(door: Door, end: int) -> None:
    door.refuses_whole(door.home.payload([door.home.record(1)])[:end], "not_json")


@pytest.mark.parametrize("tail", [b"}", b" {}", b"\0", MARKER.encode()])
def test_row_32_nothing_follows_a_message(door: Door, tail: bytes) -> None:
    door.refuses_whole(door.home.payload([door.home.record(1)]) + tail, "not_json")


@pytest.mark.parametrize("payload", [b"[]", b'"text"', b"7", b"null", b"[{}]"])
def test_row_33_a_message_is_an_object(door: Door, payload: bytes) -> None:
    door.refuses_whole(payload, "not_object")


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="all of it"),
        pytest.param(b'{"version":' + b'{"a":' * 52_000, id="one field"),
    ],
)
def test_row_34_depth_ends_before_the_stack_does(door: Door, payload: bytes) -> None:
    door.refuses_whole(payload, "too_deep")


def test_row_34_depth_in_a_record_costs_that_record(door: Door) -> None:
    door.refuses_element(element(door.home, decoded=[[[[[[[[1]]]]]]]]), "too_deep")


@pytest.mark.parametrize("name", ["profile_version", "unknown"])
def test_row_35_a_number_without_end_costs_its_record(door: Door, name: str) -> None:
    text = element(door.home, **{name: "@"}).replace('"@"', "9" * 5000)
    door.refuses_element(text, "out_of_range")


def test_row_35_a_number_without_end_in_the_envelope_costs_the_message(door: Door) -> None:
    payload = door.home.payload([door.home.record(1)])
    door.refuses_whole(payload.replace(b'"version":1', b'"version":' + b"1" * 5000), "out_of_range")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_row_36_a_number_that_is_not_finite_costs_its_record(door: Door, number: str) -> None:
    text = element(door.home, device_clock_offset_s="@").replace('"@"', number)
    door.refuses_element(text, "not_finite")


def test_row_37_of_a_key_that_is_there_twice_none_counts(door: Door) -> None:
    text = element(door.home).replace('{"seq":2', '{"seq":2,"seq":7')
    door.refuses_element(text, "duplicate_key", seq=None)


def test_row_37_a_key_twice_in_the_envelope_costs_the_message(door: Door) -> None:
    payload = door.home.payload([door.home.record(1)])
    twice = payload.replace(b'{"version":1', b'{"version":1,"version":1')
    door.refuses_whole(twice, "duplicate_key")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("profile_version", "1"),
        ("profile_version", True),
        ("profile_version", 1.0),
        ("device_clock_offset_s", "0"),
        ("device_clock_offset_s", False),
        ("raw", 12),
        ("received_at", 1764300000),
        ("gateway_clock", None),
    ],
)
def test_row_38_types_are_exact(door: Door, name: str, content: object) -> None:
    kept = door.refuses_element(element(door.home, **{name: content}), "wrong_type")
    assert name in kept["detail"]


@pytest.mark.parametrize(
    ("text", "reason"), [("\\ud800", "not_utf8"), ("a\\u0000b", "out_of_range")]
)
@pytest.mark.parametrize("name", ["time_zone", "unknown"])
def test_row_39_text_that_is_none_reaches_no_column(
    door: Door, name: str, text: str, reason: str
) -> None:
    spoilt = element(door.home, **{name: "@"}).replace('"@"', f'"{text}"')
    door.refuses_element(spoilt, reason)


def test_row_39_a_bare_nul_is_no_json(door: Door) -> None:
    payload = door.home.payload([door.home.record(1)]).replace(b'"UTC"', b'"U\0C"')
    door.refuses_whole(payload, "not_json")


def test_row_40_unknown_fields_are_ignored_and_counted(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    home = door.home
    payload = json.loads(home.payload([home.record(1), home.record(2)]))
    payload |= {"mood": MARKER}
    payload["records"][1] |= {"colour": MARKER, "shade": [MARKER]}
    assert door.payload(json.dumps(payload).encode()) == {1: STORED, 2: STORED}
    (said,) = [line for line in caplog.records if line.message == "unknown_fields_ignored"]
    assert (said.__dict__["count"], said.__dict__["gateway_id"]) == (3, home.gateway_id)


@pytest.mark.parametrize("name", ["patient", "patient_id", "practice", "practice_id"])
def test_row_40_a_record_that_names_a_patient_is_an_event(door: Door, name: str) -> None:
    door.refuses_element(element(door.home, **{name: MARKER}), "forbidden_field")
    assert door.events() == ["forbidden_field"]


def test_row_40_so_is_a_message_and_so_is_advice(door: Door) -> None:
    payload = json.loads(door.home.payload([door.home.record(1)])) | {"practice_id": MARKER}
    door.refuses_whole(json.dumps(payload).encode(), "forbidden_field", is_event=True)
    spoilt = json.loads(element(door.home, decoded={"patient_id": MARKER}, seq=4))
    payload = json.loads(door.home.payload([door.home.record(5)]))
    payload["records"].append(spoilt)
    told = door.payload(json.dumps(payload).encode())
    assert told == {4: quarantined("forbidden_field"), 5: STORED}


@pytest.mark.parametrize("name", ["peripheral", "raw", "received_at", "decoded", "link"])
def test_row_41_a_missing_field_is_named(door: Door, name: str) -> None:
    kept = door.refuses_element(without(door.home, name), "missing_field")
    assert kept["detail"] == f"{name} is missing"


def test_row_41_without_its_number_a_record_gets_no_receipt(door: Door) -> None:
    door.refuses_element(without(door.home, "seq"), "missing_field", seq=None)


@pytest.mark.parametrize(
    ("name", "code"), [("gateway_clock", "atomic"), ("link", MARKER), ("profile_id", "Ünknown")]
)
def test_row_42_an_unknown_code_costs_its_record(door: Door, name: str, code: str) -> None:
    text = json.loads(element(door.home)) | {name: code}
    spoilt = json.dumps(text, separators=(",", ":"), ensure_ascii=False)
    kept = door.refuses_element(spoilt, "out_of_range")
    assert name in kept["detail"]


def test_row_42_an_unknown_kind_is_kept_with_its_bytes(door: Door) -> None:
    door.refuses(b"\x01\x02", "unknown_characteristic", characteristic="2a37")


def test_row_42_so_is_a_profile_of_another_release(door: Door) -> None:
    raw = door.home.record(2).raw
    door.refuses(raw, "unknown_profile", profile_id="cuff-of-tomorrow")


@pytest.mark.parametrize(
    ("seq", "reason"),
    [
        (0, "out_of_range"),
        (-1, "out_of_range"),
        (2**63 - 1, "out_of_range"),
        (2**63, "out_of_range"),
        (1.0, "wrong_type"),
    ],
)
def test_row_43_a_number_that_is_none_gets_no_receipt(door: Door, seq: float, reason: str) -> None:
    door.refuses_element(element(door.home, seq=seq), reason, seq=None)


def test_row_43_the_largest_number_is_one(door: Door) -> None:
    largest = 2**63 - 2  # a range of numbers is written with the one behind its end
    payload = door.home.payload([replace(door.home.record(1), seq=largest)])
    assert door.payload(payload) == {largest: STORED}


def test_row_44_the_same_again_is_a_duplicate(door: Door) -> None:
    records = [door.home.record(1), door.home.record(2, dated=False)]
    assert door.send(*records) == {1: STORED, 2: STORED}
    for _ in range(2):
        assert door.send(*records) == {1: DUPLICATE, 2: DUPLICATE}
    assert (len(door.readings()), door.queued(), door.events()) == (2, 2, [])


def test_row_45_a_place_that_is_used_twice_keeps_its_first_record(door: Door) -> None:
    home = door.home
    first, other = home.record(1, 120, dated=False), home.record(1, 160, dated=False)
    assert door.send(first) == {1: STORED}
    for _ in range(2):
        assert door.send(other) == {1: quarantined("record_conflict")}
    assert door.reading()["systolic_mmhg"] == 120.0
    (kept,) = door.rows("quarantine")
    assert kept["raw"] == other.raw
    assert door.events() == ["record_conflict"]


def test_row_45_what_the_cuff_dated_is_known_by_that_and_not_by_its_place(door: Door) -> None:
    # An outbox that was copied uses its numbers again, for measurements that are real: neither overwrites the other.
    home = door.home
    first, other = home.record(1, 120), home.record(1, 160)
    assert door.send(first) == {1: STORED}
    assert door.send(other) == {1: STORED}
    assert door.send(first, other) == {1: DUPLICATE}
    assert sorted(row["systolic_mmhg"] for row in door.readings()) == [120.0, 160.0]


def test_row_46_a_new_outbox_begins_with_one(door: Door) -> None:
    home = door.home
    assert door.send(home.record(1), home.record(4)) == {1: STORED, 4: STORED}
    assert door.send(home.record(1, 151), home.record(2), epoch="f" * 32) == {1: STORED, 2: STORED}
    told = {(row["outbox_epoch"], row["outbox_seq"]) for row in door.readings()}
    assert told == {(home.epoch, 1), (home.epoch, 4), ("f" * 32, 1), ("f" * 32, 2)}


def test_row_47_one_bad_record_of_a_full_batch_is_alone(door: Door) -> None:
    home = door.home
    records = [home.record(seq) for seq in range(1, wire.MAX_RECORDS + 1)]
    records[76] = replace(records[76], raw=b"\0")
    told = door.send(*records)
    assert told.pop(77) == quarantined("short_frame")
    assert told == dict.fromkeys([*range(1, 77), *range(78, wire.MAX_RECORDS + 1)], STORED)
    assert len(door.readings()) == wire.MAX_RECORDS - 1
    (kept,) = door.rows("quarantine")
    assert (kept["outbox_seq"], kept["raw"]) == (77, b"\0")


def test_row_47_more_than_a_full_batch_is_refused_whole(door: Door) -> None:
    payload = json.loads(door.home.payload([door.home.record(1)]))
    payload["records"] *= wire.MAX_RECORDS + 1
    door.refuses_whole(json.dumps(payload).encode(), "out_of_range")


TIMES = [
    "2026-01-31T08:00:00",
    "2026-01-31T08:00:00+99:00",
    "2026-01-31T08:00:00+01:00",
    "2026-12-31T23:59:60Z",
    "2026-W05-6T08:00:00Z",
    "20260131T080000Z",
    "2026-02-30T08:00:00Z",
    MARKER,
]


@pytest.mark.parametrize("time", TIMES)
def test_row_48_a_time_in_another_form_costs_its_record(door: Door, time: str) -> None:
    door.refuses_element(element(door.home, received_at=time), "bad_time")


@pytest.mark.parametrize("time", TIMES[:2])
def test_row_48_a_time_of_the_message_costs_the_message(door: Door, time: str) -> None:
    payload = json.loads(door.home.payload([door.home.record(1)])) | {"sent_at": time}
    door.refuses_whole(json.dumps(payload).encode(), "bad_time")


@pytest.mark.parametrize(
    ("device_days", "gateway_days", "method"),
    [
        pytest.param(-3650, 0, "gateway_receipt", id="the cuff says ten years ago"),
        pytest.param(30, 0, "gateway_receipt", id="the cuff says next month"),
        pytest.param(-3650, -3650, "ingest_receipt", id="both say ten years ago"),
        pytest.param(1, 1, "ingest_receipt", id="both say tomorrow"),
    ],
)
def test_row_49_what_cannot_be_dated_is_stored_undated_and_judged_once(
    door: Door, device_days: int, gateway_days: int, method: str
) -> None:
    home, day = door.home, timedelta(days=1)
    began_at = datetime.now(UTC)
    record = home.record(
        1, received_at=home.now + gateway_days * day, device_clock_offset_s=device_days * 86_400.0
    )
    assert door.send(record) == {1: STORED}
    row = door.reading()
    assert (row["time_method"], row["time_quality"]) == (method, "unknown")
    assert home.now <= row["measured_at"] <= began_at + timedelta(minutes=1)
    assert row["device_time"] == home.now.replace(tzinfo=None) - timedelta(minutes=1)
    assert door.send(record) == {1: DUPLICATE}
    assert door.queued() <= 1


def test_row_50_nothing_is_unpacked(door: Door) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < wire.MAX_PAYLOAD_BYTES
    door.refuses_whole(bomb, "not_utf8")


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
@pytest.mark.broker
def test_row_51_what_the_broker_retained_is_not_asked_for(
    broker: Any, door: Door, database: Any
) -> None:
    home, stop = door.home, threading.Event()
    certificate_file, key_file = broker.credentials("ingest-1")
    settings = IngestSettings(
        database=database.conninfo("homevitals_ingest"),
        broker_host=broker.host,
        broker_port=broker.service_port,
        ca_file=broker.ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
    )
    worker = threading.Thread(target=service.run, args=(settings, stop))
    with peers(broker, home.gateway_id) as [gateway]:
        gateway.publish(
            topics.readings(home.gateway_id), home.payload([home.record(1)]), retain=True
        )
        worker.start()
        try:
            for seq in range(2, 100):  # until the worker has subscribed, nobody keeps these
                payload = home.payload([home.record(seq)])
                gateway.publish(topics.readings(home.gateway_id), payload, retain=True)
                if ports.wait_until(lambda: bool(door.readings()), timeout_s=1):
                    break
            # Whether the broker retains it too makes no difference to what is sent now.
            assert door.readings() != []
            assert 1 not in seqs(door.readings())
        finally:
            stop.set()
            worker.join(20)
            gateway.publish(topics.readings(home.gateway_id), b"", retain=True)


@pytest.mark.parametrize(
    "text",
    [f"<script>alert('{MARKER}')</script>", f"'; drop table ingest.reading_series; -- {MARKER}"],
)
def test_row_52_text_of_a_stranger_is_kept_as_bytes_or_not_at_all(door: Door, text: str) -> None:
    kept = door.refuses_element(element(door.home, time_zone=text), "out_of_range")
    assert MARKER.encode() in kept["raw"]
    # Advice is compared and forgotten; the event about it repeats no name but ours.
    advised = door.home.record(5, decoded={text: text, "systolic_mmhg": 1.0})
    assert door.send(advised) == {5: STORED}
    assert door.events() == ["advisory_differs"]
    (event,) = door.rows("security_event")
    assert "systolic_mmhg" in event["detail"]
    assert all(MARKER not in str(content) for row in door.readings() for content in row.values())


def test_row_53_a_signature_is_a_field_like_any_other(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    payload = json.loads(door.home.payload([door.home.record(1)])) | {"signature": "0" * 64}
    assert door.payload(json.dumps(payload).encode()) == {1: STORED}
    assert "unknown_fields_ignored" in caplog.messages


def test_row_54_a_receipt_that_reaches_ingest_is_an_event(door: Door) -> None:
    receipt = Receipt(door.home.epoch, (ReceiptItem(1, 1, ReceiptStatus.STORED),))
    topic = topics.receipts(door.home.gateway_id)
    payload = wire.encode_receipt(receipt)
    door.refuses_whole(payload, "bad_topic", topic, is_ours=False, is_event=True)


@pytest.mark.parametrize("database", ["partitions"], indirect=True)
@pytest.mark.broker
@pytest.mark.parametrize("sender", [A, B])
def test_row_54_the_broker_takes_receipts_from_ingest_alone(
    broker: Any, door: Door, sender: str
) -> None:
    receipt = Receipt("f" * 32, (ReceiptItem(1, 1, ReceiptStatus.STORED),))
    payload = wire.encode_receipt(receipt)
    with peers(broker, A) as [victim]:
        victim.subscribe(topics.receipts(A))
        forger = victim if sender == A else Peer(broker, sender)
        assert forger.publish(topics.receipts(A), payload).is_failure
        if forger is not victim:
            assert victim.heard() == []
            forger.close()
