"""The channels of this installation: those that its settings switch on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from alerts.channels.email.settings import EmailSettings
from alerts.channels.email.transport import EmailTransport
from alerts.channels.message import Channel, Transport
from alerts.channels.sms.settings import SmsSettings
from alerts.channels.sms.transport import SmsTransport
from alerts.channels.webhook.settings import WebhookSettings
from alerts.channels.webhook.transport import WebhookTransport

Transports: TypeAlias = Mapping[Channel, Transport]


def transports(email: EmailSettings, sms: SmsSettings, webhook: WebhookSettings) -> Transports:
    """Return the transport of each channel over which messages can leave."""
    found: dict[Channel, Transport] = {}
    if email.is_on:
        found[Channel.EMAIL] = EmailTransport(email)
    if sms.is_on:
        found[Channel.SMS] = SmsTransport(sms)
    if webhook.is_on:
        found[Channel.WEBHOOK] = WebhookTransport(webhook)
    return found
