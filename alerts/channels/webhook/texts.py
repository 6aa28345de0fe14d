"""A call as a JSON object. Pure."""

from __future__ import annotations

import json

from alerts.channels.message import Message


def body(message: Message) -> bytes:
    """Return the message's bytes: the same ones however often they are made."""
    return json.dumps(
        {
            "type": "test" if message.severity is None else "task.needs_somebody",
            "data": {
                "message_id": str(message.message_id),
                "headline": message.headline,
                "severity": message.severity,
                "practice": message.practice,
                "address": message.address,
            },
        }
    ).encode()
