"""Messages to a provider of text messages over HTTP."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from typing import Final

from alerts import errors
from alerts.channels import http_post
from alerts.channels.message import Message
from alerts.channels.sms import templates, texts
from alerts.channels.sms.settings import NOT_SET, Content, SmsSettings
from alerts.errors import Failure
from firmware_profiles import secret_file
from firmware_profiles.errors import SettingsError

_TYPES: Final = {
    Content.FORM: "application/x-www-form-urlencoded",
    Content.JSON: "application/json",
}
# What is kept of a provider's id: enough to ask the provider about it, nothing that could be anything else.
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class SmsTransport:
    """The way to one provider."""

    def __init__(self, settings: SmsSettings) -> None:
        self._settings = settings

    def send(self, message: Message, address: str, at: datetime) -> str:  # noqa: ARG002 - the provider has a clock
        """Post one message; see :class:`alerts.channels.message.Transport`. The id is the provider's.

        Raises:
            errors.NotSent: with why.
        """
        wanted = self._settings
        words = {
            "to": address,
            "text": texts.line(message),
            "id": str(message.message_id),
            **self._secrets(),
        }
        fill = templates.form if wanted.content is Content.FORM else templates.json_text
        try:
            headers = dict(templates.header(one, words) for one in wanted.headers)
        except ValueError:
            raise errors.NotSent(Failure.SETTINGS) from None
        answer = http_post.post(
            templates.address(wanted.url, words),
            fill(wanted.body, words),
            {"content-type": _TYPES[wanted.content], "user-agent": "Homevitals", **headers},
            timeout_s=wanted.timeout_s,
            ca_file=wanted.ca_file,
        )
        return _id(answer, wanted.answer_id)

    def _secrets(self) -> dict[str, str]:
        if self._settings.secret_file == NOT_SET:
            return {}
        try:
            secret = secret_file.read(self._settings.secret_file)
        except SettingsError:
            raise errors.NotSent(Failure.SETTINGS) from None
        basic = base64.b64encode(f"{self._settings.user}:{secret}".encode()).decode()
        return {"secret": secret, "basic": basic}


def _id(answer: bytes, path: str) -> str:
    """Return the message's id in a provider's answer; "" where it is not there or looks like none."""
    if not path:
        return ""
    try:
        node = json.loads(answer)
        for step in path.split("."):
            node = node[int(step)] if isinstance(node, list) else node[step]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return ""
    return str(node) if isinstance(node, str | int) and _ID.fullmatch(str(node)) else ""
