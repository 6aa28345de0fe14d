"""One MQTT client of the tests, whose events are waited for."""

from __future__ import annotations

import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

_TIMEOUT_S = 10.0


class Refused(Exception):
    """The broker did not accept the connection."""


class Peer:
    """A client with a certificate of the broker's authorities, or with files of its own."""

    def __init__(
        self,
        broker: Any,
        common_name: str,
        *,
        client_id: str | None = None,
        user_name: str | None = None,
        port: int | None = None,
        files: tuple[Path, Path] | None = None,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        will: tuple[str, bytes] | None = None,
        session_expiry_s: int = 0,
    ) -> None:
        certificate, key = files or broker.credentials(common_name)
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            common_name if client_id is None else client_id,
            protocol=protocol,
            reconnect_on_failure=False,
        )
        context = ssl.create_default_context(cafile=broker.ca_file)
        context.load_cert_chain(certificate, key)
        self.client.tls_set_context(context)
        if user_name is not None:
            self.client.username_pw_set(user_name, "secret")
        if will is not None:
            self.client.will_set(will[0], will[1], qos=1, retain=True)
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._missed: list[mqtt.MQTTMessage] = []  # came while something else was waited for
        self._watch()
        options: dict[str, Any] = {}
        if protocol == MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = session_expiry_s
            options = {"clean_start": session_expiry_s == 0, "properties": properties}
        try:
            self.client.connect(broker.host, port or broker.port_for(common_name), **options)
        except (OSError, ssl.SSLError) as error:
            raise Refused from error
        self.client.loop_start()
        kind, what = self.events.get(timeout=_TIMEOUT_S)
        if kind != "connect" or what[0].is_failure:
            self.client.loop_stop()
            raise Refused
        self.session_present: bool = what[1].session_present

    def _watch(self) -> None:
        put, client = self.events.put, self.client
        client.on_connect = lambda _c, _u, flags, reason, _p: put(("connect", (reason, flags)))
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: put(("subscribe", reasons))
        client.on_unsubscribe = lambda _c, _u, _m, reasons, _p: put(("unsubscribe", reasons))
        client.on_publish = lambda _c, _u, _m, reason, _p: put(("publish", reason))
        client.on_message = lambda _c, _u, message: put(("message", message))
        client.on_disconnect = lambda _c, _u, _f, reason, _p: put(("disconnect", reason))

    def next(self, kind: str, timeout_s: float = _TIMEOUT_S) -> Any:
        if kind == "message" and self._missed:
            return self._missed.pop(0)
        while True:
            found, what = self.events.get(timeout=timeout_s)
            if found == kind:
                return what
            if found == "message":
                self._missed.append(what)

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> ReasonCode:
        self.client.publish(topic, payload, qos=1, retain=retain)
        reason: ReasonCode = self.next("publish")
        return reason

    def subscribe(self, topic: str) -> list[ReasonCode]:
        self.client.subscribe(topic, qos=1)
        reasons: list[ReasonCode] = self.next("subscribe")
        return reasons

    def heard(self) -> list[tuple[str, bytes]]:
        """Return what has been delivered so far.

        The broker writes to one client in order, so what it had for us stands before the answer to a question of ours.
        """
        messages = [(message.topic, message.payload) for message in self._missed]
        self._missed.clear()
        self.client.unsubscribe("nothing")
        while True:
            kind, what = self.events.get(timeout=_TIMEOUT_S)
            if kind == "message":
                messages.append((what.topic, what.payload))
            elif kind == "unsubscribe":
                return messages
            elif kind == "disconnect":
                raise Refused

    def vanish(self) -> None:
        """Lose the connection without a word, as by a power cut."""
        connection = self.client.socket()
        assert connection is not None
        connection.shutdown(2)
        self.client.loop_stop()

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
