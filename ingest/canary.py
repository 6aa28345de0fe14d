"""A message to oneself, to know that messages still arrive. Pure; seconds of a monotonic clock.

A connection can look alive while nothing comes in: a network thread that died, a subscription that
the broker forgot, an access list that filters silently. A canary is sent with QoS 0, so that it
arrives also while the window of unacknowledged messages is full.
"""

from __future__ import annotations

from typing import Final

# Half a minute of silence costs nothing: gateways keep their records until a receipt. Three unheard
# canaries are more than a slow broker.
PERIOD_S: Final = 30.0
PATIENCE_S: Final = 90.0


class Canary:
    """Remembers when a canary was sent and whether it came back."""

    def __init__(self) -> None:
        self._sent_at_s: float | None = None
        self._waiting_since_s: float | None = None

    def restart(self) -> None:
        """Forget what was sent on an earlier connection."""
        self._sent_at_s = None
        self._waiting_since_s = None

    def is_due(self, now_s: float) -> bool:
        """Tell whether it is time for the next one."""
        return self._sent_at_s is None or now_s - self._sent_at_s >= PERIOD_S

    def sent(self, now_s: float) -> None:
        """Note that one was sent."""
        self._sent_at_s = now_s
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s

    def heard(self) -> None:
        """Note that one came back; earlier ones need not come any more."""
        self._waiting_since_s = None

    def is_lost(self, now_s: float) -> bool:
        """Tell whether the oldest one that did not come back is overdue."""
        return self._waiting_since_s is not None and now_s - self._waiting_since_s > PATIENCE_S
