"""The courier's own connection to the broker: publishes and waits for the answer, hands out what gateways have said.

paho's network thread does nothing but put events into a queue, wrapped so that not even that can raise. Everything
else runs in the courier's thread.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from typing import Any, Final, NamedTuple

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from firmware_profiles import topics
from ingest import errors
from ingest.consumer import SESSION_EXPIRY_S, tls_context
from ingest.errors import BrokerReason
from ingest.settings import IngestSettings

# One session, whichever worker has it: what gateways say while nobody listens waits under this name.
CLIENT_ID: Final = "configuration-courier"
_ANSWER_TIMEOUT_S: Final = 15.0
_KEEPALIVE_S: Final = 30
_AT_LEAST_ONCE: Final = 1
# Answers of gateways that are not in the store yet; the broker keeps the others.
_RECEIVE_MAXIMUM: Final = 200


class Heard(NamedTuple):
    """What a gateway has said."""

    topic: str
    payload: bytes
    packet_id: int
    qos: int


class _Answered(NamedTuple):
    """The broker's answer to something of ours: CONNACK, SUBACK or PUBACK."""

    packet: str
    packet_id: int
    refusal: str | None


class _Lost(NamedTuple):
    """The connection is gone."""

    reason: str


class CourierLink:
    """One connection, made for one use: after a loss, make another."""

    def __init__(self, settings: IngestSettings) -> None:
        """Prepare the connection.

        Raises:
            BrokerError: certificate, key or authority cannot be read.
        """
        self._settings = settings
        self._events: queue.SimpleQueue[Heard | _Answered | _Lost] = queue.SimpleQueue()
        self._heard: deque[Heard] = deque()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=CLIENT_ID,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client.suppress_exceptions = True
        self._client.connect_timeout = _ANSWER_TIMEOUT_S
        self._client.tls_set_context(tls_context(settings))
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect

    def open(self) -> None:
        """Connect, and hear what gateways say.

        Raises:
            BrokerAway: the broker cannot be reached.
            BrokerError: it refuses us.
        """
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = _RECEIVE_MAXIMUM
        try:
            self._client.connect(
                self._settings.broker_host,
                self._settings.broker_port,
                keepalive=_KEEPALIVE_S,
                clean_start=False,
                properties=properties,
            )
        except OSError as error:  # ssl.SSLError is one
            raise errors.BrokerAway from error
        self._client.loop_start()
        self._require("CONNACK", 0)
        _, packet_id = self._client.subscribe(topics.CONFIGURED_FILTER, qos=_AT_LEAST_ONCE)
        self._require("SUBACK", packet_id or 0)

    def publish(self, topic: str, payload: bytes) -> None:
        """Let the broker keep a message under a topic, an empty one for none, and wait until it has taken it.

        Raises:
            BrokerAway: the connection is gone, or nothing was answered.
            BrokerError: the broker refuses it.
        """
        published = self._client.publish(topic, payload, qos=_AT_LEAST_ONCE, retain=True)
        if published.rc != mqtt.MQTT_ERR_SUCCESS:
            raise errors.BrokerAway
        self._require("PUBACK", published.mid)

    def heard(self, timeout_s: float) -> list[Heard]:
        """Return what gateways have said, waiting so long for the first.

        Raises:
            BrokerAway: the connection is gone.
        """
        wait_s = 0.0 if self._heard else timeout_s
        try:
            while True:
                self._take(
                    self._events.get(timeout=wait_s) if wait_s else self._events.get_nowait()
                )
                wait_s = 0.0
        except queue.Empty:
            pass
        found = list(self._heard)
        self._heard.clear()
        return found

    def acknowledge(self, heard: Heard) -> None:
        """Tell the broker that something is safe; where the connection is gone it will come again."""
        if heard.qos:
            self._client.ack(heard.packet_id, heard.qos)

    def close(self) -> None:
        """Disconnect; the broker keeps the session."""
        self._client.disconnect()
        self._client.loop_stop()

    def _require(self, packet: str, packet_id: int) -> None:
        """Wait for an answer; what else comes meanwhile is kept."""
        ends_at_s = time.monotonic() + _ANSWER_TIMEOUT_S
        while True:
            try:
                event = self._events.get(timeout=max(ends_at_s - time.monotonic(), 0.001))
            except queue.Empty:
                raise errors.BrokerAway from None
            answer = self._take(event)
            if answer is not None and (answer.packet, answer.packet_id) == (packet, packet_id):
                if answer.refusal is not None:
                    raise errors.BrokerError(
                        f"the broker answers the courier with “{answer.refusal}”; write its configuration again with"
                        " “homevitals broker config”",
                        BrokerReason.SUBSCRIPTION_REFUSED,
                    )
                return

    def _take(self, event: Heard | _Answered | _Lost) -> _Answered | None:
        match event:
            case Heard():
                self._heard.append(event)
            case _Answered():
                return event
            case _Lost():
                raise errors.BrokerAway
        return None

    # paho's thread below this line: nothing but handing over.

    def _on_connect(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.ConnectFlags,
        code: ReasonCode,
        _p: Any,
    ) -> None:
        self._events.put(_Answered("CONNACK", 0, _refusal(code)))

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: Any, mid: int, codes: list[ReasonCode], _p: Any
    ) -> None:
        refusal = next((_refusal(code) for code in codes if code.is_failure), None)
        self._events.put(_Answered("SUBACK", mid, refusal))

    def _on_publish(
        self, _client: mqtt.Client, _userdata: Any, mid: int, code: ReasonCode, _p: Any
    ) -> None:
        self._events.put(_Answered("PUBACK", mid, _refusal(code)))

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        topic, payload = message.topic, bytes(message.payload)
        self._events.put(Heard(topic, payload, message.mid, message.qos))

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.DisconnectFlags,
        code: ReasonCode,
        _p: Any,
    ) -> None:
        self._events.put(_Lost(str(code)))


def _refusal(code: ReasonCode) -> str | None:
    return str(code) if code.is_failure else None
