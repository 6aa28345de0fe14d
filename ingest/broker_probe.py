"""Whether the broker does what ingest relies on: what it promises, and a trial with messages that wait.

A worker does not believe in a configuration but tries it out before it begins. It subscribes to its
own canary topic under a client id of its own, goes away, has messages sent there, comes back and
counts. That needs no rights that a worker does not have, and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from uuid import uuid4

import tenacity
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest import broker_findings, consumer, errors
from ingest.broker_findings import (
    LARGE_BYTES,
    WAITING_MESSAGES,
    BrokerFault,
    BrokerFinding,
    Promise,
    Trial,
)
from ingest.errors import BrokerReason
from ingest.settings import IngestSettings

log = logging.getLogger(__name__)

_PATIENCE_S: Final = 30.0
_MARK_EVERY_S: Final = 0.1
_KEEPALIVE_S: Final = 30
_NUMBERED: Final = 20  # bytes: 16 for the run, 4 for the number
_LONGEST_RETRY_S: Final = 30.0


def require(settings: IngestSettings, stop: threading.Event) -> None:
    """Return once the broker is found to be fit, or ``stop`` is set; wait for it if it is away.

    Raises:
        BrokerError: it is not fit, or the worker's certificate cannot be used.
    """
    if not settings.check_broker:
        return
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(errors.BrokerAway),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=_LONGEST_RETRY_S),
        stop=tenacity.stop_when_event_set(stop),
        sleep=tenacity.sleep_using_event(stop),
    )
    try:
        findings = retrying(_examine_loudly, settings)
    except tenacity.RetryError:  # told to stop
        return
    if findings:
        raise errors.BrokerError(broker_findings.refusal(findings), BrokerReason.UNFIT)
    log.info("broker_checked")


def examine(settings: IngestSettings, *, patience_s: float = _PATIENCE_S) -> list[BrokerFinding]:
    """Return what the broker does not do.

    1. Ask for a session as the worker does, subscribe to the canary topic, and leave.
    2. Send more messages there than brokers keep by default, and one of the largest.
    3. Come back, count what comes, and end the session for good.

    Args:
        settings: Of the worker.
        patience_s: How long each of the steps may take, seconds.

    Raises:
        BrokerAway: it cannot be reached, refuses the connection or takes longer.
        BrokerError: certificate, key or authority cannot be read.
    """
    probe = f"{settings.worker_name}-probe"
    topic = f"hv/1/canary/{settings.worker_name}"
    run = uuid4().bytes
    with _connected(settings, probe, patience_s, consumer.SESSION_EXPIRY_S) as first:
        promise = Promise.of(first.said)
        is_granted = first.subscribe(topic)
    findings = broker_findings.judge_promise(promise)
    # What the broker says that it will not take is not sent.
    wants_large = BrokerFault.SMALL_PACKETS not in {finding.fault for finding in findings}
    with _connected(settings, f"{probe}-sender", patience_s) as sender:
        # Alone at first: Mosquitto 2.0.11 says no and breaks the connection, and behind many the no gets lost.
        is_taken = (
            is_granted
            and sender.publish(topic, [b""])
            and sender.publish(topic, [_numbered(run, n) for n in range(WAITING_MESSAGES)])
        )
        if is_taken and wants_large:
            # Some brokers break the connection over it, without a word: then it does not arrive.
            with contextlib.suppress(errors.BrokerAway):
                sender.publish(topic, [_numbered(run, WAITING_MESSAGES, LARGE_BYTES)])
    with _connected(
        settings, probe, patience_s, consumer.SESSION_EXPIRY_S, clean_start=False
    ) as back:
        trial = _count(back, topic, run, is_taken=is_taken, wants_large=wants_large)
    # Mosquitto 2.0.11 does not always take an expiry with the disconnection; a clean start ends any session.
    with _connected(settings, probe, patience_s):
        pass
    return [*findings, *broker_findings.judge_trial(trial)]


def _examine_loudly(settings: IngestSettings) -> list[BrokerFinding]:
    try:
        return examine(settings)
    except errors.BrokerAway as error:
        log.warning("broker_unreachable", extra={"error": str(error)})
        raise


def _numbered(run: bytes, number: int, size: int = 0) -> bytes:
    return (run + number.to_bytes(4, "big")).ljust(size, b"\0")


def _count(
    back: _Connection, topic: str, run: bytes, *, is_taken: bool, wants_large: bool
) -> Trial:
    """Count what waited, until a mark sent behind it comes back: messages of one topic keep their order."""
    mark, began_s, marks = uuid4().bytes, time.monotonic(), 0

    def is_marked() -> bool:
        nonlocal marks
        if time.monotonic() - began_s >= marks * _MARK_EVERY_S:  # a full queue drops marks too
            back.send(topic, mark)
            marks += 1
        return mark in back.heard

    is_heard = is_taken and (not back.session_present or back.wait_for(is_marked))
    came = {int.from_bytes(one[len(run) :], "big") for one in back.heard if one.startswith(run)}
    return Trial(
        is_heard=is_heard,
        is_remembered=back.session_present,
        small_count=len(came - {WAITING_MESSAGES}),
        has_large=not wants_large or WAITING_MESSAGES in came,
    )


class _Connection:
    """One connection, moved on by whoever waits: no thread that could die unseen."""

    def __init__(self, client: mqtt.Client, patience_s: float) -> None:
        self._client, self._patience_s = client, patience_s
        self.heard: set[bytes] = set()  # beginnings of payloads, as far as they are numbered
        self.session_present = False
        self.said: dict[str, Any] = {}  # properties of the CONNACK
        self._connected: ReasonCode | None = None
        self._granted: list[ReasonCode] | None = None
        self._answers: list[ReasonCode] = []
        client.on_connect = self._on_connect
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: setattr(self, "_granted", reasons)
        client.on_publish = lambda _c, _u, _m, reason, _p: self._answers.append(reason)
        client.on_message = lambda _c, _u, message: self.heard.add(
            bytes(message.payload[:_NUMBERED])
        )

    def accept(self) -> None:
        if not self.wait_for(lambda: self._connected is not None):
            raise errors.BrokerAway("the broker does not answer")
        if self._connected is not None and self._connected.is_failure:
            raise errors.BrokerAway(f"the broker refuses the connection ({self._connected.value})")

    def subscribe(self, topic: str) -> bool:
        """Return whether QoS 1 was granted."""
        self._client.subscribe(topic, qos=1)
        if not self.wait_for(lambda: self._granted is not None):
            raise errors.BrokerAway("the broker does not answer a subscription")
        return [reason.value for reason in self._granted or []] == [1]

    def publish(self, topic: str, payloads: Sequence[bytes]) -> bool:
        """Return whether every message was taken."""
        self._answers.clear()
        for payload in payloads:
            self.send(topic, payload)
        self.wait_for(lambda: len(self._answers) >= len(payloads) or self._is_refused)
        if len(self._answers) < len(payloads) and not self._is_refused:
            raise errors.BrokerAway("the broker does not acknowledge in time")
        return not self._is_refused

    @property
    def _is_refused(self) -> bool:
        return any(reason.is_failure for reason in self._answers)

    def send(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    def leave(self) -> None:
        self._client.disconnect()
        # What was not written yet still has to be.
        with contextlib.suppress(errors.BrokerAway):
            self.wait_for(lambda: self._client.socket() is None)

    def wait_for(self, is_done: Callable[[], bool]) -> bool:
        """Return whether it came to pass within our patience.

        Raises:
            BrokerAway: the connection broke.
        """
        until_s = time.monotonic() + self._patience_s
        while not is_done():
            if time.monotonic() > until_s:
                return False
            # What came before the connection broke may be all that was waited for.
            if self._client.loop(timeout=_MARK_EVERY_S) != mqtt.MQTT_ERR_SUCCESS and not is_done():
                raise errors.BrokerAway("the connection to the broker broke")
        return True

    def _on_connect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._connected = reason
        self.said = {} if properties is None else properties.json()  # type: ignore[no-untyped-call]
        self.session_present = flags.session_present


@contextlib.contextmanager
def _connected(
    settings: IngestSettings,
    client_id: str,
    patience_s: float,
    session_expiry_s: int = 0,
    *,
    clean_start: bool = True,
) -> Iterator[_Connection]:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=mqtt.MQTTv5,
        reconnect_on_failure=False,
    )
    client.tls_set_context(consumer.tls_context(settings))
    client.connect_timeout = min(patience_s, 5.0)
    client.max_queued_messages_set(0)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session_expiry_s
    connection = _Connection(client, patience_s)
    try:
        client.connect(
            settings.broker_host,
            settings.broker_port,
            keepalive=_KEEPALIVE_S,
            clean_start=clean_start,
            properties=properties,
        )
        connection.accept()
        yield connection
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that cannot be one
        raise errors.BrokerAway(f"the broker is not reachable ({type(error).__name__})") from error
    finally:
        connection.leave()
