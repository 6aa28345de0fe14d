"""``homevitals notify``: call people, try a channel out, print what a webhook's receiver has to know."""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg

from alerts import calling
from alerts import errors as alerts_errors
from alerts.channels import addresses, switchboard
from alerts.channels.email.settings import EmailSettings
from alerts.channels.message import OUTWARD, Channel, Message
from alerts.channels.sms.settings import SmsSettings
from alerts.channels.webhook import signature
from alerts.channels.webhook.settings import WebhookSettings
from alerts.channels.webhook.transport import WebhookTransport
from alerts.notify_settings import NotifySettings
from alerts.sending import Sender
from ccm_link.task import called_tasks
from deploy import clockwork, configuration, errors, services, start_conditions
from deploy.clockwork import Job
from deploy.configuration import Configuration

# Nobody waits longer than this for a call that is due; what is due is found through an index.
_EVERY: Final = timedelta(seconds=1)
# A slow mail server holds up so many messages, and no other channel.
_SENDERS: Final = 4


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to do."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser(
        "run", parents=[common], help="climb the ladders and send messages; any number of processes"
    )
    test = actions.add_parser("test", parents=[common], help="send a test message")
    test.add_argument(
        "--channel",
        required=True,
        choices=sorted(OUTWARD),
        help="over which channel",
    )
    test.add_argument(
        "--to",
        required=True,
        metavar="ADDRESS",
        help="an e-mail address, a number like +15551234567, or an https address",
    )
    secret = actions.add_parser(
        "secret", parents=[common], help="print the secret with which a webhook's receiver checks"
    )
    secret.add_argument("--to", required=True, metavar="URL", help="the receiver's address")


def run(options: argparse.Namespace) -> int:
    """Do it."""
    loaded = configuration.load(options.config)
    if options.action == "run":
        _serve(loaded, services.prepare())
        return 0
    try:
        if options.action == "test":
            return _test(loaded, Channel(options.channel), options.to)
        return _secret(loaded, options.to)
    except alerts_errors.NotSent as error:
        raise errors.DeployError(str(error)) from error


def _serve(loaded: Configuration, stop: threading.Event) -> None:
    """Look at ladders, and send over each channel, until it is told to stop."""
    settings = loaded.get(NotifySettings)
    transports = _transports(loaded)

    def look(connection: psycopg.Connection[Any]) -> None:
        channels = frozenset(transports)
        while not stop.is_set() and calling.look(
            connection, called_tasks.of_episodes, channels, datetime.now(UTC)
        ):
            pass

    def sending(sender: Sender) -> Callable[[psycopg.Connection[Any]], None]:
        def send(connection: psycopg.Connection[Any]) -> None:
            while not stop.is_set() and sender.send_next(connection):
                pass

        return send

    jobs = [Job("look", look, _EVERY)]
    for channel, transport in transports.items():
        sender = Sender(
            channel,
            transport,
            called_tasks.of_episodes,
            settings.console_url,
            lambda: datetime.now(UTC),
        )
        jobs.append(Job(f"send_{channel}", sending(sender), _EVERY, at_once=_SENDERS))
    clockwork.run(settings.database, jobs, stop)


def _test(loaded: Configuration, channel: Channel, address: str) -> int:
    _require(loaded, channel)
    if not addresses.is_one(channel, address):
        raise errors.ConfigurationError(str(alerts_errors.BadContact()))
    transport = _transports(loaded).get(channel)
    if transport is None:
        raise errors.ConfigurationError(
            f"the channel is switched off; set the section [{channel}] of the settings"
        )
    message = Message(
        message_id=uuid4(),
        practice="operator",
        severity=None,
        address=loaded.get(NotifySettings).console_url,
    )
    receipt = transport.send(message, address, datetime.now(UTC))
    print(f"taken{f' as {receipt}' if receipt else ''}; now look whether it has arrived")
    return 0


def _secret(loaded: Configuration, address: str) -> int:
    _require(loaded, Channel.WEBHOOK)
    if not addresses.is_web(address):
        raise errors.ConfigurationError(str(alerts_errors.BadContact()))
    newest, *_ = WebhookTransport(loaded.get(WebhookSettings)).secrets_of(address)
    print(signature.written(newest))
    return 0


def _require(loaded: Configuration, channel: Channel) -> None:
    """Refuse settings with which the service would not start either.

    Raises:
        ConfigurationError: one line for each fault.
    """
    found = start_conditions.faults(channel.value, loaded, os.environ, datetime.now(UTC))
    if found:
        raise errors.ConfigurationError("\n".join(found))


def _transports(loaded: Configuration) -> switchboard.Transports:
    return switchboard.transports(
        loaded.get(EmailSettings), loaded.get(SmsSettings), loaded.get(WebhookSettings)
    )
