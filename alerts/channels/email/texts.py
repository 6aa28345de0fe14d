"""A call as an e-mail. Pure."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from alerts.channels.message import Message


def mail(message: Message, *, sender: str, recipient: str, at: datetime) -> EmailMessage:
    """Return the e-mail. It has the same Message-ID however often it is made.

    Args:
        message: What to say.
        sender: Whom it comes from.
        recipient: Whom it goes to.
        at: Now, aware UTC.
    """
    found = EmailMessage()
    found["Subject"] = f"Homevitals, {message.practice}: {_subject(message)}"
    found["From"] = sender
    found["To"] = recipient
    found["Date"] = format_datetime(at)
    found["Message-ID"] = message_id(message, sender)
    found["Auto-Submitted"] = "auto-generated"
    found.set_content(
        f"{message.headline}.\n\n{message.address}\n\n"
        "Sign in to see what it is about. Whoever acknowledges the task there ends these messages.\n"
        "This message was made by a program; nobody reads answers to it. Homevitals is no emergency service.\n"
    )
    return found


def message_id(message: Message, sender: str) -> str:
    """Return the Message-ID: ours, below the domain of the sender."""
    return f"<{message.message_id}@{sender.rpartition('@')[2]}>"


def _subject(message: Message) -> str:
    return "test" if message.severity is None else f"{message.severity} task"
