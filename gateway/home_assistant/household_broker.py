"""One connection to the household's own broker: MQTT 3.1.1, which every home's broker speaks.

One message at a time is on its way, and whoever publishes waits for the broker's answer: nothing piles up here. paho's
thread does nothing but hand over, wrapped so that not even that can raise.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import Any, Final

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from firmware_profiles import errors as leaf_errors
from firmware_profiles import secret_file
from gateway import errors
from gateway.errors import UplinkReason
from gateway.home_assistant.discovery import Message
from gateway.settings import NOT_SET, GatewaySettings

_ANSWER_WITHIN_S: Final = 15.0
_CONNECT_WITHIN_S: Final = 10.0
_KEEPALIVE_S: Final = 60
_AT_LEAST_ONCE: Final = 1
_QUIET_S: Final = 0.5
_CLOSE_LOOKS, _CLOSE_LOOK_S = 20, 0.05


class HouseholdBroker:
    """Made for one use: after a loss, make another. Everything but paho's callbacks runs in the event loop's thread."""

    def __init__(self, settings: GatewaySettings, client_id: str, will: Message) -> None:
        """Prepare the connection.

        Raises:
            UplinkError: TLS: the authority's file cannot be used. REFUSED: the password's cannot.
        """
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[str | None] = self._loop.create_future()
        self._kept: list[str] = []
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        self._client.suppress_exceptions = True
        self._client.connect_timeout = _CONNECT_WITHIN_S
        self._client.will_set(will.topic, will.payload, qos=_AT_LEAST_ONCE, retain=will.retain)
        if settings.home_assistant_user:
            self._client.username_pw_set(settings.home_assistant_user, _password(settings))
        if settings.home_assistant_ca_file != NOT_SET:
            self._use_tls()
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect

    async def open(self) -> None:
        """Connect and wait until the broker has accepted us.

        Raises:
            UplinkError: UNREACHABLE, TLS, SILENT or REFUSED.
        """
        settings = self._settings
        try:
            await asyncio.to_thread(
                self._client.connect,
                settings.home_assistant_host,
                settings.home_assistant_port,
                _KEEPALIVE_S,
            )
        except ssl.SSLError as error:
            raise errors.UplinkError(
                UplinkReason.TLS, "the household's broker does not prove to be the one"
            ) from error
        except OSError as error:
            raise errors.UplinkError(
                UplinkReason.UNREACHABLE, "the household's broker is not reachable"
            ) from error
        self._client.loop_start()
        await self._require_answer()

    async def publish(self, message: Message) -> None:
        """Publish, and wait until the broker has taken it.

        Raises:
            UplinkError: LOST, SILENT or REFUSED.
        """
        self._answer = self._loop.create_future()
        published = self._client.publish(
            message.topic, message.payload, qos=_AT_LEAST_ONCE, retain=message.retain
        )
        if published.rc != mqtt.MQTT_ERR_SUCCESS:
            raise errors.UplinkError(UplinkReason.LOST, "the household's broker is gone")
        await self._require_answer()

    async def kept(self, topic_filter: str) -> list[str]:
        """Return the topics under which the broker keeps a message; none where it lets nobody read them.

        MQTT has no word for “that was all”: it was all when nothing has come for a while.

        Raises:
            UplinkError: LOST or SILENT.
        """
        self._kept.clear()
        self._answer = self._loop.create_future()
        sent, _ = self._client.subscribe(topic_filter, qos=_AT_LEAST_ONCE)
        if sent != mqtt.MQTT_ERR_SUCCESS:
            raise errors.UplinkError(UplinkReason.LOST, "the household's broker is gone")
        await self._require_answer()
        seen = -1
        while len(self._kept) != seen:
            seen = len(self._kept)
            await asyncio.sleep(_QUIET_S)
        self._client.unsubscribe(topic_filter)
        return list(self._kept)

    async def close(self) -> None:
        """Disconnect in good order; of a broker that hangs, leave the network thread to itself after a second."""
        self._client.disconnect()
        ending = threading.Thread(target=self._client.loop_stop, name="household", daemon=True)
        ending.start()
        for _ in range(_CLOSE_LOOKS):
            if not ending.is_alive():
                break
            await asyncio.sleep(_CLOSE_LOOK_S)

    def _use_tls(self) -> None:
        try:
            self._client.tls_set(
                ca_certs=str(self._settings.home_assistant_ca_file),
                tls_version=ssl.PROTOCOL_TLS_CLIENT,
            )
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise errors.UplinkError(
                UplinkReason.TLS, "home_assistant_ca_file cannot be read as certificates (PEM)"
            ) from error

    async def _require_answer(self) -> None:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                refusal = await self._answer
        except TimeoutError:
            raise errors.UplinkError(
                UplinkReason.SILENT, "the household's broker does not answer"
            ) from None
        if refusal is not None:
            raise errors.UplinkError(
                UplinkReason.REFUSED, f"the household's broker refuses: {refusal}"
            )

    # paho's thread below this line: nothing but handing over.

    def _on_connect(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.ConnectFlags,
        code: ReasonCode,
        _p: Any,
    ) -> None:
        self._settle(str(code) if code.is_failure else None)

    def _on_publish(
        self, _client: mqtt.Client, _userdata: Any, _mid: int, code: ReasonCode, _p: Any
    ) -> None:
        self._settle(str(code) if code.is_failure else None)

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: Any, _mid: int, _codes: Any, _p: Any
    ) -> None:
        self._settle(None)  # where it is not granted nothing comes, and that is answer enough

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        if message.retain and message.payload:
            self._loop.call_soon_threadsafe(self._kept.append, message.topic)

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.DisconnectFlags,
        code: ReasonCode,
        _p: Any,
    ) -> None:
        self._settle(f"it ended the connection ({code})")

    def _settle(self, refusal: str | None) -> None:
        self._loop.call_soon_threadsafe(_set, self._answer, refusal)


def _set(answer: asyncio.Future[str | None], refusal: str | None) -> None:
    if not answer.done():
        answer.set_result(refusal)


def _password(settings: GatewaySettings) -> str | None:
    if settings.home_assistant_password_file == NOT_SET:
        return None
    try:
        return secret_file.read(settings.home_assistant_password_file)
    except leaf_errors.SettingsError as error:
        raise errors.UplinkError(
            UplinkReason.REFUSED, f"home_assistant_password_file: {error}"
        ) from error
