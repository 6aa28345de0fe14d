"""What Home Assistant has to know to show a gateway and its peripherals: discovery messages and states. Pure.

Every entity has a configuration that the household's broker keeps, and a state that it does not keep. A state of the
gateway expires if it is not said again; a reading stays until the next one.

Source: Home Assistant, MQTT integration (discovery, binary_sensor.mqtt, sensor.mqtt) and the sensor's device classes,
read November 2026. There is no class for blood pressure or pulse, and “pressure” would be converted into the units of
the weather: such numbers have a unit and no class.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Final

from firmware_profiles import kinds
from firmware_profiles.gateway_configuration import AllowedPeripheral
from firmware_profiles.kinds import Number
from firmware_profiles.readings import Kind, Reading, Result
from firmware_profiles.wire_health import Health

PREFIX: Final = "homeassistant"
ONLINE: Final = b"online"
OFFLINE: Final = b"offline"

# A state that was missed twice is one that nobody vouches for.
_EXPIRE_AFTER: Final = 3
_MANUFACTURER: Final = "Homevitals"
_DEVICE_CLASSES: Final[Mapping[str, str]] = {
    "glucose_mg_dl": "blood_glucose_concentration",
    "weight_kg": "weight",
    "temperature_celsius": "temperature",
}


@dataclass(frozen=True, slots=True)
class Message:
    """Something to publish; an empty payload takes back what the broker keeps."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True)
class PeripheralState:
    """What is known of a peripheral now.

    Attributes:
        address: Bluetooth address, capitals.
        battery_percent: last level read from it.
        heard_at: last advertisement, aware UTC.
    """

    address: str
    battery_percent: int | None
    heard_at: datetime | None


@dataclass(frozen=True, slots=True)
class GatewayState:
    """What is known of the gateway now.

    Attributes:
        is_connected: whether the server's broker takes what it sends.
        waiting_count: records without a receipt.
        peripherals: those that it may connect to.
    """

    is_connected: bool
    waiting_count: int
    peripherals: tuple[PeripheralState, ...]


def of_health(health: Health, waiting_count: int) -> GatewayState:
    """Return what Home Assistant is told of what a gateway knows about itself."""
    return GatewayState(
        is_connected=health.uplink.connected_at is not None,
        waiting_count=waiting_count,
        peripherals=tuple(
            PeripheralState(one.peripheral, one.battery_percent, one.heard_at)
            for one in health.peripherals
        ),
    )


class Topics:
    """Where a gateway speaks on the household's broker."""

    def __init__(self, gateway_id: str) -> None:
        self.gateway_id: Final = gateway_id
        self._base = f"homevitals/{gateway_id}"
        self._node = f"homevitals_{gateway_id}"
        self.availability: Final = f"{self._base}/availability"
        self.state: Final = f"{self._base}/state"

    def peripheral(self, address: str) -> str:
        """Return where a peripheral's state is said."""
        return f"{self._base}/{_mark(address)}/state"

    def reading(self, address: str, kind: Kind, user_slot: int | None) -> str:
        """Return where readings of one kind are said, of one user of a peripheral that tells its users apart."""
        return f"{self._base}/{_mark(address)}/{_object(kind, user_slot)}"

    def config(self, component: str, object_id: str) -> str:
        """Return where an entity is announced."""
        return f"{PREFIX}/{component}/{self._node}/{object_id}/config"

    @property
    def configs(self) -> str:
        """Return the filter of all entities of this gateway."""
        return f"{PREFIX}/+/{self._node}/+/config"

    def is_about(self, topic: str, address: str) -> bool:
        """Whether an entity's topic is one of a peripheral's."""
        return topic.startswith(f"{PREFIX}/sensor/{self._node}/{_mark(address)}_")


def gateway_entities(topics: Topics, status_every_s: float) -> Iterator[Message]:
    """Announce the gateway itself."""
    device = {
        "identifiers": [_id(topics)],
        "name": f"Homevitals gateway {topics.gateway_id}",
        "manufacturer": _MANUFACTURER,
        "sw_version": version("homevitals"),
    }
    yield _entity(
        topics,
        "binary_sensor",
        "online",
        device,
        name="Gateway",
        state_topic=topics.availability,
        payload_on="online",
        payload_off="offline",
        device_class="connectivity",
        entity_category="diagnostic",
    )
    alive = _alive(topics, status_every_s)
    yield _entity(
        topics,
        "binary_sensor",
        "server",
        device,
        name="Connection to the practice",
        state_topic=topics.state,
        value_template="{{ value_json.connected }}",
        device_class="connectivity",
        entity_category="diagnostic",
        **alive,
    )
    yield _entity(
        topics,
        "sensor",
        "waiting",
        device,
        name="Records waiting",
        state_topic=topics.state,
        value_template="{{ value_json.waiting }}",
        unit_of_measurement="records",
        state_class="measurement",
        entity_category="diagnostic",
        **alive,
    )


