"""The worker's side of the broker: MQTT 5 over mutual TLS, acknowledged by hand.

paho runs a network thread, the worker runs in another, and between them stands a bounded inbox. A
message is acknowledged only after its commit. The broker is asked to send no more than
``receive_maximum`` messages that are not, and keeps the rest. Not every broker keeps to it (Mosquitto
2.0.11 answers each acknowledgement with two messages while it has a backlog), so a full inbox makes
the network thread wait and TCP does the rest. Should the broker lose patience with that, it closes
the connection and sends all again on the next one.

An acknowledgement is valid only on the connection that delivered its message, because packet ids
start again on the next one. Each message therefore carries the number of its connection, and a lock
keeps a reconnect from slipping in between the look at that number and the sending.
"""

from __future__ import annotations

import functools
import logging
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Concatenate, Final, ParamSpec
from uuid import uuid4

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from firmware_profiles import topics
from ingest import errors
from ingest.arrivals import Arrival
from ingest.canary import Canary
from ingest.errors import BrokerReason
from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

_P = ParamSpec("_P")

# The broker keeps the session, and with it everything unacknowledged, for the longest outage that we
# want to sleep through. What it loses after that, the gateways send again.
SESSION_EXPIRY_S: Final = 30 * 24 * 3600
_KEEPALIVE_S: Final = 30
_ROOM_S: Final = 0.5  # how long a full inbox may overlook that the worker stops
_SHORTEST_RECONNECT_S: Final = 1
_LONGEST_RECONNECT_S: Final = 30
# A receipt that finds no place is not sent: its gateway sends the records again and gets another.
_MAX_WAITING_RECEIPTS: Final = 10_000
_MAX_RECEIPTS_IN_FLIGHT: Final = 100
# Quarantine's unique key holds the topic, and PostgreSQL limits what fits into an index entry.
_MAX_TOPIC_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message with what its acknowledgement needs."""

    arrival: Arrival
    qos: int
    connection: int  # counts up with every connection of this process


def _seen(
    callback: Callable[Concatenate[Consumer, _P], None],
) -> Callable[Concatenate[Consumer, _P], None]:
    """Turn what a callback raises into the failure that ``check`` raises.

    An exception that leaves a callback ends paho's network thread, and nobody would notice: the
    client goes on to call itself connected.
    """

    @functools.wraps(callback)
    def guarded(self: Consumer, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            callback(self, *args, **kwargs)
        except Exception:  # the top of paho's thread; the worker's thread raises it again
            log.exception("callback_failed", extra={"component": callback.__name__})
            self.fail(
                BrokerReason.RECEIVING_STOPPED,
                f"the callback {callback.__name__} failed; the worker has to start again",
            )

    return guarded


class Consumer:
    """One MQTT session under the worker's own name.

    ``start`` and ``stop`` frame its life; ``take``, ``acknowledge``, ``publish`` and ``check`` are
    for the worker's thread.
    """

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._canary_topic = f"hv/1/canary/{settings.worker_name}"
        self._canary = Canary()
        self._inbox: queue.Queue[Delivery] = queue.Queue(settings.receive_maximum)
        self._lock = threading.Lock()  # held while acknowledging, and to change the connection
        self._connection = 0
        self._is_connected = False
        self._failure: errors.BrokerError | None = None
        self._is_stopping = threading.Event()
        self._network: threading.Thread | None = None
        self._client = self._new_client()

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost.

        Raises:
            BrokerError: certificate, key or authority cannot be read.
        """
        self._client.tls_set_context(tls_context(self._settings))
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = self._settings.receive_maximum
        self._client.connect_async(
            self._settings.broker_host,
            self._settings.broker_port,
            keepalive=_KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()
        # paho does not hand out its thread, and says nothing when it dies.
        name = f"paho-mqtt-client-{self._settings.worker_name}"
        self._network = next((t for t in threading.enumerate() if t.name == name), None)

    def stop(self) -> None:
        """Disconnect; the broker keeps the session and all that is not acknowledged."""
        self._is_stopping.set()
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, limit: int, timeout_s: float) -> list[Delivery]:
        """Wait for a message, then take what else is there; the first one never waits for a second.

        Args:
            limit: How many at most.
            timeout_s: How long to wait for the first, seconds.
        """
        taken: list[Delivery] = []
        try:
            taken.append(self._inbox.get(timeout=timeout_s))
            while len(taken) < limit:
                taken.append(self._inbox.get_nowait())
        except queue.Empty:
            pass
        return taken

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Tell the broker that messages are safe; those of an earlier connection will come again."""
        with self._lock:
            for delivery in deliveries:
                if delivery.qos == 1 and delivery.connection == self._connection:
                    self._client.ack(delivery.arrival.packet_id, delivery.qos)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1; while the broker is away it waits, up to a limit."""
        sent = self._client.publish(topic, payload, qos=1)
        if sent.rc == mqtt.MQTT_ERR_QUEUE_SIZE:
            log.warning("receipt_not_queued", extra={"topic": topic})

    def check(self) -> None:
        """Send a canary when it is time, and make sure that the last ones came back.

        Raises:
            BrokerError: this worker does not receive any more and has to start again.
        """
        if self._failure is not None:
            raise self._failure
        if self._network is None or not self._network.is_alive():
            raise errors.BrokerError(
                "the network thread ended; check broker_host and start the worker again",
                BrokerReason.RECEIVING_STOPPED,
            )
        if not self._is_connected:
            return
        if self._inbox.full():  # the canary stands in line behind proof enough
            self._canary.restart()
            return
        now_s = time.monotonic()
        if self._canary.is_lost(now_s):
            raise errors.BrokerError(
                f"messages do not arrive; check that {self._settings.worker_name} may read and "
                f"write {self._canary_topic}, then start the worker again",
                BrokerReason.RECEIVING_STOPPED,
            )
        if self._canary.is_due(now_s):
            self._canary.sent(now_s)
            self._client.publish(self._canary_topic, b"", qos=0)

    def fail(self, reason: BrokerReason, message: str) -> None:
        """Make the next ``check`` raise."""
        self._failure = errors.BrokerError(message, reason)

    def _new_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.worker_name,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        client.reconnect_delay_set(_SHORTEST_RECONNECT_S, _LONGEST_RECONNECT_S)
        client.max_queued_messages_set(_MAX_WAITING_RECEIPTS)
        client.max_inflight_messages_set(_MAX_RECEIPTS_IN_FLIGHT)
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    @_seen
    def _on_socket_open(self, _client: mqtt.Client, _userdata: object, connection: object) -> None:
        # Acknowledgements and receipts are small, and Nagle's algorithm would let each wait for the
        # peer's delayed acknowledgement of the one before: 40 ms at every step.
        if isinstance(connection, socket.socket):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @_seen
    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: object,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.error("broker_refused", extra={"reason_code": reason.value})
            return
        # A new session where there was one means that the broker forgot what it kept for us.
        state = "session_resumed" if flags.session_present else "session_new"
        log.info("broker_connected", extra={"state": state})
        self._canary.restart()
        self._is_connected = True
        client.subscribe(
            [
                # The outbox repeats what is not receipted; the broker's memory of one message does
                # not help. Of a gateway's status the last word counts.
                (
                    topics.UP_FILTER,
                    SubscribeOptions(1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND),
                ),
                (topics.STATUS_FILTER, SubscribeOptions(1)),
                (self._canary_topic, SubscribeOptions(0)),
            ]
        )

    @_seen
    def _on_connect_fail(self, _client: mqtt.Client, _userdata: object) -> None:
        log.warning("broker_unreachable")

    @_seen
    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        with self._lock:
            self._connection += 1
        self._is_connected = False
        if not self._is_stopping.is_set():
            log.warning("broker_disconnected", extra={"reason_code": reason.value})
        # All of it comes again, and could not be acknowledged any more.
        while self.take(self._inbox.maxsize, timeout_s=0):
            pass

    @_seen
    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _packet_id: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [reason.value for reason in reasons if reason.is_failure]
        if refused:
            log.error("subscription_refused", extra={"reason_code": refused[0]})
            self.fail(
                BrokerReason.SUBSCRIPTION_REFUSED,
                f"the broker refuses a subscription of {self._settings.worker_name} (reason code "
                f"{refused[0]}); give it the rights of an ingest worker",
            )

    @_seen
    def _on_publish(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _packet_id: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.error("receipt_refused", extra={"reason_code": reason.value})

    @_seen
    def _on_message(
        self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        topic = _topic(message)
        if topic == self._canary_topic:
            self._canary.heard()
            return
        if message.retain and topic.endswith("/readings"):
            # We asked for none. An old copy proves nothing; the outbox repeats what is not receipted.
            log.warning("retained_ignored", extra={"topic": topic})
            self._client.ack(message.mid, message.qos)
            return
        arrival = Arrival(
            message_id=uuid4(),
            topic=topic,
            payload=bytes(message.payload),
            packet_id=message.mid,
            received_at=datetime.now(UTC),
            is_retained=message.retain,
        )
        self._deliver(Delivery(arrival, message.qos, self._connection))

    def _deliver(self, delivery: Delivery) -> None:
        """Wait for room in the inbox; once the worker stops there will be none."""
        while not self._is_stopping.is_set():
            try:
                self._inbox.put(delivery, timeout=_ROOM_S)
            except queue.Full:
                continue
            return


def _topic(message: mqtt.MQTTMessage) -> str:
    """Return the topic, made fit for a text column; a broker should let nothing else through."""
    try:
        return message.topic.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_MAX_TOPIC_LENGTH]
    except UnicodeDecodeError:
        return "\N{REPLACEMENT CHARACTER}"


def tls_context(settings: IngestSettings) -> ssl.SSLContext:
    """Return how a worker shows itself to the broker and checks it.

    Raises:
        BrokerError: certificate, key or authority cannot be read, or they do not fit together.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        context.load_cert_chain(settings.certificate_file, settings.key_file)
    except OSError as error:  # ssl.SSLError is one
        raise errors.BrokerError(
            "one of ca_file, certificate_file and key_file cannot be read, or they do not fit "
            "together; check the section [ingest]",
            BrokerReason.BAD_CREDENTIALS,
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
