"""What a gateway says of itself comes back whole, and older and newer ends understand each other."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles import wire, wire_health
from firmware_profiles.errors import WireError, WireReason
from firmware_profiles.wire import GatewayClock, GatewayStatus
from firmware_profiles.wire_health import (
    AdapterHealth,
    AdapterState,
    Bond,
    Closure,
    Health,
    Machine,
    OutboxHealth,
    PeripheralHealth,
    SalvageReport,
    Software,
    Trouble,
    UplinkHealth,
)

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)
EPOCH = "0123456789abcdef" * 2
STATUS = GatewayStatus(online=True, boot_id=EPOCH, at=AT, waiting_records=3)

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
COUNTS = st.integers(0, 2**63 - 2)
NAMES = st.from_regex(r"[ -~]{1,100}", fullmatch=True)
TROUBLES = st.builds(Trouble, st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True), INSTANTS)
RUNS = st.tuples(st.integers(1, 2**63 - 2), st.integers(1, 2**63 - 2)).map(
    lambda ends: (min(ends), max(ends))
)
SALVAGES = st.builds(
    SalvageReport,
    epoch=st.none() | st.just(EPOCH),
    found_at=INSTANTS,
    reason=st.just("commits_lost"),
    saved=COUNTS,
    highest_seq=st.none() | COUNTS,
    unsaved_count=COUNTS,
    unsaved=st.lists(RUNS, max_size=wire_health.MAX_RUNS).map(tuple),
)
OUTBOXES = st.builds(
    OutboxHealth,
    epoch=st.just(EPOCH),
    oldest_waiting_at=st.none() | INSTANTS,
    last_receipt_at=st.none() | INSTANTS,
    size_bytes=COUNTS,
    size_limit_bytes=COUNTS,
    age_limit_s=COUNTS,
    closed=st.none() | st.sampled_from(Closure),
    salvages=st.lists(SALVAGES, max_size=wire_health.MAX_SALVAGES).map(tuple),
)
ADAPTERS = st.builds(
    AdapterHealth, NAMES, st.sampled_from(AdapterState), INSTANTS, st.none() | TROUBLES
)
PERIPHERALS = st.builds(
    PeripheralHealth,
    peripheral=st.from_regex(r"([0-9A-F]{2}:){5}[0-9A-F]{2}", fullmatch=True),
    profile_id=st.none() | st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True),
    heard_at=st.none() | INSTANTS,
    rssi_dbm=st.none() | st.integers(-127, 20),
    talked_at=st.none() | INSTANTS,
    battery_percent=st.none() | st.integers(0, 100),
    battery_at=st.none() | INSTANTS,
    bond=st.sampled_from(Bond),
    failure=st.none() | TROUBLES,
    failures=COUNTS,
)
HEALTHS = st.builds(
    Health,
    software=st.builds(Software, NAMES, st.none() | NAMES, st.none() | NAMES, st.none() | NAMES),
    machine=st.builds(
        Machine,
        started_at=INSTANTS,
        clock=st.sampled_from(GatewayClock),
        disk_free_bytes=st.none() | COUNTS,
        temperature_c=st.none() | st.floats(-200, 200),
        resident_bytes=st.none() | COUNTS,
    ),
    outbox=OUTBOXES,
    uplink=st.builds(
        UplinkHealth, st.none() | INSTANTS, st.none() | TROUBLES, st.none() | TROUBLES
    ),
    adapters=st.lists(ADAPTERS, max_size=2).map(tuple),
    peripherals=st.lists(PERIPHERALS, max_size=3).map(tuple),
)


def healthy() -> Health:
    """Return the health of a gateway with nothing around it."""
    return Health(
        software=Software("0.1.0", None, None, None),
        machine=Machine(AT, GatewayClock.UNKNOWN, None, None, None),
        outbox=OutboxHealth(EPOCH, None, None, 0, 1, 1, None, ()),
        uplink=UplinkHealth(None, None, None),
        adapters=(),
        peripherals=(),
    )


def status(health: Any = ...) -> bytes:
    members = json.loads(wire.encode_status(STATUS))
    members = {name: entry for name, entry in members.items() if name != "health"}
    return json.dumps(members if health is ... else members | {"health": health}).encode()


@given(HEALTHS)
def test_health_comes_back_when_encoded_and_decoded(health: Health) -> None:
    said = replace(STATUS, health=health)
    assert wire.decode_status(wire.encode_status(said)) == said


def test_status_counts_when_it_comes_from_a_gateway_of_before() -> None:
    assert wire.decode_status(status()) == STATUS
    assert wire.decode_status(status(None)) == STATUS


def test_status_counts_when_the_health_is_of_a_later_version() -> None:
    assert wire.decode_status(status({"version": 2, "mood": "fine"})) == STATUS


def test_unknown_fields_are_passed_over_when_a_later_gateway_says_more() -> None:
    members = wire_health.members(healthy())
    later = members | {"moon": 1, "outbox": members["outbox"] | {"colour": "red"}}  # type: ignore[operator]
    assert wire.decode_status(status(later)).health == healthy()


@pytest.mark.parametrize(
    ("part", "change", "reason"),
    [
        pytest.param("peripherals", [{"patient": "x"}], WireReason.FORBIDDEN_FIELD, id="patient"),
        pytest.param("adapters", [{}] * 9, WireReason.OUT_OF_RANGE, id="many"),
        pytest.param("adapters", {}, WireReason.WRONG_TYPE, id="no-array"),
        pytest.param("uplink", None, WireReason.WRONG_TYPE, id="no-object"),
    ],
)
def test_status_is_refused_when_its_health_breaks_the_format(
    part: str, change: object, reason: WireReason
) -> None:
    with pytest.raises(WireError) as refused:
        wire.decode_status(status(wire_health.members(healthy()) | {part: change}))
    assert refused.value.reason is reason


def test_health_of_a_full_house_fits_into_a_message() -> None:
    trouble = Trouble("x" * 64, AT)
    one = PeripheralHealth(
        "AA:BB:CC:DD:EE:FF", "p" * 64, AT, -70, AT, 100, AT, Bond.UNKNOWN, trouble, 2**62
    )
    run = (2**62, 2**62)
    salvage = SalvageReport(EPOCH, AT, "x" * 64, 2**62, 2**62, 2**62, (run,) * wire_health.MAX_RUNS)
    full = Health(
        software=Software("v" * 100, "v" * 100, "v" * 100, "v" * 100),
        machine=Machine(AT, GatewayClock.UNKNOWN, 2**62, 48.5, 2**62),
        outbox=OutboxHealth(
            EPOCH, AT, AT, 2**62, 2**62, 2**62, Closure.SIZE, (salvage,) * wire_health.MAX_SALVAGES
        ),
        uplink=UplinkHealth(AT, trouble, trouble),
        adapters=(AdapterHealth("n" * 100, AdapterState.DOWN, AT, trouble),)
        * wire_health.MAX_ADAPTERS,
        peripherals=(one,) * wire_health.MAX_PERIPHERALS,
    )
    payload = wire.encode_status(replace(STATUS, health=full))
    assert len(payload) < wire.MAX_PAYLOAD_BYTES / 4
