"""The schema and the hand-written reader say the same."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import wire
from firmware_profiles.errors import WireError
from firmware_profiles.wire import BadRecord

SCHEMA = json.loads(
    resources.files("firmware_profiles").joinpath("wire_v1.schema.json").read_text("utf-8")
)
EPOCH = "0123456789abcdef" * 2
RECORD: dict[str, Any] = {
    "seq": 1,
    "peripheral": "AA:BB:CC:DD:EE:0F",
    "profile_id": "standard-cuff",
    "profile_version": 1,
    "characteristic": "2a35",
    "raw": "167a",
    "received_at": "2026-01-31T08:00:00Z",
    "gateway_clock": "synchronised",
    "device_clock_offset_s": -12.5,
    "time_zone": "Europe/Berlin",
    "link": "encrypted",
    "decoded": {"systolic_mmhg": 122.0},
}
BATCH: dict[str, Any] = {
    "version": 1,
    "gateway_id": "gw-ab12cd34",
    "epoch": EPOCH,
    "sent_at": "2026-01-31T08:00:00Z",
    "records": [RECORD],
}
ITEM: dict[str, Any] = {"first_seq": 1, "last_seq": 1, "status": "stored", "reason": None}
RECEIPT: dict[str, Any] = {"version": 1, "epoch": EPOCH, "items": [ITEM]}
STATUS: dict[str, Any] = {
    "version": 1,
    "online": True,
    "boot_id": EPOCH,
    "at": "2026-01-31T08:00:00Z",
    "waiting_records": 0,
}

# What replaces a field, to see whether both refuse it. No 1.0 (JSON Schema takes it for 1), no
# date that only a calendar can refuse: the schema's description names these differences.
ODDITIES = st.sampled_from(
    [
        None, True, False, 0, 1, 2, -1, 2**63 - 2, 2**63 - 1, 2**63, 65536, 0.5, -3.3e11, "", "x", "stored",
        "quarantined", "2a35", "2A35", "167", "16", "00" * 513, "UTC", "a/b/c/d", "unknown",
        "authenticated", "AA:BB:CC:DD:EE:FF", "aa:bb:cc:dd:ee:ff", "gw-ab12cd34", "gw-AB12CD34",
        EPOCH, EPOCH[1:], "2026-01-31T08:00:00.5Z", "2026-01-31T08:00:00", "a" * 64, "a" * 65,
        [], {}, [1], {"a": 1}, {"a": []}, {"a": None}, {"a": "x" * 201}, {"patient": 1},
        {"n" * 201: 1}, {str(n): n for n in range(33)}, {str(n): n for n in range(32)},
    ]
)  # fmt: skip


def is_valid(definition: str, payload: object) -> bool:
    schema = {"$ref": f"#/$defs/{definition}", "$defs": SCHEMA["$defs"]}
    return jsonschema.Draft202012Validator(schema).is_valid(payload)


def is_read(definition: str, payload: object) -> bool:
    raw = json.dumps(payload).encode()
    try:
        match definition:
            case "batch_payload":
                batch = wire.decode_batch(raw, topic_gateway_id="gw-ab12cd34")
                return not any(isinstance(record, BadRecord) for record in batch.records)
            case "receipt_payload":
                wire.decode_receipt(raw)
            case _:
                wire.decode_status(raw)
    except WireError:
        return False
    return True


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("definition", "payload"),
    [("batch_payload", BATCH), ("receipt_payload", RECEIPT), ("status_payload", STATUS)],
)
def test_both_accept_the_ordinary_message(definition: str, payload: object) -> None:
    assert is_read(definition, payload)
    assert is_valid(definition, payload)
    jsonschema.Draft202012Validator(SCHEMA).validate(payload)


@pytest.mark.parametrize("name", [*RECORD, "patient", "practice_id", "other"])
@given(oddity=ODDITIES)
def test_both_agree_when_a_field_of_a_record_is_odd(name: str, oddity: object) -> None:
    changed = BATCH | {"records": [RECORD | {name: oddity}]}
    assert is_read("batch_payload", changed) == is_valid("batch_payload", changed)


@pytest.mark.parametrize(
    ("definition", "payload"),
    [("batch_payload", BATCH), ("receipt_payload", RECEIPT), ("status_payload", STATUS)],
)
@given(chooser=st.data(), oddity=ODDITIES)
def test_both_agree_when_a_field_of_the_envelope_is_odd(
    definition: str, payload: dict[str, Any], chooser: st.DataObject, oddity: object
) -> None:
    name = chooser.draw(st.sampled_from([*payload, "practice", "other"]))
    changed = payload | {name: oddity}
    assert is_read(definition, changed) == is_valid(definition, changed)


@pytest.mark.parametrize("name", [*ITEM, "patient_id", "other"])
@given(oddity=ODDITIES)
def test_both_agree_when_a_field_of_a_receipt_item_is_odd(name: str, oddity: object) -> None:
    # The order of the ends is the reader's to check; keep the last one large.
    changed = RECEIPT | {"items": [ITEM | {"last_seq": 2**63 - 2} | {name: oddity}]}
    assert is_read("receipt_payload", changed) == is_valid("receipt_payload", changed)


@pytest.mark.parametrize(
    ("definition", "payload", "inner", "members"),
    [
        ("batch_payload", BATCH, None, BATCH),
        ("batch_payload", BATCH, "records", RECORD),
        ("receipt_payload", RECEIPT, None, RECEIPT),
        ("receipt_payload", RECEIPT, "items", ITEM),
        ("status_payload", STATUS, None, STATUS),
    ],
)
def test_both_refuse_when_a_field_is_missing(
    definition: str, payload: dict[str, Any], inner: str | None, members: dict[str, Any]
) -> None:
    for name in members:
        rest = {key: entry for key, entry in members.items() if key != name}
        changed = rest if inner is None else payload | {inner: [rest]}
        assert not is_read(definition, changed), name
        assert not is_valid(definition, changed), name
