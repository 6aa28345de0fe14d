"""What Home Assistant is announced and told: each field as its documentation has it, and nothing of a person."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from firmware_profiles import kinds
from firmware_profiles.gateway_configuration import AllowedPeripheral
from firmware_profiles.readings import (
    BloodPressureReading,
    BodyWeightReading,
    GlucoseReading,
    Kind,
    Result,
)
from gateway.home_assistant import discovery
from gateway.home_assistant.discovery import GatewayState, Message, PeripheralState, Topics

TOPICS = Topics("gw-ab12cd34")
CUFF = AllowedPeripheral("AA:BB:CC:DD:EE:01", name="Küche")
AT = datetime(2026, 11, 28, 8, tzinfo=UTC)
# Source: Home Assistant, sensor device classes and their units.
UNITS = {
    "battery": {"%"},
    "blood_glucose_concentration": {"mg/dL", "mmol/L"},
    "temperature": {"°C"},
    "timestamp": {None},
    "weight": {"kg"},
}


def content(message: Message) -> dict[str, Any]:
    return dict(json.loads(message.payload))


def every_entity() -> list[Message]:
    return [
        *discovery.gateway_entities(TOPICS, 60.0),
        *discovery.peripheral_entities(TOPICS, CUFF, 60.0),
        *(
            one
            for kind in Kind
            for slot in (None, 1)
            for one in discovery.reading_entities(TOPICS, CUFF, kind, slot)
        ),
    ]


@pytest.mark.parametrize("message", every_entity(), ids=lambda one: one.topic.split("/")[3])
def test_an_entity_is_announced_as_home_assistant_wants_it(message: Message) -> None:
    said = content(message)
    assert message.retain
    found = re.fullmatch(
        r"homeassistant/(sensor|binary_sensor)/homevitals_gw-ab12cd34/([a-z0-9_]+)/config",
        message.topic,
    )
    assert found is not None
    assert said["unique_id"] == f"homevitals_gw_ab12cd34_{found[2]}"
    assert said["device"]["identifiers"]
    assert said["origin"]["name"]
    assert said["state_topic"].startswith("homevitals/gw-ab12cd34/")
    assert said["name"]
    device_class = said.get("device_class")
    if found[1] == "binary_sensor":
        assert device_class == "connectivity"
    elif device_class is not None:
        assert said.get("unit_of_measurement") in UNITS[device_class]


def test_no_entity_is_announced_twice() -> None:
    entities = every_entity()
    assert len({one.topic for one in entities}) == len(entities)
    assert len({content(one)["unique_id"] for one in entities}) == len(entities)


def test_what_is_said_of_gateway_and_peripherals_expires() -> None:
    expiring = [content(one) for one in discovery.peripheral_entities(TOPICS, CUFF, 60.0)]
    assert {(one["expire_after"], one["availability_topic"]) for one in expiring} == {
        (180, TOPICS.availability)
    }


def test_peripherals_hang_on_their_gateway() -> None:
    (gateway, *_), (battery, _) = (
        [content(one)["device"] for one in discovery.gateway_entities(TOPICS, 60.0)],
        [content(one)["device"] for one in discovery.peripheral_entities(TOPICS, CUFF, 60.0)],
    )
    assert battery["via_device"] in gateway["identifiers"]
    assert battery["name"] == "Küche"
    unnamed = AllowedPeripheral("AA:BB:CC:DD:EE:02")
    (first, _) = discovery.peripheral_entities(TOPICS, unnamed, 60.0)
    assert content(first)["device"]["name"] == "Peripheral EE:02"


def test_the_state_says_what_is_unknown_as_unknown() -> None:
    gateway = GatewayState(
        is_connected=False,
        waiting_count=3,
        peripherals=(PeripheralState(CUFF.address, None, None), PeripheralState("B", 80, AT)),
    )
    said = [(one.topic, content(one), one.retain) for one in discovery.states(TOPICS, gateway)]
    assert said[0] == (TOPICS.state, {"connected": "OFF", "waiting": 3}, False)
    assert said[1][1] == {"battery": None, "heard_at": None}
    assert said[2][1] == {"battery": 80, "heard_at": "2026-11-28T08:00:00+00:00"}
    assert not any(retain for _, _, retain in said)


def pressure(**changes: Any) -> BloodPressureReading:
    fields: dict[str, Any] = {
        "device_time": datetime(2026, 11, 28, 9, 1),  # noqa: DTZ001 - the cuff does not know its zone
        "user_slot": 2,
        "result": Result.MEASURED,
        "systolic_mmhg": 128.0,
        "diastolic_mmhg": 79.0,
        "mean_arterial_mmhg": None,
        "pulse_bpm": 66.0,
        "qualifiers": ("irregular_pulse",),
    }
    return BloodPressureReading(**fields | changes)


def test_a_reading_is_told_where_its_entities_listen_and_is_not_kept() -> None:
    message = discovery.reading(TOPICS, CUFF.address, pressure(), AT)
    assert message is not None
    assert not message.retain
    said = content(message)
    for entity in discovery.reading_entities(TOPICS, CUFF, Kind.BLOOD_PRESSURE, 2):
        announced = content(entity)
        assert announced["state_topic"] == message.topic
        name = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", announced["value_template"])
        assert name is not None
        assert name[1] in said
        assert announced["name"].endswith(", user 2")
    assert (said["systolic_mmhg"], said["mean_arterial_mmhg"]) == (128.0, None)
    assert said["qualifiers"] == ["irregular_pulse"]


def test_users_of_a_cuff_are_told_apart() -> None:
    first, second = (
        discovery.reading(TOPICS, CUFF.address, pressure(user_slot=slot), AT) for slot in (1, 2)
    )
    assert first is not None
    assert second is not None
    assert first.topic != second.topic


@pytest.mark.parametrize("result", [one for one in Result if one is not Result.MEASURED])
def test_what_has_no_numbers_is_not_told(result: Result) -> None:
    nothing = GlucoseReading(1, None, None, result, None, (), context_follows=False)
    assert discovery.reading(TOPICS, CUFF.address, nothing, AT) is None


def test_blood_pressure_has_a_unit_and_no_class() -> None:
    """“pressure” would be shown in the household's unit for the weather."""
    entities = discovery.reading_entities(TOPICS, CUFF, Kind.BLOOD_PRESSURE, None)
    systolic = content(next(iter(entities)))
    assert systolic["unit_of_measurement"] == "mmHg"
    assert "device_class" not in systolic


def test_every_number_of_every_kind_has_an_entity() -> None:
    for kind, declaration in kinds.OF.items():
        entities = list(discovery.reading_entities(TOPICS, CUFF, kind, None))
        assert len(entities) == len(declaration.numbers)
    weight = BodyWeightReading(None, None, Result.MEASURED, 81.4, ())
    message = discovery.reading(TOPICS, CUFF.address, weight, AT)
    assert message is not None
    assert content(message)["weight_kg"] == 81.4
