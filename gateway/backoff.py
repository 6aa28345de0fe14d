"""Growing pauses with jitter between attempts at one thing."""

from __future__ import annotations

import tenacity


class Backoff:
    """How long to wait before the next attempt; grows with each failure, starts over after a success.

    The pauses are random between `shortest_s` and a limit that doubles, so that many gateways that lost the same
    broker do not come back in step.
    """

    def __init__(self, *, shortest_s: float, longest_s: float) -> None:
        self._wait = tenacity.wait_random_exponential(
            multiplier=2 * shortest_s, min=shortest_s, max=longest_s
        )
        self._failures = 0

    def after_failure_s(self) -> float:
        """Count a failure and return the pause before the next attempt, in seconds."""
        self._failures += 1
        # tenacity's strategies are functions of the attempt's number; its retry loop is not needed here.
        attempt = tenacity.RetryCallState(
            retry_object=tenacity.Retrying(), fn=None, args=(), kwargs={}
        )
        attempt.attempt_number = self._failures
        return self._wait(attempt)

    def reset(self) -> None:
        """Forget the failures after a success."""
        self._failures = 0