def peripheral_entities(
    topics: Topics, peripheral: AllowedPeripheral, status_every_s: float
) -> Iterator[Message]:
    """Announce what is said of a peripheral's state."""
    mark, device = _mark(peripheral.address), _device(topics, peripheral)
    common = {
        "state_topic": topics.peripheral(peripheral.address),
        "entity_category": "diagnostic",
        **_alive(topics, status_every_s),
    }
    yield _entity(
        topics,
        "sensor",
        f"{mark}_battery",
        device,
        name="Battery",
        value_template="{{ value_json.battery }}",
        device_class="battery",
        unit_of_measurement="%",
        state_class="measurement",
        **common,
    )
    yield _entity(
        topics,
        "sensor",
        f"{mark}_heard",
        device,
        name="Last heard",
        value_template="{{ value_json.heard_at }}",
        device_class="timestamp",
        **common,
    )


def reading_entities(
    topics: Topics, peripheral: AllowedPeripheral, kind: Kind, user_slot: int | None
) -> Iterator[Message]:
    """Announce the numbers of one kind of reading, for one user of a peripheral that tells its users apart."""
    topic = topics.reading(peripheral.address, kind, user_slot)
    of_user = "" if user_slot is None else f", user {user_slot}"
    for number in kinds.OF[kind].numbers:
        words = number.words[:1].upper() + number.words[1:]
        yield _entity(
            topics,
            "sensor",
            f"{_mark(peripheral.address)}_{_object(kind, user_slot)}_{number.name}",
            _device(topics, peripheral),
            name=f"{words}{of_user}",
            state_topic=topic,
            value_template=f"{{{{ value_json.{number.name} }}}}",
            json_attributes_topic=topic,
            unit_of_measurement=number.unit,
            state_class="measurement",
            **_class_of(number),
        )


def states(topics: Topics, gateway: GatewayState) -> Iterator[Message]:
    """Say how gateway and peripherals are."""
    connected = "ON" if gateway.is_connected else "OFF"
    yield _state(topics.state, {"connected": connected, "waiting": gateway.waiting_count})
    for one in gateway.peripherals:
        heard_at = None if one.heard_at is None else one.heard_at.isoformat(timespec="seconds")
        said = {"battery": one.battery_percent, "heard_at": heard_at}
        yield _state(topics.peripheral(one.address), said)


def reading(
    topics: Topics, address: str, decoded: Reading, received_at: datetime
) -> Message | None:
    """Say a reading; None where it has no numbers to show.

    Args:
        topics: Of the gateway.
        address: Of the peripheral.
        decoded: What it measured.
        received_at: When it came, aware UTC.
    """
    if decoded.result is not Result.MEASURED:
        return None
    numbers = {
        number.name: getattr(decoded, number.name) for number in kinds.OF[decoded.KIND].numbers
    }
    device_time = decoded.device_time
    said = {
        **numbers,
        "device_time": None if device_time is None else device_time.isoformat(),
        "received_at": received_at.isoformat(timespec="seconds"),
        "qualifiers": list(decoded.qualifiers),
    }
    return _state(topics.reading(address, decoded.KIND, decoded.user_slot), said)


def _entity(
    topics: Topics,
    component: str,
    object_id: str,
    device: Mapping[str, object],
    /,
    **members: object,
) -> Message:
    content = {
        "unique_id": f"{_id(topics)}_{object_id}",
        "device": device,
        "origin": {"name": _MANUFACTURER, "sw_version": version("homevitals")},
        **members,
    }
    payload = json.dumps(content, ensure_ascii=False).encode()
    return Message(topics.config(component, object_id), payload, retain=True)


def _device(topics: Topics, peripheral: AllowedPeripheral) -> dict[str, object]:
    address = peripheral.address
    return {
        "identifiers": [f"{_id(topics)}_{_mark(address)}"],
        "connections": [["bluetooth", address]],
        "name": peripheral.name or f"Peripheral {address[-5:]}",
        "via_device": _id(topics),
    }


def _alive(topics: Topics, status_every_s: float) -> dict[str, object]:
    return {
        "availability_topic": topics.availability,
        "expire_after": math.ceil(_EXPIRE_AFTER * status_every_s),
    }


def _class_of(number: Number) -> dict[str, str]:
    found = _DEVICE_CLASSES.get(number.name)
    return {} if found is None else {"device_class": found}


def _state(topic: str, members: Mapping[str, object]) -> Message:
    return Message(topic, json.dumps(members).encode())


def _id(topics: Topics) -> str:
    return f"homevitals_{topics.gateway_id.replace('-', '_')}"


def _mark(address: str) -> str:
    return address.replace(":", "").lower()


def _object(kind: Kind, user_slot: int | None) -> str:
    return str(kind) if user_slot is None else f"{kind}_user_{user_slot}"
