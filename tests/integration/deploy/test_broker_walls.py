"""What a gateway's certificate lets it do at the broker, and what not."""

from __future__ import annotations

import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

pytestmark = pytest.mark.broker


class Peer:
    """One MQTT 5 client whose events are waited for."""

    def __init__(self, broker: Any, common_name: str, client_id: str | None = None) -> None:
        certificate, key = broker.credentials(common_name)
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id or common_name, protocol=mqtt.MQTTv5
        )
        self.client.tls_set(str(broker.ca_file), str(certificate), str(key))
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.events.put(("connect", reason))
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.events.put(
            ("subscribe", reasons)
        )
        self.client.on_publish = lambda _c, _u, _m, reason, _p: self.events.put(("publish", reason))
        self.client.on_message = lambda _c, _u, message: self.events.put(("message", message))
        self.client.on_disconnect = lambda _c, _u, _f, reason, _p: self.events.put(
            ("disconnect", reason)
        )
        self.client.connect(broker.host, broker.port, clean_start=True)
        self.client.loop_start()
        assert not self.next("connect").is_failure

    def next(self, kind: str, timeout_s: float = 5.0) -> Any:
        while True:
            found, what = self.events.get(timeout=timeout_s)
            if found == kind:
                return what

    def publish(self, topic: str, payload: bytes = b"x") -> ReasonCode:
        self.client.publish(topic, payload, qos=1)
        reason: ReasonCode = self.next("publish")
        return reason

    def subscribe(self, topic: str) -> None:
        self.client.subscribe(topic, qos=1)
        self.next("subscribe")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def peers(broker: Any, *names: str) -> Iterator[list[Peer]]:
    opened = [Peer(broker, name) for name in names]
    try:
        yield opened
    finally:
        for peer in opened:
            peer.close()


def test_a_gateway_may_write_below_its_own_name_only(broker: Any) -> None:
    with peers(broker, "gw-aaaaaaaa") as [gateway]:
        assert not gateway.publish("hv/1/up/gw-aaaaaaaa/readings").is_failure
        for foreign in (
            "hv/1/up/gw-bbbbbbbb/readings",
            "hv/1/down/gw-aaaaaaaa/receipts",
            "hv/1/canary/ingest-1",
            "anything/else",
        ):
            assert gateway.publish(foreign).getName() == "Not authorized", foreign


@pytest.mark.parametrize(
    "wanted", ["#", "hv/1/down/#", "hv/1/down/gw-bbbbbbbb/receipts", "hv/1/up/#"]
)
def test_a_gateway_hears_nothing_of_its_neighbour(broker: Any, wanted: str) -> None:
    # Mosquitto 2.0 grants a forbidden subscription and filters what it delivers: only silence proves the wall.
    with peers(broker, "gw-aaaaaaaa", "gw-bbbbbbbb", "ingest-1") as [curious, neighbour, ingest]:
        curious.subscribe(wanted)
        curious.subscribe("hv/1/down/gw-aaaaaaaa/receipts")
        assert not neighbour.publish("hv/1/up/gw-bbbbbbbb/readings").is_failure
        assert not ingest.publish("hv/1/down/gw-bbbbbbbb/receipts", b"for the neighbour").is_failure
        assert not ingest.publish("hv/1/down/gw-aaaaaaaa/receipts", b"for me").is_failure
        assert curious.next("message").payload == b"for me"


def test_a_gateway_cannot_take_its_neighbours_session(broker: Any) -> None:
    with peers(broker, "gw-bbbbbbbb") as [neighbour]:
        impostor = Peer(broker, "gw-aaaaaaaa", client_id="gw-bbbbbbbb")
        try:
            assert not impostor.publish("hv/1/up/gw-aaaaaaaa/readings").is_failure
            assert impostor.publish("hv/1/up/gw-bbbbbbbb/readings").is_failure
            assert not neighbour.publish("hv/1/up/gw-bbbbbbbb/readings").is_failure
            assert all(kind != "disconnect" for kind, _ in list(neighbour.events.queue))
        finally:
            impostor.close()


def test_without_a_certificate_there_is_no_connection(broker: Any) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "gw-aaaaaaaa", protocol=mqtt.MQTTv5)
    client.tls_set(str(broker.ca_file))
    connected: queue.Queue[str] = queue.Queue()
    client.on_connect = lambda *_: connected.put("connected")
    client.on_disconnect = lambda *_: connected.put("refused")
    try:
        client.connect(broker.host, broker.port)
        client.loop_start()
        assert connected.get(timeout=5) == "refused"
    except (ssl.SSLError, ConnectionError):
        pass
    finally:
        client.loop_stop()


def test_a_client_that_lets_the_broker_name_it_gets_its_certificates_name(broker: Any) -> None:
    certificate, key = broker.credentials("gw-cccccccc")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "", protocol=mqtt.MQTTv5)
    client.tls_set(str(broker.ca_file), str(certificate), str(key))
    published: queue.Queue[ReasonCode] = queue.Queue()
    client.on_publish = lambda _c, _u, _m, reason, _p: published.put(reason)
    client.on_connect = lambda *_: client.publish("hv/1/up/gw-cccccccc/readings", b"x", qos=1)
    properties = Properties(PacketTypes.CONNECT)
    client.connect(broker.host, broker.port, clean_start=True, properties=properties)
    client.loop_start()
    try:
        assert not published.get(timeout=5).is_failure
    finally:
        client.disconnect()
        client.loop_stop()
