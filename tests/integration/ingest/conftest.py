"""A practice with a patient, a gateway and a cuff; batches of readings to send."""

from __future__ import annotations

import random
import ssl
import string
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from firmware_profiles import topics, uuids, wire
from firmware_profiles.blood_pressure import BloodPressureMeasurement, PressureUnit
from firmware_profiles.gatt_time import DateTime
from firmware_profiles.sfloat import Sfloat
from firmware_profiles.wire import Batch, GatewayClock, Link, Record
from ingest import assignments, people
from ingest.arrivals import Arrival, Opened, open_message
from ingest.settings import IngestSettings
from tests import gateway_rows, scopes
from tests.ingest_workers import Processes

NOW = datetime.now(UTC).replace(microsecond=0)
GATEWAY, ADDRESS = "gw-aaaa1111", "AA:BB:CC:DD:EE:01"


@dataclass(frozen=True)
class Home:
    """What the database was given before the first message."""

    practice_id: UUID
    patient_id: UUID
    peripheral_id: UUID
    gateway_id: str = GATEWAY
    bluetooth_address: str = ADDRESS
    epoch: str = field(default_factory=lambda: uuid4().hex)
    now: datetime = NOW

    def record(self, seq: int, systolic_mmhg: int = 128, **changes: Any) -> Record:
        """A measurement made ``seq`` minutes ago, undated for ``dated=False``."""
        measured = (NOW - timedelta(minutes=seq)).replace(tzinfo=None)
        raw = BloodPressureMeasurement(
            unit=PressureUnit.MMHG,
            systolic=Sfloat(systolic_mmhg, 0),
            diastolic=Sfloat(79, 0),
            mean_arterial=Sfloat(95, 0),
            time_stamp=DateTime.of(measured) if changes.pop("dated", True) else None,
        ).to_bytes()
        record = Record(
            seq=seq,
            peripheral=ADDRESS,
            profile_id="standard-cuff",
            profile_version=1,
            characteristic=uuids.BLOOD_PRESSURE_MEASUREMENT,
            raw=raw,
            received_at=NOW,
            gateway_clock=GatewayClock.SYNCHRONISED,
            device_clock_offset_s=0.0,
            time_zone="UTC",
            link=Link.ENCRYPTED,
        )
        return replace(record, **changes)

    def payload(self, records: Sequence[Record], epoch: str | None = None) -> bytes:
        return wire.encode_batch(Batch(self.gateway_id, epoch or self.epoch, NOW, tuple(records)))

    def message(self, records: Sequence[Record], epoch: str | None = None) -> Opened:
        return self.opened(self.payload(records, epoch))

    def opened(self, payload: bytes, topic: str | None = None) -> Opened:
        topic = topic or topics.readings(self.gateway_id)
        return open_message(
            Arrival(uuid4(), topic, payload, 1, datetime.now(UTC), is_retained=False)
        )


def add_home(cur: psycopg.Cursor[Any], gateway_id: str = GATEWAY) -> Home:
    practice_id = people.add_practice(
        cur, slug=f"elm-{gateway_id[3:]}", name="Elm Street", time_zone="America/New_York"
    )
    patient_id = people.add_patient(
        cur,
        practice_id,
        display_name="Pat Example",
        born_on=date(1950, 1, 2),
        record_number="R-1",
        time_zone="America/New_York",
    )
    gateway_rows.add_gateway(cur, practice_id, gateway_id=gateway_id, label="Kitchen")
    peripheral_id = people.add_peripheral(
        cur, practice_id, bluetooth_address=ADDRESS, profile_id="standard-cuff"
    )
    assignments.assign(
        cur,
        practice_id,
        peripheral_id=peripheral_id,
        user_slot=None,
        patient_id=patient_id,
        valid_from=NOW - timedelta(days=400),
        assigned_by="test",
        at=NOW - timedelta(days=400),
    )
    return Home(practice_id, patient_id, peripheral_id, gateway_id)


@pytest.fixture
def owner(database: Any) -> Iterator[psycopg.Connection[Any]]:
    """Connection of the superuser, in autocommit mode: it sees everything."""
    with database.connect("postgres") as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def home(owner: psycopg.Connection[Any]) -> Home:
    with owner.transaction(), owner.cursor() as cur:
        home = add_home(cur)
    scopes.work_for(owner, home.practice_id)
    return home


