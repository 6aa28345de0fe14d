"""The schema and the hand-written reader say the same."""

from __future__ import annotations

import json
from collections.abc import Callable
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

TROUBLE: dict[str, Any] = {"reason": "quota_exceeded", "at": "2026-01-31T08:00:00Z"}
SALVAGE: dict[str, Any] = {
    "epoch": EPOCH,
    "found_at": "2026-01-31T08:00:00Z",
    "reason": "bad_pages",
    "saved": 3,
    "highest_seq": 5,
    "unsaved_count": 2,
    "unsaved": [[1, 1], [4, 4]],
}
OUTBOX: dict[str, Any] = {
    "epoch": EPOCH,
    "oldest_waiting_at": None,
    "last_receipt_at": "2026-01-31T08:00:00Z",
    "size_bytes": 40960,
    "size_limit_bytes": 67108864,
    "age_limit_s": 15552000,
    "closed": "size",
    "salvages": [SALVAGE],
}
ADAPTER: dict[str, Any] = {
    "name": "hci0",
    "state": "up",
    "since": "2026-01-31T08:00:00Z",
    "failure": TROUBLE,
}
PERIPHERAL: dict[str, Any] = {
    "peripheral": "AA:BB:CC:DD:EE:0F",
    "profile_id": "standard-cuff",
    "heard_at": "2026-01-31T08:00:00Z",
    "rssi_dbm": -71,
    "talked_at": None,
    "battery_percent": 80,
    "battery_at": "2026-01-31T08:00:00Z",
    "bond": "bonded",
    "failure": None,
    "failures": 0,
}
HEALTH: dict[str, Any] = {
    "version": 1,
    "software": {"package": "0.1.0", "profiles": "1", "system": "Debian 12", "bluez": None},
    "machine": {
        "started_at": "2026-01-31T08:00:00Z",
        "clock": "synchronised",
        "disk_free_bytes": 1,
        "temperature_c": 48.3,
        "resident_bytes": None,
    },
    "outbox": OUTBOX,
    "uplink": {"connected_at": None, "refusal": TROUBLE, "failure": None},
    "adapters": [ADAPTER],
    "peripherals": [PERIPHERAL],
}
# Each part of a gateway's health, and the health in which another stands in its place.
PARTS: dict[str, tuple[dict[str, Any], Callable[[Any], dict[str, Any]]]] = {
    "health": (HEALTH, lambda part: part),
    "software": (HEALTH["software"], lambda part: HEALTH | {"software": part}),
    "machine": (HEALTH["machine"], lambda part: HEALTH | {"machine": part}),
    "outbox": (OUTBOX, lambda part: HEALTH | {"outbox": part}),
    "salvage": (SALVAGE, lambda part: HEALTH | {"outbox": OUTBOX | {"salvages": [part]}}),
    "uplink": (HEALTH["uplink"], lambda part: HEALTH | {"uplink": part}),
    "trouble": (TROUBLE, lambda part: HEALTH | {"adapters": [ADAPTER | {"failure": part}]}),
    "adapter": (ADAPTER, lambda part: HEALTH | {"adapters": [part]}),
    "peripheral": (PERIPHERAL, lambda part: HEALTH | {"peripherals": [part]}),
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
        -127, -128, 20, 21, 100, 101, 200.5, "disk", "lost", "up", "hci0", "~", "\x7f", "é", "n" * 101, [[1, 2]],
        [[1]], [[1, 2, 3]], [[0, 1]], [[1, "2"]], [[1, 2]] * 21, [None] * 65, TROUBLE, SALVAGE, {"version": 2},
        {"version": 2, "patient": 1}, {"version": 1}, {"n" * 201: 1},
        {str(n): n for n in range(33)}, {str(n): n for n in range(32)},
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


@pytest.mark.parametrize("part", PARTS)
@given(chooser=st.data(), oddity=ODDITIES)
def test_both_agree_when_a_field_of_the_health_is_odd(
    part: str, chooser: st.DataObject, oddity: object
) -> None:
    members, placed = PARTS[part]
    name = chooser.draw(st.sampled_from([*members, "patient", "other"]))
    changed = STATUS | {"health": placed(members | {name: oddity})}
    assert is_read("status_payload", changed) == is_valid("status_payload", changed)


@pytest.mark.parametrize("part", PARTS)
def test_both_refuse_when_a_field_of_the_health_is_missing(part: str) -> None:
    members, placed = PARTS[part]
    assert is_read("status_payload", STATUS | {"health": HEALTH})
    assert is_valid("status_payload", STATUS | {"health": HEALTH})
    for name in members:
        rest = {key: entry for key, entry in members.items() if key != name}
        changed = STATUS | {"health": placed(rest)}
        assert not is_read("status_payload", changed), name
        assert not is_valid("status_payload", changed), name


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
