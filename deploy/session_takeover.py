"""End a gateway's MQTT session by taking its client id over on the broker's listener for services.

MQTT has no word for “disconnect that client”, but every broker has to close the older connection when a client id
connects a second time. Clean start and a session expiry of zero leave nothing of the session behind.
Source: MQTT 5.0, 3.1.4 step 3, 3.1.2.4 and 3.1.2.11.2.
"""

from __future__ import annotations

import queue
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from deploy import errors
from firmware_profiles import topics

_ANSWER_TIMEOUT_S: Final = 10.0
_KEEPALIVE_S: Final = 30


@dataclass(frozen=True, slots=True)
class ServiceListener:
    """Where the guard connects, and with what."""

    host: str
    port: int
    ca_file: Path
    certificate_file: Path
    key_file: Path


class _Occupant:
    """A connection under a gateway's client id; its events come in order."""

    def __init__(self, listener: ServiceListener, gateway_id: str) -> None:
        self._listener = listener
        self.accepted: queue.Queue[bool] = queue.Queue()
        self.lost: queue.Queue[None] = queue.Queue()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=gateway_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = _ANSWER_TIMEOUT_S
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect

    def open(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0
        try:
            context = ssl.create_default_context(cafile=self._listener.ca_file)
            context.load_cert_chain(self._listener.certificate_file, self._listener.key_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._client.tls_set_context(context)
            self._client.connect(
                self._listener.host,
                self._listener.port,
                keepalive=_KEEPALIVE_S,
                clean_start=True,
                properties=properties,
            )
        except OSError as error:  # ssl.SSLError is one
            raise errors.BrokerAway from error
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    # paho's thread: nothing but handing over.

    def _on_connect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # A broker that resumes a session although a clean start was asked for has not ended it.
        self.accepted.put(not reason.is_failure and not flags.session_present)

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _flags: mqtt.DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self.lost.put(None)


def end_session(listener: ServiceListener, gateway_id: str, hold_s: float) -> None:
    """End whatever session a gateway has, and see that it does not come back.

    Args:
        listener: The broker's listener for services.
        gateway_id: Whose session.
        hold_s: How long to occupy the gateway's place, seconds. A gateway that can still connect would take it back.

    Raises:
        BrokerAway: the broker cannot be reached, or refuses the guard.
        GatewayReturned: somebody took the place within ``hold_s``.
        ValueError: the name is not a gateway's.
    """
    if re.fullmatch(topics.GATEWAY_ID_PATTERN, gateway_id) is None:
        raise ValueError("only a gateway's session may be ended; check the gateway's id")
    occupant = _Occupant(listener, gateway_id)
    occupant.open()
    try:
        try:
            was_accepted = occupant.accepted.get(timeout=_ANSWER_TIMEOUT_S)
        except queue.Empty:
            was_accepted = False
        if not was_accepted:
            raise errors.BrokerAway(
                "the broker refuses the guard; check its certificate and that broker_port is the services' listener"
            )
        try:
            occupant.lost.get(timeout=hold_s)
        except queue.Empty:
            return
        raise errors.GatewayReturned
    finally:
        occupant.close()