@pytest.fixture
def other_home(owner: psycopg.Connection[Any]) -> Home:
    """Another practice, with the same cuff's address."""
    with owner.transaction(), owner.cursor() as cur:
        home = add_home(cur, "gw-bbbb2222")
    scopes.work_for(owner, home.practice_id)
    return home


class Gateway:
    """A gateway's end of the broker: publishes, and keeps what it hears."""

    def __init__(self, broker: Any) -> None:
        self.gateway_id = "gw-" + "".join(random.choices(string.ascii_lowercase, k=8))
        self.heard: list[bytes] = []
        self._client, is_ready = mqtt_client(broker, self.gateway_id), threading.Event()
        self._client.on_message = lambda *given: self.heard.append(given[2].payload)
        self._client.on_subscribe = lambda *_: is_ready.set()
        self._client.loop_start()
        self._client.subscribe(topics.receipts(self.gateway_id), qos=1)
        assert is_ready.wait(30)

    def receipted(self) -> dict[tuple[str, int], set[wire.ReceiptStatus]]:
        """Return all that was said about each position, by epoch and sequence number."""
        told: dict[tuple[str, int], set[wire.ReceiptStatus]] = {}
        for receipt in map(wire.decode_receipt, list(self.heard)):
            for item in receipt.items:
                for seq in range(item.first_seq, item.last_seq + 1):
                    told.setdefault((receipt.epoch, seq), set()).add(item.status)
        return told

    def publish(self, payload: bytes, branch: str = "readings", *, retain: bool = False) -> None:
        topic = f"hv/1/up/{self.gateway_id}/{branch}"
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        self.publish(b"", "status", retain=True)  # forgets a retained status
        self._client.disconnect()
        self._client.loop_stop()


def mqtt_client(broker: Any, name: str, *, forget: bool = False) -> mqtt.Client:
    """Connect under a name; ``forget`` starts and ends without a session."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
    context = ssl.create_default_context(cafile=broker.ca_file)
    context.load_cert_chain(*broker.credentials(name))
    client.tls_set_context(context)
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 0 if forget else 3600
    client.connect(broker.host, broker.port_for(name), clean_start=forget, properties=properties)
    return client


def connect_once(broker: Any, name: str, *, forget: bool) -> None:
    client, is_connected = mqtt_client(broker, name, forget=forget), threading.Event()
    client.manual_ack_set(on=True)  # what the session holds is not ours to take
    client.on_connect = lambda *_: is_connected.set()
    client.loop_start()
    assert is_connected.wait(30)
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def ingest_settings(broker: Any) -> Callable[..., IngestSettings]:
    """Settings of a worker at a broker that remembers nothing of earlier tests."""
    for name in ("ingest-1", "ingest-2"):
        connect_once(broker, name, forget=True)

    def settings(worker_name: str = "ingest-1", **changes: Any) -> IngestSettings:
        certificate_file, key_file = broker.credentials(worker_name)
        defaults = IngestSettings(
            broker_host=broker.host,
            broker_port=broker.port_for(worker_name),
            ca_file=broker.ca_file,
            certificate_file=certificate_file,
            key_file=key_file,
            worker_name=worker_name,
        )
        return replace(defaults, **changes)

    return settings


@pytest.fixture
def take_over_session(broker: Any) -> Callable[[str], None]:
    """Connect under a worker's name and leave again: the worker loses its connection."""
    return lambda name: connect_once(broker, name, forget=False)


@pytest.fixture
def gateway(broker: Any) -> Iterator[Gateway]:
    gateway = Gateway(broker)
    yield gateway
    gateway.close()


@pytest.fixture
def gateway_home(owner: psycopg.Connection[Any], gateway: Gateway) -> Home:
    """A home in the database whose gateway is at the broker."""
    with owner.transaction(), owner.cursor() as cur:
        return add_home(cur, gateway.gateway_id)


@pytest.fixture
def processes(
    ingest_settings: Callable[..., IngestSettings], database: Any, tmp_path: Path
) -> Iterator[Processes]:
    processes = Processes(ingest_settings, database.conninfo("homevitals_ingest"), tmp_path)
    yield processes
    for process in processes.running:
        process.kill()
        process.wait(10)
