"""A call as one line. Pure."""

from __future__ import annotations

from alerts.channels.message import Message


def line(message: Message) -> str:
    """Return the line, in letters that every telephone has."""
    if message.severity is None:
        return f"Homevitals {message.practice}: test. {message.address}"
    return f"Homevitals {message.practice}: {message.severity} task. {message.headline}. {message.address}"
