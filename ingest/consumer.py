"""One MQTT session: messages into the inbox, acknowledged by hand, receipts back. MQTT 5 over mutual TLS.

paho runs a network thread, the worker runs in another, and between them stands a bounded inbox. A message is
acknowledged only after its commit. The broker is asked to send no more than ``receive_maximum`` messages that are not,
and keeps the rest. Not every broker keeps to it (Mosquitto 2.0.11 answers each acknowledgement with two messages while
it has a backlog), so a full inbox makes the network thread wait and TCP does the rest. Should the broker lose patience
with that, it closes the connection and sends all again on the next one.

An acknowledgement is valid only on the connection that delivered its message, because packet ids start again on the
next one. Each message therefore carries the number of its connection, and a lock keeps a reconnect from slipping in
between the look at that number and the sending.
"""

from __future__ import annotations

import functools
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Concatenate, Final, ParamSpec

from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from firmware_profiles import topics
from ingest import errors, time_ordered_id
from ingest.arrivals import Arrival
from ingest.buffered_client import BufferedClient, Publication
from ingest.canary import Canary
from ingest.errors import BrokerReason
from ingest.inbox import Delivery, Inbox
from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

_P = ParamSpec("_P")

# The broker keeps the session, and with it everything unacknowledged, for the longest outage that we
# want to sleep through. What it loses after that, the gateways send again.
SESSION_EXPIRY_S: Final = 30 * 24 * 3600
_KEEPALIVE_S: Final = 30
_SHORTEST_RECONNECT_S: Final = 1
_LONGEST_RECONNECT_S: Final = 30
# How many receipts may be on their way at once where the broker does not say.
_RECEIVE_MAXIMUM: Final = 65_535  # MQTT 5.0, 3.2.2.3.3
# Quarantine's unique key holds the topic, and PostgreSQL limits what fits into an index entry.
_MAX_TOPIC_LENGTH: Final = 200
_CANARIES: Final = "hv/1/canary/"


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
    """One session of the broker's.

    ``start`` and ``stop`` frame its life; ``acknowledge``, ``publish_all`` and ``check`` are for the worker's threads.

    Args:
        settings: Of the worker.
        session: Client id; the broker keeps under it what was missed.
        inbox: Where messages go; the worker may have other sessions that fill it too.
        hears_status: Whether this session also hears what gateways say of themselves; one of all has to.
    """

    def __init__(
        self, settings: IngestSettings, session: str, inbox: Inbox, *, hears_status: bool
    ) -> None:
        self._settings = settings
        self._session = session
        self._inbox = inbox
        self._hears_status = hears_status
        self._canary_topic = f"hv/1/canary/{settings.worker_name}"
        self._canary = Canary()
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
        name = f"paho-mqtt-client-{self._session}"
        self._network = next((t for t in threading.enumerate() if t.name == name), None)

    def stop(self) -> None:
        """Disconnect; the broker keeps the session and all that is not acknowledged."""
        self._is_stopping.set()
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_connected(self) -> bool:
        """Whether the broker is there."""
        return self._is_connected

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Tell the broker that messages are safe; those of an earlier connection will come again."""
        with self._lock:
            self._client.acknowledge(
                [
                    d.arrival.packet_id
                    for d in deliveries
                    if d.qos and d.connection == self._connection
                ]
            )

    def publish_all(self, publications: Sequence[tuple[str, bytes]]) -> None:
        """Publish with QoS 1; while the broker is away they wait, up to a limit."""
        left_out = self._client.publish_all(publications)
        if left_out:
            log.warning("receipts_not_queued", extra={"count": left_out})

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
        if self._inbox.is_full:  # the canary stands in line behind proof enough
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

    def _new_client(self) -> BufferedClient:
        client = BufferedClient(self._session, self._on_publications, self._on_refusal)
        client.reconnect_delay_set(_SHORTEST_RECONNECT_S, _LONGEST_RECONNECT_S)
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
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
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.error("broker_refused", extra={"reason_code": reason.value})
            return
        # A new session where there was one means that the broker forgot what it kept for us.
        state = "session_resumed" if flags.session_present else "session_new"
        log.info("broker_connected", extra={"state": state})
        self._canary.restart()
        # The outbox repeats what is not receipted; the broker's memory of one message does not help, and a shared
        # subscription would not hear of it. Of a gateway's status the last word counts.
        wanted = [
            (topics.SHARED_UP_FILTER, SubscribeOptions(1)),
            (self._canary_topic, SubscribeOptions(0)),
        ]
        if self._hears_status:
            wanted.append((topics.STATUS_FILTER, SubscribeOptions(1)))
        client.subscribe(wanted)
        client.unsubscribe(topics.UP_FILTER)  # of sessions from before, which heard everything
        self._client.open_window(getattr(properties, "ReceiveMaximum", _RECEIVE_MAXIMUM))
        self._is_connected = True

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
        self._inbox.drop(self)

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
    def _on_refusal(self, reason_code: int) -> None:
        log.error("receipt_refused", extra={"reason_code": reason_code})

    @_seen
    def _on_publications(self, publications: list[Publication]) -> None:
        received_at = datetime.now(UTC)
        deliveries = []
        for topic, payload, packet_id, qos, retain in publications:
            name = _topic(topic)
            if name.startswith(_CANARIES):
                # A session that somebody else worked for hears their canaries too.
                if name == self._canary_topic:
                    self._canary.heard()
                continue
            if retain and name.endswith("/readings"):
                # We asked for none. An old copy proves nothing; the outbox repeats what is not receipted.
                log.warning("retained_ignored", extra={"topic": name})
                self._client.acknowledge([packet_id] if qos else [])
                continue
            arrival = Arrival(time_ordered_id.new(), name, payload, packet_id, received_at, retain)
            deliveries.append(Delivery(arrival, qos, self._connection, self))
        self._inbox.put(deliveries, self._is_stopping)


def _topic(topic: bytes) -> str:
    """Return the topic, made fit for a text column; a broker should let nothing else through."""
    text = topic.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text[:_MAX_TOPIC_LENGTH]


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
