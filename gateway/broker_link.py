"""One connection to the MQTT broker: the only place where paho's thread and the event loop meet.

paho runs its own network thread. Its callbacks here do nothing but hand an event to the loop, wrapped so that not
even that can raise: an exception in a paho callback kills the network thread, after which the client still says that
it is connected. Whether the thread really lives shows in the PUBACKs, which the uplink waits for.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, ParamSpec

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway import errors
from gateway.errors import UplinkReason
from gateway.identity import BrokerAccess

log = logging.getLogger(__name__)

_P = ParamSpec("_P")

# Noticing a half-open connection takes one and a half of these.
_KEEPALIVE_S: Final = 30
_ANSWER_TIMEOUT_S: Final = 15.0
# The broker keeps our session, and with it receipts we have not heard, this long.
_SESSION_EXPIRY_S: Final = 7 * 24 * 3600
_AT_LEAST_ONCE: Final = 1


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker's PUBACK for a publication; `refusal` names the reason code if it was one."""

    packet_id: int
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message for us."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone."""

    reason: str


Event = Acknowledged | Arrived | Lost


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says in our name when we vanish; retained."""

    topic: str
    payload: bytes


class BrokerLink:
    """An MQTT 5 connection with mutual TLS. Made for one use: after a loss, make another.

    Events come in order in `events`. Everything but paho's callbacks runs in the event loop's thread.
    """

    def __init__(self, access: BrokerAccess, will: Will) -> None:
        """Prepare the connection.

        Raises:
            UplinkError: TLS, a certificate or the key cannot be used.
        """
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._access = access
        self._connected: asyncio.Future[str | None] = self._loop.create_future()
        self._subscribed: asyncio.Future[str | None] = self._loop.create_future()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=access.gateway_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.suppress_exceptions = True
        self._client.will_set(will.topic, will.payload, qos=_AT_LEAST_ONCE, retain=True)
        try:
            self._client.tls_set(
                ca_certs=str(access.ca_file),
                certfile=str(access.certificate_file),
                keyfile=str(access.key_file),
                tls_version=ssl.PROTOCOL_TLS_CLIENT,
            )
        except (OSError, ssl.SSLError, ValueError) as error:
            raise errors.UplinkError(
                UplinkReason.TLS,
                "ca_file, certificate_file or key_file cannot be used; check that each is there, is PEM and belongs"
                " to this gateway",
            ) from error
        self._client.on_socket_open = _never_raising(_send_at_once)
        self._client.on_connect = _never_raising(self._on_connect)
        self._client.on_disconnect = _never_raising(self._on_disconnect)
        self._client.on_publish = _never_raising(self._on_publish)
        self._client.on_subscribe = _never_raising(self._on_subscribe)
        self._client.on_message = _never_raising(self._on_message)

    async def open(self) -> None:
        """Connect and wait until the broker has accepted us.

        Raises:
            UplinkError: UNREACHABLE, TLS or REFUSED.
        """
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_EXPIRY_S
        connect = functools.partial(
            self._client.connect,
            self._access.broker_host,
            self._access.broker_port,
            keepalive=_KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )
        broker = f"{self._access.broker_host}:{self._access.broker_port}"
        try:
            await asyncio.to_thread(connect)
        except ssl.SSLError as error:
            raise errors.UplinkError(
                UplinkReason.TLS,
                f"{broker} does not prove to be our broker (or does not accept our certificate): check ca_file, the"
                " certificates' dates and this machine's clock",
            ) from error
        except OSError as error:
            raise errors.UplinkError(
                UplinkReason.UNREACHABLE, f"the broker {broker} is not reachable"
            ) from error
        self._client.loop_start()
        refusal = await self._answer(self._connected, "CONNACK")
        if refusal is not None:
            raise errors.UplinkError(
                UplinkReason.REFUSED,
                f"the broker {broker} refused this gateway ({refusal}); is it enrolled there?",
                refusal,
            )

    async def subscribe(self, topic: str) -> None:
        """Subscribe to a topic and wait until the broker has granted it; one after the other.

        Raises:
            UplinkError: SUBSCRIPTION_REFUSED, SILENT or LOST.
        """
        self._subscribed = self._loop.create_future()
        sent, _ = self._client.subscribe(topic, qos=_AT_LEAST_ONCE)
        if sent != mqtt.MQTT_ERR_SUCCESS:
            raise errors.UplinkError(UplinkReason.LOST, "the connection to the broker is gone")
        refusal = await self._answer(self._subscribed, "SUBACK")
        if refusal is not None:
            raise errors.UplinkError(
                UplinkReason.SUBSCRIPTION_REFUSED,
                f"the broker does not let this gateway hear {topic} ({refusal}); check the broker's access list",
                refusal,
            )

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None
    ) -> int:
        """Hand a message to the broker at QoS 1 and return its packet id; an Acknowledged event follows.

        Args:
            topic: Where to.
            payload: The message.
            retain: Whether the broker keeps it for those who come later.
            expiry_s: After so many seconds the broker drops it for those who have not heard it; None: never.

        Raises:
            UplinkError: LOST, the connection is gone.
        """
        properties = None
        if expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry_s
        published = self._client.publish(
            topic, payload, qos=_AT_LEAST_ONCE, retain=retain, properties=properties
        )
        if published.rc != mqtt.MQTT_ERR_SUCCESS:
            raise errors.UplinkError(UplinkReason.LOST, "the connection to the broker is gone")
        return published.mid

    async def close(self) -> None:
        """Disconnect in good order (the broker then drops the will) and end the network thread."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def _answer(self, answer: asyncio.Future[str | None], packet: str) -> str | None:
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                return await answer
        except TimeoutError:
            raise errors.UplinkError(
                UplinkReason.SILENT,
                f"the broker did not answer with a {packet} in {_ANSWER_TIMEOUT_S:.0f} s",
            ) from None

    # paho's thread below this line: nothing but handing over.

    def _on_connect(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.ConnectFlags,
        code: ReasonCode,
        _p: Any,
    ) -> None:
        self._loop.call_soon_threadsafe(_settle, self._connected, _refusal(code))

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: Any, _mid: int, codes: list[ReasonCode], _p: Any
    ) -> None:
        refusal = next((_refusal(code) for code in codes if code.is_failure), None)
        self._loop.call_soon_threadsafe(_settle, self._subscribed, refusal)

    def _on_publish(
        self, _client: mqtt.Client, _userdata: Any, mid: int, code: ReasonCode, _p: Any
    ) -> None:
        self._loop.call_soon_threadsafe(self.events.put_nowait, Acknowledged(mid, _refusal(code)))

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        event = Arrived(message.topic, bytes(message.payload))
        self._loop.call_soon_threadsafe(self.events.put_nowait, event)

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.DisconnectFlags,
        code: ReasonCode,
        _p: Any,
    ) -> None:
        reason = str(code)
        for answer in (self._connected, self._subscribed):
            self._loop.call_soon_threadsafe(_settle, answer, reason)
        self._loop.call_soon_threadsafe(self.events.put_nowait, Lost(reason))


def _refusal(code: ReasonCode) -> str | None:
    return str(code) if code.is_failure else None


def _settle(answer: asyncio.Future[str | None], refusal: str | None) -> None:
    if not answer.done():
        answer.set_result(refusal)


def _send_at_once(_client: mqtt.Client, _userdata: object, connection: object) -> None:
    # Acknowledgements are small: Nagle's algorithm would let each wait for the broker's delayed acknowledgement of the
    # one before, 40 ms at every step.
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _never_raising(callback: Callable[_P, None]) -> Callable[_P, None]:
    """Wrap a paho callback: an exception is logged and ends there."""

    @functools.wraps(callback)
    def safe(*arguments: _P.args, **named: _P.kwargs) -> None:
        try:
            callback(*arguments, **named)
        except Exception:  # the top of a foreign thread, which would die silently
            log.exception("broker_callback_failed")

    return safe
