"""What is said outside: what kind of thing waits, how severe it is, whose it is, where to look. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from alerts.measures import Severity


class Channel(StrEnum):
    """A way to reach somebody."""

    CONSOLE = "console"
    EMAIL = "email"
    SMS = "sms"
    WEBHOOK = "webhook"


OUTWARD: Final = frozenset(Channel) - {Channel.CONSOLE}
"""What leaves, is answered by somebody else, and therefore can fail."""

_KINDS: Final = {
    Severity.URGENT: "A reading needs somebody now",
    Severity.CLINICAL: "A reading needs somebody",
    Severity.OUTREACH: "Readings are missing",
    Severity.TECHNICAL: "A device or gateway needs somebody",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A call to one person over one channel.

    Attributes:
        message_id: The same however often it is sent, so that a receiver can tell a repetition.
        practice: The practice's short name.
        severity: Of the task; None for a message that only tries the channel out.
        address: Of the task in the console, whose last part is an opaque id; of the console for a test.
    """

    message_id: UUID
    practice: str
    severity: Severity | None
    address: str

    @property
    def headline(self) -> str:
        """Return what kind of thing it is, as one line without a full stop."""
        if self.severity is None:
            return "This is a test: messages of Homevitals arrive here"
        return _KINDS[self.severity]


class Transport(Protocol):
    """What carries messages of one channel."""

    def send(self, message: Message, address: str, at: datetime) -> str:
        """Send a message; may be called again for the same one.

        Args:
            message: What to say.
            address: Whom to reach, in the channel's own form.
            at: Now, aware UTC.

        Returns:
            The id under which whoever took it knows the message; "" where they say none.

        Raises:
            errors.NotSent: It was not taken, or nobody knows whether it was.
        """
        ...
