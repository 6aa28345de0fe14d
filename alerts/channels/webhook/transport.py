"""Messages to a receiver of webhooks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from alerts import errors
from alerts.channels import addresses, http_post
from alerts.channels.message import Message
from alerts.channels.webhook import signature, texts
from alerts.channels.webhook.settings import WebhookSettings
from alerts.errors import Failure
from firmware_profiles import secret_file
from firmware_profiles.errors import SettingsError


class WebhookTransport:
    """The way to all receivers."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings

    def send(self, message: Message, address: str, at: datetime) -> str:
        """Post one message; see :class:`alerts.channels.message.Transport`. The id is the one in its header.

        Raises:
            errors.NotSent: with why.
        """
        return self.post(address, message.message_id, texts.body(message), at)

    def post(self, address: str, message_id: UUID, body: bytes, at: datetime) -> str:
        """Post a body, signed with the address's secret, to a host that the operator has named; return its id.

        Raises:
            errors.NotSent: with why.
        """
        if not addresses.is_allowed(address, self._settings.hosts):
            raise errors.NotSent(Failure.NOT_ALLOWED, is_final=True)
        signed = signature.headers(self.secrets_of(address), message_id, body, at)
        http_post.post(
            address,
            body,
            {"content-type": "application/json", "user-agent": "Homevitals", **signed},
            timeout_s=self._settings.timeout_s,
            ca_file=self._settings.ca_file,
        )
        return signed["webhook-id"]

    def secrets_of(self, address: str) -> list[bytes]:
        """Return a receiver's secrets, that of the newest key first.

        Raises:
            errors.NotSent: the keys cannot be read.
        """
        try:
            keys = signature.keys_of(secret_file.read(self._settings.signing_keys_file))
        except (SettingsError, ValueError):
            raise errors.NotSent(Failure.SETTINGS) from None
        return [signature.receivers_secret(key, address) for key in keys]
