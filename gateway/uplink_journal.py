"""What went well and wrong on the way to the server lately, for the heartbeat and the person beside the gateway."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from firmware_profiles.wire_health import Trouble, UplinkHealth

_LONGEST_WORD: Final = 64


class UplinkJournal:
    """The last of each kind. Instants are aware UTC, of the gateway's clock."""

    def __init__(self) -> None:
        self._connected_at: datetime | None = None
        self._refusal: Trouble | None = None
        self._failure: Trouble | None = None

    def connected(self, at: datetime) -> None:
        """Note that the broker has accepted us and lets us hear our receipts."""
        self._connected_at = at

    def failed(self, reason: str, at: datetime) -> None:
        """Note that a connection could not be made, or was lost."""
        self._connected_at = None
        self._failure = Trouble(word(reason), at)

    def left(self) -> None:
        """Note that we have ended the connection."""
        self._connected_at = None

    def refused(self, reason_code: str, at: datetime) -> None:
        """Note that the broker has refused a publication, with the name of its reason code."""
        self._refusal = Trouble(word(reason_code), at)

    def report(self) -> UplinkHealth:
        """Return how things stand."""
        return UplinkHealth(self._connected_at, self._refusal, self._failure)


def word(text: str) -> str:
    """Write the name of a reason code as one word: "Quota exceeded" becomes ``quota_exceeded``."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_LONGEST_WORD] or "unknown"
